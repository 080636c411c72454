/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_user.c - users' functions on pairs of elements and users' reductions: their values beside
 * naive references, over dtypes, axes and chunks, fused with what they read and what reads them.
 */
#include "tests/sweep.h"
#include "tests/user_reductions.h"

/* ---- br_map2 ---- */

typedef struct plane {
    double a, b;
} plane;

static double over(double a, double b, const void *data)
{
    const plane *p = data;
    return p->a * a + p->b * b;
}
static double minus(double a, double b, const void *data)
{
    (void)data;
    return a - b;
}
static value r_over(value a, value b)
{
    return 0.5L * a - 3 * b;
}
static value r_minus(value a, value b)
{
    return a - b;
}

static void maps(void)
{
    static const int64_t shape[] = {7, 10};
    static const plane p = {0.5, -3};
    for (br_dtype d = BR_BOOL; d < BR_COMPLEX64; d++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(6);
            const char *name = br_dtype_name(d);
            ref *a = ref_random(d, 2, shape, false, true);
            ref *b = ref_random(BR_INT16, 1, shape + 1, false, true);
            ref *number = ref_new(BR_FLOAT64, 0, NULL);
            number->v[0] = 2.5L;
            br_array *x = source(a, how);
            br_array *y = source(b, (how + 1) % NCUTS);
            br_array *z = br_map2(x, y, over, &p, sizeof p, .cheap = how % 2);
            ref *weighed = ref_map2(BR_FLOAT64, a, b, r_over);
            expect(z, weighed, 2, 8, "map2 %s cut %d", name, how);
            expect(br_map2(br_add(z, 0), y, minus), ref_map2(BR_FLOAT64, weighed, b, r_minus), 4, 8,
                   "map2 of map2 %s cut %d", name, how);
            expect(br_map2(y, x, over, &p, sizeof p, BR_FLOAT32),
                   ref_map2(BR_FLOAT32, b, a, r_over), 2, 8, "map2 turned %s cut %d", name, how);
            expect(br_map2(x, 2.5, minus), ref_map2(BR_FLOAT64, a, number, r_minus), 2, 8,
                   "map2 with a number %s cut %d", name, how);
            expect(br_mul(br_map2(2.5, br_add(br_index(y, "3"), 0), minus), 1.0),
                   ref_map2(BR_FLOAT64, number, &(ref){.dtype = BR_INT16, .n = 1, .v = b->v + 3},
                            r_minus),
                   2, 8, "map2 of scalars %s cut %d", name, how);
        }
}

/* ---- cases ---- */

enum { SMALLEST, VARIANCE, HISTOGRAM, MATRIX, TEXT, NREDUCTIONS };

static const char *const names[] = {"smallest", "variance", "histogram", "matrix", "text"};
static fold *const folds[] = {r_smallest, r_variance, r_histogram, r_matrix, r_text};
static const br_dtype results[] = {BR_INT64, BR_FLOAT64, BR_UINT64, BR_UINT64, BR_UINT64};

static br_array *reduction(int which, br_array *x, br_axes axes, bool keepdims)
{
    static const double correction = 1;
    switch (which) {
    case SMALLEST:
        return br_reduction(x, axes, keepdims, sizeof(smallest), NULL, smallest_of, smallest_merge,
                            smallest_place, BR_INT64);
    case VARIANCE:
        return br_reduction(x, .axis = axes, .keepdims = keepdims, .state_bytes = sizeof(moments),
                            .accumulate = moments_of, .merge = moments_merge,
                            .finish = moments_variance, .dtype = BR_FLOAT64, .data = &correction,
                            .data_bytes = sizeof correction, .name = "online variance");
    case HISTOGRAM:
        return br_reduction(x, .axis = axes, .keepdims = keepdims, .state_bytes = sizeof(histogram),
                            .accumulate = histogram_of, .merge = histogram_merge,
                            .finish = histogram_hash, .dtype = BR_UINT64);
    case MATRIX:
        return br_reduction(x, .axis = axes, .keepdims = keepdims, .state_bytes = sizeof(matrix),
                            .init = matrix_one, .accumulate = matrix_times, .merge = matrix_merge,
                            .finish = matrix_mixed, .dtype = BR_UINT64);
    default:
        return br_reduction(x, .axis = axes, .keepdims = keepdims, .state_bytes = sizeof(text),
                            .accumulate = text_of, .merge = text_merge, .finish = text_hash,
                            .dtype = BR_UINT64, .data = &base, .data_bytes = sizeof base);
    }
}

/* The fold of a over the axes in `mask`. */
static ref *reference_of(int which, const ref *a, uint32_t mask, bool keepdims)
{
    int64_t shape[REF_NDIM];
    int64_t kept[REF_NDIM];
    int ndim = 0;
    int64_t n = 1;
    for (int d = 0; d < a->ndim; d++) {
        bool reduced = mask >> d & 1;
        n *= reduced ? a->shape[d] : 1;
        kept[d] = reduced ? 1 : a->shape[d];
        if (!reduced || keepdims)
            shape[ndim++] = kept[d];
    }
    ref *r = ref_new(results[which], ndim, shape);
    ref *at = ref_new(BR_INT8, a->ndim, kept);
    value *of = calloc((size_t)(n * r->n + 1), sizeof *of);
    int64_t *have = calloc((size_t)r->n + 1, sizeof *have);
    for (int64_t i = 0; i < a->n; i++) {
        int64_t coord[REF_NDIM];
        ref_coords(a, i, coord);
        for (int d = 0; d < a->ndim; d++)
            coord[d] = mask >> d & 1 ? 0 : coord[d];
        int64_t k = ref_linear(at, coord);
        of[k * n + have[k]++] = a->v[i];
    }
    for (int64_t k = 0; k < r->n; k++)
        r->v[k] = folds[which](of + k * n, n);
    free(have);
    free(of);
    return r;
}

static br_axes axes_of(uint32_t mask)
{
    br_axes axes = {mask == 0 ? -1 : 0, {0}};
    for (int a = 5; a >= 0; a--)
        if (mask >> a & 1)
            axes.axis[axes.n++] = a;
    return axes;
}

/* Every set of axes of shapes that take several runs, rows and chunks; reductions take turns. */
static void all_axes(int ndim, const int64_t *shape, br_dtype d)
{
    char name[64] = "";
    for (int a = 0; a < ndim; a++)
        snprintf(name + strlen(name), sizeof name - strlen(name), "%" PRId64 " ", shape[a]);
    for (int how = 0; how < NCUTS; how++) {
        if (how == CUT_1 && shape[0] > 40)
            continue;
        for (uint32_t mask = 0; mask < 1u << ndim; mask++)
            for (int which = 0; which < NREDUCTIONS; which++) {
                if ((which + how + (int)mask) % 2 != 0)
                    continue;
                next_case(1);
                bool keepdims = (mask + (uint32_t)how) % 3 == 0;
                ref *a = ref_random(d, ndim, shape, false, true);
                expect(reduction(which, source(a, how), axes_of(mask), keepdims),
                       reference_of(which, a, mask, keepdims), 64, 64, "%s %s%s mask %u cut %d",
                       names[which], name, br_dtype_name(d), mask, how);
            }
    }
}

/* Reading expressions and being read: through slices, transposes, broadcasts, sums, and themselves.
 * */
static void in_expressions(void)
{
    static const int64_t shape[] = {37, 29};
    for (int how = 0; how < NCUTS; how++)
        for (int which = 0; which < NREDUCTIONS; which++) {
            next_case(5);
            ref *a = ref_random(BR_INT16, 2, shape, false, true);
            br_array *x = source(a, how);
            const char *name = names[which];
            ref *turned = ref_new(BR_INT16, 2, (int64_t[]){10, 37});
            ref *shifted = ref_new(BR_INT64, 2, shape);
            for (int64_t i = 0; i < turned->n; i++)
                turned->v[i] = a->v[i % 37 * 29 + 28 - 3 * (i / 37)];
            for (int64_t i = 0; i < a->n; i++)
                shifted->v[i] = a->v[i] + i / 29 - 2 * (i % 29);
            br_array *view = br_permute_dims(br_index(x, ":, ::-3"), BR_AXES(1, 0));
            expect(reduction(which, view, BR_AXES(1), false), reference_of(which, turned, 2, false),
                   64, 64, "%s of a turned slice cut %d", name, how);
            br_array *row = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(37), .dtype = BR_INT64);
            br_array *column = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(29), .dtype = BR_INT64);
            br_array *y = br_sub(br_add(x, br_expand_dims(row, 1)), br_mul(column, 2));
            ref *whole = reference_of(which, shifted, 1, false);
            expect(reduction(which, y, BR_AXES(0), false), whole, 64, 64, "%s of a chain cut %d",
                   name, how);
            ref *part = ref_new(whole->dtype, 1, (int64_t[]){4});
            for (int i = 0; i < 4; i++)
                part->v[i] = whole->v[20 - 2 * i];
            expect(br_index(reduction(which, y, BR_AXES(0), false), "20:12:-2"), part, 64, 64,
                   "slice of %s cut %d", name, how);
            ref *again =
                reference_of(HISTOGRAM, reference_of(SMALLEST, shifted, 2, true), 3, false);
            expect(
                reduction(HISTOGRAM, reduction(SMALLEST, y, BR_AXES(1), true), axes_of(3), false),
                again, 0, 0, "reduction of reduction after %s cut %d", name, how);
        }
}

/* Results of sixteen elements: all of them, slices of their own axis and of the others, their sum.
 * */
static void wide_results(void)
{
    static const int64_t shape[] = {23, 31, 17};
    for (int how = 0; how < NCUTS; how++) {
        next_case(5);
        ref *a = ref_random(BR_INT8, 3, shape, false, true);
        ref *counts = ref_new(BR_UINT32, 2, (int64_t[]){31, 16});
        ref *total = ref_new(BR_UINT64, 1, (int64_t[]){16});
        ref *some = ref_new(BR_UINT32, 2, (int64_t[]){5, 4});
        for (int64_t i = 0; i < a->n; i++) {
            int64_t bin = (int64_t)creall(a->v[i]) & 15;
            counts->v[i / 17 % 31 * 16 + bin] += 1;
            total->v[bin] += 1;
        }
        for (int64_t i = 0; i < some->n; i++)
            some->v[i] = counts->v[(20 - 3 * (i / 4)) * 16 + 15 - 2 * (i % 4)];
        br_array *y = br_reduction(source(a, how), BR_AXES(0, 2), .state_bytes = sizeof(histogram),
                                   .accumulate = histogram_of, .merge = histogram_merge,
                                   .finish = histogram_counts, .dtype = BR_UINT32, .width = 16);
        expect(y, counts, 0, 0, "histograms cut %d", how);
        expect(br_sum(y, .axis = BR_AXES(0)), total, 0, 0, "sum of histograms cut %d", how);
        expect(br_index(y, "20:6:-3, :7:-2"), some, 0, 0, "slice of histograms cut %d", how);
        y = br_reduction(source(a, how), BR_AXES(0, 2), .state_bytes = sizeof(histogram),
                         .accumulate = histogram_of, .merge = histogram_merge, .keepdims = true,
                         .finish = histogram_counts, .dtype = BR_UINT32, .width = 16);
        expect(br_index(y, "0, 20:6:-3, 0, :7:-2"), some, 0, 0, "slice of kept histograms cut %d",
               how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    maps();
    all_axes(1, (const int64_t[]){2000}, BR_FLOAT64);
    all_axes(2, (const int64_t[]){5, 1300}, BR_INT32);
    all_axes(2, (const int64_t[]){1300, 7}, BR_UINT8);
    all_axes(3, (const int64_t[]){9, 11, 13}, BR_INT64);
    all_axes(4, (const int64_t[]){3, 5, 1, 90}, BR_FLOAT32);
    all_axes(3, (const int64_t[]){4, 0, 3}, BR_INT8);
    all_axes(2, (const int64_t[]){70, 300}, BR_UINT16);
    all_axes(3, (const int64_t[]){45, 9, 60}, BR_INT8);
    in_expressions();
    wide_results();
    return sweep_close();
}
