/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_matmul.c - products of matrices: dtypes, shapes without elements, uneven and not matching
 * chunks, transposed, sliced and computed operands, and what is done with the product.
 */
#include "tests/sweep.h"

static ref *product(const ref *a, const ref *b)
{
    br_dtype d = br_result_type(a->dtype, b->dtype);
    ref *c = ref_new(d, 2, (int64_t[]){a->shape[0], b->shape[1]});
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t k = 0; k < a->shape[1]; k++)
            c->v[i] +=
                a->v[i / b->shape[1] * a->shape[1] + k] * b->v[k * b->shape[1] + i % b->shape[1]];
        c->v[i] = as(d, c->v[i]);
    }
    return c;
}

static ref *turned(const ref *a)
{
    ref *t = ref_new(a->dtype, 2, (int64_t[]){a->shape[1], a->shape[0]});
    for (int64_t i = 0; i < a->n; i++)
        t->v[i % a->shape[1] * a->shape[0] + i / a->shape[1]] = a->v[i];
    return t;
}

static ref *matrix(br_dtype d, int64_t rows, int64_t columns)
{
    return ref_random(d, 2, (int64_t[]){rows, columns}, false, false);
}

static void dtypes(void)
{
    for (br_dtype a = BR_BOOL; a < BR_NDTYPE; a++)
        for (int k = 0; k < 4; k++) {
            next_case(1);
            br_dtype b = k == 0 ? a : 1 + (a + 3 * k) % (BR_NDTYPE - 1);
            ref *x = matrix(a, 5, 7);
            ref *y = matrix(b, 7, 6);
            expect(br_matmul(source(x, k), source(y, (k + a) % NCUTS)), product(x, y), 8, 64,
                   "%s @ %s %d", br_dtype_name(a), br_dtype_name(b), k);
        }
}

static void shapes(void)
{
    const int64_t list[][3] = {{1, 1, 1}, {1, 9, 1}, {9, 1, 9},    {0, 3, 4}, {3, 0, 4},
                               {3, 4, 0}, {0, 0, 0}, {13, 17, 11}, {2, 50, 3}};
    for (size_t s = 0; s < sizeof list / sizeof list[0]; s++)
        for (int how = 0; how < NCUTS * NCUTS; how++) {
            next_case(1);
            ref *x = matrix(how % 2 ? BR_FLOAT32 : BR_FLOAT64, list[s][0], list[s][1]);
            ref *y = matrix(how % 2 ? BR_FLOAT32 : BR_FLOAT64, list[s][1], list[s][2]);
            expect(br_matmul(source(x, how / NCUTS), source(y, how % NCUTS)), product(x, y), 8, 256,
                   "shape %zu cuts %d", s, how);
        }
}

/* Views as operands: transposed, reversed, with steps, broadcast. */
static void views(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(5);
        ref *a = matrix(BR_FLOAT64, 8, 6);
        ref *b = matrix(BR_FLOAT64, 8, 5);
        br_array *x = source(a, how);
        br_array *y = source(b, CUT_3);
        ref *at = turned(a);
        br_array *xt = br_permute_dims(x, BR_AXES(1, 0));
        expect(br_matmul(xt, y), product(at, b), 8, 256, "transposed left cut %d", how);
        expect(br_matmul(xt, x), product(at, a), 8, 256, "with itself cut %d", how);
        expect(br_matmul(x, xt), product(a, at), 8, 256, "itself transposed cut %d", how);
        ref *part = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 8});
        for (int64_t i = 0; i < part->n; i++)
            part->v[i] = at->v[(5 - i / 8 * 2) * 8 + 7 - i % 8];
        expect(br_matmul(br_index(xt, "::-2, ::-1"), y), product(part, b), 8, 256,
               "with steps cut %d", how);
        ref *same = ref_new(BR_FLOAT64, 2, (int64_t[]){4, 8});
        for (int64_t i = 0; i < same->n; i++)
            same->v[i] = at->v[i % 8];
        expect(br_matmul(br_broadcast_to(br_index(xt, "0"), BR_SHAPE(4, 8)), y), product(same, b),
               8, 256, "broadcast cut %d", how);
    }
}

/* Computed operands, products of products, and what reads a product. */
static void chains(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        ref *a = matrix(BR_FLOAT64, 7, 9);
        ref *b = matrix(BR_INT16, 9, 4);
        ref *c = matrix(BR_FLOAT64, 4, 6);
        br_array *x = source(a, how);
        br_array *y = source(b, (how + 2) % NCUTS);
        br_array *z = source(c, (how + 3) % NCUTS);
        ref *twice = ref_new(BR_FLOAT64, 2, a->shape);
        for (int64_t i = 0; i < a->n; i++)
            twice->v[i] = a->v[i] * 2 + 1;
        br_array *xy = br_matmul(br_add(br_mul(x, 2), 1), y);
        ref *r = product(twice, b);
        expect(xy, r, 8, 512, "of a chain cut %d", how);
        expect(br_matmul(xy, z), product(r, c), 16, 8192, "of a product cut %d", how);
        ref *means = ref_new(BR_FLOAT64, 1, (int64_t[]){7});
        for (int64_t i = 0; i < r->n; i++)
            means->v[i / 4] += r->v[i] / 4;
        expect(br_mean(xy, .axis = BR_AXES(1)), means, 8, 1024, "mean of a product cut %d", how);
        ref *flat = ref_new(BR_FLOAT64, 1, (int64_t[]){28});
        memcpy(flat->v, r->v, 28 * sizeof *r->v);
        expect(br_reshape(xy, BR_SHAPE(-1)), flat, 8, 512, "product, flat cut %d", how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    dtypes();
    shapes();
    views();
    chains();
    return sweep_close();
}
