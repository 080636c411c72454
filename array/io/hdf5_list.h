/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_list.h - the groups, datasets and attributes of a file.
 */
#ifndef BRI_HDF5_LIST_H
#define BRI_HDF5_LIST_H

#include <bramble/file.h>

#include "array/io/hdf5_internal.h"

struct br_file {
    char *path;
    br_item *items;
    size_t n, room;
};

/* Errors as bri_h5_open_probed. */
br_status bri_h5_list(const char *path, const bri_h5_probe *probe, br_file **out);
/* As bri_h5_open_as. */
br_status bri_h5_list_as(const char *path, const bri_h5_identity *expected, br_file **out);
void bri_h5_list_free(br_file *file);

#endif
