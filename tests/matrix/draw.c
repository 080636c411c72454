/* SPDX-License-Identifier: BSD-3-Clause
 * draw.c - what cases are made of, by a generator that starts from the seed and the case.
 */
#include "tests/matrix/matrix.h"

static uint64_t state;

/* splitmix64: Steele, Lea and Flood 2014. */
uint64_t draw_bits(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void seed_with(uint64_t seed)
{
    state = seed;
}

int64_t draw(int64_t low, int64_t high)
{
    return low + (int64_t)(draw_bits() % (uint64_t)(high - low + 1));
}

bool chance(int percent)
{
    return draw(0, 99) < percent;
}

long double draw_real(long double low, long double high)
{
    return low + (high - low) * (long double)(draw_bits() >> 11) * 0x1p-53L;
}

br_dtype draw_dtype(const char *kinds)
{
    br_dtype dtype;
    do
        dtype = (br_dtype)draw(BR_BOOL, BR_NDTYPE - 1);
    while (strchr(kinds, kind_of(dtype)) == NULL);
    return dtype;
}

/* ---- values ---- */

static __int128 any_integer(void)
{
    static const int64_t ends[] = {0,         1,         -1,        INT8_MIN,  INT8_MAX,
                                   INT16_MAX, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    if (chance(30))
        return ends[draw(0, sizeof ends / sizeof *ends - 1)];
    return chance(50) ? draw(-70, 70) : (__int128)(int64_t)draw_bits();
}

static long double any_real(void)
{
    static const long double special[] = {0, -0.0L, 1, -1, INFINITY, -INFINITY, NAN, 0.5L, 1e30L};
    return chance(30) ? special[draw(0, sizeof special / sizeof *special - 1)] : draw_real(-99, 99);
}

static long double small_real(void)
{
    return (long double)draw(-88, 88) / 8;
}

static long double part_of(values how)
{
    switch (how) {
    case SMALL:
        return small_real();
    case REAL:
        return draw_real(-4, 4);
    case HOLES:
        return chance(15) ? NAN : small_real();
    default:
        return any_real();
    }
}

number draw_number(br_dtype dtype, values how)
{
    char kind = kind_of(dtype);
    if (kind == 'b')
        return of_integer(draw(0, 1));
    if (!is_inexact(dtype))
        return of_integer(how == ANY ? any_integer() : draw(kind == 'u' ? 0 : -11, 11));
    long double re = part_of(how);
    return of_complex(CMPLXL(re, kind == 'c' ? part_of(how) : 0));
}

nd *draw_values(br_dtype dtype, int ndim, const int64_t *shape, values how)
{
    nd *v = nd_new(dtype, ndim, shape);
    for (int64_t i = 0; i < v->n; i++)
        nd_put(v, i, draw_number(dtype, how));
    v->bits = true;
    return v;
}

nd *draw_between(br_dtype dtype, int ndim, const int64_t *shape, long double low, long double high)
{
    nd *v = nd_new(dtype, ndim, shape);
    for (int64_t i = 0; i < v->n; i++) {
        long double re = draw_real(low, high), im = draw_real(low, high);
        nd_put(v, i, of_complex(CMPLXL(re, kind_of(dtype) == 'c' ? im : 0)));
    }
    v->bits = true;
    return v;
}

/* ---- shapes ---- */

static const struct form {
    int ndim;
    int64_t shape[4];
} forms[] = {
    {0, {0}},          {1, {0}},          {1, {1}},       {1, {2}},       {1, {7}},
    {1, {13}},         {1, {29}},         {1, {523}},     {1, {1031}},    {2, {1, 1}},
    {2, {5, 3}},       {2, {1, 7}},       {2, {7, 1}},    {2, {13, 11}},  {2, {0, 5}},
    {2, {3, 0}},       {2, {37, 29}},     {2, {2, 131}},  {3, {2, 3, 5}}, {3, {3, 1, 7}},
    {3, {1, 1, 1}},    {3, {2, 0, 3}},    {3, {7, 5, 3}}, {3, {1, 5, 1}}, {4, {2, 3, 1, 5}},
    {4, {1, 2, 2, 3}}, {4, {3, 2, 5, 2}},
};

int draw_shape(int least, int most, int64_t *shape)
{
    const struct form *f;
    do
        f = &forms[draw(0, sizeof forms / sizeof *forms - 1)];
    while (f->ndim < least || f->ndim > most);
    memcpy(shape, f->shape, sizeof f->shape);
    return f->ndim;
}

static int64_t draw_chunk(int64_t n)
{
    if (n == 0)
        return draw(0, 1);
    switch (draw(0, 6)) {
    case 0:
        return -1;
    case 1:
        return n;
    case 2:
        return (n + 1) / 2;
    case 3:
        return draw(1, n);
    default:
        return draw(1, n < 3 ? n : 3);
    }
}

static int64_t chunks_of(int64_t n, int64_t chunk)
{
    return n == 0 || chunk <= 0 ? 1 : (n + chunk - 1) / chunk;
}

/* Not too many chunks: those of the axis with most of them are doubled. */
br_extents draw_chunks(int ndim, const int64_t *shape)
{
    br_extents c = extents_of(ndim, shape);
    if (ndim == 0 || chance(10))
        return (br_extents){0};
    for (int k = 0; k < ndim; k++)
        c.extent[k] = draw_chunk(shape[k]);
    for (;;) {
        int64_t total = 1;
        int most = 0;
        for (int k = 0; k < ndim; k++) {
            total *= chunks_of(shape[k], c.extent[k]);
            if (chunks_of(shape[k], c.extent[k]) > chunks_of(shape[most], c.extent[most]))
                most = k;
        }
        if (total <= 30)
            return c;
        c.extent[most] *= 2;
    }
}

int draw_axis(int ndim)
{
    return (int)draw(-ndim, ndim - 1);
}

int positive_axis(int axis, int ndim)
{
    return axis < 0 ? axis + ndim : axis;
}
