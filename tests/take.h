/* SPDX-License-Identifier: BSD-3-Clause
 * take.h - what the unit tests of indexing by arrays have in common: a context in a folder
 * of its own, and lists of indices.
 */
#ifndef TEST_TAKE_H
#define TEST_TAKE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/folder.h"

static inline br_array *zeros(int64_t rows, int64_t columns)
{
    return br_zeros(ctx, BR_SHAPE(rows, columns));
}

static inline br_array *ints(int64_t n, const int32_t *list)
{
    return br_from_memory(ctx, list, BR_INT32, BR_SHAPE(n), .copy = true);
}

/* The same, but known only when they are computed. */
static inline br_array *computed_ints(int64_t n, const int32_t *list)
{
    return br_add(ints(n, list), 0);
}

#define INTS(...)     ints(BR_COUNT_(int32_t, __VA_ARGS__), (int32_t[]){__VA_ARGS__})
#define COMPUTED(...) computed_ints(BR_COUNT_(int32_t, __VA_ARGS__), (int32_t[]){__VA_ARGS__})

/* The call is good, the compute is not. */
static inline void fails(br_array *x, br_status status, const char *text)
{
    void *values = NULL;
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    ck_assert_int_eq(br_compute_alloc(x, &values), status);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s does not say %s", br_message(ctx),
                  text);
    br_clear_error(ctx);
}

#endif
