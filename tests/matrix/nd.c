/* SPDX-License-Identifier: BSD-3-Clause
 * nd.c - elements, dtypes and indices of naive arrays.
 */
#include "tests/matrix/nd.h"

static nd *all;

static void *zeros(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    if (p == NULL)
        abort();
    return p;
}

nd *nd_new(br_dtype dtype, int ndim, const int64_t *shape)
{
    nd *a = zeros(1, sizeof *a);
    a->dtype = dtype;
    a->ndim = ndim;
    a->n = 1;
    for (int k = 0; k < ndim; k++)
        a->n *= a->shape[k] = shape[k];
    a->data = zeros((size_t)a->n, 16);
    a->slack = zeros((size_t)a->n, sizeof *a->slack);
    a->bits = true;
    a->next = all;
    return all = a;
}

void nd_free_all(void)
{
    while (all != NULL) {
        nd *a = all;
        all = a->next;
        free(a->data);
        free(a->slack);
        free(a);
    }
}

size_t nd_bytes(const nd *a)
{
    return (size_t)a->n * br_dtype_size(a->dtype);
}

/* ---- elements ---- */

number of_integer(__int128 i)
{
    return (number){'i', i, (long double)i};
}

number of_real(long double x)
{
    return (number){'f', 0, x};
}

number of_complex(long double complex z)
{
    return (number){'c', 0, z};
}

static bool is_integer(number v)
{
    return v.kind == 'b' || v.kind == 'i' || v.kind == 'u';
}

bool is_zero(number v)
{
    return is_integer(v) ? v.i == 0 : v.z == 0;
}

bool is_nan(number v)
{
    return isnan(creall(v.z)) || isnan(cimagl(v.z));
}

static number read_integer(char kind, const void *element, size_t size)
{
    uint64_t bits = 0;
    memcpy(&bits, element, size);
    __int128 i = bits;
    if (kind == 'i' && size < 8 && bits >> (8 * size - 1))
        i -= (__int128)1 << 8 * size;
    if (kind == 'i' && size == 8)
        i = (int64_t)bits;
    return (number){kind, i, (long double)i};
}

number nd_read(br_dtype dtype, const void *element)
{
    float f[2] = {0};
    double d[2] = {0};
    size_t size = br_dtype_size(dtype);
    if (!is_inexact(dtype))
        return read_integer(kind_of(dtype), element, size);
    bool narrow = real_of(dtype) == BR_FLOAT32;
    memcpy(narrow ? (void *)f : (void *)d, element, size);
    number v = {kind_of(dtype), 0, narrow ? CMPLXL(f[0], f[1]) : CMPLXL(d[0], d[1])};
    return v;
}

/* Integers keep their low bits; parts behind the point are cut off. */
static uint64_t low_bits(number v)
{
    if (is_integer(v))
        return (uint64_t)v.i;
    long double x = truncl(creall(v.z));
    return x < 0 ? (uint64_t)(int64_t)x : (uint64_t)x;
}

void nd_write(br_dtype dtype, void *element, number v)
{
    size_t size = br_dtype_size(dtype);
    float f[2] = {(float)creall(v.z), (float)cimagl(v.z)};
    double d[2] = {(double)creall(v.z), (double)cimagl(v.z)};
    uint64_t bits = dtype == BR_BOOL ? !is_zero(v) : low_bits(v);
    if (!is_inexact(dtype))
        memcpy(element, &bits, size);
    else
        memcpy(element, real_of(dtype) == BR_FLOAT32 ? (void *)f : (void *)d, size);
}

static void *element_of(const nd *a, int64_t i)
{
    return a->data + (size_t)i * br_dtype_size(a->dtype);
}

number nd_get(const nd *a, int64_t i)
{
    return nd_read(a->dtype, element_of(a, i));
}

void nd_put(nd *a, int64_t i, number v)
{
    nd_write(a->dtype, element_of(a, i), v);
    a->bits &= !is_inexact(a->dtype);
}

/* The larger part that is finite, 0 if none is. */
static long double finite_size(number v)
{
    long double re = fabsl(creall(v.z)), im = fabsl(cimagl(v.z));
    return fmaxl(isfinite(re) ? re : 0, isfinite(im) ? im : 0);
}

void nd_put_near(nd *a, int64_t i, number v, long double ulps)
{
    nd_put(a, i, v);
    if (!is_inexact(a->dtype) || (nd_get(a, i).z == v.z && ulps <= 0.501L))
        return;
    a->slack[i] = (ulps + 0.5L) * ulp_of(a->dtype, finite_size(v));
}

void nd_put_within(nd *a, int64_t i, number v, long double slack)
{
    nd_put(a, i, v);
    if (is_inexact(a->dtype) && isfinite(slack) && slack > 0) /* the reference is rounded, too */
        a->slack[i] = slack + 0.5L * ulp_of(a->dtype, finite_size(v));
}

void nd_copy(nd *a, int64_t i, const nd *b, int64_t j)
{
    memcpy(element_of(a, i), element_of(b, j), br_dtype_size(a->dtype));
    a->slack[i] = b->slack[j];
    a->bits &= b->bits;
}

/* ---- dtypes ---- */

char kind_of(br_dtype dtype)
{
    return dtype == BR_BOOL         ? 'b'
           : dtype <= BR_INT64      ? 'i'
           : dtype <= BR_UINT64     ? 'u'
           : dtype <= BR_FLOAT64    ? 'f'
           : dtype < (int)BR_NDTYPE ? 'c'
                                    : '?';
}

bool is_inexact(br_dtype dtype)
{
    return dtype >= BR_FLOAT32;
}

br_dtype real_of(br_dtype dtype)
{
    return dtype == BR_COMPLEX64 ? BR_FLOAT32 : dtype == BR_COMPLEX128 ? BR_FLOAT64 : dtype;
}

br_dtype complex_of(br_dtype dtype)
{
    return dtype == BR_FLOAT32 || dtype == BR_COMPLEX64 ? BR_COMPLEX64 : BR_COMPLEX128;
}

br_dtype floating_of(br_dtype dtype)
{
    return is_inexact(dtype) ? dtype : BR_FLOAT64;
}

br_dtype sum_of(br_dtype dtype)
{
    return is_inexact(dtype) ? dtype : kind_of(dtype) == 'u' ? BR_UINT64 : BR_INT64;
}

/* Bits of a float that holds an integer dtype as NumPy sees it. */
static size_t float_bytes(br_dtype dtype)
{
    if (is_inexact(dtype))
        return br_dtype_size(real_of(dtype));
    return dtype == BR_BOOL || br_dtype_size(dtype) <= 2 ? 4 : 8;
}

static br_dtype promoted_inexact(br_dtype a, br_dtype b)
{
    bool any_complex = kind_of(a) == 'c' || kind_of(b) == 'c';
    bool wide = float_bytes(a) == 8 || float_bytes(b) == 8;
    br_dtype real = wide ? BR_FLOAT64 : BR_FLOAT32;
    return any_complex ? complex_of(real) : real;
}

br_dtype promoted(br_dtype a, br_dtype b)
{
    if (is_inexact(a) || is_inexact(b))
        return promoted_inexact(a, b);
    if (a == BR_BOOL || b == BR_BOOL)
        return a == BR_BOOL ? b : a;
    if (kind_of(a) == kind_of(b))
        return br_dtype_size(a) > br_dtype_size(b) ? a : b;
    br_dtype with_sign = kind_of(a) == 'i' ? a : b;
    br_dtype without = kind_of(a) == 'i' ? b : a;
    if (without == BR_UINT64)
        return BR_FLOAT64;
    br_dtype needed = without == BR_UINT8 ? BR_INT16 : without == BR_UINT16 ? BR_INT32 : BR_INT64;
    return br_dtype_size(with_sign) > br_dtype_size(needed) ? with_sign : needed;
}

/* Integers promote with the floats, not with each other before. */
br_dtype promoted_all(const br_dtype *dtypes, int n)
{
    br_dtype whole = BR_BOOL, floating = BR_NO_DTYPE;
    for (int k = 0; k < n; k++)
        if (is_inexact(dtypes[k]))
            floating = floating == BR_NO_DTYPE ? dtypes[k] : promoted(floating, dtypes[k]);
        else
            whole = promoted(whole, dtypes[k]);
    for (int k = 0; k < n && floating != BR_NO_DTYPE; k++)
        floating = promoted(floating, dtypes[k]);
    return floating != BR_NO_DTYPE ? floating : whole;
}

br_dtype promoted_with_number(br_dtype array, char kind)
{
    if (kind == 'c')
        return is_inexact(array) ? complex_of(array) : BR_COMPLEX128;
    if (kind == 'f')
        return floating_of(array);
    return kind == 'b' || array != BR_BOOL ? array : BR_INT64;
}

long double epsilon_of(br_dtype dtype)
{
    return real_of(dtype) == BR_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
}

long double ulp_of(br_dtype dtype, long double size)
{
    bool narrow = real_of(dtype) == BR_FLOAT32;
    int exponent;
    frexpl(size, &exponent);
    int least = narrow ? FLT_MIN_EXP : DBL_MIN_EXP;
    int digits = narrow ? FLT_MANT_DIG : DBL_MANT_DIG;
    return ldexpl(1, (exponent > least ? exponent : least) - digits);
}

/* ---- indices ---- */

void nd_index_of(const nd *a, int64_t i, int64_t *index)
{
    for (int k = a->ndim - 1; k >= 0; k--) {
        index[k] = i % a->shape[k];
        i /= a->shape[k];
    }
}

int64_t nd_at(const nd *a, const int64_t *index)
{
    int64_t i = 0;
    for (int k = 0; k < a->ndim; k++)
        i = i * a->shape[k] + index[k];
    return i;
}

int64_t nd_at_broadcast(const nd *a, int ndim, const int64_t *index)
{
    int64_t own[ND_AXES];
    for (int k = 0; k < a->ndim; k++)
        own[k] = a->shape[k] == 1 ? 0 : index[ndim - a->ndim + k];
    return nd_at(a, own);
}
