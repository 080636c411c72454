/* SPDX-License-Identifier: BSD-3-Clause
 * npy.h - NumPy's files of one array,
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * A header, then the elements in one piece: to read they are a contiguous dataset as any other.
 */
#ifndef BRI_NPY_H
#define BRI_NPY_H

#include "array/io/hdf5.h"

typedef struct bri_npy_writer bri_npy_writer;

/* What the text of a header tells. */
typedef struct bri_npy_header {
    br_dtype dtype;
    bool swapped; /* elements have the other byte order */
    bool fortran;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
} bri_npy_header;

/* Reads the n bytes after a header's length: a Python dictionary. They need no closing zero; path
 * is for messages. Errors: BR_EFORMAT, BR_ETYPE (no dtype stands for it), BR_EUNSUPPORTED (too many
 * axes). */
br_status bri_npy_parse(const char *path, const char *text, size_t n, bri_npy_header *header);

/* Opens a file for bri_h5_read. Of an array in Fortran order the dataset has the axes the other way
 * round, in C order, and *fortran is set. Errors: those of bri_npy_parse, BR_ENOTFOUND, BR_EIO,
 * BR_ENOMEM. */
br_status bri_npy_open(const char *path, bri_h5_dataset **out, bool *fortran);

/* A file of elements alone, from `offset` on, in C order; one extent of the header may be -1, as
 * many as there are. Errors: BR_EARG (the shape), BR_EFORMAT (too few or a fraction of elements),
 * BR_ENOTFOUND, BR_EIO, BR_ENOMEM. */
br_status bri_raw_open(const char *path, const bri_npy_header *header, uint64_t offset,
                       bri_h5_dataset **out);
/* The bri_h5_fix that turns elements from one byte order to the other, if they are swapped. */
int bri_npy_swap(br_dtype dtype, bool swapped);

/* Starts a new file under a temporary name beside path. */
br_status bri_npy_create(const char *path, br_dtype dtype, int ndim, const int64_t *shape,
                         bri_npy_writer **out);
/* The same without a header. */
br_status bri_raw_create(const char *path, br_dtype dtype, int ndim, const int64_t *shape,
                         bool swapped, bri_npy_writer **out);
/* Lets other processes write elements, too, to where the form says (bri_h5_write_ends). Errors:
 * those of bri_h5_meet. */
br_status bri_npy_share(bri_npy_writer *w, bri_h5_meeting *meeting);
/* The mark's id when some have joined, and this process with them; else 0. */
uint64_t bri_npy_shared_id(const bri_npy_writer *w);
const bri_h5_form *bri_npy_form_of(const bri_npy_writer *w);
/* As bri_h5_put. */
br_status bri_npy_put(bri_npy_writer *w, const int64_t *start, const int64_t *count,
                      const void *src, uint64_t *bytes_written);
/* Ends the writer: commit gives the complete file its name, in place of one that had it; abort
 * (also of NULL) and a commit that fails leave what was there. */
br_status bri_npy_commit(bri_npy_writer *w);
void bri_npy_abort(bri_npy_writer *w);

#endif
