/* SPDX-License-Identifier: BSD-3-Clause
 * npy_header.c - the text in the header of an .npy file: {'descr': '<f8', 'fortran_order': False,
 * 'shape': (3, 4), }
 *
 * Any bytes may come. NumPy reads the text as Python; what NumPy writes, with other spaces, quotes
 * and order of keys, is what is understood here.
 */
#include <string.h>

#include "array/io/npy.h"
#include "runtime/error.h"

typedef struct scanner {
    const char *path;
    const char *at, *end;
} scanner;

/* A string without its quotes. */
typedef struct word {
    const char *at;
    int n;
} word;

static void skip_spaces(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool next_is(scanner *s, char c)
{
    skip_spaces(s);
    return s->at < s->end && *s->at == c;
}

static bool take(scanner *s, char c)
{
    bool is = next_is(s, c);
    s->at += is;
    return is;
}

static bool take_word(scanner *s, const char *text)
{
    size_t n = strlen(text);
    skip_spaces(s);
    bool is = (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
    s->at += is ? n : 0;
    return is;
}

static br_status bad(const scanner *s, const char *what)
{
    char near[24];
    int n = 0;
    for (const char *p = s->at; p < s->end && n < (int)sizeof near - 1; p++)
        near[n++] = *p >= ' ' && *p < 127 ? *p : '?';
    near[n] = '\0';
    return bri_file_error(BR_EFORMAT, "%s: the header is not that of an .npy file: %s at \"%s\"",
                          s->path, what, near);
}

static br_status take_string(scanner *s, word *out)
{
    char quote = next_is(s, '"') ? '"' : '\'';
    if (!take(s, quote))
        return bad(s, "a string is missing");
    const char *end = memchr(s->at, quote, (size_t)(s->end - s->at));
    if (end == NULL)
        return bad(s, "a string does not end");
    if (end - s->at > 1000)
        return bad(s, "a string is too long");
    *out = (word){s->at, (int)(end - s->at)};
    s->at = end + 1;
    return BR_OK;
}

/* ---- the three values ---- */

static const struct {
    char kind;
    int size;
    br_dtype dtype;
} types[] = {
    {'b', 1, BR_BOOL},        {'i', 1, BR_INT8},    {'i', 2, BR_INT16},   {'i', 4, BR_INT32},
    {'i', 8, BR_INT64},       {'u', 1, BR_UINT8},   {'u', 2, BR_UINT16},  {'u', 4, BR_UINT32},
    {'u', 8, BR_UINT64},      {'f', 4, BR_FLOAT32}, {'f', 8, BR_FLOAT64}, {'c', 8, BR_COMPLEX64},
    {'c', 16, BR_COMPLEX128},
};

static br_dtype dtype_of(char kind, const char *digits, int n)
{
    int size = 0;
    for (int i = 0; i < n; i++) {
        if (n > 3 || digits[i] < '0' || digits[i] > '9')
            return BR_NO_DTYPE;
        size = 10 * size + digits[i] - '0';
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].kind == kind && types[i].size == size)
            return types[i].dtype;
    return BR_NO_DTYPE;
}

static br_status take_type(scanner *s, bri_npy_header *h)
{
    word descr;
    if (next_is(s, '['))
        return bri_file_error(
            BR_ETYPE, "%s: holds records of several fields, which no dtype stands for", s->path);
    BRI_TRY(take_string(s, &descr));
    const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    char order = descr.n > 2 ? descr.at[0] : '?';
    if (order != '\0' && strchr("<>=|", order) != NULL)
        h->dtype = dtype_of(descr.at[1], descr.at + 2, descr.n - 2);
    if (h->dtype == BR_NO_DTYPE)
        return bri_file_error(BR_ETYPE, "%s: holds elements '%.*s', which no dtype stands for",
                              s->path, descr.n < 40 ? descr.n : 40, descr.at);
    size_t size = br_dtype_size(h->dtype);
    if (order == '|' && size > 1)
        return bad(s, "elements have no byte order");
    h->swapped = size > 1 && ((order == '>' && !big) || (order == '<' && big));
    return BR_OK;
}

static br_status take_order(scanner *s, bri_npy_header *h)
{
    h->fortran = take_word(s, "True");
    return h->fortran || take_word(s, "False") ? BR_OK : bad(s, "True or False is missing");
}

static br_status take_extent(scanner *s, int64_t *extent)
{
    skip_spaces(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return bad(s, "an extent is missing");
    for (*extent = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (__builtin_mul_overflow(*extent, 10, extent) ||
            __builtin_add_overflow(*extent, *s->at - '0', extent))
            return bad(s, "an extent is too large");
    take(s, 'L'); /* Python 2's long */
    return BR_OK;
}

/* Bytes of the whole array fit in 62 bits, extents of 0 left out. */
static br_status take_shape(scanner *s, bri_npy_header *h)
{
    if (!take(s, '('))
        return bad(s, "a tuple is missing");
    while (!next_is(s, ')')) {
        if (h->ndim == BR_MAX_NDIM)
            return bri_file_error(BR_EUNSUPPORTED, "%s: has more than %d axes", s->path,
                                  BR_MAX_NDIM);
        BRI_TRY(take_extent(s, &h->shape[h->ndim++]));
        if (!take(s, ',') && (h->ndim == 1 || !next_is(s, ')')))
            return bad(s, "a comma is missing");
    }
    take(s, ')');
    return BR_OK;
}

static br_status check_size(const scanner *s, const bri_npy_header *h)
{
    int64_t bytes = (int64_t)br_dtype_size(h->dtype);
    for (int a = 0; a < h->ndim; a++)
        if (h->shape[a] > 0 &&
            (__builtin_mul_overflow(bytes, h->shape[a], &bytes) || bytes > INT64_MAX / 4))
            return bri_file_error(BR_EFORMAT, "%s: its shape is too large", s->path);
    return BR_OK;
}

enum { DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };

static br_status take_item(scanner *s, int *have, bri_npy_header *h)
{
    static const struct {
        const char *name;
        int bit;
        br_status (*read)(scanner *, bri_npy_header *);
    } keys[] = {
        {"descr", DESCR, take_type},
        {"fortran_order", ORDER, take_order},
        {"shape", SHAPE, take_shape},
    };
    word key;
    BRI_TRY(take_string(s, &key));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if ((size_t)key.n != strlen(keys[i].name) ||
            memcmp(key.at, keys[i].name, (size_t)key.n) != 0)
            continue;
        if (*have & keys[i].bit)
            return bad(s, "a key is there twice");
        *have |= keys[i].bit;
        return take(s, ':') ? keys[i].read(s, h) : bad(s, "a colon is missing");
    }
    return bad(s, "an unknown key");
}

br_status bri_npy_parse(const char *path, const char *text, size_t n, bri_npy_header *header)
{
    scanner s = {path, text, text + n};
    int have = 0;
    memset(header, 0, sizeof *header);
    if (!take(&s, '{'))
        return bad(&s, "a dictionary is missing");
    while (!next_is(&s, '}')) {
        BRI_TRY(take_item(&s, &have, header));
        if (!take(&s, ',') && !next_is(&s, '}'))
            return bad(&s, "a comma is missing");
    }
    take(&s, '}');
    skip_spaces(&s);
    if (have != ALL)
        return bad(&s, "descr, fortran_order or shape is missing");
    return s.at == s.end ? check_size(&s, header) : bad(&s, "more follows");
}
