/* SPDX-License-Identifier: BSD-3-Clause
 * questions.h - what the engines of ranks ask each other (bri_scheduler.ask, inquire): a word that
 * says which kind of question it is, then the question.
 */
#ifndef BRI_QUESTIONS_H
#define BRI_QUESTIONS_H

#include "array/expr/wire.h"
#include "runtime/scheduler.h"

typedef enum bri_question_kind {
    BRI_QUESTION_FILES, /* rank 0: what do you see at these paths? file_ranks_ask.c */
    BRI_QUESTION_JOIN,  /* rank 0: can you write into this file? store_shared.c */
    BRI_QUESTION_LEAVE, /* rank 0: do it no more */
    BRI_QUESTION_SPACE, /* to rank 0: where in the file may I write so much? */
    BRI_QUESTIONS,
} bri_question_kind;

/* Begins a question. */
br_status bri_question_begin(bri_writer *w, bri_question_kind kind);
/* Reading one went wrong. */
br_status bri_question_garbled(void);

/* bri_engine.answer */
br_status bri_answer(const bri_question *question, void *answer);

/* Their parts; the reader stands behind the word. */
br_status bri_file_ranks_answer(const bri_question *question, bri_reader *r, void *answer);
br_status bri_join_answer(const bri_question *question, bri_reader *r, void *answer);
br_status bri_leave_answer(const bri_question *question, bri_reader *r, void *answer);
br_status bri_space_answer(const bri_question *question, bri_reader *r, void *answer);

#endif
