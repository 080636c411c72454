/* SPDX-License-Identifier: BSD-3-Clause
 * supply.c - which values are supplied, and how.
 */
#include "array/plan/supply.h"

#include "array/plan/file_ranks.h"

bool bri_is_supplied(const bri_stage *s)
{
    bool source = s->kind == &bri_stage_fetch || s->kind == &bri_stage_memory ||
                  s->kind == &bri_stage_results || s->kind == &bri_stage_persisted ||
                  (s->kind == &bri_stage_face && s->inputs[0].stage->direct);
    return source && s->plan->nranks > 1;
}

br_status bri_supply_owe(bri_job *job, const bri_stage *stage, int64_t chunk, unsigned char *ranks,
                         int *local)
{
    int n = 0;
    BRI_TRY(bri_count_readers(stage, chunk, local, ranks));
    for (int r = 0; r < stage->plan->nranks; r++)
        n += ranks[r];
    if (n > 0 && !job->dry)
        bri_job_owe(job, n);
    return BR_OK;
}

/* ---- how much memory ---- */

static bool is_here(const bri_stage *s)
{
    if (s->kind == &bri_stage_memory || s->kind == &bri_stage_results)
        return s->plan->rank == 0;
    return s->kind != &bri_stage_fetch || bri_having_of(s->plan, s->node)->has[s->plan->rank];
}

/* Faces are parts of chunks. */
static size_t most_of(const bri_stage *s)
{
    bri_sizes sizes;
    size_t bytes = br_dtype_size(s->dtype);
    for (int a = 0; a < s->ndim; a++)
        bytes *= (size_t)bri_axis_largest(&s->axis[a]);
    s->kind->sizes(s, 0, 0, &sizes);
    return bytes + sizes.scratch;
}

size_t bri_supply_most(const bri_plan *plan)
{
    size_t most = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        if (!s->wanted || s->kind == &bri_stage_face || !bri_is_supplied(s) || !is_here(s))
            continue;
        size_t bytes = most_of(s);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* ---- when it is asked for ---- */

bool bri_supply_sizes(bri_job *job, bri_key key, size_t *bytes, size_t *scratch)
{
    const bri_plan *plan = job->plan;
    const bri_stage *s = plan->stages[key.stage];
    bri_sizes sizes;
    if (!bri_is_supplied(s))
        return false;
    s->kind->sizes(s, key.index, 0, &sizes);
    *bytes = sizes.output;
    *scratch = sizes.scratch;
    return true;
}

br_status bri_supply_value(bri_job *job, bri_key key, void *data, void *scratch)
{
    bri_plan *plan = job->plan;
    bri_value value = {.key = key, .data = data};
    bri_task task = {.key = key, .output = &value};
    bri_work work = {.plan = plan,
                     .job = job,
                     .stage = plan->stages[key.stage],
                     .task = &task,
                     .chunk = key.index,
                     .scratch = scratch};
    char what[256];
    br_status st = work.stage->kind->execute(&work);
    if (st == BR_OK)
        return BR_OK;
    bri_describe(work.stage, key.index, what, sizeof what);
    return bri_error_context(st, "%s", what);
}
