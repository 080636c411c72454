/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_gufunc.c - users' functions on core elements: by signature, and along an axis.
 */
#include "tests/sweep.h"

/* ---- by signature ---- */

static int matvec(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    const double *a = in[0];
    const int32_t *x = in[1];
    double *y = out;
    for (int64_t i = 0; i < extent[0]; i++) {
        y[i] = data != NULL ? *(const double *)data : 0;
        for (int64_t j = 0; j < extent[1]; j++)
            y[i] += a[i * extent[1] + j] * x[j];
    }
    return 0;
}

static int transpose(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)data;
    for (int64_t i = 0; i < extent[0]; i++)
        for (int64_t j = 0; j < extent[0]; j++)
            ((double *)out)[i * extent[0] + j] = ((const double *)in[0])[j * extent[0] + i];
    return 0;
}

/* "(i),()->(i,k)": powers 1 to k, times a number of the loop. */
static int powers(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)data;
    const double *x = in[0];
    for (int64_t i = 0; i < extent[0]; i++) {
        double power = *(const double *)in[1];
        for (int64_t k = 0; k < extent[1]; k++)
            ((double *)out)[i * extent[1] + k] = power *= x[i];
    }
    return 0;
}

static void cores(void)
{
    const double one = 1;
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        ref *a = ref_random(BR_FLOAT64, 4, (int64_t[]){3, 4, 2, 5}, false, true);
        ref *x = ref_random(BR_INT32, 2, (int64_t[]){4, 5}, false, true);
        br_array *left = source(a, how);
        br_array *right = source(x, (how + 1) % NCUTS);
        ref *r = ref_new(BR_FLOAT64, 3, (int64_t[]){3, 4, 2});
        for (int64_t i = 0; i < r->n; i++) {
            r->v[i] = 1;
            for (int64_t j = 0; j < 5; j++)
                r->v[i] += a->v[i * 5 + j] * x->v[i / 2 % 4 * 5 + j];
        }
        br_array *y = br_apply_gufunc(matvec, "(i,j),(j)->(i)", left, right, .allow_rechunk = true,
                                      .data = &one, .data_bytes = sizeof one);
        expect(y, r, 8, 64, "gufunc cut %d", how);
        ref *part = ref_new(BR_FLOAT64, 2, (int64_t[]){2, 2});
        for (int64_t i = 0; i < 4; i++)
            part->v[i] = r->v[16 + (3 - 2 * (i / 2)) * 2 + i % 2];
        expect(
            br_index(br_apply_gufunc(matvec, "(i,j),(j)->(i)", left, right, .allow_rechunk = true,
                                     .data = &one, .data_bytes = sizeof one, .impure = true),
                     "2, ::-2"),
            part, 8, 64, "slice of a gufunc cut %d", how);
        ref *square = ref_random(BR_FLOAT64, 3, (int64_t[]){4, 3, 3}, false, true);
        ref *turned = ref_new(BR_FLOAT64, 3, square->shape);
        for (int64_t i = 0; i < square->n; i++)
            turned->v[i] = square->v[i / 9 * 9 + i % 3 * 3 + i / 3 % 3];
        expect(
            br_apply_gufunc(transpose, "(n,n)->(n,n)", source(square, how), .allow_rechunk = true),
            turned, 0, 0, "gufunc of squares cut %d", how);
        ref *v = ref_random(BR_FLOAT64, 1, (int64_t[]){5}, false, true);
        ref *loop = ref_random(BR_FLOAT64, 2, (int64_t[]){3, 1}, false, true);
        ref *table = ref_new(BR_FLOAT64, 4, (int64_t[]){3, 1, 5, 3});
        for (int64_t i = 0; i < table->n; i++)
            table->v[i] = loop->v[i / 15] * powl(creall(v->v[i / 3 % 5]), i % 3 + 1);
        expect(br_apply_gufunc(powers, "(i),()->(i,k)", source(v, how), source(loop, how),
                               .output_sizes = BR_SHAPE(3), .allow_rechunk = true),
               table, 4, 1, "gufunc with a size of its own cut %d", how);
    }
}

static int spread(const void *slice, int64_t n, void *out, const void *data)
{
    (void)data;
    const int32_t *x = slice;
    int64_t *least = out;
    int64_t most = x[0];
    *least = x[0];
    for (int64_t i = 1; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        most = x[i] > most ? x[i] : most;
    }
    least[1] = most;
    return 0;
}

static int weighted_sum(const void *slice, int64_t n, void *out, const void *data)
{
    (void)data;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (i + 1) * ((const int32_t *)slice)[i];
    *(int64_t *)out = sum;
    return 0;
}

static void along_axes(void)
{
    const int64_t shape[] = {4, 6, 5};
    for (int axis = 0; axis < 3; axis++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(2);
            ref *a = ref_random(BR_INT32, 3, shape, false, true);
            br_array *x = source(a, how);
            int64_t behind = axis == 0 ? 30 : axis == 1 ? 5 : 1;
            int64_t pairs[3] = {4, 6, 5};
            pairs[axis] = 2;
            ref *two = ref_new(BR_INT64, 3, pairs);
            ref *sum = ref_new(BR_INT64, 2, (int64_t[]){axis == 0 ? 6 : 4, axis == 2 ? 6 : 5});
            for (int64_t s = 0; s < sum->n; s++) {
                int64_t first = s / behind * behind * shape[axis] + s % behind;
                int64_t place = s / behind * behind * 2 + s % behind;
                two->v[place] = two->v[place + behind] = a->v[first];
                for (int64_t i = 0; i < shape[axis]; i++) {
                    value v = a->v[first + i * behind];
                    sum->v[s] += (i + 1) * v;
                    if (creall(v) < creall(two->v[place]))
                        two->v[place] = v;
                    if (creall(v) > creall(two->v[place + behind]))
                        two->v[place + behind] = v;
                }
            }
            expect(br_apply_along_axis(spread, axis, x, .length = 2, .dtype = BR_INT64), two, 0, 0,
                   "pairs along axis %d cut %d", axis, how);
            expect(br_apply_along_axis(weighted_sum, axis - 3, x, .dtype = BR_INT64), sum, 0, 0,
                   "sums along axis %d cut %d", axis, how);
        }
}

/* ---- empty ---- */

static int ones_for_none(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)in;
    (void)data;
    *(double *)out = extent[0] == 0 ? 1 : 2;
    return 0;
}

static void empty(void)
{
    for (int how = 0; how < 3; how++) {
        next_case(2);
        ref *none = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 0});
        ref *wide = ref_new(BR_FLOAT64, 2, (int64_t[]){0, 4});
        ref *line = ref_random(BR_FLOAT64, 1, (int64_t[]){3}, false, true);
        br_array *x = source(none, CUT_WHOLE);
        br_array *y = source(wide, how);
        ref *ones = ref_new(BR_FLOAT64, 1, (int64_t[]){3});
        for (int i = 0; i < 3; i++)
            ones->v[i] = 1;
        expect(br_apply_gufunc(ones_for_none, "(n),()->()", x, source(line, how)), ones, 0, 0,
               "gufunc over nothing %d", how);
        ref *nothing = ref_new(BR_FLOAT64, 1, (int64_t[]){0});
        expect(br_apply_gufunc(ones_for_none, "(n)->()", y, .allow_rechunk = true), nothing, 0, 0,
               "no elements in the loop %d", how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    cores();
    along_axes();
    empty();
    return sweep_close();
}
