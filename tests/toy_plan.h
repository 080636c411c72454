/* SPDX-License-Identifier: BSD-3-Clause
 * toy_plan.h - a plan without arrays for the tests of schedulers: a graph whose tasks hash their
 * inputs.
 */
#ifndef BRI_TESTS_TOY_PLAN_H
#define BRI_TESTS_TOY_PLAN_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scheduler.h"

enum { TOY_INPUTS = 3 };

typedef struct toy_node {
    int ninputs;
    int inputs[TOY_INPUTS]; /* earlier nodes */
    int readers;
    size_t bytes; /* of its value, at least 8; 0 for none */
    size_t scratch;
    bool remote; /* its value comes from outside */
    uint64_t expected;
} toy_node;

typedef struct toy_plan {
    int n;
    toy_node *nodes;
    int next;     /* to be emitted (job->emit) */
    int fails_at; /* this node's task fails; -1 for none */
    int spin;     /* rounds of work in a task */
    atomic_int ran;
    atomic_int wrong;
    void (*inside)(struct toy_plan *plan, int node); /* called in each task, or NULL */
    void *data;
} toy_plan;

static inline uint64_t toy_mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 31;
}

static inline uint32_t toy_dice(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static inline bri_key toy_key(int i)
{
    return (bri_key){.stage = 1, .index = i};
}

/* Counts readers and computes what each node must give. */
static inline void toy_finish(toy_plan *plan)
{
    for (int i = 0; i < plan->n; i++) {
        toy_node *node = &plan->nodes[i];
        node->expected = toy_mix(17, (uint64_t)i);
        for (int k = 0; k < node->ninputs; k++) {
            toy_node *input = &plan->nodes[node->inputs[k]];
            input->readers++;
            node->expected = toy_mix(node->expected, input->expected);
        }
    }
}

static inline void toy_init(toy_plan *plan, int n)
{
    memset(plan, 0, sizeof *plan);
    plan->n = n;
    plan->nodes = calloc((size_t)n, sizeof *plan->nodes);
    plan->fails_at = -1;
    for (int i = 0; i < n; i++)
        plan->nodes[i].bytes = 8;
}

static inline void toy_independent(toy_plan *plan, int n)
{
    toy_init(plan, n);
    for (int i = 0; i < n; i++)
        plan->nodes[i].bytes = 0;
    toy_finish(plan);
}

static inline void toy_chain(toy_plan *plan, int n)
{
    toy_init(plan, n);
    for (int i = 1; i < n; i++) {
        plan->nodes[i].ninputs = 1;
        plan->nodes[i].inputs[0] = i - 1;
    }
    toy_finish(plan);
}

/* Binary trees in post order: a leaf, a leaf, their sum, ... */
static inline int toy_tree_below(toy_plan *plan, int next, int depth)
{
    if (depth == 0)
        return next;
    int left = toy_tree_below(plan, next, depth - 1);
    int right = toy_tree_below(plan, left + 1, depth - 1);
    plan->nodes[right + 1].ninputs = 2;
    plan->nodes[right + 1].inputs[0] = left;
    plan->nodes[right + 1].inputs[1] = right;
    return right + 1;
}

static inline void toy_tree(toy_plan *plan, int depth)
{
    toy_init(plan, (2 << depth) - 1);
    toy_tree_below(plan, 0, depth);
    toy_finish(plan);
}

/* Inputs among the last `reach` nodes, sizes up to a few kB. */
static inline void toy_random(toy_plan *plan, int n, uint64_t seed, uint32_t reach)
{
    toy_init(plan, n);
    for (int i = 0; i < n; i++) {
        toy_node *node = &plan->nodes[i];
        int most = i < TOY_INPUTS ? i : TOY_INPUTS;
        node->ninputs = (int)toy_dice(&seed, (uint32_t)most + 1);
        for (int k = 0; k < node->ninputs; k++)
            node->inputs[k] =
                i - 1 - (int)toy_dice(&seed, (uint32_t)i < reach ? (uint32_t)i : reach);
        node->bytes = 8 + toy_dice(&seed, 4000);
        node->scratch = toy_dice(&seed, 3) == 0 ? toy_dice(&seed, 4000) : 0;
    }
    toy_finish(plan);
}

static inline void toy_free(toy_plan *plan)
{
    free(plan->nodes);
}

/* ---- bri_job_ops ---- */

static br_status toy_next(bri_job *job, bri_task **task)
{
    toy_plan *plan = job->plan;
    *task = NULL;
    while (plan->next < plan->n && plan->nodes[plan->next].remote)
        plan->next++;
    if (plan->next == plan->n)
        return BR_OK;
    int i = plan->next++;
    const toy_node *node = &plan->nodes[i];
    bri_task *t = bri_task_new(job, toy_key(i), 0, node->ninputs);
    if (t == NULL)
        return BR_ENOMEM;
    for (int k = 0; k < node->ninputs; k++) {
        const toy_node *input = &plan->nodes[node->inputs[k]];
        bri_value *value = bri_value_find(job, toy_key(node->inputs[k]));
        if (value == NULL && input->remote) {
            value = bri_value_new(job, toy_key(node->inputs[k]), input->bytes, input->readers);
            value->owner = 1;
            bri_value_expect(job, value);
        }
        bri_task_input(t, k, value);
    }
    if (node->bytes > 0)
        t->output = bri_value_new(job, toy_key(i), node->bytes, node->readers);
    t->scratch = node->scratch;
    *task = t;
    return BR_OK;
}

static br_status toy_execute(bri_job *job, bri_task *task, void *scratch)
{
    toy_plan *plan = job->plan;
    int i = (int)task->key.index;
    uint64_t h = toy_mix(17, (uint64_t)i);
    if (i == plan->fails_at)
        return bri_error(BR_EUSER, "node %d fails", i);
    if (plan->inside != NULL)
        plan->inside(plan, i);
    if (scratch != NULL)
        memset(scratch, 1, task->scratch);
    for (int k = 0; k < task->ninputs; k++)
        h = toy_mix(h, *(uint64_t *)task->inputs[k].value->data);
    if (h != plan->nodes[i].expected)
        atomic_fetch_add(&plan->wrong, 1);
    for (volatile int k = 0; k < plan->spin; k++)
        ;
    if (task->output != NULL) {
        memset(task->output->data, 0, task->output->bytes);
        *(uint64_t *)task->output->data = h;
    }
    atomic_fetch_add_explicit(&plan->ran, 1, memory_order_relaxed);
    return BR_OK;
}

static void toy_describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    (void)job;
    snprintf(text, size, "node %lld", (long long)task->key.index);
}

static const bri_job_ops toy_ops = {
    .next = toy_next, .execute = toy_execute, .describe = toy_describe};

/* ---- a context that runs it ---- */

static inline void toy_open(br_context *ctx, const bri_scheduler *scheduler, int nthreads,
                            size_t limit)
{
    memset(ctx, 0, sizeof *ctx);
    ctx->memory = bri_memory_new(limit);
    ctx->nranks = 1;
    ctx->nthreads = nthreads;
    ctx->scheduler = scheduler;
    ck_assert_int_eq(scheduler->open(ctx), BR_OK);
}

static inline void toy_close(br_context *ctx)
{
    bri_memory_stats stats;
    ctx->scheduler->close(ctx);
    bri_memory_about(ctx->memory, &stats);
    ck_assert_uint_eq(stats.promised, 0);
    bri_memory_free(ctx->memory);
}

static inline void toy_start(br_context *ctx, bri_job *job, toy_plan *plan)
{
    ck_assert_int_eq(bri_job_init(job, ctx, &toy_ops, plan), BR_OK);
    ck_assert_int_eq(ctx->scheduler->start(ctx, job), BR_OK);
}

static inline void toy_end(br_context *ctx, bri_job *job, br_status expected)
{
    ck_assert(ctx->scheduler->progress(ctx, job, true));
    ck_assert_int_eq(bri_job_status(job), expected);
    bri_job_fini(job);
}

static inline void toy_run(br_context *ctx, toy_plan *plan)
{
    bri_job job;
    toy_start(ctx, &job, plan);
    toy_end(ctx, &job, plan->fails_at < 0 ? BR_OK : BR_EUSER);
    ck_assert_int_eq(atomic_load(&plan->wrong), 0);
    if (plan->fails_at < 0)
        ck_assert_int_eq(atomic_load(&plan->ran), plan->n);
    toy_free(plan);
}

#endif
