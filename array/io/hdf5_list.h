/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_list.h - the groups, datasets and attributes of a file.
 */
#ifndef BRI_HDF5_LIST_H
#define BRI_HDF5_LIST_H

#include <bramble/file.h>

struct br_file {
    char *path;
    br_item *items;
    size_t n, room;
};

/* Errors as bri_h5_open. */
br_status bri_h5_list(const char *path, br_file **out);
void bri_h5_list_free(br_file *file);

#endif
