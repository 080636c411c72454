/* SPDX-License-Identifier: BSD-3-Clause
 * job_inside.h - what the files of a job share with each other alone.
 */
#ifndef BRI_JOB_INSIDE_H
#define BRI_JOB_INSIDE_H

#include "runtime/job.h"

/* ---- values (job_values.c) ---- */

br_status bri_values_init(bri_values *values);
/* Frees the values with their bytes and promises. */
void bri_values_fini(bri_job *job);
/* Takes a value that nobody reads any more out of the table and frees its record (emit). */
void bri_value_free(bri_job *job, bri_value *value);
/* Room for its bytes, which are promised, into value->data; NULL with an error. */
void *bri_value_block(bri_job *job, bri_value *value);
/* Gives its bytes back at once; the record stays. */
void bri_value_drop(bri_job *job, bri_value *value);
/* One reader is done. True when it was the last one: the bytes are gone, the record is the
 * caller's to hand to `dead` or to a finished task. */
bool bri_value_done(bri_job *job, bri_value *value);
/* Its data is there: returns the tasks that became ready by it, before those of `ready`. The value
 * may be gone then, unless the caller counts as one of its readers. */
bri_task *bri_value_ready(bri_job *job, bri_value *value, bri_task *ready);

/* Its data is there; is there no more (nobody waits for it: emit). */
bool bri_value_is_ready(const bri_value *value);
void bri_value_unready(bri_value *value);

/* Asks for all that open bundles have (job_bundle.c; emit). */
void bri_bundles_close_all(bri_job *job);

/* ---- waiting for other ranks (job_patience.c; emit) ---- */

/* A task of so many bytes does not fit, and nothing runs here: should it wait all the same? */
bool bri_patience_waits(bri_job *job, size_t bytes);
/* It fits now. */
void bri_patience_over(bri_job *job);

/* ---- tasks (job_emit.c) ---- */

size_t bri_task_output_bytes(const bri_task *task);
/* Bytes that it needs beside its inputs. */
size_t bri_task_bytes(const bri_task *task);
/* Gives its record back (emit). */
void bri_task_free(bri_job *job, bri_task *task);
/* The next task, on the only thread that emits: NULL when there is none that is ready. */
bri_task *bri_job_pull_alone(bri_job *job);
/* Frees what is finished and dead (emit). */
void bri_job_reap(bri_job *job);

#endif
