/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_filter.c - HDF5's shuffle, deflate and fletcher32 filters, without HDF5 and without its
 * lock.
 */
#include <libdeflate.h>
#include <string.h>

#include "array/io/hdf5_internal.h"

typedef unsigned char byte;

/* HDF5's variant: 16-bit words with the high byte first, sums reduced every 360 words. */
static uint32_t fletcher32(const byte *p, size_t n)
{
    uint32_t a = 0, b = 0;
    size_t words = n / 2;
    while (words > 0) {
        size_t block = words < 360 ? words : 360;
        words -= block;
        for (; block > 0; block--, p += 2) {
            a += (uint32_t)(p[0] << 8 | p[1]);
            b += a;
        }
        a = (a & 0xffff) + (a >> 16);
        b = (b & 0xffff) + (b >> 16);
    }
    if (n % 2 != 0) {
        a += (uint32_t)(p[0] << 8);
        b += a;
        a = (a & 0xffff) + (a >> 16);
        b = (b & 0xffff) + (b >> 16);
    }
    a = (a & 0xffff) + (a >> 16);
    b = (b & 0xffff) + (b >> 16);
    return b << 16 | a;
}

/* HDF5 before 1.6.3 stored the bytes of each half swapped on little-endian machines. */
static bool checksum_ok(const byte *p, size_t n)
{
    uint32_t stored = (uint32_t)p[n] | (uint32_t)p[n + 1] << 8 | (uint32_t)p[n + 2] << 16 |
                      (uint32_t)p[n + 3] << 24;
    uint32_t sum = fletcher32(p, n);
    uint32_t swapped = (sum & 0x00ff00ffu) << 8 | (sum >> 8 & 0x00ff00ffu);
    return stored == sum || stored == swapped;
}

/* The chunk on its way through the filters. */
typedef struct decoding {
    const bri_h5_decode *how;
    char *at, *spare;
    size_t n;    /* bytes at `at` */
    size_t base; /* byte of the chunk that is at `at` */
    int last;    /* the last filter that moves bytes, -1 for none */
    bool final;  /* no checksum covers what that filter makes, so parts of it are enough */
} decoding;

static bool applied(const decoding *s, int k)
{
    return (s->how->mask >> k & 1) == 0;
}

static void find_last_move(decoding *s)
{
    const bri_h5_filters *f = s->how->filters;
    s->last = -1;
    s->final = true;
    for (int k = f->n - 1; k >= 0; k--) {
        if (!applied(s, k))
            continue;
        if (f->id[k] == H5Z_FILTER_FLETCHER32) {
            s->final = false;
        } else if (f->id[k] == H5Z_FILTER_DEFLATE || f->element > 1) {
            s->last = k;
            s->final = true;
        }
    }
}

static const char *check(decoding *s)
{
    if (s->n < 4)
        return "it is too short for its checksum";
    s->n -= 4;
    return checksum_ok((const byte *)s->at, s->n) ? NULL : "its checksum (fletcher32) is wrong";
}

static const char *inflate(decoding *s, bool final)
{
    const bri_h5_decode *how = s->how;
    bool direct = final && how->into != NULL && how->first == 0 && how->last == how->bytes;
    char *to = direct ? how->into : s->spare;
    size_t got, room = how->bytes + (direct ? 0 : 4);
    enum libdeflate_result r =
        libdeflate_zlib_decompress(how->inflater, s->at, s->n, to, room, &got);
    if (r == LIBDEFLATE_INSUFFICIENT_SPACE)
        return "it inflates to more than a chunk";
    if (r != LIBDEFLATE_SUCCESS)
        return "its deflate data is damaged";
    s->spare = s->at;
    s->at = to;
    s->n = got;
    return NULL;
}

static const char *restore(decoding *s, bool final)
{
    const bri_h5_decode *how = s->how;
    size_t element = how->filters->element;
    if (element == 1)
        return NULL;
    if (final && s->n != how->bytes)
        return "its decoded size is wrong";
    bri_h5_planes planes = {s->at, s->n / element, element};
    char *to = final && how->into != NULL ? how->into : s->spare;
    if (final) {
        bri_h5_unshuffle(&planes, how->first / element, how->last / element, to);
        s->base = how->first;
    } else { /* a checksum before this filter made the size odd; the rest is not shuffled */
        size_t whole = planes.n * element;
        bri_h5_unshuffle(&planes, 0, planes.n, to);
        memcpy(to + whole, s->at + whole, s->n - whole);
    }
    s->spare = s->at;
    s->at = to;
    return NULL;
}

const char *bri_h5_decode_chunk(const bri_h5_decode *how, char *stored, size_t n, char **out)
{
    decoding s = {.how = how, .at = stored, .spare = how->spare, .n = n};
    find_last_move(&s);
    for (int k = how->filters->n - 1; k >= 0; k--) {
        const char *wrong = NULL;
        bool final = s.final && k == s.last;
        if (!applied(&s, k))
            continue;
        if (how->filters->id[k] == H5Z_FILTER_FLETCHER32)
            wrong = check(&s);
        else if (how->filters->id[k] == H5Z_FILTER_DEFLATE)
            wrong = inflate(&s, final);
        else
            wrong = restore(&s, final);
        if (wrong != NULL)
            return wrong;
    }
    if (s.n != how->bytes)
        return "its decoded size is wrong";
    *out = s.at + (how->first - s.base);
    return NULL;
}

size_t bri_h5_encode_chunk(const bri_h5_filters *filters, size_t bytes, char *const buffers[3],
                           char **out, uint32_t *mask, struct libdeflate_compressor *deflater)
{
    char *at = buffers[0];
    size_t n = bytes;
    *mask = 0;
    for (int k = 0; k < filters->n; k++) {
        if (filters->id[k] == H5Z_FILTER_SHUFFLE && filters->element > 1) {
            bri_h5_planes planes = {buffers[1], n / filters->element, filters->element};
            bri_h5_shuffle(at, &planes);
            at = buffers[1];
        } else if (filters->id[k] == H5Z_FILTER_DEFLATE) {
            size_t less = libdeflate_zlib_compress(deflater, at, n, buffers[2], n - 1);
            if (less == 0) {
                *mask |= 1u << k;
                continue;
            }
            at = buffers[2];
            n = less;
        }
    }
    *out = at;
    return n;
}
