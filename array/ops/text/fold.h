/* SPDX-License-Identifier: BSD-3-Clause
 * fold.h - what the rules for numbers alone share: their kinds, and integers wide enough for both
 * int64 and uint64.
 */
#ifndef BRI_FOLD_H
#define BRI_FOLD_H

#include <complex.h>

#include "array/ops/text/text.h"

__extension__ typedef __int128 bri_wide;

/* 'i' for bool and integers, else 'f' or 'c': the kind that numbers are computed in. */
static inline char bri_common_kind(const br_number *v, int n)
{
    char kind = 'i';
    for (int i = 0; i < n; i++)
        if (v[i].kind == 'c' || (v[i].kind == 'f' && kind == 'i'))
            kind = v[i].kind;
    return kind;
}

static inline bri_wide bri_integer(br_number v)
{
    return v.kind == 'u' ? (bri_wide)v.u : (bri_wide)v.i;
}

static inline double _Complex bri_complex(br_number v)
{
    double _Complex z;
    __real__ z = v.re;
    __imag__ z = v.kind == 'c' ? v.im : 0;
    return z;
}

static inline br_number bri_with_imaginary(br_number v)
{
    return br_number_complex(v.re, v.kind == 'c' ? v.im : 0);
}

static inline br_number bri_complex_number(double _Complex z)
{
    return br_number_complex(creal(z), cimag(z));
}

/* The result of integer arithmetic, unless it overflowed. */
br_status bri_integer_result(bool overflow, bri_wide value, br_number *out);

/* One operation of numbers; n operands are there. */
typedef br_status (*bri_fold_rule)(const br_number *v, br_number *out);

/* arithmetic.c */
br_status bri_fold_add(const br_number *v, br_number *out);
br_status bri_fold_subtract(const br_number *v, br_number *out);
br_status bri_fold_multiply(const br_number *v, br_number *out);
br_status bri_fold_divide(const br_number *v, br_number *out);
br_status bri_fold_floor_divide(const br_number *v, br_number *out);
br_status bri_fold_remainder(const br_number *v, br_number *out);
br_status bri_fold_pow(const br_number *v, br_number *out);
br_status bri_fold_negative(const br_number *v, br_number *out);
br_status bri_fold_abs(const br_number *v, br_number *out);

#endif
