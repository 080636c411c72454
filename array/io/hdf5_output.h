/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_output.h - the writer that hdf5_create.c begins and ends and hdf5_put.c fills.
 */
#ifndef BRI_HDF5_OUTPUT_H
#define BRI_HDF5_OUTPUT_H

#include <stdatomic.h>

#include "array/io/hdf5_internal.h"

struct bri_h5_writer {
    char *path, *name;
    char *temporary;  /* where a new file is until commit; NULL when path exists already */
    bri_h5_spec spec; /* chunk extents at most those of the array */
    size_t element, chunk_bytes;
    bri_h5_filters filters;
    hid_t file, dataset, type;
    bri_h5_use use;
    atomic_bool failed; /* some put failed: commit must not make the file visible */
};

#endif
