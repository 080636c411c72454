/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5.h - datasets of HDF5 files, read and written by many tasks at a time.
 *
 * Opening takes the one process-wide HDF5 lock and reads all metadata and the chunk index;
 * afterwards a dataset is immutable and bri_h5_read() makes no HDF5 call unless the dataset is of
 * the slow kind, which is read by H5Dread under the lock. This layer knows nothing of arrays, plans
 * or contexts.
 */
#ifndef BRI_HDF5_H
#define BRI_HDF5_H

#include <bramble/array.h>

#include "runtime/dtype.h"

typedef struct bri_h5_dataset bri_h5_dataset;
typedef struct bri_h5_writer bri_h5_writer;

typedef struct bri_h5_info {
    br_dtype dtype;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM]; /* the stored chunks' extents; all 0 when contiguous or compact */
    uint64_t device, inode, bytes; /* the file's identity, */
    int64_t mtime_ns;              /* for merging equal sources and for noticing changes */
    const char *path_kind;         /* "pread", "pread + decode (shuffle, deflate)" or
                                    * "H5Dread (reason)"; lives as long as the dataset */
    bool contiguous;               /* rows are best read in long runs along the leading axes */
} bri_h5_info;

enum { BRI_H5_MISSING = 16 };

/* What a dataset's attributes say about its elements. Numbers of kind 0 are not given. */
typedef struct bri_h5_packing {
    bool any;            /* there is something to undo */
    bool flip;           /* _Unsigned: integers are of the other signedness */
    bool truth;          /* xarray's bool, stored as int8 */
    int nmissing, nfill; /* the first ones are of _FillValue */
    br_number missing[BRI_H5_MISSING + 1];
    br_number least, most; /* of the valid stored numbers, */
    bool range;            /* as one attribute, valid_range */
    br_number scale, offset;
    char text[200];  /* for people: "_FillValue -999, scale_factor 0.01" */
    char wrong[120]; /* why they cannot be used, or "" */
} bri_h5_packing;

/* Opens path:dataset read-only. field names the member of compounds that is wanted; NULL or "" takes
 * elements whole. Errors: BR_ENOTFOUND (lists datasets with near names), BR_EFORMAT,
 * BR_ETYPE, BR_EUNSUPPORTED (a filter that is not installed), BR_EIO, BR_ENOMEM. */
br_status bri_h5_open_field(const char *path, const char *dataset, const char *field,
                            bri_h5_dataset **out);
br_status bri_h5_open(const char *path, const char *dataset, bri_h5_dataset **out);
/* The same dataset of n files, one after the other along an axis (negative: from the last), as one.
 * Their files are open only while they are read. Errors are those of bri_h5_open, BR_EAXIS,
 * BR_ESHAPE and BR_ETYPE where two of them do not fit, by name. */
br_status bri_h5_open_many(const char *const *paths, int n, const char *dataset, const char *field,
                           int axis, bri_h5_dataset **out);
/* What it was made of; a dataset of one file has one part, itself. */
int bri_h5_parts(const bri_h5_dataset *d);
const bri_h5_dataset *bri_h5_part(const bri_h5_dataset *d, int i);
int bri_h5_many_axis(const bri_h5_dataset *d);
/* Takes a part out of d, which can only be closed then. */
bri_h5_dataset *bri_h5_take_part(bri_h5_dataset *d, int i);
/* From here on the file of d is open only while it is read. */
br_status bri_h5_park(bri_h5_dataset *d);
/* True when one of its files is this one. */
bool bri_h5_is_in(const bri_h5_dataset *d, uint64_t device, uint64_t inode);

const bri_h5_info *bri_h5_about(const bri_h5_dataset *d);
const bri_h5_packing *bri_h5_packing_of(const bri_h5_dataset *d);
void bri_h5_close(bri_h5_dataset *d);

typedef struct bri_memory bri_memory;

/* The boxes that tasks read, by axis of the dataset. */
typedef struct bri_h5_boxes {
    int64_t extent[BR_MAX_NDIM]; /* of the largest, */
    int64_t whole[BR_MAX_NDIM];  /* and of all together */
    bool cut[BR_MAX_NDIM];       /* some of them end inside a stored chunk */
    int n, order[BR_MAX_NDIM];   /* axes: tasks go along the last one first */
} bri_h5_boxes;

/* True when a stored chunk lies across this index of an axis. */
bool bri_h5_cuts(const bri_h5_dataset *d, int axis, int64_t index);
/* Where tasks cut stored chunks that must be decoded, those are kept for the next tasks, within a
 * quarter of `limit` bytes of memory. */
void bri_h5_share_chunks(bri_h5_dataset *d, const bri_h5_boxes *boxes, bri_memory *memory,
                         size_t limit);
bool bri_h5_shares_chunks(const bri_h5_dataset *d);

/* BR_OK when the file is as it was when the dataset was opened, but for datasets that this process
 * added to it. */
br_status bri_h5_unchanged(const bri_h5_dataset *d);

/* Bytes of 64-byte aligned scratch a read of this dataset needs (room for stored and decoded
 * chunks). */
size_t bri_h5_scratch(const bri_h5_dataset *d);

/* Reads elements start[a] + k * step[a], k < count[a] (step may be negative, never 0; all indices
 * in range) into dst with byte strides dst_stride[a], in native byte order. *bytes_read (may be
 * NULL) is increased by the bytes taken from the file. Only stored chunks that hold wanted elements
 * are read. Thread-safe. Errors name file, dataset and chunk. */
br_status bri_h5_read(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                      const int64_t *count, char *dst, const int64_t *dst_stride, void *scratch,
                      uint64_t *bytes_read);

/* The bytes that such a read takes from the file. */
uint64_t bri_h5_bytes(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                      const int64_t *count);

typedef struct bri_h5_spec {
    br_dtype dtype;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM]; /* all 0: contiguous; larger than the shape: as large as it */
    int deflate;                /* 0 none, 1..9 the level, stored as netCDF-4 does: shuffle first */
    bool shuffle;
} bri_h5_spec;

/* Starts a new dataset: in a new file (written under a temporary name beside it, renamed by
 * commit), or added to an existing one. It fails when the dataset exists, and while another writer
 * of this process, or a dataset of the slow kind, has the same file open. */
br_status bri_h5_create(const char *path, const char *dataset, const bri_h5_spec *spec,
                        bri_h5_writer **out);

/* Writes a box of elements, dense C order. Boxes never overlap. Thread-safe: whole stored chunks
 * are filtered outside the lock and placed by H5Dwrite_chunk; anything else by H5Dwrite.
 * *bytes_written (may be NULL) is increased. After a failure all further calls fail, and so does
 * commit. */
br_status bri_h5_put(bri_h5_writer *w, const int64_t *start, const int64_t *count, const void *src,
                     uint64_t *bytes_written);

/* Ends the writer and frees it whatever happens: commit makes the file complete and visible, abort
 * (also of NULL) and a commit that fails leave nothing behind: no new file, and a file that existed
 * has its old bytes. */
br_status bri_h5_commit(bri_h5_writer *w);
void bri_h5_abort(bri_h5_writer *w);

#endif
