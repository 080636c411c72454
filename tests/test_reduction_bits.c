/* SPDX-License-Identifier: BSD-3-Clause
 * test_reduction_bits.c - reductions of block programs: the promise that their bits
 * depend on the order that program.h states only.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/kernels.h"
#include "tests/reduction_boxes.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

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

/* Where all takes too long each operation has a third of the cases, and each case a third of the
 * operations. */
static bool is_due(int op, int i)
{
    return !SLOW || (op + i) % 3 == 0;
}

START_TEST(splits)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    br_dtype dtype = sample[_i];
    for (int op = 0; op < BRI_NREDS; op++)
        for (int k = 0; defined((bri_redop)op, dtype) && k < 5; k++) {
            if (!is_due(op, k))
                continue;
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
            if (defined((bri_redop)op, sample[i]) && is_due(op, i + _i))
                check_views((bri_redop)op, sample[i], view_shapes[_i]);
}
END_TEST

static void check_rows(bri_redop op, br_dtype dtype, shape s)
{
    char *x = random_array(dtype, s.outer * s.n, 5);
    void *all = run(op, dtype, s, PLAIN, x);
    bri_plane_sizes sizes = bri_state_sizes(op, dtype);
    for (int64_t r = 0; r < s.outer; r++) {
        void *one = run(op, dtype, (shape){1, s.n, 0}, PLAIN, x + r * s.n * size_of(dtype));
        bri_planes a = bri_planes_at(&sizes, bri_planes_of(&sizes, s.outer, all), r),
                   b = bri_planes_of(&sizes, 1, one);
        for (int k = 0; k < BRI_PLANES; k++)
            ck_assert_msg(memcmp(a.p[k], b.p[k], sizes.size[k]) == 0,
                          "reduction %d of %s: row %d of %d elements by itself", op,
                          br_dtype_name(dtype), (int)r, (int)s.n);
        free(one);
    }
    free(all);
    free(x);
}

/* Several rows at a time and one by itself. */
START_TEST(rows)
{
    static const shape some[] = {{19, 64, 0}, {9, 96, 0}, {16, 128, 0}, {11, 100, 0}, {40, 31, 0}};
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    if (bri_kernels_init(names[_i]) != BR_OK)
        return;
    for (int job = 0; job < BRI_NREDS * NSAMPLE * 5; job++) {
        bri_redop op = (bri_redop)(job / 5 / NSAMPLE);
        br_dtype dtype = sample[job / 5 % NSAMPLE];
        if (defined(op, dtype) && is_due(op, job % 5))
            check_rows(op, dtype, some[job % 5]);
    }
}
END_TEST

/* No reduction but those with exp multiplies and adds in one rounding, so even the oldest
 * instruction set agrees. */
START_TEST(instruction_sets)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    const shape some[] = {{2, 5000, 0}, {2, 500, 37}, {19, 64, 0}};
    for (int job = 0; job < BRI_NREDS * NSAMPLE * 3; job++) {
        bri_redop op = (bri_redop)(job / 3 / NSAMPLE);
        br_dtype dtype = sample[job / 3 % NSAMPLE];
        shape s = some[job % 3];
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

/* One of six formulas of a and b, as the program's last instructions. */
static int add_formula(bri_program *p, int formula, int a, int b)
{
    int aa = bri_program_op(p, BRI_OP_SQUARE, a, -1, -1);
    int bb = bri_program_op(p, BRI_OP_MULTIPLY, b, b, -1);
    int squares = bri_program_op(p, BRI_OP_ADD, aa, bb, -1);
    switch (formula) {
    case 0:
        return bri_program_op(p, BRI_OP_SQRT, squares, -1, -1);
    case 1:
        return squares;
    case 2:
        return bri_program_op(p, BRI_OP_SQRT, a, -1, -1);
    case 3:
        return bri_program_op(p, BRI_OP_ABS, b, -1, -1);
    case 4:
        return aa;
    default:
        return bri_program_op(p, BRI_OP_MULTIPLY, a, b, -1);
    }
}

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
        int a = bri_program_input(p, dtype), b = bri_program_input(p, dtype);
        int v = add_formula(p, formula, a, b);
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

int main(void)
{
    TCase *t = tcase_create("reduction_bits");
    tcase_add_loop_test(t, splits, 0, NSAMPLE);
    tcase_add_loop_test(t, views, 0, NVIEW_SHAPES);
    tcase_add_loop_test(t, rows, 0, 4);
    tcase_add_test(t, instruction_sets);
    tcase_add_loop_test(t, tails, 0, 4);
    tcase_add_test(t, state_arrays);
    return run_case("reduction_bits", t);
}
