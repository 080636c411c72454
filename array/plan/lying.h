/* SPDX-License-Identifier: BSD-3-Clause
 * lying.h - where the elements of a source's value are in this rank's memory.
 */
#ifndef BRI_LYING_H
#define BRI_LYING_H

#include "array/plan/stage.h"

/* Runs of `run` bytes, in C order of the axes: 0 axes when the value is one of them. */
typedef struct bri_lying {
    const char *data;
    size_t run;
    int ndim;
    int64_t count[BR_MAX_NDIM + 1], stride[BR_MAX_NDIM + 1]; /* of runs; bytes */
} bri_lying;

/* Of a value that is not empty. False when it is not in memory: a file's, or one on disk. */
bool bri_lies_at(const bri_stage *stage, int64_t number, bri_lying *lies);
/* Copies the value's bytes from `from` on. */
void bri_lying_copy(const bri_lying *lies, size_t from, size_t bytes, char *out);

#endif
