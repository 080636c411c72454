/* SPDX-License-Identifier: BSD-3-Clause
 * sum_doubles.h - the sum as a reduction of the user's, whose state is a double.
 */
#ifndef TEST_SUM_DOUBLES_H
#define TEST_SUM_DOUBLES_H

#include <bramble/bramble.h>

static inline int add_all(void *state, const void *elements, br_dtype dtype, int64_t n,
                          const void *data)
{
    (void)dtype, (void)data;
    for (int64_t i = 0; i < n; i++)
        *(double *)state += ((const double *)elements)[i];
    return 0;
}

static inline int add_two(void *left, const void *right, const void *data)
{
    (void)data;
    *(double *)left += *(const double *)right;
    return 0;
}

static inline int the_sum(const void *state, int64_t n, void *result, const void *data)
{
    (void)n, (void)data;
    *(double *)result = *(const double *)state;
    return 0;
}

#endif
