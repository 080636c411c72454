/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_filter.c - checksums of chunks, and the filters of chunks that are written; without HDF5 and
 * without its lock.
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
bool bri_h5_checksum_ok(const char *bytes, size_t n)
{
    const byte *p = (const byte *)bytes;
    uint32_t stored = (uint32_t)p[n] | (uint32_t)p[n + 1] << 8 | (uint32_t)p[n + 2] << 16 |
                      (uint32_t)p[n + 3] << 24;
    uint32_t sum = fletcher32(p, n);
    uint32_t swapped = (sum & 0x00ff00ffu) << 8 | (sum >> 8 & 0x00ff00ffu);
    return stored == sum || stored == swapped;
}

static void add_checksum(byte *p, size_t n)
{
    uint32_t sum = fletcher32(p, n);
    for (int k = 0; k < 4; k++)
        p[n + (size_t)k] = (byte)(sum >> 8 * k);
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
        } else if (filters->id[k] == H5Z_FILTER_FLETCHER32) {
            if (at == buffers[0]) /* which may be the caller's */
                at = memcpy(buffers[1], at, n);
            add_checksum((byte *)at, n);
            n += 4;
        }
    }
    *out = at;
    return n;
}
