/* SPDX-License-Identifier: BSD-3-Clause
 * inside.h - what the calling thread is in the middle of: tasks of jobs and errands
 * (scheduler/futures), one above the other, since who waits inside one may run others.
 */
#ifndef BRI_INSIDE_H
#define BRI_INSIDE_H

#include "runtime/job.h"

struct bri_errand;

typedef struct bri_inside {
    struct bri_inside *below;
    br_context *ctx;
    bri_job *job; /* NULL: an errand */
    const bri_task *task;
    struct bri_errand *errand;
    bool computed; /* its function wanted to compute arrays, and may not */
    char *why;     /* a wait was refused in it: the text, or NULL */
} bri_inside;

/* The innermost one, NULL outside of tasks. It lies on the thread's stack. */
extern _Thread_local bri_inside *bri_inside_here;

static inline void bri_inside_begin(bri_inside *frame)
{
    frame->below = bri_inside_here;
    bri_inside_here = frame;
}

static inline void bri_inside_end(void)
{
    bri_inside_here = bri_inside_here->below;
}

/* A wait of the innermost task cannot end. Whatever its function makes of it the task fails, with
 * the first such text. Returns BR_EARG. */
br_status bri_inside_refuse(const char *text);

#endif
