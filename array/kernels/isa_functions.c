/* SPDX-License-Identifier: BSD-3-Clause
 * isa_functions.c - exp, log, sin and such of real floats for one instruction set, by SLEEF or
 * near.inc.
 *
 * The finz functions (with fused multiply-add) give equal bits on AVX2, AVX-512 and NEON; the cinz
 * ones, which x86-64-v2 has to use, are rounded as accurately but differ in last bits. Both are
 * within 1.0 ulp.
 */
#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <sleef.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(functions)(bri_kernels *table);

#if defined(__AVX512F__)
#define V32                 __m512
#define V64                 __m512d
#define VECTOR(x)           _mm512_##x
#define F32(name, accuracy) Sleef_finz_##name##f16_##accuracy##avx512f
#define F64(name, accuracy) Sleef_finz_##name##d8_##accuracy##avx512f
#define ANY(m)              (_mm512_test_epi64_mask((__m512i)(m), (__m512i)(m)) != 0)
#elif defined(__AVX2__)
#define V32                 __m256
#define V64                 __m256d
#define VECTOR(x)           _mm256_##x
#define F32(name, accuracy) Sleef_finz_##name##f8_##accuracy##avx2
#define F64(name, accuracy) Sleef_finz_##name##d4_##accuracy##avx2
#define ANY(m)              (!_mm256_testz_si256((__m256i)(m), (__m256i)(m)))
#elif defined(__SSE4_1__)
#define V32                 __m128
#define V64                 __m128d
#define VECTOR(x)           _mm_##x
#define F32(name, accuracy) Sleef_cinz_##name##f4_##accuracy##sse4
#define F64(name, accuracy) Sleef_cinz_##name##d2_##accuracy##sse4
#define ANY(m)              (!_mm_testz_si128((__m128i)(m), (__m128i)(m)))
#elif defined(__aarch64__)
#define V32                 float32x4_t
#define V64                 float64x2_t
#define F32(name, accuracy) Sleef_finz_##name##f4_##accuracy##advsimd
#define F64(name, accuracy) Sleef_finz_##name##d2_##accuracy##advsimd
#define ANY(m)              (vmaxvq_u32((uint32x4_t)(m)) != 0)
#else
#error "SLEEF has no vector functions for this target here"
#endif

#if defined(VECTOR)
#define LOAD32  VECTOR(loadu_ps)
#define STORE32 VECTOR(storeu_ps)
#define LOAD64  VECTOR(loadu_pd)
#define STORE64 VECTOR(storeu_pd)
#else
#define LOAD32  vld1q_f32
#define STORE32 vst1q_f32
#define LOAD64  vld1q_f64
#define STORE64 vst1q_f64
#endif

/* What near.inc needs beyond operators; x86-64-v2 has none of it. */
#if defined(__AVX512F__)
#define FMA64(a, b, c)    _mm512_fmadd_pd(a, b, c)
#define PARITY            __mmask8
#define ODD(k)            _mm512_test_epi64_mask((__m512i)(k), _mm512_set1_epi64(1))
#define CHOOSE(odd, a, b) _mm512_mask_blend_pd(odd, b, a)
#elif defined(__AVX2__)
#define FMA64(a, b, c)    _mm256_fmadd_pd(a, b, c)
#define PARITY            __m256d /* the sign bits */
#define ODD(k)            ((__m256d)_mm256_slli_epi64((__m256i)(k), 63))
#define CHOOSE(odd, a, b) _mm256_blendv_pd(b, a, odd)
#elif defined(__aarch64__)
#define FMA64(a, b, c)    vfmaq_f64(c, a, b)
#define PARITY            uint64x2_t
#define ODD(k)            vtstq_u64((uint64x2_t)(k), vdupq_n_u64(1))
#define CHOOSE(odd, a, b) vbslq_f64(odd, a, b)
#endif

#define KIND 'v'

#define T       float
#define S(name) float32_##name
#define DTYPE   BR_FLOAT32
#define V       V32
#define BITS    int32_t
#define LOAD    LOAD32
#define STORE   STORE32
#define F       F32
#include "array/kernels/functions.inc"
#undef T
#undef S
#undef DTYPE
#undef V
#undef BITS
#undef LOAD
#undef STORE
#undef F

#define T       double
#define S(name) float64_##name
#define DTYPE   BR_FLOAT64
#define V       V64
#define BITS    int64_t
#define LOAD    LOAD64
#define STORE   STORE64
#define F       F64
#if defined(FMA64)
#define FMA FMA64
#endif
#include "array/kernels/functions.inc"

void BRI_ISA_NAME(functions)(bri_kernels *table)
{
    float32_fill(table);
    float64_fill(table);
}
