/* SPDX-License-Identifier: BSD-3-Clause
 * job_bundle.c - short values of another rank that are asked for together.
 *
 * What a rank reads of one reduction's tree are partial results of a neighbour, each by a node
 * above the one that reads the last: none of it is of use before the rest. So they are wanted in
 * one message and come in one, when all are there. Nobody else waits for these nodes: the plan
 * closes the bundle with the first node whose result leaves the rank, and all of them are emitted
 * when it is asked for.
 */
#include "runtime/job_inside.h"
#include "runtime/scheduler.h"

static void ask(bri_job *job, bri_bundle *b)
{
    if (b->first != NULL)
        job->ctx->scheduler->expect(job->ctx, job, b->first);
    b->first = NULL;
}

static bool takes(const bri_bundle *b, const bri_value *v, int64_t chunk)
{
    return b->first != NULL && b->first->owner == v->owner && b->first->key.stage == v->key.stage &&
           b->chunk == chunk;
}

/* The one that takes it, or one that is free, or else the oldest, which goes out as it is. */
static bri_bundle *bundle_for(bri_job *job, const bri_value *v, int64_t chunk)
{
    bri_bundle *best = &job->bundle[0];
    for (int i = 0; i < BRI_BUNDLES; i++) {
        bri_bundle *b = &job->bundle[i];
        if (takes(b, v, chunk))
            return b;
        if (best->first != NULL && (b->first == NULL || b->begun < best->begun))
            best = b;
    }
    ask(job, best);
    return best;
}

void bri_value_expect_bundled(bri_job *job, bri_value *value, int64_t chunk)
{
    if (job->dry || value->bytes > BRI_BUNDLED_BYTES) {
        bri_value_expect(job, value);
        return;
    }
    value->asked = BRI_UNPROMISED;
    job->expecting += value->bytes;
    job->nexpected++;
    bri_bundle *b = bundle_for(job, value, chunk);
    if (b->first == NULL)
        *b = (bri_bundle){.chunk = chunk, .last = &b->first, .begun = job->nbundles++};
    value->next_output = NULL;
    *b->last = value;
    b->last = &value->next_output;
    if (++b->n == BRI_BUNDLE_VALUES)
        ask(job, b);
}

void bri_bundles_close(bri_job *job, uint32_t stage, int64_t chunk)
{
    for (int i = 0; i < BRI_BUNDLES; i++) {
        bri_bundle *b = &job->bundle[i];
        if (b->first != NULL && b->first->key.stage == stage && b->chunk == chunk)
            ask(job, b);
    }
}

void bri_bundles_close_all(bri_job *job)
{
    for (int i = 0; i < BRI_BUNDLES; i++)
        ask(job, &job->bundle[i]);
}
