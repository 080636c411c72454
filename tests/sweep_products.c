/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_products.c - products beyond two matrices: stacks that broadcast, vectors, several axes at
 * once; and integers of every size in tiles that kernels cut up.
 */
#include "tests/sweep.h"

static value times(br_dtype d, value a, value b)
{
    return d == BR_BOOL ? a != 0 && b != 0 : a * b;
}

static value plus(br_dtype d, value a, value b)
{
    return d == BR_BOOL ? a != 0 || b != 0 : a + b;
}

/* ---- integers ---- */

/* Larger numbers than ref_random's, so that every dtype wraps around. */
static ref *wide(br_dtype d, int64_t rows, int64_t columns)
{
    ref *r = ref_random(d, 2, (int64_t[]){rows, columns}, false, false);
    for (int64_t i = 0; i < r->n && d != BR_BOOL; i++)
        r->v[i] = as(d, r->v[i] * 11 + random_below(100));
    return r;
}

static ref *product(const ref *a, const ref *b)
{
    br_dtype d = br_result_type(a->dtype, b->dtype);
    ref *c = ref_new(d, 2, (int64_t[]){a->shape[0], b->shape[1]});
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t k = 0; k < a->shape[1]; k++)
            c->v[i] = plus(d, c->v[i],
                           times(d, a->v[i / b->shape[1] * a->shape[1] + k],
                                 b->v[k * b->shape[1] + i % b->shape[1]]));
        c->v[i] = as(d, c->v[i]);
    }
    return c;
}

static void integers(void)
{
    const int64_t list[][3] = {{9, 300, 150}, {4, 3, 128}, {3, 260, 33}, {17, 1, 257}};
    for (br_dtype d = BR_BOOL; d < BR_FLOAT32; d++)
        for (int s = 0; s < 4; s++)
            for (int how = CUT_WHOLE; how <= CUT_3; how++) {
                next_case(2);
                ref *a = wide(d, list[s][0], list[s][1]);
                ref *b = wide(d, list[s][1], list[s][2]);
                expect(br_matmul(source(a, how), source(b, how)), product(a, b), 0, 0,
                       "%s shape %d cut %d", br_dtype_name(d), s, how);
                ref *turned = ref_new(d, 2, (int64_t[]){b->shape[1], b->shape[0]});
                for (int64_t i = 0; i < b->n; i++)
                    turned->v[i % b->shape[1] * b->shape[0] + i / b->shape[1]] = b->v[i];
                expect(br_matmul(source(a, how), br_matrix_transpose(source(turned, how))),
                       product(a, b), 0, 0, "%s shape %d turned cut %d", br_dtype_name(d), s, how);
            }
}

/* ---- stacks and vectors ---- */

/* a[..., i, k] b[..., k, j] with a's and b's batches broadcast to `batch`. */
static ref *stacked(const ref *a, const ref *b, int nbatch, const int64_t *batch)
{
    br_dtype d = br_result_type(a->dtype, b->dtype);
    int64_t shape[REF_NDIM];
    memcpy(shape, batch, (size_t)nbatch * sizeof *batch);
    shape[nbatch] = a->shape[a->ndim - 2];
    shape[nbatch + 1] = b->shape[b->ndim - 1];
    int64_t inner = b->shape[b->ndim - 2];
    ref *c = ref_new(d, nbatch + 2, shape);
    for (int64_t e = 0; e < c->n; e++) {
        int64_t at[REF_NDIM];
        int64_t left[REF_NDIM];
        int64_t right[REF_NDIM];
        ref_coords(c, e, at);
        memcpy(left, at, sizeof at);
        memcpy(right, at, sizeof at);
        for (int64_t k = 0; k < inner; k++) {
            left[nbatch + 1] = right[nbatch] = k;
            c->v[e] = plus(d, c->v[e],
                           times(d, ref_at(a, nbatch + 2, left), ref_at(b, nbatch + 2, right)));
        }
        c->v[e] = as(d, c->v[e]);
    }
    return c;
}

static void stacks(void)
{
    const int64_t batch[] = {3, 2};
    const br_dtype dtypes[] = {BR_FLOAT64, BR_INT32, BR_COMPLEX64, BR_BOOL};
    for (int d = 0; d < 4; d++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            const char *name = br_dtype_name(dtypes[d]);
            ref *full = ref_random(dtypes[d], 4, (int64_t[]){3, 2, 4, 5}, false, false);
            ref *one = ref_random(dtypes[d], 2, (int64_t[]){5, 3}, false, false);
            ref *other = ref_random(dtypes[d], 4, (int64_t[]){3, 1, 5, 3}, false, false);
            ref *half = ref_random(dtypes[d], 3, (int64_t[]){2, 4, 5}, false, false);
            br_array *x = source(full, how);
            int then = how + d;
            expect(br_matmul(x, source(one, then % NCUTS)), stacked(full, one, 2, batch), 8, 64,
                   "stack by matrix %s %d", name, how);
            br_array *y = source(other, then % NCUTS);
            ref *r = stacked(full, other, 2, batch);
            expect(br_matmul(x, y), r, 8, 64, "stack by stack %s %d", name, how);
            ref *part = ref_new(r->dtype, 2, (int64_t[]){2, 3});
            for (int64_t i = 0; i < 6; i++)
                part->v[i] = r->v[12 + (3 - i / 3 * 2) * 3 + i % 3 + 24];
            expect(br_index(br_matmul(x, y), "1, 1, ::-2"), part, 8, 64, "slice of a stack %s %d",
                   name, how);
            expect(br_matmul(source(half, then % NCUTS), y), stacked(half, other, 2, batch), 8, 64,
                   "both broadcast %s %d", name, how);
        }
}

static void vectors(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(6);
        ref *v = ref_random(BR_INT64, 1, (int64_t[]){7}, false, false);
        ref *m = ref_random(BR_INT64, 3, (int64_t[]){2, 7, 7}, false, false);
        br_array *x = source(v, how);
        br_array *y = source(m, (how + 1) % NCUTS);
        ref *left = ref_new(BR_INT64, 2, (int64_t[]){2, 7});
        ref *right = ref_new(BR_INT64, 2, (int64_t[]){2, 7});
        ref *dot = ref_new(BR_INT64, 0, NULL);
        ref *square = ref_new(BR_INT64, 2, (int64_t[]){7, 14});
        ref *along = ref_new(BR_INT64, 2, (int64_t[]){2, 7});
        for (int64_t e = 0; e < 14; e++)
            for (int64_t k = 0; k < 7; k++) {
                left->v[e] += v->v[k] * m->v[e / 7 * 49 + k * 7 + e % 7];
                right->v[e] += v->v[k] * m->v[e * 7 + k];
                square->v[k * 14 + e] = v->v[k] * m->v[e];
                along->v[e] += m->v[e / 7 * 49 + k * 7 + e % 7] * m->v[e / 7 * 49 + k * 7 + e % 7];
            }
        for (int64_t k = 0; k < 7; k++)
            dot->v[0] += v->v[k] * v->v[k];
        expect(br_matmul(x, y), left, 0, 0, "row by stack cut %d", how);
        expect(br_matmul(y, x), right, 0, 0, "stack by column cut %d", how);
        expect(br_matmul(x, x), dot, 0, 0, "vector by vector cut %d", how);
        expect(br_outer(x, br_index(y, "0, :2")), square, 0, 0, "outer cut %d", how);
        expect(br_vecdot(y, x), right, 0, 0, "vecdot cut %d", how);
        expect(br_vecdot(y, y, .axis = BR_AXIS(1)), along, 0, 0, "vecdot of axis 1 cut %d", how);
    }
}

static void conjugates(void)
{
    next_case(2);
    ref *a = ref_random(BR_COMPLEX128, 2, (int64_t[]){4, 6}, false, false);
    ref *b = ref_random(BR_FLOAT32, 1, (int64_t[]){6}, false, false);
    ref *r = ref_new(BR_COMPLEX128, 1, (int64_t[]){4});
    for (int64_t i = 0; i < 24; i++)
        r->v[i / 6] += conjl(a->v[i]) * b->v[i % 6];
    expect(br_vecdot(source(a, CUT_2), source(b, CUT_3)), r, 8, 64, "vecdot of complex");
    ref *p = ref_random(BR_BOOL, 2, (int64_t[]){4, 6}, false, false);
    ref *any = ref_new(BR_BOOL, 1, (int64_t[]){4});
    for (int64_t i = 0; i < 24; i++)
        any->v[i / 6] = creall(any->v[i / 6]) != 0 || (p->v[i] != 0 && p->v[18 + i % 6] != 0);
    br_array *x = source(p, CUT_2);
    expect(br_vecdot(x, br_index(x, "3")), any, 0, 0, "vecdot of bool");
}

/* ---- tensordot ---- */

/* a (2, 3, 4, 5), b (4, 6, 3): over a's axes 2, 1 and b's 0, 2. */
static ref *over_pairs(const ref *a, const ref *b)
{
    ref *r = ref_new(br_result_type(a->dtype, b->dtype), 3, (int64_t[]){2, 5, 6});
    for (int64_t e = 0; e < r->n; e++)
        for (int64_t k = 0; k < 12; k++)
            r->v[e] += a->v[((e / 30 * 3 + k % 3) * 4 + k / 3) * 5 + e / 6 % 5] *
                       b->v[(k / 3 * 6 + e % 6) * 3 + k % 3];
    return r;
}

static void several_axes(void)
{
    const br_dtype dtypes[] = {BR_FLOAT64, BR_INT16};
    for (int how = 0; how < NCUTS * 2; how++) {
        next_case(4);
        br_dtype d = dtypes[how % 2];
        ref *a = ref_random(d, 4, (int64_t[]){2, 3, 4, 5}, false, false);
        ref *b = ref_random(d, 3, (int64_t[]){4, 6, 3}, false, false);
        br_array *x = source(a, how / 2);
        br_array *y = source(b, (how / 2 + how % 2) % NCUTS);
        br_array *z = br_tensordot(x, y, .left = BR_AXES(2, 1), .right = BR_AXES(0, -1));
        ref *r = over_pairs(a, b);
        expect(z, r, 16, 64, "tensordot %d", how);
        ref *part = ref_new(d, 1, (int64_t[]){3});
        for (int64_t i = 0; i < 3; i++)
            part->v[i] = r->v[30 + 2 * 6 + 2 * i];
        expect(br_index(z, "1, 2, ::2"), part, 16, 64, "slice of tensordot %d", how);
        br_array *t = br_permute_dims(br_index(y, ":, ::-2"), BR_AXES(2, 0, 1));
        ref *last = ref_new(d, 2, (int64_t[]){10, 3});
        for (int64_t e = 0; e < 30; e++)
            for (int64_t k = 0; k < 12; k++)
                last->v[e] += a->v[(e / 15 * 12 + k) * 5 + e / 3 % 5] *
                              b->v[(k % 4 * 6 + 5 - 2 * (e % 3)) * 3 + k / 4];
        br_array *moved = br_moveaxis(x, BR_AXIS(3), BR_AXIS(1));
        expect(br_reshape(br_tensordot(moved, t), BR_SHAPE(10, 3)), last, 16, 64,
               "tensordot of two axes %d", how);
        ref *outer = ref_new(d, 2, (int64_t[]){72, 120});
        for (int64_t e = 0; e < outer->n; e++)
            outer->v[e] = b->v[e / 120] * a->v[e % 120];
        expect(br_reshape(br_tensordot(y, x, .axes = BR_NUM(0)), BR_SHAPE(72, 120)), outer, 4, 0,
               "tensordot over nothing %d", how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    integers();
    stacks();
    vectors();
    conjugates();
    several_axes();
    return sweep_close();
}
