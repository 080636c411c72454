/* SPDX-License-Identifier: BSD-3-Clause
 * reduce.c - values become one, by a function of the user's, in an order that follows from how many
 * they are.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/function.h"
#include "scheduler/workers/reading.h"
#include "scheduler/workers/values.h"

/* How values are combined. */
typedef struct rule {
    br_combine_function *combine;
    const void *args;
    size_t bytes; /* of each value */
    bri_memory *memory;
} rule;

/* Combined values wait here for as many more: level i has one of 2^i values when bit i of n is set.
 * So neighbours are combined as soon as both are there, and the left part of each node of the tree
 * is the largest power of two below its size. */
enum { LEVELS = 64 };
typedef struct tower {
    const rule *rule;
    uint64_t n;
    void *level[LEVELS];
} tower;

static br_status combine(const rule *r, void *left, const void *right)
{
    char name[128];
    int code = r->combine(left, right, r->bytes, r->args);
    if (code == 0)
        return BR_OK;
    bri_function_name((bri_function)r->combine, name, sizeof name);
    return bri_error(BR_EUSER, "function %s returned %d", name, code);
}

static void *new_block(const rule *r)
{
    void *block = bri_memory_get(r->memory, r->bytes);
    if (block != NULL)
        bri_memory_force(r->memory, r->bytes);
    return block;
}

static void free_block(const rule *r, void *block)
{
    if (block == NULL)
        return;
    bri_memory_put(r->memory, block, r->bytes);
    bri_memory_release(r->memory, r->bytes);
}

/* The next value, which is the tower's from now on. */
static br_status add(tower *t, void *value)
{
    int i = 0;
    br_status st = BR_OK;
    for (; (t->n >> i & 1) != 0; i++) {
        if (st == BR_OK)
            st = combine(t->rule, t->level[i], value);
        free_block(t->rule, value);
        value = t->level[i];
        t->level[i] = NULL;
    }
    t->level[i] = value;
    t->n++;
    return st;
}

/* All of them; the result stays the tower's. */
static br_status finish(tower *t, const void **result)
{
    void *right = NULL;
    for (int i = 0; i < LEVELS; i++) {
        if (t->level[i] == NULL)
            continue;
        if (right != NULL)
            BRI_TRY(combine(t->rule, t->level[i], right));
        right = t->level[i];
    }
    *result = right;
    return BR_OK;
}

static void free_tower(tower *t)
{
    for (int i = 0; i < LEVELS; i++)
        free_block(t->rule, t->level[i]);
}

/* ---- values of workers ---- */

static br_status read_all(bri_reading *r, tower *t)
{
    for (int k = 0; k < r->choice->n; k++) {
        void *value = new_block(t->rule);
        if (value == NULL)
            return bri_reading_refuse(r, BR_ENOMEM);
        br_status st = bri_reading_copy(r, k, value);
        if (st != BR_OK) {
            free_block(t->rule, value);
            return st;
        }
        st = add(t, value);
        if (st != BR_OK)
            return bri_reading_refuse(r, st);
    }
    return BR_OK;
}

static br_status reduce(bri_reading *r, const rule *rule, void *result)
{
    const void *all = NULL;
    tower t = {.rule = rule};
    br_status st = bri_reading_check(r, rule->bytes);
    if (st == BR_OK)
        st = read_all(r, &t);
    if (st == BR_OK && (st = finish(&t, &all)) != BR_OK)
        bri_reading_refuse(r, st);
    if (st == BR_OK && rule->bytes > 0)
        memcpy(result, all, rule->bytes);
    free_tower(&t);
    return st;
}

br_status br_reduce_(br_reduce_values_args a)
{
    rule rule = {a.combine, a.args, a.bytes, a.ctx->memory};
    bri_reading r = {
        .ctx = a.ctx, .at = a.at, .function = "reduce", .workers = a.workers, .name = a.name};
    if (a.combine == NULL)
        return bri_reading_refuse(&r, bri_error(BR_EARG, "no function"));
    if (a.result == NULL && a.bytes > 0)
        return bri_reading_refuse(&r, bri_error(BR_EARG, "no memory for the result"));
    BRI_TRY(bri_reading_open(&r));
    br_status st = reduce(&r, &rule, a.result);
    bri_reading_close(&r);
    return st;
}

/* ---- results of tasks ---- */

/* Of the task that combines them, which runs on the rank where this pointer means something. */
typedef struct order {
    br_combine_function *combine;
    _Alignas(16) char args[];
} order;

static br_status add_inputs(br_task *task, tower *t, size_t bytes)
{
    for (size_t i = 0, n; i < br_task_ninputs(task); i++) {
        const void *input = br_task_input(task, i, &n);
        if (n != bytes)
            return bri_error(BR_ESHAPE, "future %zu has %zu bytes, the first one has %zu", i, n,
                             bytes);
        void *value = new_block(t->rule);
        if (value == NULL)
            return BR_ENOMEM;
        if (n > 0)
            memcpy(value, input, n);
        BRI_TRY(add(t, value));
    }
    return BR_OK;
}

static int combine_inputs(br_task *task, const void *args, size_t bytes)
{
    const order *o = args;
    const void *all = NULL;
    rule rule = {.combine = o->combine,
                 .args = bytes > sizeof *o ? o->args : NULL,
                 .memory = task->errand->store->ctx->memory};
    br_task_input(task, 0, &rule.bytes);
    tower t = {.rule = &rule};
    br_status st = add_inputs(task, &t, rule.bytes);
    if (st == BR_OK)
        st = finish(&t, &all);
    int code = st == BR_OK ? br_task_return(task, all, rule.bytes) : bri_task_failed(task, st);
    free_tower(&t);
    return code;
}

static br_future *refuse(const br_reduce_futures_args *a, br_status st)
{
    bri_workers_fail(a->ctx, bri_workers_place(st, a->at, "reduce_futures"));
    return bri_future_failed(a->ctx, st, bri_last_error());
}

static br_future *submit(const br_reduce_futures_args *a, const order *o)
{
    return br_submit_((br_submit_args){.at = a->at,
                                       .ctx = a->ctx,
                                       .fn = combine_inputs,
                                       .args = o,
                                       .bytes = sizeof *o + a->arg_bytes,
                                       .deps = {a->futures, a->n},
                                       .name = "reduce_futures",
                                       .on = {true, a->ctx->rank}});
}

br_future *br_reduce_futures_(br_reduce_futures_args a)
{
    if (a.combine == NULL)
        return refuse(&a, bri_error(BR_EARG, "no function"));
    if (a.n == 0)
        return refuse(&a, bri_error(BR_EARG, "no futures"));
    if (a.args == NULL && a.arg_bytes > 0)
        return refuse(&a, bri_error(BR_EARG, "arguments of some bytes, but no pointer to them"));
    order *o = bri_calloc(1, sizeof *o + a.arg_bytes);
    if (o == NULL)
        return refuse(&a, BR_ENOMEM);
    o->combine = a.combine;
    if (a.arg_bytes > 0)
        memcpy(o->args, a.args, a.arg_bytes);
    br_future *future = submit(&a, o);
    bri_free(o);
    return future;
}
