/* SPDX-License-Identifier: BSD-3-Clause
 * grid.h - how one axis of an array is cut into chunks.
 *
 * An axis has at least one chunk, of extent 0 when the axis is empty, so that a reduction over
 * nothing has a leaf. Regular axes are arithmetic (a first chunk, then equal ones, then the rest);
 * others share a counted list of starts. An axis as long as a mask has true elements is unknown
 * until they are counted: extent BR_UNKNOWN, one chunk, and `first` says whose mask it was.
 */
#ifndef BRI_GRID_H
#define BRI_GRID_H

#include <bramble/array.h>

#include "runtime/error.h"

typedef struct bri_starts bri_starts;

typedef struct bri_axis {
    int64_t extent;
    int64_t nchunks;
    int64_t first, chunk; /* extents of chunk 0 and of the next ones, when starts is NULL */
    bri_starts *starts;
} bri_axis;

/* Bytes an automatic chunk aims at; part of what results depend on, so never changed by
 * settings. */
enum { BRI_AUTO_CHUNK_BYTES = 4 << 20 };

bri_axis bri_axis_regular(int64_t extent, int64_t chunk);
br_status bri_axis_listed(const int64_t *extents, int64_t n, bri_axis *out);
/* Chunks of an axis that is not regular can be listed unless there are too many, which may come
 * from another rank. To be asked before they are walked through or counted one by one. */
br_status bri_check_listed(int64_t nchunks);
bri_axis bri_axis_share(const bri_axis *axis);
void bri_axis_release(bri_axis *axis);
bool bri_axis_equal(const bri_axis *a, const bri_axis *b);

/* Unknown axes with the same source have the same extent. */
bri_axis bri_axis_unknown(const void *source);
static inline bool bri_axis_is_known(const bri_axis *axis)
{
    return axis->extent >= 0;
}
/* Do both have the same extent for certain? */
bool bri_axis_alike(const bri_axis *a, const bri_axis *b);
/* May both have the same extent? */
bool bri_axis_may_fit(const bri_axis *a, const bri_axis *b);

/* Index of the first element of chunk i; of chunk nchunks it is the extent. */
int64_t bri_axis_start(const bri_axis *axis, int64_t i);
static inline int64_t bri_axis_count(const bri_axis *axis, int64_t i)
{
    return bri_axis_start(axis, i + 1) - bri_axis_start(axis, i);
}
/* The chunk that holds element `at`. */
int64_t bri_axis_find(const bri_axis *axis, int64_t at);
int64_t bri_axis_largest(const bri_axis *axis);

/* An axis as words, in parameters of nodes: extent, chunks, first, chunk, and 1 where a list of the
 * chunks' extents follows. */
enum { BRI_AXIS_WORDS = 5 };
size_t bri_axis_words(const bri_axis *axis);
/* Return the place behind the last word. */
int64_t *bri_axis_pack(const bri_axis *axis, int64_t *word);
br_status bri_axis_unpack(const int64_t **word, bri_axis *out);

/* The axis of x[start::step] with `count` elements, cut where x is cut. */
br_status bri_axis_slice(const bri_axis *x, int64_t start, int64_t step, int64_t count,
                         bri_axis *out);
/* The same, and b behind a, where the result is regular and x, or a and b, are: made by arithmetic
 * alone; false when it is not. */
bool bri_axis_slice_regular(const bri_axis *x, int64_t start, int64_t step, int64_t count,
                            bri_axis *out);
bool bri_axis_join_regular(const bri_axis *a, const bri_axis *b, bri_axis *out);
/* Cut wherever a or b is; both have the same extent. Unknown when one of them is. */
br_status bri_axis_unify(const bri_axis *a, const bri_axis *b, bri_axis *out);

/* Automatic chunks: halves the longest axis, by powers of two, until a chunk is at most
 * BRI_AUTO_CHUNK_BYTES; the last axis keeps at least 512 elements. `stored` (or NULL) are
 * extents that chunks should be multiples of, and which stay as they are from 1 MiB on: one that is
 * decoded and used at once stays in the caches, several do not. `rows` keeps later axes whole as
 * long as possible, for files that are read best in long runs. */
void bri_auto_chunks(int ndim, const int64_t *shape, size_t size, const int64_t *stored, bool rows,
                     int64_t *chunk);
/* The same for the listed axes of a chunk of elements of `size` bytes, to at most `most` bytes if
 * that is possible; the extents of the others stay. */
void bri_cut_chunks(int ndim, size_t size, double most, uint32_t axes, int64_t *chunk);
/* The same for all axes, each to a multiple of `unit`, and not below. */
void bri_cut_to_multiples(int ndim, size_t size, double most, const int64_t *unit, int64_t *chunk);

#endif
