/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_decode.c - stored chunks through the filters that are undone without HDF5.
 *
 * An input says which filters, how large the chunk is and what part of it is wanted, as the
 * metadata of a file would; the rest are the stored bytes.
 */
#include <blosc.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

#include "array/io/hdf5_codec.h"
#include "tests/fuzz/fuzz.h"

enum { LZF = 32000, BLOSC = 32001, LZ4 = 32004, ZSTD = 32015, HEAD = 16, MOST_ELEMENTS = 4096 };

static const H5Z_filter_t ids[] = {
    H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32, LZF, BLOSC, LZ4, ZSTD,
    BRI_H5_BITSHUFFLE};
static const unsigned sizes[] = {1, 2, 4, 8, 16, 3};

enum { NIDS = sizeof ids / sizeof ids[0], NSIZES = sizeof sizes / sizeof sizes[0] };

/* As read_filters of hdf5_layout.c makes it. */
static void read_filters(fuzz_input *in, bri_h5_filters *filters)
{
    int n = (int)fuzz_number(in, 1, 5);
    unsigned codec = fuzz_number(in, 1, 5), block = fuzz_number(in, 1, 64) * 8;
    unsigned element = sizes[fuzz_number(in, 1, NSIZES)];
    *filters = (bri_h5_filters){.element = element};
    for (int k = 0; k < 4; k++) {
        uint32_t which = fuzz_number(in, 1, NIDS);
        const unsigned bits[] = {0, 2, element, block, codec}, shuffle[] = {element};
        if (k >= n)
            continue;
        if (ids[which] == BRI_H5_BITSHUFFLE)
            bri_h5_add_filter(filters, ids[which], bits, 5);
        else
            bri_h5_add_filter(filters, ids[which], shuffle, 1);
    }
}

static void decode(const bri_h5_filters *filters, bri_h5_decode *how, const fuzz_input *stored)
{
    size_t room = bri_h5_decode_room(filters, how->bytes);
    room = room > stored->left ? room : stored->left;
    char *bytes = fuzz_copy(stored->at, stored->left, room), *out = NULL;
    char *into = how->into != NULL ? malloc(how->last - how->first + 1) : NULL;
    char *spare = malloc(room);
    how->filters = filters;
    how->into = into;
    how->room = room;
    how->spare = spare;
    const char *wrong = bri_h5_decode_chunk(how, bytes, stored->left, &out);
    unsigned sum = 0;
    for (size_t i = 0; wrong == NULL && i < how->last - how->first; i++)
        sum += (unsigned char)out[i];
    FUZZ_CHECK(wrong == NULL || (sum == 0 && wrong[0] != '\0'));
    free(into), free(spare), free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    fuzz_input in = {input, n};
    bri_h5_filters filters;
    read_filters(&in, &filters);
    size_t count = fuzz_number(&in, 2, MOST_ELEMENTS) + 1;
    bri_h5_decode how = {.bytes = count * filters.element};
    size_t first = fuzz_number(&in, 2, (uint32_t)count);
    size_t wanted = fuzz_number(&in, 2, (uint32_t)(count - first)) + 1;
    uint8_t flags = (uint8_t)fuzz_number(&in, 1, 256);
    how.first = flags & 1 ? 0 : first * filters.element;
    how.last = flags & 1 ? how.bytes : how.first + wanted * filters.element;
    how.into = flags & 2 ? (char *)&how : NULL; /* replaced */
    how.mask = flags & 4 ? fuzz_number(&in, 1, 16) : (fuzz_number(&in, 1, 16), 0);
    /* hdf5_layout.c lets no other sizes through, and chunks without filters are not decoded. */
    if (filters.n > 0 && in.left > 0 && in.left <= 2 * how.bytes + 65536)
        decode(&filters, &how, &in);
    return 0;
}

/* ---- seeds ---- */

enum { COUNT = 600, SEED_BYTES = HEAD + 3 * COUNT * 8 };

typedef struct seed {
    uint8_t bytes[SEED_BYTES];
    size_t n;
} seed;

/* size: which of sizes[]; filters: which of ids[]. */
static void begin(seed *s, uint8_t size, const uint8_t *filters, uint8_t nfilters, uint8_t codec)
{
    memset(s, 0, sizeof *s);
    const uint8_t head[] = {nfilters, codec, 8, size};
    memcpy(s->bytes, head, sizeof head);
    memcpy(s->bytes + 4, filters, nfilters);
    s->bytes[8] = (COUNT - 1) >> 8;
    s->bytes[9] = (COUNT - 1) & 255;
    s->bytes[14] = 1; /* all of it */
    s->n = HEAD;
}

static void put_number(seed *s, uint64_t value, int bytes)
{
    while (--bytes >= 0)
        s->bytes[s->n++] = (uint8_t)(value >> 8 * bytes);
}

static size_t squeeze(uint8_t which, const char *from, size_t n, void *to, size_t room)
{
    size_t made = 0;
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(4);
    switch (ids[which]) {
    case H5Z_FILTER_DEFLATE:
        made = libdeflate_zlib_compress(deflater, from, n, to, room);
        break;
    case BLOSC:
        made = (size_t)blosc_compress_ctx(5, 1, 4, n, from, to, room, "lz4", 0, 1);
        break;
    case ZSTD:
        made = ZSTD_compress(to, room, from, n, 3);
        break;
    default:
        made = (size_t)LZ4_compress_default(from, to, (int)n, (int)room);
    }
    libdeflate_free_compressor(deflater);
    return made;
}

/* As lzf stores what it cannot shrink. */
static void put_literals(seed *s, const char *from, size_t n)
{
    for (size_t run; n > 0; n -= run, from += run) {
        run = n < 32 ? n : 32;
        s->bytes[s->n++] = (uint8_t)(run - 1);
        memcpy(s->bytes + s->n, from, run);
        s->n += run;
    }
}

static void put_block(seed *s, uint8_t which, const char *from, size_t n)
{
    size_t made = squeeze(which, from, n, s->bytes + s->n + 4, SEED_BYTES - s->n - 4);
    put_number(s, made, 4);
    s->n += made;
}

static void give_seed(uint8_t which, uint8_t size, fuzz_take *take, void *to)
{
    static seed s;
    char name[32], values[COUNT * 8];
    size_t n = COUNT * sizes[size];
    for (size_t i = 0; i < n; i++)
        values[i] = (char)(i % sizes[size] == 0 ? i / 16 : 1);
    uint8_t codec = ids[which] == BRI_H5_BITSHUFFLE ? BRI_H5_BITS_LZ4 : 0;
    const uint8_t shuffled[] = {1, which};
    begin(&s, size, size % 2 == 0 ? shuffled : &which, size % 2 == 0 ? 2 : 1, codec);
    if (ids[which] == LZF) {
        put_literals(&s, values, n);
    } else if (ids[which] == LZ4 || codec != 0) {
        size_t block = codec != 0 ? n / (8 * sizes[size]) * 8 * sizes[size] : n;
        put_number(&s, n, 8);
        put_number(&s, block, 4);
        put_block(&s, which, values, block);
    } else if (ids[which] == H5Z_FILTER_SHUFFLE || ids[which] == H5Z_FILTER_FLETCHER32) {
        memcpy(s.bytes + s.n, values, n);
        s.n += n;
    } else {
        s.n += squeeze(which, values, n, s.bytes + s.n, SEED_BYTES - s.n);
    }
    snprintf(name, sizeof name, "filter%d-%u", (int)ids[which], sizes[size]);
    take(to, name, s.bytes, s.n);
}

void fuzz_seeds(fuzz_take *take, void *to)
{
    for (uint8_t which = 0; which < NIDS; which++)
        for (uint8_t size = 0; size < 4; size++)
            give_seed(which, size, take, to);
}
