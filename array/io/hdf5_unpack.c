/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_unpack.c - one function for each compressor that HDF5 files use.
 *
 * The formats are those of the registered HDF5 filters. blosc is asked to decode in the calling
 * thread; lzf is small enough to be written out here.
 */
#include <blosc.h>
#include <lz4.h>
#include <string.h>
#include <zstd.h>

#include "array/io/hdf5_codec.h"

uint32_t bri_h5_be32(const char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

uint64_t bri_h5_be64(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap64(x);
}

enum { WORD = 8, LITERALS = 32 };

/* Repeats the bytes `back` before out; at `room` bytes from there the buffer ends. Words may be
 * written past the run, where later runs follow. */
static void repeat(char *out, size_t back, size_t run, size_t room)
{
    const char *from = out - back;
    if (back < WORD || room < run + WORD) {
        for (size_t i = 0; i < run; i++) /* a run may overlap what it copies */
            out[i] = from[i];
        return;
    }
    for (size_t i = 0; i < run; i += WORD)
        memcpy(out + i, from + i, WORD);
}

/* LZF as liblzf 3 writes it: a byte below 32 begins a run of literals, others say how far back and
 * how long a copy is. */
static const char *lzf(bri_h5_packed *p)
{
    static const char *const damaged = "its lzf data is damaged";
    const unsigned char *in = (const unsigned char *)p->from, *end = in + p->n;
    char *out = p->to, *limit = p->to + p->room;
    while (in < end) {
        size_t code = *in++, run = code + 1;
        if (code < 32) {
            if (run > (size_t)(end - in) || run > (size_t)(limit - out))
                return damaged;
            if ((size_t)(end - in) >= LITERALS && (size_t)(limit - out) >= LITERALS)
                memcpy(out, in, LITERALS); /* one size is faster than the right one */
            else
                memcpy(out, in, run);
            in += run;
            out += run;
            continue;
        }
        run = code >> 5;
        if (run == 7)
            run += in < end ? *in++ : 0;
        if (in == end)
            return damaged;
        size_t back = ((code & 31) << 8) + *in++ + 1;
        run += 2;
        if (back > (size_t)(out - p->to) || run > (size_t)(limit - out))
            return damaged;
        repeat(out, back, run, (size_t)(limit - out));
        out += run;
    }
    p->made = (size_t)(out - p->to);
    return NULL;
}

/* The size that stands before a block, which must be there whole. */
static bool block_at(const char **in, const char *end, size_t *stored)
{
    if (end - *in < 4)
        return false;
    *stored = bri_h5_be32(*in);
    *in += 4;
    return *stored <= (size_t)(end - *in) && *stored <= INT32_MAX;
}

/* HDF5's lz4 filter: the size (8 bytes) and the block size (4), then blocks with their stored size
 * before each. A block that did not shrink is stored as it was. */
static const char *lz4(bri_h5_packed *p)
{
    static const char *const damaged = "its lz4 data is damaged";
    if (p->n < 12)
        return damaged;
    uint64_t total = bri_h5_be64(p->from), block = bri_h5_be32(p->from + 8);
    const char *in = p->from + 12, *end = p->from + p->n;
    if (total > p->room || (block == 0 && total > 0))
        return damaged;
    for (p->made = 0; p->made < total;) {
        size_t left = total - p->made, want = left < block ? left : block, stored;
        if (!block_at(&in, end, &stored) || want > INT32_MAX)
            return damaged;
        if (stored == want)
            memcpy(p->to + p->made, in, want);
        else if (LZ4_decompress_safe(in, p->to + p->made, (int)stored, (int)want) != (int)want)
            return damaged;
        in += stored;
        p->made += want;
    }
    return NULL;
}

static const char *blosc(bri_h5_packed *p)
{
    size_t bytes, stored, block;
    if (p->n < BLOSC_MIN_HEADER_LENGTH || blosc_cbuffer_validate(p->from, p->n, &bytes) != 0)
        return "its blosc data is damaged";
    blosc_cbuffer_sizes(p->from, &bytes, &stored, &block);
    if (bytes > p->room)
        return "its blosc data is larger than a chunk";
    int made = blosc_decompress_ctx(p->from, p->to, p->room, 1);
    if (made < 0 || (size_t)made != bytes)
        return "its blosc data is damaged";
    p->made = bytes;
    return NULL;
}

static const char *zstd(bri_h5_packed *p)
{
    p->made = ZSTD_decompress(p->to, p->room, p->from, p->n);
    return ZSTD_isError(p->made) ? "its zstd data is damaged" : NULL;
}

static bool unpack_block(const bri_h5_packed *p, const char *in, size_t stored, char *to, size_t n)
{
    if (p->filters->bits.codec == BRI_H5_BITS_ZSTD)
        return ZSTD_decompress(to, n, in, stored) == n;
    return n <= INT32_MAX && LZ4_decompress_safe(in, to, (int)stored, (int)n) == (int)n;
}

/* After the size (8 bytes) and the block size (4) come blocks of whole groups of 8 elements with
 * their stored size before each, and last what is less than 8 elements, as it was. */
const char *bri_h5_unpack_blocks(bri_h5_packed *p)
{
    static const char *const damaged = "its bitshuffle data is damaged";
    if (p->n < 12)
        return damaged;
    size_t eight = 8 * p->filters->bits.element;
    uint64_t total = bri_h5_be64(p->from), block = bri_h5_be32(p->from + 8);
    const char *in = p->from + 12, *end = p->from + p->n;
    if (total > p->room || block == 0 || block % eight != 0)
        return damaged;
    for (p->made = 0; total - p->made >= eight;) {
        size_t left = total - p->made, want = left < block ? left / eight * eight : block, stored;
        if (!block_at(&in, end, &stored) || !unpack_block(p, in, stored, p->to + p->made, want))
            return damaged;
        in += stored;
        p->made += want;
    }
    size_t rest = total - p->made;
    if ((size_t)(end - in) < rest)
        return damaged;
    memcpy(p->to + p->made, in, rest);
    p->made += rest;
    return NULL;
}

#define H5Z_LZF   32000
#define H5Z_BLOSC 32001
#define H5Z_LZ4   32004
#define H5Z_ZSTD  32015

static const bri_h5_codec codecs[] = {
    {H5Z_FILTER_DEFLATE, "deflate", bri_h5_inflate},
    {H5Z_LZF, "lzf", lzf},
    {H5Z_BLOSC, "blosc", blosc},
    {H5Z_LZ4, "lz4", lz4},
    {H5Z_ZSTD, "zstd", zstd},
};

const bri_h5_codec *bri_h5_codec_of(H5Z_filter_t id)
{
    for (size_t k = 0; k < sizeof codecs / sizeof codecs[0]; k++)
        if (codecs[k].id == id)
            return &codecs[k];
    return NULL;
}
