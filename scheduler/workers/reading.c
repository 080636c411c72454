/* SPDX-License-Identifier: BSD-3-Clause
 * reading.c - values of workers are brought to rank 0.
 */
#include "scheduler/workers/reading.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/workers/values.h"

/* Values up to HERE bytes come with the answer; of others WINDOW pieces are asked for at a time. */
enum { HERE = 32 << 10, PIECE = 4 << 20, WINDOW = 4 };

/* ---- on the worker ---- */

typedef struct question {
    uint64_t number;
    char name[BRI_NAME_MOST + 1];
} question;

/* Then comes the value, if it is short. */
typedef struct answer {
    uint64_t bytes, unused;
} answer;

static int say(br_task *task, const bri_kept *kept)
{
    answer a = {.bytes = kept->bytes};
    size_t here = kept->bytes <= HERE ? kept->bytes : 0;
    char *out = br_task_result(task, sizeof a + here);
    if (out == NULL)
        return -1;
    memcpy(out, &a, sizeof a);
    if (here > 0)
        memcpy(out + sizeof a, kept->data, here);
    return 0;
}

static int open_value(br_task *task, const void *args, size_t bytes)
{
    const question *q = args;
    bri_shelf *shelf = task->errand->store->shelf;
    (void)bytes;
    bri_kept *kept = bri_task_find(task, q->name);
    if (kept == NULL)
        return -1;
    br_status st = kept->bytes > HERE ? bri_shelf_lend(shelf, q->number, kept) : BR_OK;
    int code = st == BR_OK ? say(task, kept) : bri_task_failed(task, st);
    if (code != 0)
        bri_shelf_end(shelf, q->number);
    bri_kept_release(kept);
    return code;
}

typedef struct span {
    uint64_t number, offset, bytes;
} span;

static int read_piece(br_task *task, const void *args, size_t bytes)
{
    span s;
    memcpy(&s, args, bytes);
    const bri_kept *kept = bri_shelf_lent(task->errand->store->shelf, s.number);
    if (kept == NULL)
        return bri_task_failed(task, bri_error(BR_EINTERNAL, "the value is not open"));
    return br_task_return(task, (const char *)kept->data + s.offset, s.bytes);
}

static int close_value(br_task *task, const void *args, size_t bytes)
{
    uint64_t number;
    memcpy(&number, args, bytes);
    bri_shelf_end(task->errand->store->shelf, number);
    return 0;
}

/* ---- on rank 0 ---- */

br_status bri_reading_refuse(const bri_reading *r, br_status st)
{
    return bri_workers_fail(r->ctx, bri_workers_place(st, r->at, r->function));
}

static br_submit_args task_of(const bri_reading *r, br_submit_function *fn, const void *args,
                              size_t bytes)
{
    return (br_submit_args){
        .at = r->at, .ctx = r->ctx, .fn = fn, .args = args, .bytes = bytes, .name = r->function};
}

static br_status make_lists(bri_reading *r)
{
    BRI_TRY(bri_name_check(r->name));
    BRI_TRY(bri_workers_choose(r->ctx, r->workers, false, &r->choice));
    r->sizes = bri_calloc((size_t)r->choice->n, sizeof *r->sizes);
    r->opened = bri_calloc((size_t)r->choice->n, sizeof(br_future *));
    return r->sizes != NULL && r->opened != NULL ? BR_OK : BR_ENOMEM;
}

static void free_lists(bri_reading *r)
{
    bri_free(r->sizes);
    bri_free(r->opened);
    bri_free(r->choice);
    r->sizes = NULL;
    r->opened = NULL;
    r->choice = NULL;
}

static br_status look(bri_reading *r, int k)
{
    answer a = {.bytes = 0};
    size_t bytes = 0;
    const void *said = br_future_view(r->opened[k], &bytes);
    if (said == NULL)
        return br_wait(r->opened[k]);
    memcpy(&a, said, sizeof a);
    r->sizes[k] = a.bytes;
    return BR_OK;
}

static br_status ask_all(bri_reading *r)
{
    question q = {.number = bri_shelf_number(r->ctx->rank)};
    r->number = q.number;
    memcpy(q.name, r->name, strlen(r->name));
    bri_workers_submit(r->choice, task_of(r, open_value, &q, sizeof q), r->opened);
    br_status first = BR_OK;
    for (int k = 0; k < r->choice->n; k++) {
        br_status st = look(r, k);
        first = first == BR_OK ? st : first;
    }
    return first;
}

br_status bri_reading_open(bri_reading *r)
{
    br_status st = make_lists(r);
    if (st != BR_OK) {
        bri_reading_refuse(r, st);
        free_lists(r);
        return st;
    }
    st = ask_all(r);
    if (st != BR_OK)
        bri_reading_close(r);
    return st;
}

void bri_reading_close(bri_reading *r)
{
    bool held = false;
    for (int k = 0; k < r->choice->n; k++) {
        held = held || r->sizes[k] > HERE;
        br_future_free(r->opened[k]);
    }
    if (held)
        bri_workers_run(r->choice, task_of(r, close_value, &r->number, sizeof r->number), NULL, 0);
    free_lists(r);
}

static br_status find_other(const bri_reading *r, size_t each)
{
    br_rank_info info;
    for (int k = 0; k < r->choice->n; k++) {
        int rank = r->choice->ranks[k];
        if (r->sizes[k] == each)
            continue;
        BRI_TRY(br_rank(r->ctx, rank, &info));
        return bri_error(BR_ESHAPE, "value \"%s\" has %zu bytes on rank %d (%s), not %zu", r->name,
                         r->sizes[k], rank, info.host, each);
    }
    return BR_OK;
}

br_status bri_reading_check(const bri_reading *r, size_t each)
{
    br_status st = find_other(r, each);
    return st == BR_OK ? BR_OK : bri_reading_refuse(r, st);
}

static br_future *ask_piece(const bri_reading *r, int k, size_t offset)
{
    size_t left = r->sizes[k] - offset;
    span s = {.number = r->number, .offset = offset, .bytes = left < PIECE ? left : PIECE};
    br_submit_args a = task_of(r, read_piece, &s, sizeof s);
    a.on = (br_rank_choice){true, r->choice->ranks[k]};
    return br_submit_(a);
}

static br_status copy_long(bri_reading *r, int k, char *to)
{
    br_future *window[WINDOW] = {NULL};
    size_t npieces = (r->sizes[k] + PIECE - 1) / PIECE;
    br_status first = BR_OK;
    for (size_t i = 0; i < npieces + WINDOW; i++) {
        br_future *f = window[i % WINDOW];
        size_t at = (i - WINDOW) * PIECE;
        if (i >= WINDOW && f != NULL) {
            size_t left = r->sizes[k] - at;
            br_status st = br_future_result(f, to + at, left < PIECE ? left : PIECE);
            first = first == BR_OK ? st : first;
            br_future_free(f);
        }
        window[i % WINDOW] = i < npieces && first == BR_OK ? ask_piece(r, k, i * PIECE) : NULL;
    }
    return first;
}

br_status bri_reading_copy(bri_reading *r, int k, void *to)
{
    if (r->sizes[k] > HERE)
        return copy_long(r, k, to);
    const char *said = br_future_view(r->opened[k], NULL);
    if (r->sizes[k] > 0)
        memcpy(to, said + sizeof(answer), r->sizes[k]);
    return BR_OK;
}
