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

#include <bramble/store.h>

#include "array/io/hdf5_form.h"
#include "array/io/hdf5_runs.h"
#include "array/io/hdf5_shared.h"
#include "runtime/dtype.h"

typedef struct bri_h5_dataset bri_h5_dataset;
typedef struct bri_h5_output bri_h5_output;
typedef struct bri_h5_writer bri_h5_writer;

typedef struct bri_h5_info {
    br_dtype dtype;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM]; /* the stored chunks' extents; all 0 when contiguous or compact */
    uint64_t device, inode, bytes; /* the file's identity, */
    int64_t mtime_ns;              /* for merging equal sources and for noticing changes */
    int64_t missing;               /* sources of virtual datasets that have no file here, */
    uint64_t absent;               /*  and a hash that tells which */
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
    bool floats;           /* a missing value is a text, so no element: as in xarray they become
                            * floats, and none is NaN */
    br_number least, most; /* of the valid stored numbers, */
    bool range;            /* as one attribute, valid_range */
    br_number scale, offset;
    char text[200];  /* for people: "_FillValue -999, scale_factor 0.01" */
    char wrong[120]; /* why they cannot be used, or "" */
} bri_h5_packing;

/* Opens path:dataset read-only. field names the member of compounds that is wanted; NULL or ""
 * takes elements whole. Errors: BR_ENOTFOUND (lists datasets with near names), BR_EFORMAT,
 * BR_ETYPE, BR_EUNSUPPORTED (a filter that is not installed), BR_EIO, BR_ENOMEM. */
br_status bri_h5_open_field(const char *path, const char *dataset, const char *field,
                            bri_h5_dataset **out);
br_status bri_h5_open(const char *path, const char *dataset, bri_h5_dataset **out);

/* Where a file of so many bytes has HDF5's signature: at 0, or after a user block of 512, 1024,
 * 2048 ... bytes. */
bool bri_h5_find_signature(int fd, uint64_t bytes, uint64_t *where);
/* The error of a file that cannot be opened to be read, by errno. */
br_status bri_h5_cannot_open(const char *path, int why);
/* For such errors: " (looked for from /home/me)" of a relative path, else "". */
enum { BRI_H5_FROM = 400 };
const char *bri_h5_looked_from(const char *path, char text[BRI_H5_FROM]);

/* A file of unknown origin: another process reads all that will be read here, with limits, before
 * this one opens the file (hdf5_probe.c). */
typedef struct bri_h5_probe {
    const char *program; /* its path, or "" */
    double seconds;      /* that it may take */
} bri_h5_probe;

/* With probe NULL the file is trusted. Else further errors: whatever made the other process fail
 * (BR_EFORMAT: it crashed, took too long or too much memory), BR_EUNSUPPORTED (data in other
 * files), BR_EIO (the file was changed meanwhile), BR_ENOTFOUND (no program). */
br_status bri_h5_open_probed(const char *path, const char *dataset, const char *field,
                             const bri_h5_probe *probe, bri_h5_dataset **out);
/* The same dataset of n files, one after the other along an axis (negative: from the last), as one.
 * Their files are open only while they are read. Errors are those of bri_h5_open, BR_EAXIS,
 * BR_ESHAPE and BR_ETYPE where two of them do not fit, by name. */
typedef struct bri_h5_set {
    const char *const *paths;
    int n, axis;
    const char *dataset, *field;
    const bri_h5_probe *probe; /* NULL: they are trusted */
} bri_h5_set;
br_status bri_h5_open_many(const bri_h5_set *set, bri_h5_dataset **out);
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
/* Bytes of decoded chunks that may be kept. */
size_t bri_h5_shared_bytes(const bri_h5_dataset *d);
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

/* Does a selection lie in one stored chunk, and can that be held? */
bool bri_h5_can_hold(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                     const int64_t *count);
/* As bri_h5_read, which is this with NULL: takes the elements from the chunk that is held, if it is
 * theirs, else holds what it decodes. */
br_status bri_h5_read_held(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                           const int64_t *count, char *dst, const int64_t *dst_stride,
                           void *scratch, uint64_t *bytes_read, bri_h5_held *held);

/* The bytes that such a read takes from the file. */
uint64_t bri_h5_bytes(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                      const int64_t *count);

/* ---- writing ---- */

typedef enum bri_h5_mode {
    BRI_H5_ADD,       /* datasets are new */
    BRI_H5_OVERWRITE, /* a dataset that has the name goes */
    BRI_H5_TRUNCATE,  /* a file that has the name goes */
} bri_h5_mode;

/* Other processes that may write into the file, too. */
typedef struct bri_h5_meeting bri_h5_meeting;
struct bri_h5_meeting {
    bool elsewhere;    /* some of them are on other hosts: they find no file without a name */
    bool tracks_space; /* nobody was asked: the file keeps a list of its free space */
    /* Called when the file is there and has a mark behind its end: has them join it by this path.
     * Those that did write at multiples of *align bytes; 0 when nobody did. HDF5's lock is held. */
    br_status (*meet)(bri_h5_meeting *m, const bri_h5_mark *mark, const char *path,
                      uint64_t *align);
};

typedef struct bri_h5_target {
    const char *path;
    bri_h5_mode mode;
    bool safe_copy; /* work on a copy of a file that exists */
    bool resume;    /* of a new file: go on where an earlier store with this fingerprint ended */
    uint64_t fingerprint[2];
    bri_h5_meeting *meeting; /* NULL: nobody else writes */
} bri_h5_target;

/* Opens a file to write datasets into. A new file, and one that replaces another one, has a
 * temporary name or none until commit. A file that exists stays as it is until commit, too, but for
 * bytes behind its end (hdf5_driver.c). Errors: BR_EIO (no directory, no permission, not a regular
 * file, locked, no room for a copy; another writer of this process or a dataset of the slow kind
 * has the file open), BR_EFORMAT, BR_ENOMEM. */
br_status bri_h5_output_open(const bri_h5_target *target, bri_h5_output **out);

typedef struct bri_h5_spec {
    br_dtype dtype;
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int64_t chunk[BR_MAX_NDIM]; /* all 0: contiguous; larger than the shape: as large as it */
    int deflate;                /* 0 none, 1..9 the level */
    bool shuffle;               /* before deflate, as netCDF-4 does it */
    bool fletcher32;            /* a checksum of what is stored */
    uint32_t unlimited;         /* bit a: axis a can grow; chunked datasets only */

    /* What is said of it; only bri_h5_create looks at these. */
    const br_store_attribute *attributes; /* up to one without a name; NULL: none */
    const br_store_attribute *file_attributes;
    const char *const *dims;              /* names of all axes; NULL: none */
    const char *like_path, *like_dataset; /* whose dimensions and attributes it gets; NULL: none */
    bool like_raw;                        /* its elements were read as they are stored */
} bri_h5_spec;

/* Adds a dataset, which the output owns. Groups on its way are made. Errors: BR_EARG (it exists, or
 * cannot have the name; bad chunks or filters), BR_EIO, BR_ENOMEM. */
br_status bri_h5_create(bri_h5_output *o, const char *dataset, const bri_h5_spec *spec,
                        bri_h5_writer **out);

/* A dataset that exists, to be written where it is. Errors: BR_ENOTFOUND, BR_ETYPE, BR_EARG,
 * BR_EIO, BR_ENOMEM. What it has can be looked at. */
br_status bri_h5_open_to_write(bri_h5_output *o, const char *dataset, bri_h5_writer **out);
const bri_h5_spec *bri_h5_spec_of(const bri_h5_writer *w);
bool bri_h5_has_dataset(bri_h5_output *o, const char *dataset);
/* It gets more along an axis. */
br_status bri_h5_grow(bri_h5_writer *w, int axis, int64_t more);

/* Boxes that are put are from now on those of an array that stands at this place, its axes in the
 * dataset's order. */
void bri_h5_place(bri_h5_writer *w, const bri_h5_place_axis *axis);

/* Writes a box of elements, dense C order. Boxes never overlap. Thread-safe: whole stored chunks
 * are filtered outside the lock and placed by H5Dwrite_chunk; anything else by H5Dwrite.
 * *bytes_written (may be NULL) is increased. After a failure all further calls fail, and so does
 * commit. */
br_status bri_h5_put(bri_h5_writer *w, const int64_t *start, const int64_t *count, const void *src,
                     uint64_t *bytes_written);

/* How boxes of the writer are packed, and the same for a box that bri_h5_pack has packed, on
 * whatever rank. */
const bri_h5_form *bri_h5_form_of(const bri_h5_writer *w);
br_status bri_h5_put_packed(bri_h5_writer *w, const int64_t *start, const int64_t *count,
                            const void *packed, uint64_t *bytes_written);

/* ---- other processes write into the file, too (hdf5_entries.c) ---- */

/* Does the dataset have one of the stored chunks that a box touches? */
bool bri_h5_has_chunks(bri_h5_writer *w, const int64_t *start, const int64_t *count);
/* The mark's id of an output that some others have joined, and this process with them; else 0. */
uint64_t bri_h5_shared_id(const bri_h5_output *o);
/* Space in the output with this id, for one of those. Any thread. */
br_status bri_h5_claim(uint64_t id, uint64_t bytes, uint64_t *address);
/* Enters the chunks of a box that bri_h5_write_runs has written, on whatever rank. */
br_status bri_h5_enter(bri_h5_writer *w, const int64_t *start, const int64_t *count,
                       const bri_h5_record *records, uint64_t *bytes_written);

/* An earlier store with this fingerprint made the file, and was ended by force just after that. */
bool bri_h5_was_completed(const char *path, const uint64_t fingerprint[2]);

/* What is put are the chunks of an array, `nchunks` of them; those that an earlier store put are in
 * the bitmap of bri_h5_done, NULL when nothing is tracked. Each of them must be whole stored
 * chunks. To be called of each writer, in the order in which they were made, then of the output. */
br_status bri_h5_track(bri_h5_writer *w, int64_t nchunks);
br_status bri_h5_start_tracking(bri_h5_output *o);
const unsigned char *bri_h5_done(const bri_h5_writer *w, size_t *bytes);
/* A chunk has been put. Now and then that is written down. */
br_status bri_h5_note_done(bri_h5_writer *w, int64_t chunk);

/* Ends the output and frees it whatever happens: commit makes the file complete and visible, abort
 * (also of NULL) and a commit that fails leave nothing behind: no new file, and a file that existed
 * has its old bytes; but what an output that can be resumed has stored is kept. */
br_status bri_h5_commit(bri_h5_output *o);
void bri_h5_abort(bri_h5_output *o);

#endif
