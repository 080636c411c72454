/* SPDX-License-Identifier: BSD-3-Clause
 * balance.c - speeds of ranks, and the weights that placement follows.
 *
 * A rank counts how long the tasks of a stage took and how much they did, in bytes of inputs,
 * outputs and scratch. The ratio of the ranks' rates in the stage that took longest is taken for
 * that of their speeds. Weights change when a speed has left its weight by far: other weights move
 * the runs of new arrays, but not persisted ones.
 */
#include "array/plan/balance.h"

#include <math.h>
#include <string.h>

#include "runtime/alloc.h"

/* A run that was shorter for a rank tells nothing of it. */
static const int64_t SHORTEST_NS = 20000000;
/* What a task does beside its bytes, in bytes. */
enum { TASK_WORK = 4096 };
/* So many tasks tell what one takes. */
enum { KNOWN_TASKS = 4 };
/* The average rank's weight, and the limits of any: a rank that gets nothing is not measured. */
enum { AVERAGE = 16, LEAST = 2, MOST = 128 };
/* Speeds follow what was measured half way; weights follow speeds that are so much off. */
static const double FAR_OFF = 1.3;

/* One context after the other; runs of one may end on several threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct bri_balance {
    double *speed; /* of each rank; their unit is any */
    bri_table *weights;
};

/* ---- arithmetic ---- */

static bool was_measured(const bri_measured *m, int64_t stage)
{
    return m->busy >= SHORTEST_NS && m->work > 0 && m->stage == stage;
}

static int64_t longest_stage(const bri_measured *rank, int n)
{
    int longest = 0;
    for (int r = 1; r < n; r++)
        longest = rank[r].busy > rank[longest].busy ? r : longest;
    return rank[longest].stage;
}

static double rate_of(const bri_measured *m)
{
    return (double)m->work / (double)m->busy * m->threads;
}

static bool is_far_off(const double *speed, const int32_t *weight, int n)
{
    double speeds = 0;
    double weights = 0;
    for (int r = 0; r < n; r++) {
        speeds += speed[r];
        weights += weight != NULL ? weight[r] : 1;
    }
    for (int r = 0; r < n; r++) {
        double off = speed[r] / speeds * weights / (weight != NULL ? weight[r] : 1);
        if (off > FAR_OFF || off < 1 / FAR_OFF)
            return true;
    }
    return false;
}

bool bri_speeds_learn(double *speed, const int32_t *weight, const bri_measured *rank, int n)
{
    int64_t stage = longest_stage(rank, n);
    double before = 0;
    double now = 0;
    int measured = 0;
    for (int r = 0; r < n; r++)
        if (was_measured(&rank[r], stage)) {
            before += speed[r];
            now += rate_of(&rank[r]);
            measured++;
        }
    if (measured < 2)
        return false;
    for (int r = 0; r < n; r++)
        if (was_measured(&rank[r], stage))
            speed[r] = (speed[r] + rate_of(&rank[r]) * before / now) / 2;
    return is_far_off(speed, weight, n);
}

void bri_speeds_weigh(const double *speed, int n, int32_t *weight)
{
    double sum = 0;
    for (int r = 0; r < n; r++)
        sum += speed[r];
    for (int r = 0; r < n; r++) {
        double w = round(AVERAGE * speed[r] / (sum / n));
        weight[r] = w < LEAST ? LEAST : w > MOST ? MOST : (int32_t)w;
    }
}

/* ---- a context's ---- */

static void weigh(struct bri_balance *b, int n)
{
    bri_table *table = bri_table_new((size_t)n * sizeof(int32_t));
    if (table == NULL)
        return; /* the old ones will do */
    int32_t *weight = (int32_t *)(void *)table->data;
    bri_speeds_weigh(b->speed, n, weight);
    bool alike = true;
    for (int r = 1; r < n; r++)
        alike = alike && weight[r] == weight[0];
    bri_table_seal(table);
    bri_table_release(b->weights);
    b->weights = alike ? NULL : table;
    if (alike)
        bri_table_release(table);
}

static int threads_of(br_context *ctx, int rank)
{
    br_rank_info info = {.threads = 1};
    if (ctx->scheduler->about != NULL)
        ctx->scheduler->about(ctx, rank, &info);
    return info.threads > 0 ? info.threads : 1;
}

/* With the lock held. NULL without memory, and where there is nothing to balance. */
static struct bri_balance *balance_of(br_context *ctx)
{
    bri_array_data *data = bri_array_data_of(ctx);
    if (ctx->nranks == 1 || strcmp(ctx->config.balance, "auto") != 0)
        return NULL;
    if (data->balance != NULL)
        return data->balance;
    struct bri_balance *b = bri_calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->speed = bri_calloc((size_t)ctx->nranks, sizeof *b->speed);
    if (b->speed == NULL) {
        bri_free(b);
        return NULL;
    }
    for (int r = 0; r < ctx->nranks && ctx->rank == 0; r++)
        b->speed[r] = threads_of(ctx, r);
    if (ctx->rank == 0)
        weigh(b, ctx->nranks);
    return data->balance = b;
}

br_status bri_balance_set(br_context *ctx, bri_table *weights)
{
    pthread_mutex_lock(&lock);
    struct bri_balance *b = balance_of(ctx);
    bri_table *before = b != NULL ? b->weights : weights;
    if (b != NULL)
        b->weights = weights;
    pthread_mutex_unlock(&lock);
    bri_table_release(before);
    return b != NULL || weights == NULL ? BR_OK : BR_ENOMEM;
}

bri_table *bri_balance_weights(br_context *ctx)
{
    pthread_mutex_lock(&lock);
    const struct bri_balance *b = balance_of(ctx);
    bri_table *weights = b != NULL ? bri_table_retain(b->weights) : NULL;
    pthread_mutex_unlock(&lock);
    return weights;
}

void bri_balance_clear(br_context *ctx)
{
    bri_array_data *data = bri_array_data_of(ctx);
    if (data->balance == NULL)
        return;
    bri_table_release(data->balance->weights);
    bri_free(data->balance->speed);
    bri_free(data->balance);
    data->balance = NULL;
}

/* ---- runs ---- */

bool bri_balance_counts(const bri_stage *stage, const bri_task *task)
{
    return stage->plan->nranks > 1 && stage->kind->owner == NULL && task->key.level == 0;
}

void bri_balance_count(bri_stage *stage, const bri_task *task, int64_t nanoseconds)
{
    size_t bytes = TASK_WORK + task->scratch;
    for (const bri_value *v = task->output; v != NULL; v = v->next_output)
        bytes += v->bytes;
    for (int i = 0; i < task->ninputs; i++)
        bytes += task->inputs[i].value->bytes;
    atomic_fetch_add_explicit(&stage->busy, nanoseconds, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->work, (long long)bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->timed, 1, memory_order_relaxed);
}

int64_t bri_balance_cost(const bri_stage *stage)
{
    long long n = atomic_load_explicit(&stage->timed, memory_order_relaxed);
    return n < KNOWN_TASKS ? 0 : atomic_load_explicit(&stage->busy, memory_order_relaxed) / n;
}

void bri_balance_settle(bri_job *job)
{
    const bri_plan *plan = job->plan;
    const bri_stage *longest = plan->stages[0];
    for (int i = 1; i < plan->nstages; i++)
        if (atomic_load(&plan->stages[i]->busy) > atomic_load(&longest->busy))
            longest = plan->stages[i];
    atomic_store(&job->stats.busy, atomic_load(&longest->busy));
    atomic_store(&job->stats.work, atomic_load(&longest->work));
    atomic_store(&job->stats.stage, longest->id);
}

void bri_balance_learn(const bri_job *job)
{
    br_context *ctx = job->ctx;
    int n = ctx->nranks;
    if (job->by_rank == NULL)
        return;
    bri_measured *measured = bri_calloc((size_t)n, sizeof *measured);
    pthread_mutex_lock(&lock);
    struct bri_balance *b = measured != NULL ? balance_of(ctx) : NULL;
    if (b != NULL) {
        for (int r = 0; r < n; r++)
            measured[r] = (bri_measured){job->by_rank[r].busy, job->by_rank[r].work,
                                         job->by_rank[r].stage, threads_of(ctx, r)};
        const int32_t *weight =
            b->weights != NULL ? (const int32_t *)(const void *)b->weights->data : NULL;
        if (bri_speeds_learn(b->speed, weight, measured, n))
            weigh(b, n);
    }
    pthread_mutex_unlock(&lock);
    bri_free(measured);
}

/* ---- plans ---- */

br_status bri_balance_apply(bri_plan *plan, bri_table *weights)
{
    if (weights == NULL)
        return BR_OK;
    if (weights->bytes != (size_t)plan->nranks * sizeof(int32_t))
        return bri_error(BR_EINTERNAL, "weights of other ranks than there are");
    const int32_t *weight = (const int32_t *)(const void *)weights->data;
    plan->ends = bri_calloc((size_t)plan->nranks, sizeof *plan->ends);
    if (plan->ends == NULL)
        return BR_ENOMEM;
    int64_t end = 0;
    for (int r = 0; r < plan->nranks; r++)
        plan->ends[r] = end += weight[r];
    plan->weights = bri_table_retain(weights);
    return BR_OK;
}

void bri_balance_forget(bri_plan *plan)
{
    bri_table_release(plan->weights);
    bri_free(plan->ends);
}
