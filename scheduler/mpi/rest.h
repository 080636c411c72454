/* SPDX-License-Identifier: BSD-3-Clause
 * rest.h - what the communication thread does when it has found nothing: gives its core away for a
 * moment, or sleeps, and how long.
 *
 * Arithmetic alone, on times that others measure.
 */
#ifndef BRI_MPI_REST_H
#define BRI_MPI_REST_H

#include <stdbool.h>

/* What there is to be waited for. */
typedef struct bri_rest_sight {
    bool moving;   /* messages are under way, which may need MPI's own, and those don't ring */
    bool out;      /* other ranks have errands of this one */
    bool jobs;     /* some are under way */
    bool computes; /* a thread of this rank is at tasks */
    bool rings;    /* whoever sends a message rings (bell.h) */
} bri_rest_sight;

/* What became of giving the core away; zeroed at first. */
typedef struct bri_rest {
    double until, pause; /* it is kept until then, which was so long */
} bri_rest;

/* quiet: seconds since something happened. True: sched_yield, then bri_rest_note; false: sleep. */
bool bri_rest_yields(const bri_rest *r, const bri_rest_sight *s, double quiet, double now);
void bri_rest_note(bri_rest *r, double given, double back);
/* Seconds to sleep, unless the bell rings. */
double bri_rest_length(const bri_rest_sight *s, double quiet);

#endif
