/* SPDX-License-Identifier: BSD-3-Clause
 * job_dry.c - a job that only counts: the peak of bytes of the serial order.
 */
#include <string.h>

#include "runtime/job_inside.h"

static void done(bri_job *job, bri_value *v, int readers, size_t *live)
{
    if (atomic_fetch_sub_explicit(&v->readers, readers, memory_order_relaxed) != readers)
        return;
    *live -= v->bytes;
    bri_value_free(job, v);
}

/* The task's inputs are its last uses here; a value that was only asked for begins to live with its
 * first reader. */
static void step(bri_job *job, bri_task *t, size_t *live, bri_dry_run *result)
{
    for (unsigned i = 0; i < t->ninputs; i++) {
        bri_value *v = t->inputs[i].value;
        if (v->owner != job->ctx->rank && !v->borrowed) {
            v->borrowed = true; /* counted */
            *live += v->bytes;
        }
    }
    *live += bri_task_output_bytes(t);
    if (t->keeps)
        *live += t->inputs[0].value->bytes;
    if (*live + t->scratch > result->peak) {
        result->peak = *live + t->scratch;
        job->ops->describe(job, t, result->worst, sizeof result->worst);
    }
    for (unsigned i = 0; i < t->ninputs; i++)
        done(job, t->inputs[i].value, 1, live);
    for (bri_value *v = t->output, *next; v != NULL; v = next) {
        next = v->next_output;
        done(job, v, v->ndestinations, live);
    }
    result->tasks++;
    bri_task_free(job, t);
}

br_status bri_job_dry_run(bri_job *job, bri_dry_run *result)
{
    size_t live = 0;
    memset(result, 0, sizeof *result);
    job->dry = true;
    for (;;) {
        bri_task *t = NULL;
        BRI_TRY(job->ops->next(job, &t));
        if (t == NULL)
            return BR_OK;
        step(job, t, &live, result);
    }
}
