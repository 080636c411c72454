/* SPDX-License-Identifier: BSD-3-Clause
 * isa_moves.c - fills, strided copies and transposes by element size for one instruction set.
 */
#include <string.h>

#include "array/kernels/isa.h"

void BRI_ISA_NAME(moves)(bri_kernels *table);

/* Types that may stand at any address and alias anything. */
typedef struct any1 {
    uint8_t v;
} any1;
typedef struct __attribute__((packed, may_alias)) any2 {
    uint16_t v;
} any2;
typedef struct __attribute__((packed, may_alias)) any4 {
    uint32_t v;
} any4;
typedef struct __attribute__((packed, may_alias)) any8 {
    uint64_t v;
} any8;
typedef struct __attribute__((packed, may_alias)) any16 {
    uint64_t v[2];
} any16;

/* How many elements of 4 and 8 bytes are transposed at a time: a vector of the instruction set, up
 * to 8. */
#if defined(__AVX512F__)
#define TURN_4 8
#define TURN_8 8
#elif defined(__AVX2__)
#define TURN_4 8
#define TURN_8 4
#else
#define TURN_4 4
#define TURN_8 0
#endif

typedef uint32_t turn4 __attribute__((vector_size(TURN_4 * 4), aligned(1), may_alias));
#if TURN_8 > 0
typedef uint64_t turn8 __attribute__((vector_size(TURN_8 * 8), aligned(1), may_alias));
#endif

#define T       any1
#define S(name) name##_1
#define TURN    0
#include "array/kernels/moves.inc"
#undef T
#undef S
#undef TURN

#define T       any2
#define S(name) name##_2
#define TURN    0
#include "array/kernels/moves.inc"
#undef T
#undef S
#undef TURN

#define T       any4
#define S(name) name##_4
#define TURN    TURN_4
#define TV      turn4
#include "array/kernels/moves.inc"
#undef T
#undef S
#undef TURN
#undef TV

#define T       any8
#define S(name) name##_8
#define TURN    TURN_8
#define TV      turn8
#include "array/kernels/moves.inc"
#undef T
#undef S
#undef TURN
#undef TV

#define T       any16
#define S(name) name##_16
#define TURN    0
#include "array/kernels/moves.inc"
#undef T
#undef S
#undef TURN

void BRI_ISA_NAME(moves)(bri_kernels *table)
{
    table->move[0] = (bri_mover){fill_1, copy_1, copy2_1, repeat_1};
    table->move[1] = (bri_mover){fill_2, copy_2, copy2_2, repeat_2};
    table->move[2] = (bri_mover){fill_4, copy_4, copy2_4, repeat_4};
    table->move[3] = (bri_mover){fill_8, copy_8, copy2_8, repeat_8};
    table->move[4] = (bri_mover){fill_16, copy_16, copy2_16, repeat_16};
}
