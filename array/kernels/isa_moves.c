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

#define T       any1
#define S(name) name##_1
#include "array/kernels/moves.inc"
#undef T
#undef S

#define T       any2
#define S(name) name##_2
#include "array/kernels/moves.inc"
#undef T
#undef S

#define T       any4
#define S(name) name##_4
#include "array/kernels/moves.inc"
#undef T
#undef S

#define T       any8
#define S(name) name##_8
#include "array/kernels/moves.inc"
#undef T
#undef S

#define T       any16
#define S(name) name##_16
#include "array/kernels/moves.inc"
#undef T
#undef S

void BRI_ISA_NAME(moves)(bri_kernels *table)
{
    table->move[0] = (bri_mover){fill_1, copy_1, copy2_1, repeat_1};
    table->move[1] = (bri_mover){fill_2, copy_2, copy2_2, repeat_2};
    table->move[2] = (bri_mover){fill_4, copy_4, copy2_4, repeat_4};
    table->move[3] = (bri_mover){fill_8, copy_8, copy2_8, repeat_8};
    table->move[4] = (bri_mover){fill_16, copy_16, copy2_16, repeat_16};
}
