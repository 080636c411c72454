/* SPDX-License-Identifier: BSD-3-Clause
 * pull.c - values of workers come to main.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/feed.h"
#include "scheduler/workers/reading.h"
#include "scheduler/workers/values.h"

/* ---- of one length, into memory of main's ---- */

static br_status copy_all(bri_reading *r, char *to)
{
    for (int k = 0; k < r->choice->n; k++) {
        BRI_TRY(bri_reading_copy(r, k, to));
        to += r->sizes[k];
    }
    return BR_OK;
}

static br_status no_room(const bri_reading *r)
{
    return bri_reading_refuse(r, bri_error(BR_EARG, "no memory to copy values to"));
}

br_status br_pull_(br_pull_args a)
{
    bri_reading r = {
        .ctx = a.ctx, .at = a.at, .function = "pull", .workers = a.workers, .name = a.name};
    if (a.results == NULL && a.each > 0)
        return no_room(&r);
    BRI_TRY(bri_reading_open(&r));
    br_status st = bri_reading_check(&r, a.each);
    if (st == BR_OK)
        st = copy_all(&r, a.results);
    bri_reading_close(&r);
    return st;
}

static size_t total_of(const bri_reading *r)
{
    size_t total = 0;
    for (int k = 0; k < r->choice->n; k++)
        total += r->sizes[k];
    return total;
}

static br_status check_total(const bri_reading *r, size_t bytes)
{
    size_t total = total_of(r);
    if (total == bytes)
        return BR_OK;
    return bri_error(BR_ESHAPE, "the values \"%s\" of %d workers have %zu bytes together, not %zu",
                     r->name, r->choice->n, total, bytes);
}

br_status br_gather_(br_gather_args a)
{
    bri_reading r = {
        .ctx = a.ctx, .at = a.at, .function = "gather", .workers = a.workers, .name = a.name};
    if (a.data == NULL && a.bytes > 0)
        return no_room(&r);
    BRI_TRY(bri_reading_open(&r));
    br_status st = check_total(&r, a.bytes);
    if (st != BR_OK)
        bri_reading_refuse(&r, st);
    else
        st = copy_all(&r, a.data);
    bri_reading_close(&r);
    return st;
}

br_status bri_gather_values(const bri_gathering *g)
{
    void *to = NULL;
    bri_reading r = {.ctx = g->ctx,
                     .at = g->at,
                     .function = g->function,
                     .workers = g->workers,
                     .name = g->name};
    BRI_TRY(bri_reading_open(&r));
    br_status st = g->room(g->data, total_of(&r), &to);
    if (st != BR_OK)
        bri_reading_refuse(&r, st);
    else
        st = copy_all(&r, to);
    bri_reading_close(&r);
    return st;
}

/* ---- by a task with the name alone ---- */

static int whole_value(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    bri_kept *kept = bri_task_find(task, args);
    if (kept == NULL)
        return -1;
    int code = br_task_return(task, kept->data, kept->bytes);
    bri_kept_release(kept);
    return code;
}

static int size_of_value(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    bri_kept *kept = bri_task_find(task, args);
    if (kept == NULL)
        return -1;
    int code = br_task_return(task, &kept->bytes, sizeof kept->bytes);
    bri_kept_release(kept);
    return code;
}

static int forget_value(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    bri_shelf_forget(task->errand->store->shelf, args);
    return 0;
}

/* What the three have in common. */
typedef struct by_name {
    br_context *ctx;
    br_place at;
    const char *function, *workers, *name;
    br_submit_function *fn;
} by_name;

static br_status choose(const by_name *b, bri_choice **choice)
{
    br_status st = bri_name_check(b->name);
    if (st == BR_OK)
        st = bri_workers_choose(b->ctx, b->workers, false, choice);
    if (st != BR_OK)
        bri_workers_fail(b->ctx, bri_workers_place(st, b->at, b->function));
    return st;
}

static br_submit_args task_of(const by_name *b)
{
    return (br_submit_args){.at = b->at,
                            .ctx = b->ctx,
                            .fn = b->fn,
                            .args = b->name,
                            .bytes = strlen(b->name) + 1,
                            .name = b->function};
}

static br_status run_by_name(const by_name *b, void *results, size_t each)
{
    bri_choice *choice = NULL;
    BRI_TRY(choose(b, &choice));
    br_status st = bri_workers_run(choice, task_of(b), results, each);
    bri_free(choice);
    return st;
}

size_t br_pull_async_(br_pull_async_args a)
{
    by_name b = {a.ctx, a.at, "pull", a.workers, a.name, whole_value};
    bri_choice *choice = NULL;
    if (choose(&b, &choice) != BR_OK)
        return 0;
    size_t n = (size_t)choice->n;
    bri_workers_submit(choice, task_of(&b), a.futures);
    bri_free(choice);
    return n;
}

br_status br_value_sizes_(br_value_sizes_args a)
{
    by_name b = {a.ctx, a.at, "value_sizes", a.workers, a.name, size_of_value};
    return run_by_name(&b, a.sizes, sizeof *a.sizes);
}

br_status br_forget_(br_forget_args a)
{
    by_name b = {a.ctx, a.at, "forget", a.workers, a.name, forget_value};
    return run_by_name(&b, NULL, 0);
}
