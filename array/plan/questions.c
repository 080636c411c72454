/* SPDX-License-Identifier: BSD-3-Clause
 * questions.c - who answers which question.
 */
#include "array/plan/questions.h"

typedef br_status answering(const bri_question *question, bri_reader *r, void *answer);

br_status bri_question_begin(bri_writer *w, bri_question_kind kind)
{
    const uint64_t word = (uint64_t)kind;
    return bri_write(w, &word, sizeof word);
}

br_status bri_question_garbled(void)
{
    return bri_error(BR_EINTERNAL, "a question of another rank is not understood");
}

br_status bri_answer(const bri_question *question, void *answer)
{
    static answering *const who[BRI_QUESTIONS] = {
        [BRI_QUESTION_FILES] = bri_file_ranks_answer,
        [BRI_QUESTION_JOIN] = bri_join_answer,
        [BRI_QUESTION_LEAVE] = bri_leave_answer,
        [BRI_QUESTION_SPACE] = bri_space_answer,
    };
    uint64_t kind = BRI_QUESTIONS;
    bri_reader r = {.at = question->asked, .left = question->bytes};
    BRI_TRY(bri_read(&r, &kind, sizeof kind));
    return kind < BRI_QUESTIONS ? who[kind](question, &r, answer) : bri_question_garbled();
}
