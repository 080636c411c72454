/* SPDX-License-Identifier: BSD-3-Clause
 * convert.h - one element from a dtype to another: BRI_TO_<name of the new dtype>(x) for a real x.
 *
 * C leaves floats beyond an integer's range undefined and compilers use that differently for each
 * instruction set; going through a signed type that every one of them converts to alike keeps the
 * bits equal on x86. Its instructions make the least number of what is out of range; those of
 * other processors don't, so there it is written out.
 */
#ifndef BRI_CONVERT_H
#define BRI_CONVERT_H

#include <stdint.h>

/* Of a float or a double; both hold the bounds exactly. */
#if defined(__x86_64__)
#define BRI_FLOAT_TO_int32(x) ((int32_t)(x))
#define BRI_FLOAT_TO_int64(x) ((int64_t)(x))
#else
#define BRI_FLOAT_TO_int32(x) ((x) >= -0x1p31f && (x) < 0x1p31f ? (int32_t)(x) : INT32_MIN)
#define BRI_FLOAT_TO_int64(x) ((x) >= -0x1p63f && (x) < 0x1p63f ? (int64_t)(x) : INT64_MIN)
#endif

/* The upper half of uint64's range lies beyond int64. */
static inline uint64_t bri_double_to_uint64(double x)
{
    const double half = 0x1p63;
    return x < half ? (uint64_t)BRI_FLOAT_TO_int64(x)
                    : (uint64_t)BRI_FLOAT_TO_int64(x - half) ^ (UINT64_C(1) << 63);
}

/* Integers to anything, and anything to floats. */
#define BRI_INTEGER_TO_bool(x)       ((x) != 0)
#define BRI_INTEGER_TO_int8(x)       ((int8_t)(x))
#define BRI_INTEGER_TO_int16(x)      ((int16_t)(x))
#define BRI_INTEGER_TO_int32(x)      ((int32_t)(x))
#define BRI_INTEGER_TO_int64(x)      ((int64_t)(x))
#define BRI_INTEGER_TO_uint8(x)      ((uint8_t)(x))
#define BRI_INTEGER_TO_uint16(x)     ((uint16_t)(x))
#define BRI_INTEGER_TO_uint32(x)     ((uint32_t)(x))
#define BRI_INTEGER_TO_uint64(x)     ((uint64_t)(x))
#define BRI_INTEGER_TO_float32(x)    ((float)(x))
#define BRI_INTEGER_TO_float64(x)    ((double)(x))
#define BRI_INTEGER_TO_complex64(x)  __builtin_complex((float)(x), 0.0f)
#define BRI_INTEGER_TO_complex128(x) __builtin_complex((double)(x), 0.0)

#define BRI_FLOAT_TO_bool(x)    ((x) != 0)
#define BRI_FLOAT_TO_int8(x)    ((int8_t)BRI_FLOAT_TO_int32(x))
#define BRI_FLOAT_TO_int16(x)   ((int16_t)BRI_FLOAT_TO_int32(x))
#define BRI_FLOAT_TO_uint8(x)   ((uint8_t)BRI_FLOAT_TO_int32(x))
#define BRI_FLOAT_TO_uint16(x)  ((uint16_t)BRI_FLOAT_TO_int32(x))
#define BRI_FLOAT_TO_uint32(x)  ((uint32_t)BRI_FLOAT_TO_int64(x))
#define BRI_FLOAT_TO_uint64(x)  bri_double_to_uint64(x)
#define BRI_FLOAT_TO_float32    BRI_INTEGER_TO_float32
#define BRI_FLOAT_TO_float64    BRI_INTEGER_TO_float64
#define BRI_FLOAT_TO_complex64  BRI_INTEGER_TO_complex64
#define BRI_FLOAT_TO_complex128 BRI_INTEGER_TO_complex128

#define BRI_COMPLEX_TO_bool(x)       ((x) != 0)
#define BRI_COMPLEX_TO_int8(x)       BRI_FLOAT_TO_int8(__real__(x))
#define BRI_COMPLEX_TO_int16(x)      BRI_FLOAT_TO_int16(__real__(x))
#define BRI_COMPLEX_TO_int32(x)      BRI_FLOAT_TO_int32(__real__(x))
#define BRI_COMPLEX_TO_int64(x)      BRI_FLOAT_TO_int64(__real__(x))
#define BRI_COMPLEX_TO_uint8(x)      BRI_FLOAT_TO_uint8(__real__(x))
#define BRI_COMPLEX_TO_uint16(x)     BRI_FLOAT_TO_uint16(__real__(x))
#define BRI_COMPLEX_TO_uint32(x)     BRI_FLOAT_TO_uint32(__real__(x))
#define BRI_COMPLEX_TO_uint64(x)     BRI_FLOAT_TO_uint64(__real__(x))
#define BRI_COMPLEX_TO_float32(x)    BRI_FLOAT_TO_float32(__real__(x))
#define BRI_COMPLEX_TO_float64(x)    BRI_FLOAT_TO_float64(__real__(x))
#define BRI_COMPLEX_TO_complex64(x)  __builtin_complex((float)__real__(x), (float)__imag__(x))
#define BRI_COMPLEX_TO_complex128(x) __builtin_complex((double)__real__(x), (double)__imag__(x))

#endif
