/* SPDX-License-Identifier: BSD-3-Clause
 * job_dry.c - a job that only counts: the peak of bytes of the serial order.
 */
#include <string.h>

#include "runtime/job_inside.h"
#include "runtime/job_spill.h"

/* Bytes that the serial order holds. */
typedef struct held {
    size_t live;
    size_t pages; /* of these, those that could be spilled */
} held;

static void made(bri_value *v, held *h)
{
    h->live += v->bytes;
    if (v->page == NULL)
        return;
    h->pages += v->bytes;
    bri_spill_dry_made(v);
}

static void done(bri_job *job, bri_value *v, int readers, held *h)
{
    if (atomic_fetch_sub_explicit(&v->readers, readers, memory_order_relaxed) != readers)
        return;
    h->live -= v->bytes;
    h->pages -= v->page != NULL ? v->bytes : 0;
    bri_value_free(job, v);
}

/* Values that were only asked for begin to live with their first reader. */
static void receive(const bri_job *job, const bri_task *t, held *h, bri_dry_run *result)
{
    size_t bytes = bri_task_bytes(t);
    for (unsigned i = 0; i < t->ninputs; i++) {
        bri_value *v = t->inputs[i].value;
        if (v->owner != job->ctx->rank && !v->borrowed) {
            v->borrowed = true; /* counted */
            made(v, h);
            bytes += v->bytes;
            result->received += v->bytes;
            result->messages++;
        }
    }
    result->largest = bytes > result->largest ? bytes : result->largest;
}

static void look_for_peaks(bri_job *job, const bri_task *t, const held *h, bri_dry_run *result)
{
    size_t bytes = h->live + t->scratch;
    if (bytes > result->peak) {
        result->peak = bytes;
        job->ops->describe(job, t, result->worst, sizeof result->worst);
    }
    if (job->spill == NULL)
        return;
    bytes = bytes - h->pages + bri_spill_dry_held(t);
    if (bytes > result->least) {
        result->least = bytes;
        job->ops->describe(job, t, result->neediest, sizeof result->neediest);
    }
}

/* The task's inputs are its last uses here. */
static void step(bri_job *job, bri_task *t, held *h, bri_dry_run *result)
{
    receive(job, t, h, result);
    if (job->spill != NULL)
        bri_spill_dry_room(job, t, bri_task_bytes(t), &h->live);
    for (bri_value *v = t->output; v != NULL; v = v->next_output)
        made(v, h);
    if (t->keeps)
        h->live += t->inputs[0].value->bytes;
    look_for_peaks(job, t, h, result);
    for (unsigned i = 0; i < t->ninputs; i++)
        done(job, t->inputs[i].value, 1, h);
    for (bri_value *v = t->output, *next; v != NULL; v = next) {
        next = v->next_output;
        if (v->ndestinations > 0 && v->bytes >= BRI_SPILL_LEAST && v->bytes > result->sends)
            result->sends = v->bytes;
        done(job, v, v->ndestinations, h);
    }
    result->tasks++;
    bri_task_free(job, t);
}

br_status bri_job_dry_run(bri_job *job, bri_dry_run *result)
{
    held h = {0};
    memset(result, 0, sizeof *result);
    job->dry = true;
    for (;;) {
        bri_task *t = NULL;
        BRI_TRY(job->ops->next(job, &t));
        if (t == NULL)
            return BR_OK;
        step(job, t, &h, result);
    }
}
