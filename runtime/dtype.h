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

/* What `so_far` (BR_NO_DTYPE at first) and the next of several dtypes promote to. To go through
 * them twice, the floating ones first, makes their order not matter: int16 and uint16 alone are
 * int32, which float32 does not hold, but it holds each of them, and NumPy says float32 for all
 * three. */
br_dtype bri_promote_next(br_dtype so_far, br_dtype next, bool floating);

/* Promotion of an array's dtype with a weak C number of kind 'b', 'i', 'f' or 'c'. */
br_dtype bri_promote_weak(br_dtype array, char number);

#endif
