/* SPDX-License-Identifier: BSD-3-Clause
 * values.h - values under names, as tasks see them.
 */
#ifndef BRI_WORKERS_VALUES_H
#define BRI_WORKERS_VALUES_H

#include "scheduler/futures/store.h"
#include "scheduler/workers/shelf.h"

/* Its function has returned: what it read may go. */
void bri_task_let_go(br_task *task);

/* BR_EARG for NULL, none and too long ones. */
br_status bri_name_check(const char *name);

/* The task fails with the calling thread's last error; returns -1. */
int bri_task_failed(br_task *task, br_status status);
/* " on rank 0 (host)", or nothing where the message of the future names the rank by itself. */
const char *bri_task_where(const br_task *task, char text[96]);

/* The worker's value with a reference; NULL when there is none, which fails the task. */
bri_kept *bri_task_find(br_task *task, const char *name);

#endif
