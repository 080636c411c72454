/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_codec.h - the compressors that stored chunks come from, decoded without HDF5 and without its
 * lock.
 *
 * Nothing that a chunk says is believed: a decoder reads the n bytes it has and writes at most the
 * room it has, whatever they hold.
 */
#ifndef BRI_HDF5_CODEC_H
#define BRI_HDF5_CODEC_H

#include "array/io/hdf5_internal.h"

typedef struct bri_h5_packed {
    const char *from;
    size_t n;
    char *to;
    size_t room, made; /* bytes there are at `to`, and bytes put there */
    const bri_h5_filters *filters;
} bri_h5_packed;

/* NULL, or what is wrong with the stored bytes. */
typedef const char *bri_h5_unpack(bri_h5_packed *p);

typedef struct bri_h5_codec {
    H5Z_filter_t id;
    const char *name;
    bri_h5_unpack *unpack;
} bri_h5_codec;

/* The compressor with this number, or NULL. Bitshuffle is not among them. */
const bri_h5_codec *bri_h5_codec_of(H5Z_filter_t id);

/* Blocks of elements with a size before each, as bitshuffle stores them; LZ4 or zstd. */
const char *bri_h5_unpack_blocks(bri_h5_packed *p);

/* zlib's format, with a decompressor that the thread keeps; bri_h5_can_inflate makes that: false
 * without memory. */
bool bri_h5_can_inflate(void);
const char *bri_h5_inflate(bri_h5_packed *p);

/* Big-endian numbers at any address. */
uint32_t bri_h5_be32(const char *p);
uint64_t bri_h5_be64(const char *p);

#endif
