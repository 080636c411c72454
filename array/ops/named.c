/* SPDX-License-Identifier: BSD-3-Clause
 * named.c - elementwise functions by name.
 */
#include <string.h>

#include "array/ops/ops.h"

static const bri_named functions[] = {
#define BRI_PART(...)
#define BRI_OP(NAME, name, arity, ...) {#name, arity, BRI_OP_##NAME, NULL},
#include "array/kernels/ops.def"
#define BRI_COMPOSED(name, arity) {#name, arity, BRI_NOPS, bri_composed_##name},
#include "array/ops/composed.def"
#undef BRI_COMPOSED
};

const bri_named *bri_named_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == length && memcmp(functions[i].name, name, length) == 0)
            return &functions[i];
    return NULL;
}

br_array *bri_named_apply(const bri_named *function, const br_operand *operands, br_place at)
{
    return function->composed != NULL ? function->composed(operands, at)
                                      : bri_elementwise(function->opcode, operands, at);
}
