/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_overlap.c - functions on chunks with halos, over boundaries, depths, dtypes and chunks.
 */
#include "tests/moves.h"
#include "tests/overlap_reference.h"
#include "tests/sum_doubles.h"
#include "tests/sweep.h"

/* ---- one input ---- */

/* Whole numbers below 100, which all sums hold exactly. */
static ref *numbers(br_dtype d, int ndim, const int64_t *shape)
{
    ref *r = ref_new(d, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        reference.random = reference.random * 6364136223846793005u + 1442695040888963407u;
        value v = (value)(reference.random >> 40) - (value)(1 << 23);
        long double re = fmodl(creall(v), 100);
        if (is_unsigned(d) || d == BR_BOOL)
            re = fabsl(re);
        r->v[i] = as(d, is_complex(d) ? re + (re - 7) * I : re);
    }
    return r;
}

static const br_boundary boundaries[] = {{BR_BOUNDARY_NONE, {0}},
                                         {BR_BOUNDARY_CONSTANT, {'i', 3, 3, 3, 0}},
                                         {BR_BOUNDARY_NEAREST, {0}},
                                         {BR_BOUNDARY_REFLECT, {0}},
                                         {BR_BOUNDARY_PERIODIC, {0}}};
static const char *const names[] = {"none", "constant", "nearest", "reflect", "periodic"};

static br_dtype sum_dtype(br_dtype d)
{
    return is_complex(d) ? BR_COMPLEX128 : BR_FLOAT64;
}

static br_array *overlap(br_array *x, job *j, const br_boundaries *b, br_dtype dtype, bool inner)
{
    const around *s = &j->input[0];
    return br_map_overlap(x, add_around, .depth = extents_of(s->ndim, s->before),
                          .after = extents_of(s->ndim, s->after), .boundary = *b, .data = j,
                          .data_bytes = sizeof *j, .dtype = dtype, .inner = inner);
}

static void lines(void)
{
    static const int64_t depths[][2] = {{0, 0}, {1, 1}, {0, 2}, {3, 1}, {7, 7}, {5, 0}};
    static const int64_t extents[] = {1, 7, 16};
    for (int b = 0; b < 5; b++)
        for (int k = 0; k < 6; k++)
            for (int how = 0; how < NCUTS; how++) {
                next_case(6);
                int64_t n = extents[(b + k + how) % 3];
                job j = {1, {{1, {depths[k][0]}, {depths[k][1]}}}};
                if (depths[k][0] > n)
                    n = depths[k][0];
                if (depths[k][1] > n)
                    n = depths[k][1];
                br_dtype d = (br_dtype)(BR_BOOL + (b * 6 + k + how) % 13);
                ref *x = numbers(d, 1, &n);
                br_boundaries all = {1, {boundaries[b]}};
                ref *want = ref_new(sum_dtype(d), 1, &n);
                add_reference(want, x, &j.input[0], &all);
                expect(overlap(source(x, how), &j, &all, want->dtype, how % 2), want, 0, 0,
                       "line %s %s depth %d:%d of %d cut %d", names[b], br_dtype_name(d),
                       (int)depths[k][0], (int)depths[k][1], (int)n, how);
            }
}

/* Two boundaries, in all orders, over memory, what is computed, and what a function stored. */
static void planes(void)
{
    static const int64_t shape[] = {6, 9};
    for (int first = 0; first < 5; first++)
        for (int second = 0; second < 5; second++)
            for (int how = 0; how < NCUTS; how++) {
                next_case(8);
                job j = {1, {{2, {1 + how % 3, 2}, {how % 2 * 4, 1}}}};
                br_boundaries b = {2, {boundaries[first], boundaries[second]}};
                if (first == second)
                    b.n = 1;
                ref *x = numbers(BR_FLOAT64, 2, shape);
                ref *want = ref_new(BR_FLOAT64, 2, shape);
                add_reference(want, x, &j.input[0], &b);
                br_array *y = source(x, how);
                const char *one = names[first];
                const char *two = names[second];
                expect(overlap(y, &j, &b, BR_FLOAT64, false), want, 0, 0, "plane %s %s cut %d", one,
                       two, how);
                expect(overlap(br_sub(br_add(y, 1), 1), &j, &b, BR_FLOAT64, true), want, 0, 0,
                       "computed plane %s %s cut %d", one, two, how);
                job same = {1, {{2, {0, 0}, {0, 0}}}};
                br_boundaries none = {0};
                expect(overlap(overlap(y, &same, &none, BR_FLOAT64, true), &j, &b, BR_FLOAT64,
                               how % 2),
                       want, 0, 0, "stored plane %s %s cut %d", one, two, how);
                expect(br_permute_dims(overlap(br_permute_dims(br_permute_dims(y, BR_AXES(1, 0)),
                                                               BR_AXES(1, 0)),
                                               &j, &b, BR_FLOAT64, false),
                                       BR_AXES(0, 1)),
                       want, 0, 0, "viewed plane %s %s cut %d", one, two, how);
            }
}

static void solids(void)
{
    static const int64_t shape[] = {4, 5, 6};
    for (int b = 0; b < 5; b++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            job j = {1, {{3, {1, 2, 0}, {1, 0, 3}}}};
            br_boundaries all = {
                3, {boundaries[b], boundaries[(b + 1) % 5], boundaries[(b + 2 + how) % 5]}};
            ref *x = numbers(BR_INT32, 3, shape);
            ref *want = ref_new(BR_INT64, 3, shape);
            add_reference(want, x, &j.input[0], &all);
            expect(overlap(source(x, how), &j, &all, BR_INT64, how % 2), want, 0, 0,
                   "solid %s cut %d", names[b], how);
        }
}

/* ---- several inputs ---- */

static void several(void)
{
    static const int64_t shape[] = {6, 8};
    static const int64_t column[] = {6, 1};
    for (int b = 0; b < 5; b++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            job j = {3, {{2, {1, 0}, {1, 0}}, {1, {2}, {1}}, {2, {3, 0}, {0, 0}}}};
            br_boundaries one = {1, {boundaries[b]}};
            br_boundaries other = {1, {boundaries[(b + how) % 5]}};
            ref *x = numbers(BR_INT16, 2, shape);
            ref *y = numbers(BR_FLOAT32, 1, shape + 1);
            ref *z = numbers(BR_UINT8, 2, column);
            ref *want = ref_new(BR_FLOAT64, 2, shape);
            add_reference(want, x, &j.input[0], &one);
            add_reference(want, y, &j.input[1], &other);
            add_reference(want, z, &j.input[2], &one);
            br_array *more[] = {source(y, (how + 1) % NCUTS), source(z, (how + 2) % NCUTS)};
            br_halo halos[] = {{BR_SHAPE(1, 0), {0}, one},
                               {BR_SHAPE(2), BR_SHAPE(1), other},
                               {BR_SHAPE(3, 0), BR_SHAPE(0, 0), one}};
            expect(br_map_overlap(source(x, how), add_around, .halos = halos, .more = more,
                                  .nmore = 2, .data = &j, .data_bytes = sizeof j,
                                  .dtype = BR_FLOAT64, .inner = how % 2),
                   want, 0, 0, "several %s cut %d", names[b], how);
        }
}

/* ---- the halo as part of the result ---- */

static int copy_block(const br_block *in, int n, const br_block *out, const void *data)
{
    size_t bytes = br_dtype_size(in->dtype);
    (void)data;
    for (int a = 0; a < in->ndim; a++) {
        if (in->extent[a] != out->extent[a] || in->origin[a] != out->origin[a])
            return 1;
        bytes *= (size_t)in->extent[a];
    }
    memcpy(out->data, in->data, bytes);
    return n - 1;
}

/* dask's overlap.overlap: chunks of 4 elements with 2 before and 1 after. */
static void untrimmed(void)
{
    static const int64_t n = 10;
    for (int b = 0; b < 5; b++) {
        next_case(4);
        bool none = b == 0;
        br_boundaries all = {1, {boundaries[b]}};
        ref *x = numbers(BR_INT64, 1, &n);
        size_t bytes;
        int64_t *data = ref_bytes(x, &bytes);
        br_array *y = br_from_memory(sweep.ctx, data, BR_INT64, BR_SHAPE(n), .chunks = BR_CHUNKS(4),
                                     .copy = true);
        free(data);
        int64_t length = none ? 5 + 7 + 4 : 7 + 7 + 5;
        ref *want = ref_new(BR_INT64, 1, &length);
        int64_t k = 0;
        for (int64_t c = 0; c < n; c += 4)
            for (int64_t at = c - 2; at < (c + 4 < n ? c + 4 : n) + 1; at++)
                if (!none || (at >= 0 && at < n))
                    want->v[k++] = element(x, &all, &at);
        br_array *grown = br_map_overlap(y, copy_block, .depth = BR_SHAPE(2), .after = BR_SHAPE(1),
                                         .boundary = all, .no_trim = true);
        expect(grown, want, 0, 0, "untrimmed %s", names[b]);
        ref *turned = ref_new(BR_INT64, 1, &length);
        for (int64_t i = 0; i < length; i++)
            turned->v[i] = want->v[length - 1 - i];
        expect(br_add(br_index(grown, "::-1"), 0), turned, 0, 0, "untrimmed, turned %s", names[b]);
    }
}

/* ---- read by others ---- */

static void composed(void)
{
    static const int64_t shape[] = {12, 10};
    for (int b = 0; b < 5; b++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(6);
            job j = {1, {{2, {1, 1}, {1, 1}}}};
            br_boundaries all = {1, {boundaries[b]}};
            ref *x = numbers(BR_FLOAT64, 2, shape);
            ref *once = ref_new(BR_FLOAT64, 2, shape);
            ref *twice = ref_new(BR_FLOAT64, 2, shape);
            ref *sum = ref_new(BR_FLOAT64, 0, NULL);
            ref *corner = ref_new(BR_FLOAT64, 0, NULL);
            add_reference(once, x, &j.input[0], &all);
            add_reference(twice, once, &j.input[0], &all);
            for (int64_t i = 0; i < twice->n; i++)
                sum->v[0] += twice->v[i];
            corner->v[0] = twice->v[twice->n - 1];
            br_array *y = overlap(source(x, how), &j, &all, BR_FLOAT64, how % 2);
            br_array *z = overlap(y, &j, &all, BR_FLOAT64, how % 2 == 0);
            expect(br_sum(z), sum, 0, 0, "sum of two %s cut %d", names[b], how);
            expect(br_add(z, 0), twice, 0, 0, "two %s cut %d", names[b], how);
            expect(br_index(z, "-1, -1"), corner, 0, 0, "corner of two %s cut %d", names[b], how);
        }
}

/* ---- one source at several places ---- */

/* Slices of values that a function has stored, which programs, passes and users' reductions load as
 * one. */
static void shifted(void)
{
    static const int64_t shape[] = {11, 14};
    static const int64_t inner[] = {9, 12};
    for (int how = 0; how < NCUTS; how++) {
        next_case(8);
        job same = {1, {{2, {0, 0}, {0, 0}}}};
        br_boundaries none = {0};
        ref *x = numbers(BR_FLOAT64, 2, shape);
        ref *want = ref_new(BR_FLOAT64, 2, inner);
        ref *rows = ref_new(BR_FLOAT64, 1, inner);
        ref *sum = ref_new(BR_FLOAT64, 0, NULL);
        for (int64_t i = 0; i < want->n; i++) {
            const value *at = x->v + (i / 12 + 1) * 14 + i % 12 + 1;
            want->v[i] = at[14] - at[-14] + 3 * at[1] - at[-1] + at[0];
            rows->v[i / 12] += want->v[i];
            sum->v[0] += want->v[i];
        }
        br_array *y = overlap(source(x, how), &same, &none, BR_FLOAT64, true);
        br_array *down = br_sub(br_index(y, "2:, 1:-1"), br_index(y, ":-2, 1:-1"));
        br_array *across = br_sub(br_mul(br_index(y, "1:-1, 2:"), 3), br_index(y, "1:-1, :-2"));
        br_array *z = br_add(br_add(down, across), br_index(y, "1:-1, 1:-1"));
        br_array *own = br_reduction(z, BR_AXES(1), .state_bytes = sizeof(double),
                                     .accumulate = add_all, .merge = add_two, .finish = the_sum);
        expect(z, want, 0, 0, "shifted cut %d", how);
        expect(br_sum(z), sum, 0, 0, "sum of shifted cut %d", how);
        expect(br_sum(z, .axis = BR_AXIS(1)), rows, 0, 0, "rows of shifted cut %d", how);
        expect(own, rows, 0, 0, "a user's sums of shifted cut %d", how);
    }
}

/* ---- what travels ---- */

static int fill_block(const br_block *in, int n, const br_block *out, const void *data)
{
    double *y = out->data;
    (void)in;
    (void)data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < out->extent[1]; j++)
            y[i * out->extent[1] + j] =
                (double)(((out->origin[0] + i) * 5 + out->origin[1] + j) % 67);
    return n - 1;
}

enum { SIDE = 768, PART = 64 };

/* 12 x 12 chunks of 32 KiB, which are made on the rank that has them. */
static br_array *made(void)
{
    br_array *none = br_zeros(sweep.ctx, BR_SHAPE(SIDE, SIDE), .chunks = BR_CHUNKS(PART, PART));
    return br_map_blocks(none, fill_block);
}

static br_array *kept(const char *name, br_array *x)
{
    br_array *p = br_persist(x);
    if (br_status_of(p) != BR_OK)
        fail(name, "%s", br_error(p));
    return p;
}

/* Persisting x sends exactly so many bytes between ranks; its sum is known. */
static void check_sent(const char *name, br_array *x, double bytes, double want)
{
    br_run_info info = {0};
    double got = 0;
    br_array *y = kept(name, x);
    if (br_last_run(sweep.ctx, &info) != BR_OK || (double)info.bytes_sent != bytes)
        fail(name, "%" PRId64 " bytes between %d ranks, not %g", info.bytes_sent,
             br_num_ranks(sweep.ctx), bytes);
    if (br_compute_f64(br_sum(y), &got) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if (got != want)
        fail(name, "is %g, expected %g", got, want);
    printf("%s %.17g\n", name, got);
    sweep.cases++;
}

/* What the eight neighbours of each chunk read of it, wherever these are on other ranks. */
static double faces_around(const bri_persisted *p)
{
    int64_t n = 0;
    for (int down = -1; down <= 1; down++)
        for (int right = -1; right <= 1; right++)
            n += chunks_apart(p, down, right) * (down ? 1 : PART) * (right ? 1 : PART);
    return (double)n * 8;
}

static void travel(void)
{
    static const job around_each = {1, {{2, {1, 1}, {1, 1}}}};
    br_boundaries none = {0};
    double sum = 0;
    double last = 0;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            double x = (double)((i * 5 + j) % 67);
            /* Places are numbered 1 to 9 from the first row on: those that read this element. */
            for (int64_t k = 0; k < 9; k++) {
                int64_t row = i - (k / 3 - 1);
                int64_t column = j - (k % 3 - 1);
                if (row >= 0 && row < SIDE && column >= 0 && column < SIDE)
                    sum += (double)(k + 1) * x;
            }
            last += i == SIDE - 1 ? x : i == 0 ? -x : 0;
        }
    job j = around_each;
    next_case(QUEUE);
    br_array *x = kept("made", made());
    double faces = faces_around(last_persisted());
    double below = elements_apart(last_persisted(), 1, 0) * 8;
    check_sent("faces of map_overlap", overlap(x, &j, &none, BR_FLOAT64, true), faces, sum);
    check_sent("faces of a computed map_overlap",
               overlap(br_sub(br_add(x, 1), 1), &j, &none, BR_FLOAT64, false), faces, sum);
    check_sent("faces of diff", br_diff(x, .axis = BR_AXIS(0)), below, last);
    check_sent("faces of what is made", overlap(made(), &j, &none, BR_FLOAT64, true), faces, sum);
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_BALANCE", "off", 1); /* what is sent must not depend on timing */
    sweep_open(&argc, &argv);
    lines();
    planes();
    solids();
    several();
    untrimmed();
    composed();
    shifted();
    travel();
    return sweep_close();
}
