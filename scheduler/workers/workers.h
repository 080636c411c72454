/* SPDX-License-Identifier: BSD-3-Clause
 * workers.h - the ranks as a pool of workers: what its files have in common.
 *
 * All of it stands on tasks that run on one rank (br_submit with .on): a value that a worker keeps
 * is only touched by tasks there.
 */
#ifndef BRI_WORKERS_WORKERS_H
#define BRI_WORKERS_WORKERS_H

#include <bramble/context.h>
#include <bramble/workers.h>

#include "runtime/context.h"

/* Chosen workers, in the order of the text that chose them. */
typedef struct bri_choice {
    int n;
    int ranks[];
} bri_choice;

/* BR_EINDEX, BR_ENOMEM; freed by bri_free. */
br_status bri_workers_choose(br_context *ctx, const char *text, bool per_host, bri_choice **out);

/* Puts "push (file.c:12): " before the calling thread's last error; returns the status. */
br_status bri_workers_place(br_status status, br_place at, const char *function);
/* Stores it in the context, unless it is a task's affair. Returns the status. */
br_status bri_workers_fail(br_context *ctx, br_status status);

/* Hands a in once for each chosen worker: futures[k] runs on the kth. */
void bri_workers_submit(const bri_choice *choice, br_submit_args a, br_future *futures[]);
/* The same, waits for all, copies results of `each` bytes to results + k * each unless that is
 * NULL, and frees the futures. The first error in their order, which the context has. */
br_status bri_workers_run(const bri_choice *choice, br_submit_args a, void *results, size_t each);
/* Whether arguments may stay with the caller who waits (.borrowed): inside a task the wait may be
 * refused, and what has begun goes on without it. */
bool bri_workers_may_borrow(void);

#endif
