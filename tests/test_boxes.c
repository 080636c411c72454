/* SPDX-License-Identifier: BSD-3-Clause
 * test_boxes.c - block programs over boxes of any shape and strides: random views against plain
 * loops, the same bits for every instruction set and position, sharing, registers, copies.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/op_reference.h"
#include "tests/random_bits.h"
#include "tests/suite.h"

/* Programs need less than this, whatever they do. */
static _Alignas(64) char scratch[1 << 20];

/* Check's assertions write to a file each time, far too slow for every element. */
static void require(bool holds, const char *what)
{
    if (!holds)
        ck_abort_msg("%s", what);
}

static void run_box(const bri_program *p, bri_box *box)
{
    require(bri_program_scratch(p) <= sizeof scratch, "too much scratch");
    box->scratch = scratch;
    bri_program_run(p, box);
}

/* ---- random views ---- */

typedef struct memory {
    char *room;
    bri_view view;
} memory;

/* A view of its own memory: axes in random order, some reversed, spaced out, or (if it may)
 * broadcast. */
static memory random_view(int ndim, const int64_t *extent, int64_t size, bool may_repeat,
                          int misaligned)
{
    memory m;
    int order[4] = {0, 1, 2, 3};
    int64_t bytes = size, lowest = 0;
    for (int a = ndim - 1; a > 0; a--) {
        int b = random_below(2) ? a : (int)random_below(a + 1), t = order[a];
        order[a] = order[b];
        order[b] = t;
    }
    for (int k = ndim - 1; k >= 0; k--) {
        int a = order[k];
        bytes *= random_below(6) == 0 ? 2 : 1;
        int64_t sign = random_below(5) == 0 ? -1 : 1;
        m.view.stride[a] = may_repeat && random_below(5) == 0 ? 0 : sign * bytes;
        lowest += m.view.stride[a] < 0 ? (extent[a] - 1) * m.view.stride[a] : 0;
        bytes *= extent[a] > 0 ? extent[a] : 1;
    }
    m.room = calloc(1, (size_t)bytes + 64);
    m.view.base = m.room + misaligned - lowest;
    for (int64_t i = 0; i + size <= bytes; i += size) {
        double d = (double)random_below(1000) / 8;
        int32_t w = (int32_t)random_below(1000);
        memcpy(m.room + misaligned + i, size == 8 ? (void *)&d : (void *)&w, (size_t)size);
    }
    return m;
}

static const char *element(const bri_view *v, int ndim, const int64_t *idx)
{
    const char *p = v->base;
    for (int a = 0; a < ndim; a++)
        p += idx[a] * v->stride[a];
    return p;
}

static bool next(int ndim, const int64_t *extent, int64_t *idx)
{
    for (int a = ndim - 1; a >= 0; a--) {
        if (++idx[a] < extent[a])
            return true;
        idx[a] = 0;
    }
    return false;
}

/* (x + y) * 0.5 - iota, x float64, y int32; x alone when `plain`. */
static bri_program *arithmetic(bool plain, int axis)
{
    double half = 0.5, start = 10, step = -3;
    bri_program *p = bri_program_new();
    int x = bri_program_input(p, BR_FLOAT64);
    int y = bri_program_cast(p, BR_FLOAT64, bri_program_input(p, BR_INT32));
    int v = bri_program_op(p, BRI_OP_ADD, x, y, -1);
    v = bri_program_op(p, BRI_OP_MULTIPLY, v, bri_program_constant(p, BR_FLOAT64, &half), -1);
    v = bri_program_op(p, BRI_OP_SUBTRACT, v, bri_program_iota(p, BR_FLOAT64, axis, &start, &step),
                       -1);
    require(bri_program_seal_store(p, plain ? x : v) == BR_OK, "cannot seal");
    return p;
}

static void check_box(int ndim, const int64_t *extent)
{
    int misaligned = (int)random_below(2) * 3, axis = (int)random_below(ndim);
    bool plain = random_below(4) == 0;
    memory x = random_view(ndim, extent, 8, true, misaligned);
    memory y = random_view(ndim, extent, 4, true, 0);
    memory out = random_view(ndim, extent, 8, false, (int)random_below(5) == 0);
    bri_view in[2] = {x.view, y.view};
    bri_program *p = arithmetic(plain, axis);
    bri_box box = {.ndim = ndim, .inputs = in, .out = out.view};
    for (int a = 0; a < ndim; a++) {
        box.extent[a] = extent[a];
        box.origin[a] = random_below(100);
    }
    run_box(p, &box);
    int64_t idx[4] = {0};
    do {
        double a, got;
        int32_t b;
        memcpy(&a, element(&x.view, ndim, idx), sizeof a);
        memcpy(&b, element(&y.view, ndim, idx), sizeof b);
        memcpy(&got, element(&out.view, ndim, idx), sizeof got);
        double want = (a + b) * 0.5 - (10 - 3.0 * (double)(box.origin[axis] + idx[axis]));
        require(got == (plain ? a : want), "wrong element of a random box");
    } while (next(ndim, extent, idx));
    bri_program_free(p);
    free(x.room);
    free(y.room);
    free(out.room);
}

START_TEST(random_boxes)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int k = 0; k < 1500; k++) {
        int ndim = 1 + (int)random_below(4);
        int64_t extent[4];
        for (int a = 0; a < ndim; a++)
            extent[a] = 1 + random_below(random_below(3) == 0 ? 12 : 5);
        if (random_below(2))
            extent[random_below(ndim)] += random_below(1300);
        check_box(ndim, extent);
    }
}
END_TEST

START_TEST(large_transposes)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int k = 0; k < 40; k++) {
        int64_t extent[3] = {1 + random_below(3), 20 + random_below(60), 250 + random_below(900)};
        check_box(3, extent);
        check_box(2, extent + 1);
    }
}
END_TEST

START_TEST(scalar_box)
{
    double x = 3, y;
    bri_view in[1] = {{(char *)&x, {0}}};
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    bri_program *p = bri_program_new();
    int value = bri_program_op(p, BRI_OP_SQUARE, bri_program_input(p, BR_FLOAT64), -1, -1);
    ck_assert_int_eq(bri_program_seal_store(p, value), BR_OK);
    bri_box box = {.ndim = 0, .inputs = in, .out = {(char *)&y, {0}}};
    run_box(p, &box);
    ck_assert_double_eq(y, 9);
    bri_program_free(p);
}
END_TEST

/* ---- constants, indices, calls ---- */

static int64_t calls;

static double add_data(double x, const void *data)
{
    calls++;
    return x + *(const double *)data;
}

START_TEST(calls_and_constants)
{
    double data = 2, k = 5, x[1500], out[1500];
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int i = 0; i < 1500; i++)
        x[i] = i;
    bri_view in[1] = {{(char *)x, {8}}};
    for (int constant = 0; constant <= 1; constant++) {
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_FLOAT64);
        if (constant)
            a = bri_program_constant(p, BR_FLOAT64, &k);
        ck_assert_int_eq(bri_program_seal_store(p, bri_program_call(p, add_data, &data, a)), BR_OK);
        bri_box box = {.ndim = 1, .extent = {1500}, .inputs = in, .out = {(char *)out, {8}}};
        calls = 0;
        run_box(p, &box);
        ck_assert_int_eq(calls, 1500);
        for (int i = 0; i < 1500; i++)
            require(out[i] == (constant ? k : x[i]) + data, "wrong call");
        bri_program_free(p);
    }
}
END_TEST

/* iota in every dtype with a number of its own, along both axes of a box far from the origin. */
START_TEST(indices)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int job = 1; job < 2 * BR_NDTYPE; job++) {
        br_dtype dtype = (br_dtype)(job % BR_NDTYPE);
        int axis = job / BR_NDTYPE;
        if (dtype == BR_NO_DTYPE)
            continue;
        bool real = bri_kind(dtype) == 'f' || bri_kind(dtype) == 'c';
        int64_t istart = 1, istep = 2;
        double start = 1, step = 2;
        char out[3 * 40 * 16];
        bri_program *p = bri_program_new();
        int v = bri_program_iota(p, dtype, axis, real ? (void *)&start : &istart,
                                 real ? (void *)&step : &istep);
        ck_assert_int_eq(bri_program_seal_store(p, v), BR_OK);
        int64_t size = (int64_t)bri_dtypes[dtype].size;
        bri_box box = {
            .ndim = 2, .extent = {3, 40}, .origin = {7, 11}, .out = {out, {40 * size, size}}};
        run_box(p, &box);
        for (int i = 0; i < 120; i++) {
            int64_t want = 1 + 2 * (axis == 0 ? 7 + i / 40 : 11 + i % 40), got;
            bri_convert(BR_INT64, &got, dtype, out + i * size, 1);
            ck_assert_int_eq(got, dtype == BR_BOOL ? 1 : want);
        }
        bri_program_free(p);
    }
}
END_TEST

/* ---- the same bits ---- */

/* Every operation on every dtype it has, on values of very different sizes; returns the bytes
 * written. */
static size_t run_op(bri_opcode op, br_dtype dtype, const char *x, int64_t n, char *out)
{
    int64_t size = (int64_t)bri_dtypes[dtype].size;
    bri_program *p = bri_program_new();
    bri_view in[3] = {
        {(char *)x, {size}}, {(char *)x + 3 * size, {size}}, {(char *)x + 5 * size, {size}}};
    int a = bri_program_input(p, op == BRI_OP_WHERE ? BR_BOOL : dtype);
    in[0].stride[0] = op == BRI_OP_WHERE ? 1 : size;
    int b = bri_program_input(p, dtype), c = bri_program_input(p, dtype);
    int v = bri_program_op(p, op, a, b, c);
    require(bri_program_seal_store(p, v) == BR_OK, "cannot seal");
    int64_t out_size = (int64_t)bri_dtypes[bri_program_dtype(p, v)].size;
    bri_box box = {.ndim = 1, .extent = {n}, .inputs = in, .out = {out, {out_size}}};
    run_box(p, &box);
    bri_program_free(p);
    return (size_t)(n * out_size);
}

static char *values_of_all_sizes(br_dtype dtype, int64_t n)
{
    char *x = malloc((size_t)n * 16);
    for (int64_t i = 0; i < n; i++) {
        double d[2] = {
            ldexp((double)random_below(1 << 20) - (1 << 19), (int)random_below(60) - 40),
            ldexp((double)random_below(1 << 20) - (1 << 19), (int)random_below(60) - 40)};
        int64_t w = (int64_t)(random_bits() >> random_below(64));
        bool real = bri_kind(dtype) == 'f' || bri_kind(dtype) == 'c';
        br_dtype from = bri_kind(dtype) == 'c' ? BR_COMPLEX128 : real ? BR_FLOAT64 : BR_INT64;
        bri_convert(dtype, x + i * (int64_t)bri_dtypes[dtype].size, from, real ? (void *)d : &w, 1);
    }
    return x;
}

/* x86-64-v2 has no fused multiply-add for SLEEF's functions; the rest agrees even there. */
static void compare_isas(bri_opcode op, br_dtype dtype)
{
    static char first[1500 * 16], second[1500 * 16];
    const char *names[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    char *x = values_of_all_sizes(dtype, 1510);
    size_t bytes = run_op(op, dtype, x, 1500, first);
    for (int i = 0; i < 3; i++) {
        bool promoted = strchr(bri_ops[op].promotes, bri_kind(dtype)) != NULL;
        bool function = is_sleef(op) && (promoted || bri_kind(dtype) == 'f');
        if ((i == 2 && function) || bri_kernels_init(names[i]) != BR_OK)
            continue;
        ck_assert_str_eq(bri_kernels_isa(), names[i]);
        run_op(op, dtype, x, 1500, second);
        ck_assert_msg(memcmp(first, second, bytes) == 0, "%s of %s differs on %s", bri_ops[op].name,
                      br_dtype_name(dtype), names[i]);
    }
    free(x);
}

START_TEST(instruction_sets)
{
    for (int op = 0; op < BRI_NOPS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
            if (strchr(bri_ops[op].kinds, bri_kind((br_dtype)dtype)) != NULL &&
                !(dtype == BR_BOOL && op == BRI_OP_WHERE))
                compare_isas((bri_opcode)op, (br_dtype)dtype);
    ck_assert_int_eq(bri_kernels_init("pdp11"), BR_ECONFIG);
}
END_TEST

/* A value is the same alone as among others of any size, so its place in a vector does not matter.
 */
START_TEST(positions)
{
    for (int job = 0; job < 2 * BRI_NOPS; job++) {
        bri_opcode op = (bri_opcode)(job / 2);
        br_dtype dtype = job % 2 ? BR_FLOAT32 : BR_FLOAT64;
        if (!is_sleef(op))
            continue;
        char all[600 * 8], one[8];
        ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
        char *x = values_of_all_sizes(dtype, 610);
        int64_t size = (int64_t)bri_dtypes[dtype].size;
        run_op(op, dtype, x, 600, all);
        for (int64_t i = 0; i < 600; i++) {
            run_op(op, dtype, x + i * size, 1, one);
            require(memcmp(one, all + i * size, (size_t)size) == 0, "the position matters");
        }
        free(x);
    }
}
END_TEST

/* ---- sharing and registers ---- */

START_TEST(equal_values_are_one)
{
    double two = 2;
    bri_program *p = bri_program_new();
    int x = bri_program_input(p, BR_FLOAT64), y = bri_program_input(p, BR_FLOAT64);
    ck_assert_int_ne(x, y);
    ck_assert_int_eq(bri_program_op(p, BRI_OP_ADD, x, y, -1),
                     bri_program_op(p, BRI_OP_ADD, x, y, -1));
    ck_assert_int_ne(bri_program_op(p, BRI_OP_ADD, x, y, -1),
                     bri_program_op(p, BRI_OP_ADD, y, x, -1));
    ck_assert_int_eq(bri_program_constant(p, BR_FLOAT64, &two),
                     bri_program_constant(p, BR_FLOAT64, &two));
    ck_assert_int_eq(bri_program_cast(p, BR_FLOAT64, x), x);
    ck_assert_int_eq(bri_program_op(p, BRI_OP_ADD, x, -1, -1), -1);
    ck_assert_int_eq(bri_program_seal_store(p, -1), BR_ENOMEM);
    bri_program_free(p);
}
END_TEST

/* 100 values that are all needed at the end: more registers than fit at full length. x, x + 1, x +
 * 2, ... summed from the last to the first. */
START_TEST(many_live_values)
{
    enum { N = 100, LENGTH = 2000 };
    int v[N];
    double x[LENGTH], out[LENGTH];
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    bri_program *p = bri_program_new();
    v[0] = bri_program_input(p, BR_FLOAT64);
    for (int k = 1; k < N; k++) {
        double one = k;
        v[k] =
            bri_program_op(p, BRI_OP_ADD, v[k - 1], bri_program_constant(p, BR_FLOAT64, &one), -1);
    }
    int sum = v[N - 1];
    for (int k = N - 2; k >= 0; k--)
        sum = bri_program_op(p, BRI_OP_ADD, sum, v[k], -1);
    ck_assert_int_eq(bri_program_seal_store(p, sum), BR_OK);
    for (int i = 0; i < LENGTH; i++)
        x[i] = i;
    bri_view in[1] = {{(char *)x, {8}}};
    bri_box box = {.ndim = 1, .extent = {LENGTH}, .inputs = in, .out = {(char *)out, {8}}};
    run_box(p, &box);
    for (int i = 0; i < LENGTH; i++)
        require(out[i] == 100.0 * i + 166650, "wrong sum");
    bri_program_free(p);
}
END_TEST

/* The sum of squares is one instruction, with vectors and with a broadcast operand on either side.
 */
START_TEST(sums_of_squares)
{
    double x[700], y[700], out[700];
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int i = 0; i < 700; i++) {
        x[i] = sin(i);
        y[i] = cos(3 * i);
    }
    for (int still = 0; still < 4; still++) {
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_FLOAT64), b = bri_program_input(p, BR_FLOAT64);
        a = bri_program_op(p, BRI_OP_SQUARE, a, -1, -1);
        b = bri_program_op(p, BRI_OP_MULTIPLY, b, b, -1);
        ck_assert_int_eq(bri_program_seal_store(p, bri_program_op(p, BRI_OP_ADD, a, b, -1)), BR_OK);
        bri_view in[2] = {{(char *)x, {still & 1 ? 0 : 8}}, {(char *)y, {still & 2 ? 0 : 8}}};
        bri_box box = {.ndim = 1, .extent = {700}, .inputs = in, .out = {(char *)out, {8}}};
        run_box(p, &box);
        for (int i = 0; i < 700; i++) {
            volatile double xx = x[still & 1 ? 0 : i] * x[still & 1 ? 0 : i];
            volatile double yy = y[still & 2 ? 0 : i] * y[still & 2 ? 0 : i];
            require(out[i] == xx + yy, "wrong sum of squares");
        }
        bri_program_free(p);
    }
}
END_TEST

/* ---- copies ---- */

START_TEST(copies)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int k = 0; k < 600; k++) {
        int ndim = 1 + (int)random_below(4);
        int64_t extent[4] = {0}, idx[4] = {0}, size = random_below(2) ? 8 : 4;
        for (int a = 0; a < ndim; a++)
            extent[a] = 1 + random_below(ndim < 3 ? 300 : 9);
        memory from = random_view(ndim, extent, size, true, (int)random_below(3));
        memory to = random_view(ndim, extent, size, false, 0);
        bri_copy_box(ndim, extent, (size_t)size, to.view.base, to.view.stride, from.view.base,
                     from.view.stride);
        do
            require(memcmp(element(&to.view, ndim, idx), element(&from.view, ndim, idx),
                           (size_t)size) == 0,
                    "wrong copy");
        while (next(ndim, extent, idx));
        free(from.room);
        free(to.room);
    }
    int64_t none[2] = {3, 0}, strides[2] = {8, 8};
    bri_copy_box(2, none, 8, NULL, strides, NULL, strides);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("boxes");
    tcase_add_test(t, random_boxes);
    tcase_add_test(t, large_transposes);
    tcase_add_test(t, scalar_box);
    tcase_add_test(t, calls_and_constants);
    tcase_add_test(t, indices);
    tcase_add_test(t, instruction_sets);
    tcase_add_test(t, positions);
    tcase_add_test(t, equal_values_are_one);
    tcase_add_test(t, many_live_values);
    tcase_add_test(t, sums_of_squares);
    tcase_add_test(t, copies);
    return run_case("boxes", t);
}
