/* SPDX-License-Identifier: BSD-3-Clause
 * graph.c - building a br_graph and running it on the threads of this rank.
 */
#include "scheduler/graph/graph.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/function.h"
#include "runtime/host.h"
#include "runtime/running.h"
#include "runtime/scheduler.h"

/* A wake costs 6-18 us, so idle threads spin for a while before they sleep, unless there are more
 * of them than cores (as the pool's). */
enum { SPIN_NS = 300000, SPIN_CROWDED_NS = 5000 };

/* ---- building ---- */

static void free_graph(bri_owned *owned)
{
    br_graph *g = (br_graph *)((char *)owned - offsetof(br_graph, owned));
    bri_free(g->vertex);
    bri_free(g->after);
    bri_free(g->successor);
    bri_free(g->root);
    bri_free(g);
}

br_graph *br_graph_new(br_context *ctx)
{
    if (ctx->status != BR_OK)
        return NULL;
    br_graph *g = bri_calloc(1, sizeof *g);
    if (g == NULL) {
        bri_context_fail(ctx, BR_ENOMEM, bri_last_error());
        return NULL;
    }
    g->ctx = ctx;
    bri_context_own(ctx, &g->owned, free_graph);
    return g;
}

void br_graph_free(br_graph *g)
{
    if (g != NULL)
        bri_context_disown(&g->owned);
}

int64_t br_graph_ntasks(const br_graph *g)
{
    return g != NULL ? (int64_t)g->n : 0;
}

static br_status check_task(const br_graph *g, br_task_function *fn, const int64_t *after,
                            size_t nafter)
{
    if (g->running)
        return bri_error(BR_EARG, "graph: a task was added while the graph runs");
    if (fn == NULL)
        return bri_error(BR_EARG, "graph: task %zu has no function", g->n);
    if (g->n >= UINT32_MAX || nafter >= UINT32_MAX - g->nafter)
        return bri_error(BR_EARG,
                         "graph: 2^32 - 1 tasks and dependencies are the most there can be");
    for (size_t i = 0; i < nafter; i++)
        if (after[i] < 0 || after[i] >= (int64_t)g->n)
            return bri_error(
                BR_EARG, "graph: task %zu is to run after task %" PRId64 ", which there is not yet",
                g->n, after[i]);
    return BR_OK;
}

static br_status add(br_graph *g, br_task_function *fn, void *data, const int64_t *after,
                     size_t nafter)
{
    BRI_TRY(check_task(g, fn, after, nafter));
    BRI_TRY(bri_grow(&g->vertex, &g->room, g->n, sizeof *g->vertex));
    for (size_t i = 0; i < nafter; i++) {
        BRI_TRY(bri_grow(&g->after, &g->after_room, g->nafter + i, sizeof *g->after));
        g->after[g->nafter + i] = (uint32_t)after[i];
    }
    bri_vertex *v = &g->vertex[g->n++];
    v->fn = fn;
    v->data = data;
    v->ninputs = (uint32_t)nafter;
    atomic_init(&v->pending, v->ninputs);
    g->nafter += nafter;
    return BR_OK;
}

int64_t br_graph_add(br_graph *g, br_task_function *fn, void *data, const int64_t *after,
                     size_t nafter)
{
    if (g == NULL || g->status != BR_OK)
        return -1;
    g->status = add(g, fn, data, after, nafter);
    if (g->status == BR_OK)
        return (int64_t)g->n - 1;
    snprintf(g->message, sizeof g->message, "%s", bri_last_error());
    return -1;
}

/* ---- a gang: as many tasks of a job as there are threads; each works for the graph ---- */

static br_status next_thread(bri_job *job, bri_task **task)
{
    bri_gang *gang = job->plan;
    *task = NULL;
    if (gang->sent == gang->nthreads)
        return BR_OK;
    *task = bri_task_new(job, (bri_key){0, 0, gang->sent++}, 0, 0);
    return *task != NULL ? BR_OK : BR_ENOMEM;
}

static br_status work(bri_job *job, bri_task *task, void *scratch)
{
    (void)task, (void)scratch;
    bri_gang_work(job->plan);
    return BR_OK;
}

static void describe(bri_job *job, const bri_task *task, char *text, size_t size)
{
    (void)job, (void)task;
    snprintf(text, size, "graph");
}

static const bri_job_ops gang_ops = {.next = next_thread, .execute = work, .describe = describe};

static size_t power_of_two(size_t n)
{
    size_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

/* Room for every task in each deque: pages that are not touched cost nothing. */
static br_status open_ready(bri_ready *d, const br_graph *g, int index, int nthreads)
{
    size_t room = power_of_two(g->n);
    d->slot = bri_malloc(room * sizeof *d->slot);
    if (d->slot == NULL)
        return BR_ENOMEM;
    d->mask = (long long)room - 1;
    atomic_init(&d->root, g->nroots * (size_t)index / (size_t)nthreads);
    d->root_end = g->nroots * (size_t)(index + 1) / (size_t)nthreads;
    return BR_OK;
}

static void close_gang(bri_gang *gang)
{
    for (int i = 0; i < gang->nthreads && gang->ready != NULL; i++)
        bri_free(gang->ready[i].slot);
    bri_free(gang->ready);
}

static br_status open_gang(bri_gang *gang, br_graph *g)
{
    gang->graph = g;
    gang->nthreads = g->ctx->nthreads;
    gang->spin_ns = gang->nthreads <= bri_host_cores() ? SPIN_NS : SPIN_CROWDED_NS;
    atomic_init(&gang->left, (long long)g->n);
    gang->ready = bri_calloc((size_t)gang->nthreads, sizeof *gang->ready);
    if (gang->ready == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < gang->nthreads; i++)
        BRI_TRY(open_ready(&gang->ready[i], g, i, gang->nthreads));
    return BR_OK;
}

/* ---- running ---- */

/* Tasks that were dropped have counted some of their inputs. */
static void count_anew(br_graph *g)
{
    for (size_t t = 0; t < g->n; t++)
        atomic_store_explicit(&g->vertex[t].pending, g->vertex[t].ninputs, memory_order_relaxed);
}

static br_status failed(const br_graph *g, const bri_gang *gang)
{
    char name[128];
    bri_function_name((bri_function)g->vertex[gang->culprit].fn, name, sizeof name);
    return bri_error(BR_EUSER, "graph: task %u of %zu: function %s returned %d", gang->culprit,
                     g->n, name, atomic_load(&gang->code));
}

static br_status run_gang(br_graph *g, bri_gang *gang)
{
    br_context *ctx = g->ctx;
    bri_job job;
    bri_running running;
    BRI_TRY(bri_job_init(&job, ctx, &gang_ops, gang));
    gang->job = &job;
    bri_running_begin(&running, ctx, NULL);
    bri_running_job(&running, &job);
    br_status st = ctx->scheduler->run_here(ctx, &job);
    bri_running_end(&running);
    if (st == BR_OK && bri_job_status(&job) != BR_OK)
        st = bri_error(bri_job_status(&job), "%s", job.error_text);
    bri_job_fini(&job);
    if (atomic_load(&gang->failed))
        count_anew(g);
    return st == BR_OK && atomic_load(&gang->failed) ? failed(g, gang) : st;
}

static br_status run(br_graph *g)
{
    if (g->status != BR_OK)
        return bri_error(g->status, "%s", g->message);
    if (g->running)
        return bri_error(BR_EARG, "graph: it runs already; its own tasks cannot run it");
    if (g->n == 0)
        return BR_OK;
    BRI_TRY(bri_graph_order(g));
    bri_gang gang;
    memset(&gang, 0, sizeof gang);
    br_status st = open_gang(&gang, g);
    if (st == BR_OK) {
        g->running = true;
        st = run_gang(g, &gang);
        g->running = false;
    }
    close_gang(&gang);
    return st;
}

br_status br_graph_run(br_graph *g)
{
    if (g == NULL)
        return BR_ENOMEM;
    br_status st = run(g);
    return st == BR_OK ? st : bri_context_fail(g->ctx, st, bri_last_error());
}
