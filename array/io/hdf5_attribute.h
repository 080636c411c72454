/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_attribute.h - attributes of HDF5 objects.
 */
#ifndef BRI_HDF5_ATTRIBUTE_H
#define BRI_HDF5_ATTRIBUTE_H

#include "array/io/hdf5_internal.h"

typedef struct bri_h5_attribute {
    char *name;
    int64_t n;
    br_dtype dtype; /* of n numbers in data, */
    void *data;
    char **text;    /* or n texts; */
    char other[64]; /* or what else it is */
} bri_h5_attribute;

/* Errors: BR_EFORMAT, BR_ENOMEM. The lock is held. */
br_status bri_h5_attribute_read(hid_t object, const char *name, bri_h5_attribute *a);
void bri_h5_attribute_free(bri_h5_attribute *a);
/* Number i; its kind is 0 when it is complex or there are texts. */
br_number bri_h5_attribute_number(const bri_h5_attribute *a, int64_t i);

/* Fills in d->packing from the attributes of the dataset. The lock is held. */
br_status bri_h5_read_packing(bri_h5_dataset *d);

#endif
