/* SPDX-License-Identifier: BSD-3-Clause
 * reading.h - values of workers are brought to rank 0.
 *
 * A reading is opened on all chosen workers at once; short values come with the answer, of long
 * ones the worker holds what it has then, and pieces of it are read one after the other.
 */
#ifndef BRI_WORKERS_READING_H
#define BRI_WORKERS_READING_H

#include "scheduler/workers/workers.h"

typedef struct bri_reading {
    br_context *ctx;
    br_place at;
    const char *function, *workers, *name;
    /* The rest is there once it is open. */
    bri_choice *choice;
    uint64_t number;
    size_t *sizes; /* of the value of each */
    br_future **opened;
} bri_reading;

/* The fields above are set. An error is stored in the context; there is nothing to close then. */
br_status bri_reading_open(bri_reading *reading);
/* All values have so many bytes; else BR_ESHAPE, which names value, rank and host. */
br_status bri_reading_check(const bri_reading *reading, size_t each);
/* Copies the value of the kth; errors as above. */
br_status bri_reading_copy(bri_reading *reading, int k, void *to);
void bri_reading_close(bri_reading *reading);

/* An error of the call that reads, stored in the context. */
br_status bri_reading_refuse(const bri_reading *reading, br_status status);

#endif
