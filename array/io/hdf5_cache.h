/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_cache.h - decoded chunks that more than one task needs.
 *
 * The array's chunks may cut stored ones; then each of these is decoded once and kept for the tasks
 * that come next. Kept bytes are promised from the memory budget, as far as there are any to spare,
 * and given back when a task needs them.
 */
#ifndef BRI_HDF5_CACHE_H
#define BRI_HDF5_CACHE_H

#include "array/io/hdf5_internal.h"

/* Keeps up to `most` bytes. NULL without memory. */
bri_h5_cache *bri_h5_cache_new(bri_memory *memory, size_t most);
/* Lets it keep more. */
void bri_h5_cache_allow(bri_h5_cache *cache, size_t most);
size_t bri_h5_cache_most(bri_h5_cache *cache);
void bri_h5_cache_free(bri_h5_cache *cache);

typedef struct bri_h5_kept bri_h5_kept;

/* The chunk, which stays where it is until it is put back. When it was not there, *decode is set
 * and the caller must fill its `bytes` and call bri_h5_cache_made; another thread that wants it
 * waits meanwhile. NULL when there is no room: decode it for yourself. */
bri_h5_kept *bri_h5_cache_get(bri_h5_cache *cache, const bri_h5_dataset *d, int64_t index,
                              size_t bytes, bool *decode);
char *bri_h5_kept_bytes(bri_h5_kept *kept);
/* ok false: it could not be decoded and is forgotten; the caller has no share in it any more. */
void bri_h5_cache_made(bri_h5_cache *cache, bri_h5_kept *kept, bool ok);
void bri_h5_cache_put(bri_h5_cache *cache, bri_h5_kept *kept);

#endif
