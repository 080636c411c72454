/* SPDX-License-Identifier: BSD-3-Clause
 * base.h - what every other public header stands on: export mark, statuses, dtypes, places.
 */
#ifndef BRAMBLE_BASE_H
#define BRAMBLE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <bramble/version.h>

#if defined(__GNUC__)
#define BR_API                 __attribute__((visibility("default")))
#define BR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define BR_API
#define BR_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The most axes an array can have; HDF5 has the same limit. */
#define BR_MAX_NDIM 32

typedef struct br_context br_context;
typedef struct br_scope br_scope;
typedef struct br_array br_array;

/* Statuses: one row each makes the enumerator BR_<name> and the text of br_status_text(). 0 is
 * success. */
#define BR_STATUS_TABLE(X)                                                                         \
    X(OK, "success")                                                                               \
    X(EARG, "a bad argument")                                                                      \
    X(ESHAPE, "shapes do not fit")                                                                 \
    X(EAXIS, "no such axis")                                                                       \
    X(EINDEX, "bad index")                                                                         \
    X(ETYPE, "data type not supported here")                                                       \
    X(ECONFIG, "bad setting in the environment")                                                   \
    X(ENOMEM, "out of memory")                                                                     \
    X(EMEMLIMIT, "does not fit in BRAMBLE_MEMORY_LIMIT")                                           \
    X(EIO, "input or output failed")                                                               \
    X(ENOTFOUND, "no such file or dataset")                                                        \
    X(EFORMAT, "file content not understood")                                                      \
    X(EUSER, "a function of the user's reported an error")                                         \
    X(ECANCELLED, "cancelled")                                                                     \
    X(EPEER, "another rank failed")                                                                \
    X(EMPI, "MPI failed")                                                                          \
    X(EUNSUPPORTED, "not supported")                                                               \
    X(EINTERNAL, "internal error of bramble, please report it")

typedef enum br_status {
#define BR_STATUS_ENUM_(name, text) BR_##name,
    BR_STATUS_TABLE(BR_STATUS_ENUM_)
#undef BR_STATUS_ENUM_
        BR_NSTATUS
} br_status;

/* Data types; 0 always means "not given". The order is the order of dtypes.def in the library. */
typedef enum br_dtype {
    BR_NO_DTYPE,
    BR_BOOL,
    BR_INT8,
    BR_INT16,
    BR_INT32,
    BR_INT64,
    BR_UINT8,
    BR_UINT16,
    BR_UINT32,
    BR_UINT64,
    BR_FLOAT32,
    BR_FLOAT64,
    BR_COMPLEX64,
    BR_COMPLEX128,
    BR_NDTYPE
} br_dtype;

/* Where a call stands in the user's source; operations record it for their messages. */
typedef struct br_place {
    const char *file;
    int line;
} br_place;

#ifndef __cplusplus
#define BR_HERE ((br_place){__FILE__, __LINE__})
#endif

/* br_version - the version of the library that is linked, as BR_VERSION is that of the headers. */
BR_API int br_version(void);

/* br_status_text - a short static text for a status, "unknown status" for anything else. */
BR_API const char *br_status_text(br_status status);

/* br_dtype_name - the Array API name of a dtype ("float64"), static; "none" for BR_NO_DTYPE. */
BR_API const char *br_dtype_name(br_dtype dtype);

/* br_dtype_size - bytes of one element, 0 for BR_NO_DTYPE. */
BR_API size_t br_dtype_size(br_dtype dtype);

/* br_result_type - the dtype two arrays promote to (Array API table, NumPy where it is silent). */
BR_API br_dtype br_result_type(br_dtype a, br_dtype b);

#ifdef __cplusplus
}
#endif
#endif
