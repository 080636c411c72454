/* SPDX-License-Identifier: BSD-3-Clause
 * file.h - what is in an HDF5 or netCDF-4 file: groups, datasets, dimensions, attributes.
 */
#ifndef BRAMBLE_FILE_H
#define BRAMBLE_FILE_H

#include <stdio.h>

#include <bramble/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct br_file br_file;

/* One attribute: n numbers of dtype in data, or n texts, or something else. */
typedef struct br_attribute {
    const char *name;
    int64_t n;
    br_dtype dtype;          /* 0 when there are no numbers */
    const void *data;        /* numbers in C order, or NULL */
    const char *const *text; /* texts, or NULL */
    const char *other;       /* what it is when it is neither: "references"; else "" */
} br_attribute;

/* One group or dataset. */
typedef struct br_item {
    const char *path; /* "ocean/temperature"; "" for the root group, which comes first */
    bool is_group;
    br_dtype dtype;   /* that br_from_hdf5 with .raw gives; 0 when there is none */
    const char *type; /* "int16", or what else it holds: "variable-length strings" */
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM];   /* stored chunks; all 0 when there are none */
    uint32_t unlimited;           /* bit a: axis a can grow */
    const char *dim[BR_MAX_NDIM]; /* names of the axes, "" where the file has none */
    const char *filters;          /* "shuffle, deflate", "" for none */
    int nattributes;
    const br_attribute *attributes; /* sorted by name */
} br_item;

/* br_open_file - reads all that a file says about itself, but no elements of datasets, and closes
 * it again. *out is the caller's until br_close_file. Attributes by which netCDF and HDF5 store
 * dimensions are left out; the names they give stand in br_item.dim.
 *
 * .untrusted  true has another process read the file first, with limits (br_from_hdf5)
 * Cost    some 50 µs a dataset, under the lock of the HDF5 library; with .untrusted twice that, and
 *         20 ms
 * Errors  BR_ENOTFOUND, BR_EFORMAT (another format: a netCDF-3 file with what converts it), BR_EIO
 *         (locked by a program that writes to it), BR_ENOMEM; *out is NULL then
 */
typedef struct br_open_file_args {
    br_place at;
    br_context *ctx;
    const char *path;
    br_file **out;
    bool untrusted;
} br_open_file_args;
BR_API br_status br_open_file_(br_open_file_args args);
#ifndef __cplusplus
#define br_open_file(...)                                                                          \
    br_open_file_((br_open_file_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif
/* br_close_file - frees it and all that it points to. NULL is fine. */
BR_API void br_close_file(br_file *file);

/* Items are sorted by name, each group before what is in it. */
BR_API int br_file_count(const br_file *file);
/* NULL for an index out of range. */
BR_API const br_item *br_file_item(const br_file *file, int i);
/* The group or dataset called so, with or without a slash before it, or NULL. */
BR_API const br_item *br_file_find(const br_file *file, const char *path);
/* The attribute called so, or NULL. */
BR_API const br_attribute *br_item_attribute(const br_item *item, const char *name);
/* Value i of an attribute's numbers as a double; NaN when there is no such number. */
BR_API double br_attribute_f64(const br_attribute *attribute, int64_t i);

/* br_print_file - a line for each group, dataset and attribute, as `ncdump -h` shows them. */
BR_API void br_print_file(const br_file *file, FILE *to);

#ifdef __cplusplus
}
#endif

#endif
