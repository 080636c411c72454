/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_decode.c - a stored chunk through its filters, back to elements.
 *
 * The bytes go back and forth between two buffers. What the last filter makes may go right to its
 * place; and of shuffled bytes only the wanted ones are put together.
 */
#include <string.h>

#include "array/io/hdf5_codec.h"

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

static bool moves(const bri_h5_filters *f, int k)
{
    return f->id[k] != H5Z_FILTER_SHUFFLE || f->element > 1;
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
        } else if (moves(f, k)) {
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
    return bri_h5_checksum_ok(s->at, s->n) ? NULL : "its checksum (fletcher32) is wrong";
}

/* What is at `at` now is no longer needed. */
static void now_at(decoding *s, char *to, size_t n)
{
    s->spare = s->at;
    s->at = to;
    s->n = n;
}

static const char *unpack(decoding *s, bri_h5_unpack *function, bool final)
{
    const bri_h5_decode *how = s->how;
    bool direct = final && how->into != NULL && how->first == 0 && how->last == how->bytes;
    bri_h5_packed p = {
        .from = s->at,
        .n = s->n,
        .to = direct ? how->into : s->spare,
        .room = direct ? how->bytes : how->room,
        .filters = how->filters,
    };
    const char *wrong = function(&p);
    now_at(s, p.to, p.made);
    return wrong;
}

/* The bytes that are wanted of what filter number s->last makes. */
static const char *range(const decoding *s, bool final, size_t *first, size_t *last)
{
    *first = final ? s->how->first : 0;
    *last = final ? s->how->last : s->n;
    return final && s->n != s->how->bytes ? "its decoded size is wrong" : NULL;
}

/* The wanted elements right to their places. */
static void unshuffle_rows(const bri_h5_decode *how, const bri_h5_planes *planes)
{
    const bri_h5_box *box = how->rows;
    int64_t index[BR_MAX_NDIM] = {0}, element = (int64_t)planes->element;
    int inner = box->ndim - 1;
    size_t at = how->first / planes->element, n = (size_t)box->count[inner];
    char *to = how->rows_to;
    for (int a = inner; a >= 0;) {
        bri_h5_unshuffle(planes, at, at + n, to);
        for (a = inner - 1; a >= 0; a--) {
            at += (size_t)(box->from[a] / element);
            to += box->to[a];
            if (++index[a] < box->count[a])
                break;
            index[a] = 0;
            at -= (size_t)(box->from[a] / element * box->count[a]);
            to -= box->to[a] * box->count[a];
        }
    }
}

static const char *unshuffle(decoding *s, bool final)
{
    size_t element = s->how->filters->element, first, last;
    const char *wrong = range(s, final, &first, &last);
    if (element == 1 || wrong != NULL)
        return wrong;
    bri_h5_planes planes = {s->at, s->n / element, element};
    size_t begin = first / element, end = (last + element - 1) / element;
    bool exact = begin * element == first && end * element == last; /* not one field of it */
    if (final && exact && s->how->rows != NULL) {
        unshuffle_rows(s->how, &planes);
        s->base = first;
        now_at(s, s->how->rows_to, s->n);
        return NULL;
    }
    char *to = final && exact && s->how->into != NULL ? s->how->into : s->spare;
    if (!final) { /* a checksum before this filter made the size odd; the rest is not shuffled */
        size_t whole = planes.n * element;
        memcpy(to + whole, s->at + whole, s->n - whole);
        end = planes.n;
    }
    bri_h5_unshuffle(&planes, begin, end, to);
    s->base = begin * element;
    now_at(s, to, s->n);
    return NULL;
}

static const char *unbits(decoding *s, bool final)
{
    bri_h5_bits bits = s->how->filters->bits;
    size_t first, last;
    if (bits.codec != 0) {
        if (s->n >= 12)
            bits.block = bri_h5_be32(s->at + 8); /* checked with the rest */
        const char *damaged = unpack(s, bri_h5_unpack_blocks, false);
        if (damaged != NULL)
            return damaged;
    }
    const char *wrong = range(s, final, &first, &last);
    if (wrong != NULL || s->n % bits.element != 0)
        return wrong != NULL ? wrong : "its bitshuffle data is damaged";
    bool whole = first == 0 && last == s->n;
    char *to = final && whole && s->how->into != NULL ? s->how->into : s->spare;
    s->base = bri_h5_unbits(&bits, s->at, s->n, first, last, to);
    now_at(s, to, s->n);
    return NULL;
}

static const char *undo(decoding *s, int k)
{
    H5Z_filter_t id = s->how->filters->id[k];
    bool final = s->final && k == s->last;
    switch (id) {
    case H5Z_FILTER_FLETCHER32:
        return check(s);
    case H5Z_FILTER_SHUFFLE:
        return unshuffle(s, final);
    case BRI_H5_BITSHUFFLE:
        return unbits(s, final);
    default:
        return unpack(s, bri_h5_codec_of(id)->unpack, final);
    }
}

const char *bri_h5_decode_chunk(const bri_h5_decode *how, char *stored, size_t n, char **out)
{
    decoding s = {.how = how, .at = stored, .spare = how->spare, .n = n};
    const char *wrong = NULL;
    find_last_move(&s);
    for (int k = how->filters->n - 1; k >= 0 && wrong == NULL; k--)
        if (applied(&s, k))
            wrong = undo(&s, k);
    if (wrong == NULL && s.n != how->bytes)
        wrong = "its decoded size is wrong";
    *out = s.at + (how->first - s.base);
    return wrong;
}

size_t bri_h5_decode_room(const bri_h5_filters *filters, size_t bytes)
{
    int codecs = 0;
    for (int k = 0; k < filters->n; k++)
        codecs += bri_h5_codec_of(filters->id[k]) != NULL;
    size_t growth = codecs > 1 ? bytes / 64 + 4096 : 0; /* what one could not compress is larger */
    return bytes + growth + 64;
}

/* ---- which filters these are ---- */

static bool add_bits(bri_h5_filters *filters, const unsigned *values, size_t n)
{
    bri_h5_bits *bits = &filters->bits;
    if (n < 3 || values[2] == 0 || values[2] > 256)
        return false;
    bits->element = values[2];
    size_t count = n > 3 ? values[3] : 0;
    if (count == 0) { /* the filter's own choice: 8 KiB, at least 128 elements */
        count = 8192 / bits->element / 8 * 8;
        count = count > 128 ? count : 128;
    }
    bits->block = count * bits->element;
    bits->codec = n > 4 ? values[4] : 0;
    return count % 8 == 0 &&
           (bits->codec == 0 || bits->codec == BRI_H5_BITS_LZ4 || bits->codec == BRI_H5_BITS_ZSTD);
}

static bool is_known(bri_h5_filters *filters, H5Z_filter_t id, const unsigned *values, size_t n)
{
    if (id == H5Z_FILTER_SHUFFLE)
        return n > 0 && values[0] == filters->element;
    if (id == BRI_H5_BITSHUFFLE)
        return add_bits(filters, values, n);
    return id == H5Z_FILTER_FLETCHER32 || bri_h5_codec_of(id) != NULL;
}

bool bri_h5_add_filter(bri_h5_filters *filters, H5Z_filter_t id, const unsigned *values, size_t n)
{
    for (int k = 0; k < filters->n; k++)
        if (filters->id[k] == id)
            return false;
    if (filters->n == BRI_H5_MAX_FILTERS || !is_known(filters, id, values, n))
        return false;
    filters->id[filters->n++] = id;
    return true;
}

const char *bri_h5_filter_name(H5Z_filter_t id, const char *stored)
{
    const bri_h5_codec *codec = bri_h5_codec_of(id);
    if (codec != NULL)
        return codec->name;
    switch (id) {
    case H5Z_FILTER_SHUFFLE:
        return "shuffle";
    case H5Z_FILTER_FLETCHER32:
        return "fletcher32";
    case H5Z_FILTER_SZIP:
        return "szip";
    case H5Z_FILTER_NBIT:
        return "nbit";
    case H5Z_FILTER_SCALEOFFSET:
        return "scaleoffset";
    case BRI_H5_BITSHUFFLE:
        return "bitshuffle";
    default:
        return stored[0] != '\0' ? stored : "without a name";
    }
}
