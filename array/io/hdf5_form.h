/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_form.h - how boxes of elements become stored chunks: geometry and filters, without HDF5.
 *
 * The form of a dataset travels to other ranks as it stands; there boxes are packed, that is cut
 * into parts, one for each stored chunk they touch, and the parts that are whole chunks filtered.
 */
#ifndef BRI_HDF5_FORM_H
#define BRI_HDF5_FORM_H

#include "runtime/dtype.h"

enum { BRI_H5_FORM_FILTERS = 8 };

/* Where an axis of the dataset is written: at start + k * step, k along an axis of what is put
 * (step > 0), or at start alone (axis < 0). */
typedef struct bri_h5_place_axis {
    int axis;
    int64_t start, step;
} bri_h5_place_axis;

typedef struct bri_h5_form {
    int ndim;
    int64_t shape[BR_MAX_NDIM], chunk[BR_MAX_NDIM];
    size_t element, chunk_bytes;
    bool direct;   /* whole chunks are made as they are stored */
    bool laid_out; /* there are no chunks, and all elements have their places from `address` on */
    uint64_t address;
    char fill[16]; /* one element: what stands beyond the end of the dataset */
    int nfilters, level;
    int filter[BRI_H5_FORM_FILTERS];
    int swap;    /* bri_h5_fix of elements that are laid out: from our byte order to the file's */
    bool placed; /* what is put is a part of the dataset: */
    bri_h5_place_axis place[BR_MAX_NDIM];
} bri_h5_form;

/* A box as it lies in the dataset, and its elements. */
typedef struct bri_h5_boxed {
    const bri_h5_form *form;
    int64_t start[BR_MAX_NDIM], count[BR_MAX_NDIM], step[BR_MAX_NDIM];
    int64_t strides[BR_MAX_NDIM]; /* bytes, of the elements */
    int64_t nelem;
    bool stepping;
    const char *from;
} bri_h5_boxed;

/* The part of a box that lies in one stored chunk. */
typedef struct bri_h5_piece {
    int64_t at[BR_MAX_NDIM];     /* of the chunk, in chunks */
    int64_t origin[BR_MAX_NDIM]; /* of the chunk in the dataset */
    int64_t first[BR_MAX_NDIM];  /* within the dataset */
    int64_t count[BR_MAX_NDIM];
    bool whole;  /* it is all of the chunk that lies inside the dataset */
    bool padded; /* the chunk overhangs the dataset */
} bri_h5_piece;

/* The dataset's box of a box of what is put. */
void bri_h5_box_at(const bri_h5_form *form, const int64_t *start, const int64_t *count,
                   const void *from, bri_h5_boxed *box);
/* Whether boxes are cut into parts; else they are written as they are. */
bool bri_h5_has_parts(const bri_h5_boxed *box);
void bri_h5_first_part(const bri_h5_boxed *box, bri_h5_piece *part);
bool bri_h5_next_part(const bri_h5_boxed *box, bri_h5_piece *part);

/* What filtering a chunk takes: memory, made when it is first needed. */
typedef struct bri_h5_filtering {
    char *memory;
    struct libdeflate_compressor *deflater;
} bri_h5_filtering;

void bri_h5_filtering_end(bri_h5_filtering *f);
/* Its bytes for a box of what is put: none where the box holds no chunk whole. */
size_t bri_h5_filtering_bytes(const bri_h5_form *form, const int64_t *start, const int64_t *count);
/* A whole chunk as it is stored, n bytes; mask says which filters were left out. */
br_status bri_h5_filter_part(const bri_h5_boxed *box, const bri_h5_piece *part, bri_h5_filtering *f,
                             const char **data, size_t *n, uint32_t *mask);

/* ---- packed boxes ---- */

/* One part in a packed box; its bytes follow, then room up to a multiple of 16. */
typedef struct bri_h5_packed_part {
    uint64_t bytes;
    uint32_t mask;
    uint32_t whole; /* else the elements of the part as they are */
} bri_h5_packed_part;

/* Is packing worth it: are chunks compressed? */
bool bri_h5_packs(const bri_h5_form *form);
/* The most bytes a packed box has. */
size_t bri_h5_packed_bound(const bri_h5_form *form, const int64_t *start, const int64_t *count);
/* Packs a box; *n becomes the bytes of it. Memory for three stored chunks is taken meanwhile. */
br_status bri_h5_pack(const bri_h5_form *form, const int64_t *start, const int64_t *count,
                      const void *from, void *to, size_t *n);

/* A stored chunk whose filters are undone but for its shuffle. A task that goes through a chunk
 * some rows at a time so decodes it once, and what it puts together stays in the cache. It lies in
 * the scratch of the read that made it. */
typedef struct bri_h5_held {
    const struct bri_h5_dataset *dataset; /* NULL: nothing is held */
    int64_t chunk;
    const void *scratch; /* of the read that made it: elsewhere others may have written over it */
    char *planes, *spare;
} bri_h5_held;

#endif
