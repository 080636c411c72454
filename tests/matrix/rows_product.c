/* SPDX-License-Identifier: BSD-3-Clause
 * rows_product.c - the product of matrices.
 */
#include "tests/matrix/matrix.h"

static int64_t draw_extent(void)
{
    static const int64_t extents[] = {0, 1, 1, 2, 3, 5, 7, 13, 37};
    return extents[draw(0, sizeof extents / sizeof *extents - 1)];
}

static nd *product(const nd *a, const nd *b, br_dtype dtype)
{
    int64_t m = a->shape[0], depth = a->shape[1], n = b->shape[1];
    nd *r = nd_new(dtype, 2, (int64_t[]){m, n});
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            long double complex sum = 0;
            long double size = 0;
            for (int64_t k = 0; k < depth; k++) {
                long double complex x = nd_get(a, i * depth + k).z, y = nd_get(b, k * n + j).z;
                sum += x * y;
                size += cabsl(x) * cabsl(y);
            }
            nd_put_within(r, i * n + j, of_complex(sum),
                          (long double)(depth + 4) * epsilon_of(dtype) * size);
        }
    return r;
}

static void matmul(void)
{
    int64_t m = draw_extent(), depth = draw_extent(), n = draw_extent();
    br_dtype other = chance(60) ? the.dtype : draw_dtype("iufc");
    values how = chance(50) ? SMALL : REAL;
    arg a = arg_of(draw_values(the.dtype, 2, (int64_t[]){m, depth}, how));
    arg b = arg_of(draw_values(other, 2, (int64_t[]){depth, n}, how));
    br_dtype dtype = floating_of(promoted(the.dtype, other));
    expect(br_matmul(a.x, b.x), product(a.v, b.v, dtype));
}

const row product_rows[] = {
    {"matmul", "iufc", matmul},
    {0},
};
