/* SPDX-License-Identifier: BSD-3-Clause
 * dtype.h - properties of the data types beyond the public ones; expands dtypes.def.
 */
#ifndef BRI_DTYPE_H
#define BRI_DTYPE_H

#include <bramble/base.h>

typedef struct bri_dtype_info {
    const char *name;
    size_t size;
    char kind;     /* 'b' 'i' 'u' 'f' 'c' */
    br_dtype wide; /* what sums of it are kept in between tasks */
} bri_dtype_info;

extern const bri_dtype_info bri_dtypes[BR_NDTYPE];

static inline char bri_kind(br_dtype dtype)
{
    return bri_dtypes[dtype].kind;
}
static inline bool bri_dtype_ok(br_dtype dtype)
{
    return dtype > BR_NO_DTYPE && dtype < BR_NDTYPE;
}

/* The dtype of the real part: float32 for complex64, itself for the rest. */
br_dtype bri_real_dtype(br_dtype dtype);

/* Promotion of an array's dtype with a weak C number of kind 'b', 'i', 'f' or 'c'. */
br_dtype bri_promote_weak(br_dtype array, char number);

#endif
