/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_runs.h - stored chunks that any process writes into a file it has joined (hdf5_shared.h), in
 * runs, each of which takes space of its own.
 */
#ifndef BRI_HDF5_RUNS_H
#define BRI_HDF5_RUNS_H

#include "array/io/hdf5_form.h"

/* Where a stored chunk was written. Travels as it stands. */
typedef struct bri_h5_record {
    uint64_t address;
    uint32_t bytes, mask;
} bri_h5_record;

/* How a process writes. */
typedef struct bri_h5_runs {
    uint64_t file; /* its mark's id */
    /* Gives space in the file. */
    br_status (*claim)(const struct bri_h5_runs *runs, uint64_t bytes, uint64_t *address);
    const void *data; /* the claim's own */
    bool sync;        /* what is written is on the disk before it counts */
    char *memory;     /* bri_h5_run_room bytes */
} bri_h5_runs;

/* Stored chunks that a box lies in. */
int64_t bri_h5_count_parts(const bri_h5_form *form, const int64_t *start, const int64_t *count);
/* Bytes in which the chunks of a box are put together. */
size_t bri_h5_run_room(const bri_h5_form *form, const int64_t *start, const int64_t *count);
/* Filters the chunks of a box, which must be whole, writes them, and notes where each one is.
 * Memory for three stored chunks is taken meanwhile. */
br_status bri_h5_write_runs(const bri_h5_form *form, const bri_h5_runs *runs, const int64_t *start,
                            const int64_t *count, const void *from, bri_h5_record *records);

/* Bytes that lie together of a box of a dataset that is laid out. */
size_t bri_h5_row_bytes(const bri_h5_form *form, const int64_t *count);
/* Where several hosts write, pages of which a part is another row's, or a chunk's of another host,
 * are written by one process: each one writes the whole pages of its rows, and hands the ends of
 * them on. With page 0 rows are handed on whole. */

/* The most bytes that the ends of a box have. */
size_t bri_h5_ends_bound(const bri_h5_form *form, size_t page, const int64_t *count);
/* Writes the pages; the ends come to lie one after the other, *used bytes in all. */
br_status bri_h5_write_pages(const bri_h5_form *form, uint64_t file, size_t page,
                             const int64_t *start, const int64_t *count, const void *from,
                             char *ends, size_t *used);
/* Writes the ends, with page 0 all of the box. *bytes_written is increased by what the box has. */
br_status bri_h5_write_ends(const bri_h5_form *form, uint64_t file, size_t page,
                            const int64_t *start, const int64_t *count, const char *ends,
                            uint64_t *bytes_written);

#endif
