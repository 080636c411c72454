/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_windows.c - sliding windows, what is reduced over them, and convolutions, over dtypes,
 * extents and chunks.
 */
#include "tests/sweep.h"

static ref *numbers(br_dtype d, int ndim, const int64_t *shape)
{
    ref *r = ref_new(d, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        reference.random = reference.random * 6364136223846793005u + 1442695040888963407u;
        long double re = (long double)(int64_t)(reference.random >> 33) - (1 << 30);
        re = fmodl(re, 60);
        if (is_unsigned(d) || d == BR_BOOL)
            re = fabsl(re);
        r->v[i] = as(d, is_complex(d) ? re + (re - 7) * I : re);
    }
    return r;
}

/* ---- windows ---- */

/* Windows along `n` axes as NumPy has them. */
static ref *windows(const ref *x, int n, const int64_t *w, const int *axis)
{
    int64_t shape[REF_NDIM];
    int64_t at[REF_NDIM];
    memcpy(shape, x->shape, sizeof shape);
    for (int k = 0; k < n; k++) {
        shape[axis[k]] -= w[k] - 1;
        shape[x->ndim + k] = w[k];
    }
    ref *r = ref_new(x->dtype, x->ndim + n, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, at);
        for (int k = 0; k < n; k++)
            at[axis[k]] += at[x->ndim + k];
        r->v[i] = x->v[ref_linear(x, at)];
    }
    return r;
}

/* The sum or the largest element over the last n axes. */
static ref *reduced(const ref *x, int n, bool largest, br_dtype dtype)
{
    ref *r = ref_new(dtype, x->ndim - n, x->shape);
    int64_t each = r->n > 0 ? x->n / r->n : 0;
    for (int64_t i = 0; i < x->n; i++) {
        value *v = &r->v[i / each];
        bool first = i % each == 0;
        if (largest)
            *v = first || creall(x->v[i]) > creall(*v) ? x->v[i] : *v;
        else
            *v += x->v[i];
    }
    return r;
}

static ref *sliced(const ref *x, int64_t start, int64_t step)
{
    int64_t shape[REF_NDIM];
    int64_t at[REF_NDIM];
    memcpy(shape, x->shape, sizeof shape);
    shape[0] = step > 0 ? (shape[0] - start + step - 1) / step : start / -step + 1;
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, at);
        at[0] = start + at[0] * step;
        r->v[i] = x->v[ref_linear(x, at)];
    }
    return r;
}

static ref *scaled(const ref *x, long double by)
{
    ref *r = ref_new(x->dtype, x->ndim, x->shape);
    for (int64_t i = 0; i < x->n; i++)
        r->v[i] = x->v[i] * by;
    return r;
}

static void lines(void)
{
    static const int64_t extents[] = {1, 9, 30, 600};
    for (int k = 0; k < 12; k++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(12);
            int64_t n = extents[k % 4];
            int64_t w = k < 4 ? 1 : k < 8 ? (n + 2) / 3 : n;
            int zero = 0;
            br_dtype d = (br_dtype)(BR_BOOL + (k + 3 * how) % 13);
            const char *name = br_dtype_name(d);
            ref *r = numbers(d, 1, &n);
            ref *f = numbers(BR_FLOAT64, 1, &n);
            ref *all = windows(r, 1, &w, &zero);
            ref *floats = windows(f, 1, &w, &zero);
            ref *sums = reduced(floats, 1, false, BR_FLOAT64);
            br_array *x = br_sliding_window_view(source(r, how), BR_SHAPE(w));
            br_array *y = source(f, how);
            br_array *z = br_sliding_window_view(y, BR_SHAPE(w), .axis = BR_AXIS(-1));
            if (n < 600) {
                expect(x, all, 0, 0, "windows of %d of %d %s cut %d", (int)w, (int)n, name, how);
                expect(br_index(x, "::-2"), sliced(all, all->shape[0] - 1, -2), 0, 0,
                       "every second of %d of %d %s cut %d", (int)w, (int)n, name, how);
            }
            expect(br_sum(z, .axis = BR_AXIS(-1)), sums, 0, 0, "sums of %d of %d cut %d", (int)w,
                   (int)n, how);
            expect(br_max(z, .axis = BR_AXIS(1)), reduced(floats, 1, true, BR_FLOAT64), 0, 0,
                   "maxima of %d of %d cut %d", (int)w, (int)n, how);
            expect(br_mean(br_mul(z, 2), .axis = BR_AXIS(1)), scaled(sums, 2.0L / w), 4, 60,
                   "means of %d of %d cut %d", (int)w, (int)n, how);
            expect(br_index(br_sum(br_sliding_window_view(br_mul(y, 3), BR_SHAPE(w)),
                                   .axis = BR_AXIS(1)),
                            "::3"),
                   sliced(scaled(sums, 3), 0, 3), 0, 0, "sums of computed %d of %d cut %d", (int)w,
                   (int)n, how);
        }
}

static void planes(void)
{
    static const int64_t shape[] = {7, 11};
    static const int64_t ws[][2] = {{3, 4}, {7, 1}, {2, 11}};
    static const int both[] = {0, 1};
    static const int turned[] = {1, 0};
    static const int twice[] = {1, 1};
    for (int k = 0; k < 3; k++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(8);
            br_dtype d = k == 0 ? BR_INT32 : k == 1 ? BR_COMPLEX128 : BR_FLOAT64;
            br_dtype sum = k == 0 ? BR_INT64 : d;
            br_extents w = extents_of(2, ws[k]);
            ref *r = numbers(d, 2, shape);
            br_array *x = source(r, how);
            ref *all = windows(r, 2, ws[k], both);
            br_array *y = br_sliding_window_view(x, w);
            expect(y, all, 0, 0, "planes %d cut %d", k, how);
            expect(br_sum(y, .axis = BR_AXES(-2, -1)), reduced(all, 2, false, sum), 0, 0,
                   "sums of planes %d cut %d", k, how);
            expect(br_sum(br_index(y, "::-1"), .axis = BR_AXES(2, 3)),
                   reduced(sliced(all, all->shape[0] - 1, -1), 2, false, sum), 0, 0,
                   "sums of turned planes %d cut %d", k, how);
            br_array *z = br_sliding_window_view(x, BR_SHAPE(2, 3), .axis = BR_AXES(1, 0));
            static const int64_t small[] = {2, 3};
            expect(z, windows(r, 2, small, turned), 0, 0, "turned axes %d cut %d", k, how);
            ref *nested = windows(r, 2, small, twice);
            br_array *two = br_sliding_window_view(x, BR_SHAPE(2, 3), .axis = BR_AXES(1, 1));
            expect(two, nested, 0, 0, "windows of windows %d cut %d", k, how);
            expect(br_sum(two, .axis = BR_AXES(2, 3)), reduced(nested, 2, false, sum), 0, 0,
                   "sums of windows of windows %d cut %d", k, how);
        }
}

/* Indices, drawn numbers and matrices that are computed, not read. */
static void computed(void)
{
    static value diagonal[] = {5, 9, 13, 17};
    for (int w = 1; w < 5; w++) {
        next_case(6);
        int64_t n = 12;
        int64_t width = w;
        int zero = 0;
        ref *r = ref_new(BR_INT64, 1, &n);
        for (int64_t i = 0; i < n; i++)
            r->v[i] = 2 * i + 5;
        br_array *x =
            br_arange(sweep.ctx, BR_NUM(5), BR_NUM(29), .step = BR_NUM(2), .chunks = BR_CHUNKS(5));
        br_array *y = br_sliding_window_view(x, BR_SHAPE(width));
        expect(y, windows(r, 1, &width, &zero), 0, 0, "windows of a range, %d", w);
        /* Element i + i of the range. */
        br_array *square = br_sliding_window_view(x, BR_SHAPE(4));
        int64_t four = 4;
        ref *across = ref_new(BR_INT64, 1, &four);
        memcpy(across->v, diagonal, sizeof diagonal);
        expect(br_diagonal(square), across, 0, 0, "diagonal of windows, %d", w);
        ref *squared = ref_new(BR_INT64, 2, (int64_t[]){9, 9});
        for (int64_t i = 0; i < 81; i++)
            for (int64_t k = 0; k < 4; k++)
                squared->v[i] += r->v[i / 9 + k] * r->v[i % 9 + k];
        br_array *turned = br_permute_dims(square, BR_AXES(1, 0));
        br_array *exact = br_astype(
            br_matmul(br_astype(square, BR_FLOAT64), br_astype(turned, BR_FLOAT64)), BR_INT64);
        expect(exact, squared, 0, 0, "product of windows, %d", w);
    }
}

/* ---- convolution ---- */

static const char *const modes[] = {"full", "same", "valid"};

/* By its definition, of whole numbers. */
static ref *convolved(const ref *x, const ref *h, int mode, bool correlates, br_dtype dtype)
{
    int64_t shape[REF_NDIM];
    int64_t shift[REF_NDIM];
    int64_t at[REF_NDIM];
    int64_t k[REF_NDIM];
    for (int a = 0; a < x->ndim; a++) {
        int64_t m = h->shape[a];
        shift[a] = mode == 0 ? 0 : mode == 1 ? (m - 1) / 2 : m - 1;
        shape[a] = x->shape[a] + (mode == 0 ? m - 1 : mode == 1 ? 0 : 1 - m);
    }
    ref *r = ref_new(dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = 0; j < h->n; j++) {
            bool inside = true;
            ref_coords(r, i, at);
            ref_coords(h, j, k);
            for (int a = 0; a < x->ndim; a++) {
                at[a] += shift[a] - k[a];
                inside = inside && at[a] >= 0 && at[a] < x->shape[a];
            }
            value factor = correlates ? conjl(h->v[h->n - 1 - j]) : h->v[j];
            if (inside)
                r->v[i] += factor * x->v[ref_linear(x, at)];
        }
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = as(dtype, r->v[i]);
    return r;
}

static void convolutions(void)
{
    static const int64_t shapes[][3] = {{1}, {9}, {700}, {6, 9}, {1, 20}, {4, 5, 6}};
    static const int64_t kernels[][3] = {{1}, {4}, {7}, {3, 2}, {1, 5}, {2, 3, 4}};
    for (int k = 0; k < 6; k++)
        for (int mode = 0; mode < 3; mode++)
            for (int how = 0; how < NCUTS; how++) {
                next_case(6);
                int ndim = k < 3 ? 1 : k < 5 ? 2 : 3;
                br_convolve_mode m = (br_convolve_mode)mode;
                br_dtype d = (br_dtype)(BR_INT8 + (k * 18 + mode * 6 + how) % 12);
                br_dtype e = how % 2 ? d : BR_INT8;
                br_dtype both = br_result_type(d, e);
                ref *x = numbers(d, ndim, shapes[k]);
                ref *h = numbers(e, ndim, kernels[k]);
                br_array *y = source(x, how);
                br_array *kernel = source(h, (how + k) % NCUTS);
                const char *name = br_dtype_name(d);
                ref *want = convolved(x, h, mode, false, both);
                expect(br_convolve(y, kernel, .mode = m), want, 0, 0, "convolve %d %s %s cut %d", k,
                       modes[mode], name, how);
                expect(br_convolve(br_add(y, 0), br_add(kernel, 0), m), want, 0, 0,
                       "convolve computed %d %s %s cut %d", k, modes[mode], name, how);
                expect(br_correlate(y, kernel, m), convolved(x, h, mode, true, both), 0, 0,
                       "correlate %d %s %s cut %d", k, modes[mode], name, how);
                if (m == BR_CONVOLVE_SAME)
                    expect(br_convolve(kernel, y, m), convolved(h, x, mode, false, both), 0, 0,
                           "convolve by a longer one %d %s cut %d", k, name, how);
            }
}

/* In the order and with the rounding that the header tells, whatever the chunks. */
static ref *summed(const ref *x, const ref *h)
{
    int64_t n = x->n;
    ref *r = ref_new(BR_FLOAT64, 1, &n);
    for (int64_t i = 0; i < n; i++) {
        volatile double sum = 0;
        for (int64_t k = 0; k < h->n; k++) {
            int64_t at = i + (h->n - 1) / 2 - k;
            if (at < 0 || at >= n)
                continue;
            volatile double product = (double)creall(h->v[k]) * (double)creall(x->v[at]);
            sum = sum + product;
        }
        r->v[i] = sum;
    }
    return r;
}

/* Beyond the ends nothing is added, which a kernel with an infinite end would tell. */
static void rounding(void)
{
    static const int64_t n[] = {40};
    static const int64_t m[] = {5};
    for (int infinite = 0; infinite < 2; infinite++) {
        ref *x = ref_random(BR_FLOAT64, 1, n, false, false);
        ref *h = ref_random(BR_FLOAT64, 1, m, false, false);
        for (int64_t i = 0; i < 40; i++)
            x->v[i] = as(BR_FLOAT64, x->v[i] / 3);
        if (infinite)
            h->v[4] = INFINITY;
        for (int how = 0; how < NCUTS; how++)
            expect(br_convolve(source(x, how), source(h, CUT_2), .mode = BR_CONVOLVE_SAME),
                   summed(x, h), 0, 0, "rounding, %s kernel, cut %d",
                   infinite ? "infinite" : "finite", how);
        next_case(QUEUE);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    lines();
    planes();
    computed();
    next_case(QUEUE);
    convolutions();
    next_case(QUEUE);
    rounding();
    return sweep_close();
}
