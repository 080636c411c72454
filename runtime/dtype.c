/* SPDX-License-Identifier: BSD-3-Clause
 * dtype.c - the table of data types and the promotion rules.
 *
 * Source: Array API standard 2024.12, "Type promotion rules"; NumPy where that is undefined.
 */
#include "runtime/dtype.h"

const bri_dtype_info bri_dtypes[BR_NDTYPE] = {
    [BR_NO_DTYPE] = {"none", 0, '-', BR_NO_DTYPE},
#define BRI_DTYPE(NAME, name, type, kind, wide)                                                    \
    [BR_##NAME] = {#name, sizeof(type), #kind[0], BR_##wide},
#include "runtime/dtypes.def"
#undef BRI_DTYPE
};

const char *br_dtype_name(br_dtype dtype)
{
    return bri_dtype_ok(dtype) ? bri_dtypes[dtype].name : "none";
}

size_t br_dtype_size(br_dtype dtype)
{
    return bri_dtype_ok(dtype) ? bri_dtypes[dtype].size : 0;
}

br_dtype bri_real_dtype(br_dtype dtype)
{
    return dtype == BR_COMPLEX64 ? BR_FLOAT32 : dtype == BR_COMPLEX128 ? BR_FLOAT64 : dtype;
}

static br_dtype larger(br_dtype a, br_dtype b)
{
    return bri_dtypes[a].size >= bri_dtypes[b].size ? a : b;
}

/* Signed with unsigned: the smallest signed type that holds both, float64 when there is none. */
static br_dtype signed_with_unsigned(br_dtype s, br_dtype u)
{
    if (bri_dtypes[s].size > bri_dtypes[u].size)
        return s;
    switch (u) {
    case BR_UINT8:
        return BR_INT16;
    case BR_UINT16:
        return BR_INT32;
    case BR_UINT32:
        return BR_INT64;
    default:
        return BR_FLOAT64;
    }
}

/* An integer beside a float of `float_size` bytes, as NumPy does: float32 holds only 8 and 16-bit
 * integers. */
static size_t real_size_with_integer(br_dtype integer, size_t float_size)
{
    return bri_dtypes[integer].size > 2 && bri_kind(integer) != 'b' ? 8 : float_size;
}

static br_dtype with_floating(br_dtype floating, br_dtype other)
{
    bool complex = bri_kind(floating) == 'c' || bri_kind(other) == 'c';
    size_t a = bri_dtypes[bri_real_dtype(floating)].size;
    size_t b = bri_kind(other) == 'f' || bri_kind(other) == 'c'
                   ? bri_dtypes[bri_real_dtype(other)].size
                   : real_size_with_integer(other, a);
    size_t size = a > b ? a : b;
    if (complex)
        return size == 8 ? BR_COMPLEX128 : BR_COMPLEX64;
    return size == 8 ? BR_FLOAT64 : BR_FLOAT32;
}

br_dtype br_result_type(br_dtype a, br_dtype b)
{
    if (!bri_dtype_ok(a) || !bri_dtype_ok(b))
        return BR_NO_DTYPE;
    char ka = bri_kind(a);
    char kb = bri_kind(b);
    if (ka == 'c' || ka == 'f')
        return with_floating(a, b);
    if (kb == 'c' || kb == 'f')
        return with_floating(b, a);
    if (ka == kb)
        return larger(a, b);
    if (ka == 'b')
        return b;
    if (kb == 'b')
        return a;
    return ka == 'i' ? signed_with_unsigned(a, b) : signed_with_unsigned(b, a);
}

br_dtype bri_promote_next(br_dtype so_far, br_dtype next, bool floating)
{
    bool is_floating = bri_kind(next) == 'f' || bri_kind(next) == 'c';
    if (is_floating != floating)
        return so_far;
    return so_far == BR_NO_DTYPE ? next : br_result_type(so_far, next);
}

br_dtype bri_promote_weak(br_dtype array, char number)
{
    char kind = bri_kind(array);
    switch (number) {
    case 'b':
        return array;
    case 'i':
        return kind == 'b' ? BR_INT64 : array;
    case 'f':
        return kind == 'f' || kind == 'c' ? array : BR_FLOAT64;
    default:
        return kind == 'c' ? array : array == BR_FLOAT32 ? BR_COMPLEX64 : BR_COMPLEX128;
    }
}
