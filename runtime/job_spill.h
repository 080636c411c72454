/* SPDX-License-Identifier: BSD-3-Clause
 * job_spill.h - a run whose values may wait in the spill file.
 *
 * Nothing of the plan knows about it: emission makes room for a task by writing values away that
 * are read last of all, and brings its inputs back before it runs. When each value is read next is
 * known beforehand: the serial order has been walked once ("dry"), and what happened to values in
 * it is the trace.
 */
#ifndef BRI_JOB_SPILL_H
#define BRI_JOB_SPILL_H

#include "runtime/job.h"
#include "runtime/spill.h"

/* Smaller values stay. */
enum { BRI_SPILL_LEAST = 4096 };

/* Kinds of tasks that no plan has. */
enum { BRI_TASK_SPILL = -1, BRI_TASK_LOAD = -2 };

/* What happens to values in serial order: one is made, or a task that reads it is emitted. For each
 * of these events the next one of the same value, or BRI_NEVER. */
#define BRI_NEVER INT64_MAX
typedef struct bri_spill_trace {
    int64_t *next;
    size_t n, room;
} bri_spill_trace;
void bri_spill_trace_free(bri_spill_trace *trace);

/* A value that may be spilled. */
typedef struct bri_page bri_page;

/* What spilling does in a run. */
typedef struct bri_spill_counts {
    int64_t written, read; /* bytes */
} bri_spill_counts;

/* ---- before the run ---- */

/* The job's dry run records the trace. */
br_status bri_job_spill_record(bri_job *job, bri_spill_trace *trace);
/* The job spills: in a dry run, as if `limit` bytes were free, or with `file` for real. The trace
 * must outlive the job. */
br_status bri_job_spill_begin(bri_job *job, const bri_spill_trace *trace, size_t limit,
                              bri_spill *file);
/* Of recording: BR_ENOMEM when the trace is not whole. */
br_status bri_job_spill_status(const bri_job *job);
void bri_job_spill_counts(const bri_job *job, bri_spill_counts *counts);
/* All values are gone; frees blocks that are left in the file. */
void bri_job_spill_fini(bri_job *job);

/* ---- for the files of a job; job->spill is set; `emit` is held unless they say otherwise ---- */

br_status bri_spill_value_new(bri_job *job, bri_value *value, int readers);
/* Of a value that has a page: a task that reads it is emitted. */
void bri_spill_value_read(bri_value *value);
/* What a task makes is in the file already (the task itself says so, without the lock): the block
 * stays the caller's. Nothing happens in runs that do not spill. */
void bri_spill_value_has_copy(bri_value *value, const bri_spill_block *block);
/* Its record goes. */
void bri_spill_value_free(bri_job *job, bri_value *value);

/* Bytes of the task's inputs that must be brought back; false while one of them is being written.
 */
bool bri_spill_absent(const bri_task *task, size_t *bytes);
/* Their bytes are promised, `absent` of them: adds the tasks that bring them back to the list
 * *moves. Without memory the job fails, and false is returned. */
bool bri_spill_bring(bri_job *job, const bri_task *task, size_t absent, bri_task **moves);
/* Bytes that are wanted did not fit. Adds the tasks that write values away to *moves. */
typedef enum bri_spill_room {
    BRI_ROOM_MADE,  /* try again */
    BRI_ROOM_COMES, /* with the tasks that write */
    BRI_ROOM_NONE,  /* no value can go now */
} bri_spill_room;
bri_spill_room bri_spill_make_room(bri_job *job, size_t wanted, bri_task **moves);
/* Runs a task of these kinds (any thread, no lock). */
br_status bri_spill_execute(bri_job *job, bri_task *task);

/* In a dry run: makes room for the task, which needs bytes beside the *live ones; counts what comes
 * back or goes in *live. */
void bri_spill_dry_room(bri_job *job, const bri_task *task, size_t bytes, size_t *live);
/* In a dry run: the value is made. */
void bri_spill_dry_made(bri_value *value);
/* Bytes of the task's inputs and outputs that could be spilled at other times. */
size_t bri_spill_dry_held(const bri_task *task);

/* Is it in memory, or not there yet? */
bool bri_spill_is_present(const bri_value *value);

#endif
