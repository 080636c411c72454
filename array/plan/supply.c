/* SPDX-License-Identifier: BSD-3-Clause
 * supply.c - which values are supplied, and how.
 */
#include "array/plan/supply.h"

#include "array/plan/face.h"
#include "array/plan/file_ranks.h"
#include "array/plan/lying.h"

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
    return s->kind != &bri_stage_fetch || ((const bri_having *)s->data)->has[s->plan->rank];
}

static size_t largest_chunk(const bri_stage *s)
{
    size_t bytes = br_dtype_size(s->dtype);
    for (int a = 0; a < s->ndim; a++)
        bytes *= (size_t)bri_axis_largest(&s->axis[a]);
    return bytes;
}

static size_t most_of(const bri_stage *s)
{
    bri_sizes sizes;
    size_t bytes = s->kind == &bri_stage_face ? bri_face_most(s) : largest_chunk(s);
    if (s->direct && s->kind != &bri_stage_memory)
        return 0;
    if (s->direct || s->kind == &bri_stage_face)
        return bytes < BRI_SUPPLY_PART ? bytes : BRI_SUPPLY_PART;
    s->kind->sizes(s, 0, 0, &sizes);
    return bytes + sizes.scratch;
}

size_t bri_supply_most(const bri_plan *plan)
{
    size_t most = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        const bri_stage *chunks = s->kind == &bri_stage_face ? s->inputs[0].stage : s;
        if (!s->wanted || !bri_is_supplied(s) || !is_here(chunks))
            continue;
        size_t bytes = most_of(s);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* ---- when it is asked for ---- */

bool bri_supply_about(bri_job *job, bri_key key, bri_source_value *value)
{
    const bri_plan *plan = job->plan;
    const bri_stage *s = plan->stages[key.stage];
    bri_sizes sizes;
    bri_lying lies;
    if (!bri_is_supplied(s))
        return false;
    s->kind->sizes(s, key.index, 0, &sizes);
    *value = (bri_source_value){.bytes = sizes.output, .scratch = sizes.scratch};
    if (sizes.output == 0)
        return true;
    value->in_parts = bri_lies_at(s, key.index, &lies);
    if (value->in_parts && lies.ndim == 0)
        value->at_hand = lies.data;
    return true;
}

static br_status make(bri_job *job, bri_stage *s, const bri_source_part *part)
{
    bri_value value = {
        .key = part->key, .bytes = part->bytes, .used = part->bytes, .data = part->data};
    bri_task task = {.key = part->key, .output = &value};
    bri_work work = {.plan = job->plan,
                     .job = job,
                     .stage = s,
                     .task = &task,
                     .chunk = part->key.index,
                     .scratch = part->scratch};
    char what[256];
    br_status st = s->kind->execute(&work);
    if (st == BR_OK)
        return BR_OK;
    bri_describe(s, part->key.index, what, sizeof what);
    return bri_error_context(st, "%s", what);
}

br_status bri_supply_part(bri_job *job, const bri_source_part *part)
{
    bri_stage *s = ((const bri_plan *)job->plan)->stages[part->key.stage];
    bri_sizes sizes;
    bri_lying lies;
    s->kind->sizes(s, part->key.index, 0, &sizes);
    if (part->bytes == sizes.output)
        return make(job, s, part);
    bri_lies_at(s, part->key.index, &lies);
    bri_lying_copy(&lies, part->from, part->bytes, part->data);
    return BR_OK;
}
