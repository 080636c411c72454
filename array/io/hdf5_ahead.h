/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_ahead.h - stored chunks of a selection on their way into memory before they are read.
 */
#ifndef BRI_HDF5_AHEAD_H
#define BRI_HDF5_AHEAD_H

#include "array/io/hdf5_internal.h"

typedef struct bri_h5_ahead {
    const bri_h5_dataset *dataset;
    const int64_t *first, *last; /* stored chunks of the selection, by axis */
    int64_t at[BR_MAX_NDIM];     /* the next one to be asked for */
    uint64_t bytes;              /* asked for, and not yet read */
    uint64_t run_begin, run_end; /* of the file, to be asked for together */
    bool over;                   /* all have been asked for, or none shall be */
} bri_h5_ahead;

/* For the chunks first..last, which are read in C order; step[] of the selection. */
void bri_h5_ahead_begin(bri_h5_ahead *ahead, const bri_h5_dataset *d, const int64_t *first,
                        const int64_t *last, const int64_t *step);
/* This chunk is read next. */
void bri_h5_ahead_of(bri_h5_ahead *ahead, const int64_t *at);

/* How long a read of n bytes took tells whether reads wait for a disk. */
void bri_h5_ahead_learn(size_t n, int64_t ns);

#endif
