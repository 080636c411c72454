/* SPDX-License-Identifier: BSD-3-Clause
 * file.h - building sources of files.
 */
#ifndef BRI_FILE_H
#define BRI_FILE_H

#include "array/io/hdf5.h"
#include "array/ops/packing.h"

/* What a call says about a dataset of n files. */
typedef struct bri_file_call {
    const char *const *paths;
    int n;
    const char *dataset, *field; /* field: NULL or "" for none */
    const br_extents *chunks;
    int axis;    /* along which several files stand */
    bool parked; /* the file is open only while it is read */
    bool raw, untrusted;
} bri_file_call;

/* How files that are not trusted are looked at. */
bri_h5_probe bri_probe_of(const br_context *ctx);

/* The array of d, which is taken over; unpacked unless args say that it shall not be. */
br_array *bri_build_hdf5(bri_call *call, const bri_file_call *args, bri_h5_dataset *d);

#endif
