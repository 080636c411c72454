/* SPDX-License-Identifier: BSD-3-Clause
 * test_reductions.c - reductions of block programs: values against long double, and the promise
 * that their bits depend on the order that program.h states only.
 */
#include <check.h>
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/program.h"
#include "tests/suite.h"

/* Programs need less than this, whatever they do. */
static _Alignas(64) char scratch[1 << 20];

static uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

static int64_t size_of(br_dtype dtype)
{
    return (int64_t)bri_dtypes[dtype].size;
}

static bool integral(br_dtype dtype)
{
    return bri_kind(dtype) != 'f' && bri_kind(dtype) != 'c';
}

/* Small integers with products near 1, or reals in (-1, 1) around an offset. */
static void *random_array(br_dtype dtype, int64_t n, double offset)
{
    enum { SOME = 256 };
    char *x = malloc((size_t)n * 16 + 16);
    int64_t whole[SOME];
    double d[2 * SOME];
    bool pairs = bri_kind(dtype) == 'c';
    br_dtype from = integral(dtype) ? BR_INT64 : pairs ? BR_COMPLEX128 : BR_FLOAT64;
    for (int64_t i = 0; i < n; i += SOME) {
        for (int k = 0; k < SOME && integral(dtype); k++)
            whole[k] = dtype == BR_BOOL ? random_below(100) != 0 : random_below(251);
        for (int k = 0; k < 2 * SOME && !integral(dtype); k++)
            d[k] = offset + (double)random_below(1 << 30) / (1 << 29) - 1;
        bri_convert(dtype, x + i * size_of(dtype), from, integral(dtype) ? (void *)whole : d,
                    n - i < SOME ? n - i : SOME);
    }
    return x;
}

/* NaNs for one element in `often`, and for all of every seventh column of `inner` ones. */
static void make_holes(br_dtype dtype, char *x, int64_t n, int64_t inner, int64_t often)
{
    const double hole[2] = {NAN, 1};
    for (int64_t i = 0; i < n && !integral(dtype); i++)
        if (random_below(often) == 0 || i % inner % 7 == 6)
            bri_convert(dtype, x + i * size_of(dtype), BR_COMPLEX128, hole, 1);
}

/* ---- running ---- */

/* A box of up to three axes over one input, [outer][n][inner] with axis the middle one, or
 * [outer][n]. */
typedef struct shape {
    int64_t outer, n, inner; /* inner 0: the reduced axis is the last */
} shape;

/* How the program is built over its input; every way gives the input's own values. */
typedef enum way { PLAIN, COMPUTED } way;

static bri_program *reduction(bri_redop op, br_dtype dtype, way how)
{
    bri_program *p = bri_program_new();
    int x = bri_program_input(p, dtype);
    if (how == COMPUTED) /* the same values, but not the input itself */
        x = bri_program_op(p, BRI_OP_WHERE, bri_program_op(p, BRI_OP_EQUAL, x, x, -1), x, x);
    if (bri_program_seal_reduce(p, x, op) != BR_OK || bri_program_scratch(p) > sizeof scratch)
        ck_abort_msg("cannot seal, or too much scratch");
    return p;
}

static int64_t nstates(shape s)
{
    return s.outer * (s.inner > 0 ? s.inner : 1);
}

static void *new_states(bri_redop op, br_dtype dtype, int64_t count)
{
    return malloc((size_t)count * bri_state_bytes(op, dtype) + 64);
}

/* Strides are those of the memory the view is of; states come back in C order. */
static void *run_view(const bri_program *p, bri_redop op, br_dtype dtype, shape s, bri_view view)
{
    void *state = new_states(op, dtype, nstates(s));
    bri_box box = {.ndim = s.inner > 0 ? 3 : 2, .extent = {s.outer, s.n, s.inner}, .inputs = &view};
    box.axis = 1;
    box.state = state;
    box.scratch = scratch;
    bri_program_run(p, &box);
    return state;
}

static bri_view dense_view(br_dtype dtype, shape s, const void *x)
{
    int64_t size = size_of(dtype), inner = s.inner > 0 ? s.inner : 1;
    return (bri_view){(char *)x, {s.n * inner * size, inner * size, size}};
}

static void *run(bri_redop op, br_dtype dtype, shape s, way how, const void *x)
{
    bri_program *p = reduction(op, dtype, how);
    void *state = run_view(p, op, dtype, s, dense_view(dtype, s, x));
    bri_program_free(p);
    return state;
}

static void check_same_states(bri_redop op, br_dtype dtype, int64_t count, const void *a,
                              const void *b, const char *what)
{
    size_t bytes = (size_t)count * bri_state_bytes(op, dtype);
    if (memcmp(a, b, bytes) != 0)
        ck_abort_msg("%s: reduction %d of %s has other bits", what, op, br_dtype_name(dtype));
}

/* ---- values ---- */

static long double complex at(br_dtype dtype, const void *x, int64_t i)
{
    double complex z;
    bri_convert(BR_COMPLEX128, &z, dtype, (const char *)x + i * size_of(dtype), 1);
    return z;
}

// clang-format off
static long double variance(br_dtype dtype, const char *x, int64_t n, int64_t step,
                            long double complex mean)
{
    long double m2 = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex d = at(dtype, x, i * step) - mean;
        m2 += creall(d) * creall(d) + cimagl(d) * cimagl(d);
    }
    return m2 / (n - 0.5L);
}

/* The first of the elements that is the best, without NaNs if there are others. */
static int64_t best(br_dtype dtype, const char *x, int64_t n, int64_t step, int sign)
{
    int64_t found = 0;
    for (int64_t i = 1; i < n; i++) {
        long double a = creall(at(dtype, x, i * step)), b = creall(at(dtype, x, found * step));
        if (sign * a > sign * b || (isnan(b) && !isnan(a)))
            found = i;
    }
    return found;
}

static long double logsumexp(br_dtype dtype, const char *x, int64_t n, int64_t step)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += expl(creall(at(dtype, x, i * step)));
    return logl(sum);
}

static long double complex known_sum(br_dtype dtype, const char *x, int64_t n, int64_t step,
                                     bool mean)
{
    long double complex sum = 0;
    long double count = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        count += v == v;
        sum += v == v ? v : 0;
    }
    return mean ? sum / count : sum;
}

/* Variance of what is no NaN. */
static long double known_variance(br_dtype dtype, const char *x, int64_t n, int64_t step)
{
    long double m2 = 0, count = 0;
    long double complex sum = 0;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        count += v == v;
        sum += v == v ? v : 0;
    }
    for (int64_t i = 0; i < n; i++) {
        long double complex d = at(dtype, x, i * step) - sum / count;
        m2 += d == d ? creall(d) * creall(d) + cimagl(d) * cimagl(d) : 0;
    }
    return count > 0 ? m2 / (count - 0.5L) : NAN;
}

/* The reduction of n elements `step` apart, and the scale its rounding errors are measured in. */
static long double complex reference(bri_redop op, br_dtype dtype, const char *x, int64_t n,
                                     int64_t step, long double *scale)
{
    long double complex sum = 0, product = 1;
    long double most = creall(at(dtype, x, 0)), least = most, absolute = 0;
    bool any = false, all = true;
    for (int64_t i = 0; i < n; i++) {
        long double complex v = at(dtype, x, i * step);
        long double a = creall(v);
        sum += v;
        product = op == BRI_RED_PROD ? product * v : 1;
        absolute += fabsl(a) + fabsl(cimagl(v));
        most = a > most ? a : most;
        least = a < least ? a : least;
        any |= v != 0;
        all &= v != 0;
    }
    *scale = op == BRI_RED_SUM ? absolute : op == BRI_RED_MEAN ? absolute / n : 0;
    switch (op) {
    case BRI_RED_SUM: return sum;
    case BRI_RED_PROD: return product;
    case BRI_RED_MEAN: return sum / n;
    case BRI_RED_VAR: return variance(dtype, x, n, step, sum / n);
    case BRI_RED_STD: return sqrtl(variance(dtype, x, n, step, sum / n));
    case BRI_RED_MIN: return least;
    case BRI_RED_MAX: return most;
    case BRI_RED_ANY: return any;
    case BRI_RED_ALL: return all;
    case BRI_RED_ARGMIN: case BRI_RED_NANARGMIN: return best(dtype, x, n, step, -1);
    case BRI_RED_ARGMAX: case BRI_RED_NANARGMAX: return best(dtype, x, n, step, 1);
    case BRI_RED_NANMIN: return at(dtype, x, step * best(dtype, x, n, step, -1));
    case BRI_RED_NANMAX: return at(dtype, x, step * best(dtype, x, n, step, 1));
    case BRI_RED_NANSUM: *scale = n; return known_sum(dtype, x, n, step, false);
    case BRI_RED_NANMEAN: *scale = 1; return known_sum(dtype, x, n, step, true);
    case BRI_RED_NANVAR: return known_variance(dtype, x, n, step);
    case BRI_RED_NANSTD: return sqrtl(known_variance(dtype, x, n, step));
    case BRI_RED_LOGSUMEXP: *scale = 1; return logsumexp(dtype, x, n, step);
    default: ck_abort_msg("no reference for reduction %d", op); return 0;
    }
}
// clang-format on

/* Products of integers wrap round and those of many floats underflow, which the long double
 * reference does not. */
static bool comparable(bri_redop op, br_dtype dtype, int64_t n)
{
    return op != BRI_RED_PROD || dtype == BR_BOOL || n <= (integral(dtype) ? 7 : 600);
}

/* Skips NaNs: tested with some of them, and in every seventh column only them where the result may
 * be NaN. */
static bool skips(bri_redop op)
{
    return op == BRI_RED_NANSUM || op == BRI_RED_NANMEAN || op == BRI_RED_NANMIN ||
           op == BRI_RED_NANMAX || op == BRI_RED_NANVAR || op == BRI_RED_NANSTD;
}

static void check_values(bri_redop op, br_dtype dtype, shape s)
{
    int64_t inner = s.inner > 0 ? s.inner : 1;
    char *x = random_array(dtype, s.outer * s.n * inner, 0);
    if (skips(op))
        make_holes(dtype, x, s.outer * s.n * inner, inner, 4);
    void *state = run(op, dtype, s, PLAIN, x), *computed = run(op, dtype, s, COMPUTED, x);
    check_same_states(op, dtype, nstates(s), state, computed, "computed");
    double complex *out = malloc((size_t)nstates(s) * sizeof *out);
    ck_assert_int_eq(bri_state_finish(op, dtype, nstates(s), state, s.n, 0.5, BR_COMPLEX128, out),
                     BR_OK);
    for (int64_t k = 0; k < nstates(s) && comparable(op, dtype, s.n); k++) {
        long double scale;
        int64_t first = k / inner * s.n * inner + k % inner;
        long double complex want =
            reference(op, dtype, x + first * size_of(dtype), s.n, inner, &scale);
        long double error = cabsl(out[k] - want);
        if (error <= 1e-14L * (scale + cabsl(want)) ||
            (isnan(creall(want)) && isnan(creal(out[k]))))
            continue;
        ck_abort_msg("%s op %d [%d][%d][%d] state %d: %.17g, not %.17Lg", br_dtype_name(dtype), op,
                     (int)s.outer, (int)s.n, (int)s.inner, (int)k, creal(out[k]), creall(want));
    }
    free(x);
    free(state);
    free(computed);
    free(out);
}

static bool defined(bri_redop op, br_dtype dtype)
{
    static const char *const kinds[] = {
#define BRI_REDUCTION(NAME, name, kinds, ...) kinds,
#include "array/kernels/reductions.def"
#undef BRI_REDUCTION
    };
    return strchr(kinds[op], bri_kind(dtype)) != NULL;
}

static const shape shapes[] = {
    {1, 1, 0},    {1, 7, 0},    {1, 33, 0},    {3, 511, 0},  {2, 512, 0},   {2, 513, 0},
    {1, 3073, 0}, {400, 3, 0},  {1, 70000, 0}, {1, 1, 1},    {1, 5, 1},     {1, 100, 1},
    {2, 16, 3},   {1, 17, 200}, {3, 61, 5},    {1, 40, 300}, {1, 37, 1500}, {2, 1030, 7},
};
enum { NSHAPES = sizeof shapes / sizeof *shapes };

START_TEST(values)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int op = 0; op < BRI_NREDS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
            if (defined((bri_redop)op, (br_dtype)dtype))
                check_values((bri_redop)op, (br_dtype)dtype, shapes[_i]);
}
END_TEST

/* ---- the same bits ---- */

static const br_dtype sample[] = {BR_BOOL,    BR_INT8,      BR_UINT64,    BR_FLOAT32,
                                  BR_FLOAT64, BR_COMPLEX64, BR_COMPLEX128};
enum { NSAMPLE = sizeof sample / sizeof *sample };

/* The columns of an array of states, each of them merged by the aligned tree out of parts' states.
 */
static void merge_parts(bri_redop op, br_dtype dtype, int64_t count, void **parts, const int64_t *n,
                        int nparts)
{
    int left = 1;
    int64_t na = 0, nb = 0;
    if (nparts == 1)
        return;
    while (2 * left < nparts)
        left *= 2;
    merge_parts(op, dtype, count, parts, n, left);
    merge_parts(op, dtype, count, parts + left, n + left, nparts - left);
    for (int i = 0; i < nparts; i++)
        *(i < left ? &na : &nb) += n[i];
    bri_state_merge(op, dtype, count, parts[0], na, parts[left], nb);
}

/* Runs the box in boxes of `length` along its axis. */
static void check_split(bri_redop op, br_dtype dtype, shape s, int64_t length)
{
    int64_t inner = s.inner > 0 ? s.inner : 1;
    char *x = random_array(dtype, s.outer * s.n * inner, 10);
    int nparts = (int)((s.n + length - 1) / length);
    void **parts = malloc((size_t)nparts * sizeof *parts);
    int64_t *n = malloc((size_t)nparts * sizeof *n);
    bri_program *p = reduction(op, dtype, nparts % 2 ? PLAIN : COMPUTED);
    bri_view view = dense_view(dtype, s, x);
    for (int i = 0; i < nparts; i++) {
        n[i] = i < nparts - 1 ? length : s.n - i * length;
        bri_view part = view;
        part.base += i * length * view.stride[1];
        parts[i] = run_view(p, op, dtype, (shape){s.outer, n[i], s.inner}, part);
    }
    merge_parts(op, dtype, nstates(s), parts, n, nparts);
    void *whole = run(op, dtype, s, PLAIN, x);
    check_same_states(op, dtype, nstates(s), whole, parts[0], "split");
    for (int i = 0; i < nparts; i++)
        free(parts[i]);
    free(whole);
    free(parts);
    free(n);
    free(x);
    bri_program_free(p);
}

START_TEST(splits)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    br_dtype dtype = sample[_i];
    for (int op = 0; op < BRI_NREDS; op++)
        for (int k = 0; defined((bri_redop)op, dtype) && k < 5; k++) {
            check_split((bri_redop)op, dtype, (shape){2, 40000 + 77, 0}, BRI_LANE_BLOCK << k);
            check_split((bri_redop)op, dtype, (shape){1, 1000 + 13, 9}, BRI_ROW_BLOCK << k);
            check_split((bri_redop)op, dtype, (shape){2, 333, 400}, BRI_ROW_BLOCK << k);
        }
}
END_TEST

/* Memory of other strides that holds the same elements: element (o, i, j) stands at the view's
 * place. */
static bri_view spread(br_dtype dtype, shape s, const char *x, char *room, const int64_t *stride)
{
    int64_t inner = s.inner > 0 ? s.inner : 1, lowest = 0;
    int64_t extent[3] = {s.outer, s.n, inner};
    bri_view v = {room, {stride[0], stride[1], stride[2]}};
    for (int a = 0; a < 3; a++)
        lowest += stride[a] < 0 ? (extent[a] - 1) * stride[a] : 0;
    v.base -= lowest;
    for (int64_t k = 0; k < s.outer * s.n * inner; k++) {
        int64_t o = k / inner / s.n, i = k / inner % s.n, j = k % inner;
        memcpy(v.base + o * stride[0] + i * stride[1] + j * stride[2], x + k * size_of(dtype),
               (size_t)size_of(dtype));
    }
    return v;
}

/* Transposed, reversed, padded and misaligned copies, plain and computed. */
static void check_views(bri_redop op, br_dtype dtype, shape s)
{
    int64_t size = size_of(dtype), inner = s.inner > 0 ? s.inner : 1;
    const int64_t strides[][3] = {
        {size, s.outer * size, s.outer * s.n * size},
        {s.n * inner * size, size, s.n * size},
        {-s.n * inner * size, -inner * size, -size},
        {2 * s.n * inner * size, 2 * inner * size, 2 * size},
        {s.n * inner * size, inner * size, size},
    };
    int64_t n = s.outer * s.n * inner;
    char *x = random_array(dtype, n, 3), *room = malloc((size_t)(2 * n * size + 64));
    void *want = run(op, dtype, s, PLAIN, x);
    for (int k = 0; k < 10; k++) {
        bool misaligned = k / 2 == 4;
        bri_view v = spread(dtype, s, x, room + misaligned, strides[k / 2]);
        bri_program *p = reduction(op, dtype, k % 2 ? COMPUTED : PLAIN);
        void *got = run_view(p, op, dtype, s, v);
        check_same_states(op, dtype, nstates(s), want, got, "view");
        free(got);
        bri_program_free(p);
    }
    free(want);
    free(room);
    free(x);
}

static const shape view_shapes[] = {{3, 700, 0}, {20, 100, 0}, {17, 1100, 0},
                                    {2, 50, 3},  {3, 40, 300}, {20, 35, 70}};
enum { NVIEW_SHAPES = sizeof view_shapes / sizeof *view_shapes };

START_TEST(views)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int op = 0; op < BRI_NREDS; op++)
        for (int i = 0; i < NSAMPLE; i++)
            if (defined((bri_redop)op, sample[i]))
                check_views((bri_redop)op, sample[i], view_shapes[_i]);
}
END_TEST

/* No reduction but those with exp multiplies and adds in one rounding, so even the oldest
 * instruction set agrees. */
START_TEST(instruction_sets)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    const shape both[] = {{2, 5000, 0}, {2, 500, 37}};
    for (int job = 0; job < BRI_NREDS * NSAMPLE * 2; job++) {
        bri_redop op = (bri_redop)(job / 2 / NSAMPLE);
        br_dtype dtype = sample[job / 2 % NSAMPLE];
        shape s = both[job % 2];
        if (!defined(op, dtype) || op == BRI_RED_LOGSUMEXP)
            continue;
        void *x, *first = NULL;
        ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
        x = random_array(dtype, nstates(s) * s.n, 0.5);
        for (int i = 0; i < 3; i++) {
            if (bri_kernels_init(names[i]) != BR_OK)
                continue;
            void *state = run(op, dtype, s, COMPUTED, x);
            if (first != NULL)
                check_same_states(op, dtype, nstates(s), first, state, names[i]);
            free(first);
            first = state;
        }
        free(first);
        free(x);
    }
}
END_TEST

/* A sum takes the program's last instructions into its loop; the bits are those of the values
 * stored first and summed then. `still` broadcasts x, which only the instructions themselves can
 * do. */
static void check_tail(int formula, br_dtype dtype, shape s, bool still)
{
    int64_t n = s.outer * s.n, size = size_of(dtype);
    char *x = random_array(dtype, n, 1.5), *y = random_array(dtype, n, 0);
    void *values = malloc((size_t)(n * size));
    bri_view in[2] = {dense_view(dtype, s, x), dense_view(dtype, s, y)};
    memset(in[0].stride, 0, still ? sizeof in[0].stride : 0);
    bri_box box = {.ndim = 2, .extent = {s.outer, s.n}, .inputs = in, .axis = 1};
    void *want, *got = new_states(BRI_RED_SUM, dtype, s.outer);
    for (int reduces = 0; reduces <= 1; reduces++) {
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, dtype), b = bri_program_input(p, dtype), v = a;
        int aa = bri_program_op(p, BRI_OP_SQUARE, a, -1, -1);
        int bb = bri_program_op(p, BRI_OP_MULTIPLY, b, b, -1);
        int squares = bri_program_op(p, BRI_OP_ADD, aa, bb, -1);
        switch (formula) {
        case 0:
            v = bri_program_op(p, BRI_OP_SQRT, squares, -1, -1);
            break;
        case 1:
            v = squares;
            break;
        case 2:
            v = bri_program_op(p, BRI_OP_SQRT, a, -1, -1);
            break;
        case 3:
            v = bri_program_op(p, BRI_OP_ABS, b, -1, -1);
            break;
        case 4:
            v = aa;
            break;
        default:
            v = bri_program_op(p, BRI_OP_MULTIPLY, a, b, -1);
            break;
        }
        box.state = got;
        box.out = dense_view(dtype, s, values);
        box.scratch = scratch;
        br_status sealed =
            reduces ? bri_program_seal_reduce(p, v, BRI_RED_SUM) : bri_program_seal_store(p, v);
        ck_assert_int_eq(sealed, BR_OK);
        bri_program_run(p, &box);
        bri_program_free(p);
    }
    want = run(BRI_RED_SUM, dtype, s, PLAIN, values);
    check_same_states(BRI_RED_SUM, dtype, s.outer, want, got, "tail");
    free(want);
    free(got);
    free(values);
    free(x);
    free(y);
}

START_TEST(tails)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    const shape some[] = {{1, 1, 0}, {3, 31, 0}, {2, 511, 0}, {2, 513, 0}, {1, 5000, 0}};
    if (bri_kernels_init(names[_i]) != BR_OK)
        return;
    for (int formula = 0; formula < 6; formula++)
        for (int k = 0; k < 5 * 4; k++)
            check_tail(formula, k & 1 ? BR_FLOAT32 : BR_FLOAT64, some[k / 4], k & 2);
}
END_TEST

START_TEST(state_arrays)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int op = 0; op < BRI_NREDS; op++)
        for (int inner = 1; inner <= 3; inner += 2) {
            shape s = {2, 21 * 32, inner};
            char *x = random_array(BR_FLOAT64, s.outer * s.n * inner, 1);
            void *whole = run((bri_redop)op, BR_FLOAT64, s, PLAIN, x),
                 *out = new_states((bri_redop)op, BR_FLOAT64, 6);
            shape pieces = {s.outer * 21, 32, inner};
            void *in = run((bri_redop)op, BR_FLOAT64, pieces, PLAIN, x);
            bri_state_reduce((bri_redop)op, BR_FLOAT64, s.outer, 21, inner, 32, in, out);
            check_same_states((bri_redop)op, BR_FLOAT64, nstates(s), whole, out, "state_reduce");
            free(in);
            free(out);
            free(whole);
            free(x);
        }
}
END_TEST

/* ---- numbers of their own ---- */

/* The mean's rounding alone, 1e-7 here, bounds what can be had; the sum of squares would lose all
 * digits. */
START_TEST(variance_of_large_offsets)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    shape s = {1, 100000, _i};
    int64_t inner = _i > 0 ? _i : 1;
    char *x = random_array(BR_FLOAT64, s.n * inner, 1e9);
    void *state = run(BRI_RED_VAR, BR_FLOAT64, s, PLAIN, x);
    double var;
    long double scale;
    bri_state_finish(BRI_RED_VAR, BR_FLOAT64, 1, (char *)state + (inner - 1) * 8, s.n, 0.5,
                     BR_FLOAT64, &var);
    long double want = creall(reference(BRI_RED_VAR, BR_FLOAT64, x, s.n, inner, &scale));
    if (inner == 1)
        ck_assert_msg(fabsl(var - want) <= 1e-8L * want, "%.17g, not %.17Lg", var, want);
    free(state);
    free(x);
}
END_TEST

START_TEST(empty_boxes)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    void *none = run(BRI_RED_SUM, BR_FLOAT64, (shape){0, 5, 0}, PLAIN, NULL);
    free(none);
    double *sum = run(BRI_RED_SUM, BR_FLOAT64, (shape){2, 0, 0}, PLAIN, NULL), out;
    ck_assert_double_eq(sum[1], 0);
    int64_t *product = run(BRI_RED_PROD, BR_INT8, (shape){2, 0, 3}, PLAIN, NULL);
    ck_assert_int_eq(product[5], 1);
    bri_state_finish(BRI_RED_MEAN, BR_FLOAT64, 1, sum, 0, 0, BR_FLOAT64, &out);
    ck_assert(isnan(out));
    double var[2] = {1, 0};
    bri_state_finish(BRI_RED_STD, BR_FLOAT64, 1, var, 1, 1, BR_FLOAT64, &out);
    ck_assert(isnan(out));
    free(sum);
    free(product);
}
END_TEST

/* Without NaNs nanvar is var, bit for bit, though its states hold more. */
START_TEST(nanvar_is_var)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const br_dtype dtypes[] = {BR_FLOAT32, BR_FLOAT64, BR_COMPLEX64};
    br_dtype dtype = dtypes[_i % 3];
    shape s = _i / 3 ? (shape){2, 1000, 70} : (shape){3, 5000, 0};
    char *x = random_array(dtype, nstates(s) * s.n, 5);
    void *var = run(BRI_RED_VAR, dtype, s, PLAIN, x),
         *nan = run(BRI_RED_NANVAR, dtype, s, PLAIN, x);
    double want[140], got[140];
    bri_state_finish(BRI_RED_VAR, dtype, nstates(s), var, s.n, 1, BR_FLOAT64, want);
    bri_state_finish(BRI_RED_NANVAR, dtype, nstates(s), nan, s.n, 1, BR_FLOAT64, got);
    ck_assert_mem_eq(want, got, (size_t)nstates(s) * sizeof *want);
    free(x);
    free(var);
    free(nan);
}
END_TEST

/* Where the best of 1500 elements is when it stands twice, with NaNs around, along both kinds of
 * axis. */
static int64_t index_of(bri_redop op, const double *x, int64_t n, int64_t inner, br_status *status)
{
    int64_t index = -1;
    void *state = run(op, BR_FLOAT64, (shape){1, n, inner}, PLAIN, x);
    *status = bri_state_finish(op, BR_FLOAT64, 1, state, n, 0, BR_INT64, &index);
    free(state);
    return index;
}

START_TEST(first_of_equals)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const int places[] = {0, 1, 31, 32, 511, 512, 513, 1023, 1024, 1400};
    br_status st;
    for (int p = 0; p < 10; p++)
        for (int op = BRI_RED_ARGMIN; op <= BRI_RED_NANARGMAX; op++) {
            if (op == BRI_RED_NANMIN || op == BRI_RED_NANMAX)
                continue;
            double x[1500];
            bool most = op == BRI_RED_ARGMAX || op == BRI_RED_NANARGMAX;
            for (int i = 0; i < 1500; i++)
                x[i] = i >= places[p] && i % 7 == places[p] % 7 ? (most ? INFINITY : -INFINITY) : 0;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), places[p]);
            for (int i = 0; i < 1500; i++)
                x[i] = i == places[p] ? (most ? -0.0 : 0.0) : most ? 0.0 : -0.0;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), 0);
            bool skip = op == BRI_RED_NANARGMIN || op == BRI_RED_NANARGMAX;
            for (int i = 0; i < 1500; i++)
                x[i] = (i >= places[p]) == skip ? most ? -INFINITY : INFINITY : NAN;
            ck_assert_int_eq(index_of((bri_redop)op, x, 1500, _i, &st), places[p]);
            ck_assert_int_eq(st, BR_OK);
        }
    double none[40];
    for (int i = 0; i < 40; i++)
        none[i] = NAN;
    ck_assert_int_eq(index_of(BRI_RED_ARGMAX, none, 40, _i, &st), 0);
    ck_assert_int_eq(st, BR_OK);
    index_of(BRI_RED_NANARGMAX, none, 40, _i, &st);
    ck_assert_int_eq(st, BR_EARG);
}
END_TEST

/* Large and infinite exponents. */
START_TEST(logsumexp_range)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    const struct {
        double a, b, want;
    } cases[] = {
        {1000, 1000, 1000 + 0.693147180559945309417},
        {-1000, -1000, -1000 + 0.69314718055994531},
        {-INFINITY, -INFINITY, -INFINITY},
        {-INFINITY, 3, 3},
        {INFINITY, 3, INFINITY},
        {INFINITY, -INFINITY, INFINITY},
        {INFINITY, INFINITY, INFINITY},
        {-1e300, 5, 5},
    };
    for (int k = 0; k < 8; k++) {
        double x[1200], out;
        for (int i = 0; i < 1200; i++)
            x[i] = -INFINITY;
        x[3] = cases[k].a;
        x[1100] = cases[k].b;
        void *state = run(BRI_RED_LOGSUMEXP, BR_FLOAT64, (shape){1, 1200, _i}, PLAIN, x);
        bri_state_finish(BRI_RED_LOGSUMEXP, BR_FLOAT64, 1, state, 1200, 0, BR_FLOAT64, &out);
        ck_assert_msg(out == cases[k].want || fabs(out - cases[k].want) < 1e-12, "case %d: %g", k,
                      out);
        free(state);
        x[77] = NAN;
        state = run(BRI_RED_LOGSUMEXP, BR_FLOAT64, (shape){1, 1200, _i}, PLAIN, x);
        bri_state_finish(BRI_RED_LOGSUMEXP, BR_FLOAT64, 1, state, 1200, 0, BR_FLOAT64, &out);
        ck_assert(isnan(out));
        free(state);
    }
}
END_TEST

START_TEST(nan_wins)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    double x[600];
    for (int i = 0; i < 600; i++)
        x[i] = i == 555 ? NAN : i;
    for (int op = BRI_RED_MIN; op <= BRI_RED_MAX; op++)
        for (int inner = 0; inner <= 1; inner++) {
            double *state = run((bri_redop)op, BR_FLOAT64, (shape){1, 600, inner}, PLAIN, x);
            ck_assert(isnan(*state));
            free(state);
        }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("reductions");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, values, 0, NSHAPES);
    tcase_add_loop_test(t, splits, 0, NSAMPLE);
    tcase_add_loop_test(t, views, 0, NVIEW_SHAPES);
    tcase_add_test(t, instruction_sets);
    tcase_add_loop_test(t, tails, 0, 4);
    tcase_add_test(t, state_arrays);
    tcase_add_loop_test(t, variance_of_large_offsets, 0, 2);
    tcase_add_test(t, empty_boxes);
    tcase_add_test(t, nan_wins);
    tcase_add_loop_test(t, nanvar_is_var, 0, 6);
    tcase_add_loop_test(t, first_of_equals, 0, 2);
    tcase_add_loop_test(t, logsumexp_range, 0, 2);
    return run_case("reductions", t);
}
