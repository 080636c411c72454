/* SPDX-License-Identifier: BSD-3-Clause
 * cache.c - a few plans, the oldest replaced first.
 */
#include "array/plan/cache.h"

#include <string.h>

#include "array/plan/sink.h"
#include "runtime/alloc.h"

enum {
    NPLANS = 8,
    MOST_OUTPUTS = 8,
    /* Larger plans cost memory to keep and little, beside their run, to make again. */
    MOST_STAGES = 64,
    MOST_CHUNKS = 4096,
    MOST_LISTS = 1 << 20,
};

typedef struct entry {
    bri_plan *plan; /* NULL: free */
    const bri_node *node[MOST_OUTPUTS];
    int n;
} entry;

typedef struct bri_cache {
    entry entry[NPLANS];
    int next; /* to be replaced */
} bri_cache;

static bri_cache *cache_of(const br_context *ctx)
{
    return bri_array_data_of(ctx)->plans;
}

static void drop(entry *e)
{
    bri_plan *plan = e->plan;
    e->plan = NULL;
    bri_plan_free(plan);
}

/* Not what was planned otherwise for want of memory: next time more may be free. */
static bool cacheable(const br_context *ctx, const bri_outputs *outputs)
{
    for (int i = 0; i < outputs->n; i++)
        if (outputs->sink[i].kind != BRI_SINK_RESULT)
            return false;
    return ctx->nranks == 1 && outputs->thrift == 0 && outputs->n <= MOST_OUTPUTS;
}

static bool fits(const entry *e, const bri_outputs *outputs)
{
    bool same = e->plan != NULL && e->n == outputs->n;
    for (int i = 0; same && i < e->n; i++)
        same = e->node[i] == outputs->node[i];
    return same;
}

bri_plan *bri_cache_take(br_context *ctx, const bri_outputs *outputs)
{
    bri_cache *cache = cache_of(ctx);
    if (cache == NULL || !cacheable(ctx, outputs))
        return NULL;
    for (int i = 0; i < NPLANS; i++) {
        entry *e = &cache->entry[i];
        if (!fits(e, outputs))
            continue;
        bri_plan *plan = e->plan;
        e->plan = NULL;
        bri_emitter_restart(plan);
        for (int k = 0; k < plan->nroots; k++)
            bri_sink_retarget(plan->roots[k], &outputs->sink[k]);
        return plan;
    }
    return NULL;
}

static bool worth_keeping(const bri_plan *plan)
{
    int64_t chunks = 0;
    for (int i = 0; i < plan->nstages; i++)
        chunks += plan->stages[i]->nchunks * plan->stages[i]->nsteps;
    return plan->nstages <= MOST_STAGES && chunks <= MOST_CHUNKS && plan->lists <= MOST_LISTS;
}

/* An output goes: so do the plans that make it. */
static void forget(bri_node *node)
{
    bri_cache *cache = cache_of(node->ctx);
    for (int i = 0; cache != NULL && i < NPLANS; i++)
        for (int k = 0; k < cache->entry[i].n && cache->entry[i].plan != NULL; k++)
            if (cache->entry[i].node[k] == node)
                drop(&cache->entry[i]);
}

static bri_cache *cache_made(br_context *ctx)
{
    bri_array_data *data = bri_array_data_of(ctx);
    if (data->plans == NULL)
        data->plans = bri_calloc(1, sizeof(bri_cache));
    data->forget_plans = forget;
    return data->plans;
}

static entry *free_entry(bri_cache *cache)
{
    for (int i = 0; i < NPLANS; i++)
        if (cache->entry[i].plan == NULL)
            return &cache->entry[i];
    entry *e = &cache->entry[cache->next];
    cache->next = (cache->next + 1) % NPLANS;
    drop(e);
    return e;
}

void bri_cache_put(br_context *ctx, const bri_outputs *outputs, bri_plan *plan)
{
    bri_cache *cache = NULL;
    if (cacheable(ctx, outputs) && worth_keeping(plan))
        cache = cache_made(ctx);
    if (cache == NULL) {
        bri_plan_free(plan);
        return;
    }
    entry *e = free_entry(cache);
    e->plan = plan;
    e->n = outputs->n;
    for (int i = 0; i < outputs->n; i++) {
        e->node[i] = outputs->node[i];
        outputs->node[i]->planned = true;
    }
}

void bri_cache_clear(br_context *ctx)
{
    bri_cache *cache = cache_of(ctx);
    for (int i = 0; cache != NULL && i < NPLANS; i++)
        drop(&cache->entry[i]);
    bri_free(cache);
    bri_array_data_of(ctx)->plans = NULL;
}
