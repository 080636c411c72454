/* SPDX-License-Identifier: BSD-3-Clause
 * test_pairs.c - superinstructions and fused tails of sums: they are used, and make the bits of
 * their operations run one by one.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/vm.h"
#include "tests/suite.h"

enum { SIDE_FIRST = 1, SIDE_SECOND = 2, SIDE_EITHER = 3, SIDE_BOTH = 4 };

static const struct {
    const char *name;
    bri_opcode outer, inner;
    int side;
} pairs[BRI_NPAIRS] = {
#define BRI_PAIR(NAME, name, outer, side, inner, formula)                                          \
    {#name, BRI_OP_##outer, BRI_OP_##inner, SIDE_##side},
#define BRI_TRIPLE(NAME, name, pair, formula)
#include "array/kernels/pairs.def"
#undef BRI_PAIR
#undef BRI_TRIPLE
};

enum { ANY = -1 };
#define OP(NAME)   BRI_OP_##NAME
#define PAIR(NAME) (BRI_NOPS + BRI_PAIR_##NAME)
static const struct {
    const char *name;
    int last, before;
} tails[BRI_NTAILS] = {
#define BRI_TAIL(NAME, name, last, before, formula) {#name, last, before},
#include "array/kernels/tails.def"
#undef BRI_TAIL
};

enum { N = BRI_BLOCK + 77 }; /* more than a block, an odd end */

typedef struct array {
    _Alignas(64) char bytes[N * sizeof(double)];
} array;

static array x, y, z, one_by_one, fused;
static _Alignas(64) char scratch[1 << 20];

/* Sums need values that are no NaN, roots such that are not negative. */
static double tame(uint64_t bits)
{
    return (double)(bits * 0x9e3779b97f4a7c15u) * 0x1p-60;
}

static double special(uint64_t bits)
{
    static const double some[] = {0, -0.0, 1, -1, INFINITY, 1e30, 1e-310, -INFINITY, -1e-30, NAN};
    if (bits % 16 == 0)
        return some[bits / 16 % (sizeof some / sizeof *some)];
    return (double)(int64_t)(bits * 0x9e3779b97f4a7c15u) * 0x1p-60;
}

static void fill(br_dtype dtype, double (*number)(uint64_t), array *a, uint64_t seed)
{
    for (uint64_t i = 0; i < N; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double value = number(seed);
        if (dtype == BR_FLOAT64)
            memcpy(a->bytes + i * sizeof value, &value, sizeof value);
        else
            memcpy(a->bytes + i * sizeof(float), &(float){(float)value}, sizeof(float));
    }
}

static void fill_all(br_dtype dtype, double (*number)(uint64_t))
{
    fill(dtype, number, &x, 1234567);
    fill(dtype, number, &y, 7654321);
    fill(dtype, number, &z, 9182736);
}

static bri_view view(br_dtype dtype, array *a, bool scalar)
{
    return (bri_view){a->bytes + 40 * scalar, {scalar ? 0 : (int64_t)bri_dtypes[dtype].size}};
}

/* Stores what op makes of one or two inputs. */
static void store(br_dtype dtype, bri_opcode op, bri_view a, bri_view b, array *out)
{
    bri_view in[2] = {a, b};
    bri_program *p = bri_program_new();
    int va = bri_program_input(p, dtype);
    int vb = bri_ops[op].arity > 1 ? bri_program_input(p, dtype) : -1;
    ck_assert_int_eq(bri_program_seal_store(p, bri_program_op(p, op, va, vb, -1)), BR_OK);
    bri_box box = {.ndim = 1, .extent = {N}, .inputs = in, .out = view(dtype, out, false)};
    box.scratch = scratch;
    bri_program_run(p, &box);
    bri_program_free(p);
}

/* NaNs are alike: which of two an operation passes on is not defined. */
static void same(br_dtype dtype, const char *what)
{
    size_t size = bri_dtypes[dtype].size;
    for (size_t i = 0; i < N; i++) {
        const char *a = one_by_one.bytes + i * size, *b = fused.bytes + i * size;
        double da, db;
        float fa, fb;
        memcpy(&da, a, dtype == BR_FLOAT64 ? size : 0);
        memcpy(&db, b, dtype == BR_FLOAT64 ? size : 0);
        memcpy(&fa, a, sizeof fa);
        memcpy(&fb, b, sizeof fb);
        bool nans = dtype == BR_FLOAT64 ? isnan(da) && isnan(db) : isnan(fa) && isnan(fb);
        if (!nans && memcmp(a, b, size) != 0)
            ck_abort_msg("%s: element %zu differs", what, i);
    }
}

/* outer(inner(x, y), z), or the operands of outer the other way round. */
static int build(bri_program *p, int pair, br_dtype dtype, bool swapped)
{
    int vx = bri_program_input(p, dtype), vy = bri_program_input(p, dtype);
    int vz = bri_program_input(p, dtype);
    bool two = bri_ops[pairs[pair].inner].arity > 1;
    int inner = bri_program_op(p, pairs[pair].inner, vx, two ? vy : -1, -1);
    int other = vz;
    if (pairs[pair].side == SIDE_BOTH)
        other = bri_program_op(p, pairs[pair].inner, vy, -1, -1);
    if (bri_ops[pairs[pair].outer].arity == 1)
        return bri_program_op(p, pairs[pair].outer, inner, -1, -1);
    return bri_program_op(p, pairs[pair].outer, swapped ? other : inner, swapped ? inner : other,
                          -1);
}

static void separately(int pair, br_dtype dtype, bool swapped, const bri_view in[3])
{
    static array inner, other;
    bri_view a = view(dtype, &inner, false), b = in[2];
    store(dtype, pairs[pair].inner, in[0], in[1], &inner);
    if (pairs[pair].side == SIDE_BOTH) {
        store(dtype, pairs[pair].inner, in[1], in[1], &other);
        b = view(dtype, &other, false);
    }
    store(dtype, pairs[pair].outer, swapped ? b : a, swapped ? a : b, &one_by_one);
}

static void check_pair(int pair, br_dtype dtype, bool swapped, int scalars)
{
    bri_view in[3] = {view(dtype, &x, scalars & 1), view(dtype, &y, scalars & 2),
                      view(dtype, &z, scalars & 4)};
    bri_program *p = bri_program_new();
    ck_assert_int_eq(bri_program_seal_store(p, build(p, pair, dtype, swapped)), BR_OK);
    const bri_value *made = &p->values[p->code[p->ncode - 1].value];
    ck_assert_msg(made->kind == BRI_VALUE_PAIR && made->slot == pair, "%s is not used",
                  pairs[pair].name);
    bri_box box = {.ndim = 1, .extent = {N}, .inputs = in, .out = view(dtype, &fused, false)};
    box.scratch = scratch;
    bri_program_run(p, &box);
    bri_program_free(p);
    separately(pair, dtype, swapped, in);
    same(dtype, pairs[pair].name);
}

static const char *const isas[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
enum { NISAS = sizeof isas / sizeof *isas };

START_TEST(every_pair)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int k = 0; k < BRI_NPAIRS * 2 * 8; k++) {
        int pair = k / 16;
        br_dtype dtype = k / 8 % 2 ? BR_FLOAT32 : BR_FLOAT64;
        fill_all(dtype, special);
        if (pairs[pair].side != SIDE_SECOND)
            check_pair(pair, dtype, false, k % 8);
        if (pairs[pair].side == SIDE_SECOND || pairs[pair].side == SIDE_EITHER)
            check_pair(pair, dtype, true, k % 8);
    }
}
END_TEST

/* z / (x * x + y), or the summands the other way round. */
static int build_triple(bri_program *p, br_dtype dtype, bool swapped)
{
    int vx = bri_program_input(p, dtype), vy = bri_program_input(p, dtype);
    int vz = bri_program_input(p, dtype);
    int square = bri_program_op(p, BRI_OP_MULTIPLY, vx, vx, -1);
    int sum = bri_program_op(p, BRI_OP_ADD, swapped ? vy : square, swapped ? square : vy, -1);
    return bri_program_op(p, BRI_OP_DIVIDE, vz, sum, -1);
}

static void check_triple(br_dtype dtype, bool swapped, int scalars)
{
    bri_view in[3] = {view(dtype, &x, scalars & 1), view(dtype, &y, scalars & 2),
                      view(dtype, &z, scalars & 4)};
    bri_program *p = bri_program_new();
    ck_assert_int_eq(bri_program_seal_store(p, build_triple(p, dtype, swapped)), BR_OK);
    const bri_value *made = &p->values[p->code[p->ncode - 1].value];
    ck_assert_int_eq(made->kind, BRI_VALUE_PAIR);
    ck_assert_int_eq(made->slot, BRI_PAIR_OVER_SQUARE_ADD);
    bri_box box = {.ndim = 1, .extent = {N}, .inputs = in, .out = view(dtype, &fused, false)};
    box.scratch = scratch;
    bri_program_run(p, &box);
    bri_program_free(p);
    static array square, sum;
    store(dtype, BRI_OP_SQUARE, in[0], in[0], &square);
    store(dtype, BRI_OP_ADD, view(dtype, &square, false), in[1], &sum);
    store(dtype, BRI_OP_DIVIDE, in[2], view(dtype, &sum, false), &one_by_one);
    same(dtype, "over_square_add");
}

START_TEST(triples)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int k = 0; k < 2 * 2 * 8; k++) {
        br_dtype dtype = k & 1 ? BR_FLOAT32 : BR_FLOAT64;
        fill_all(dtype, special);
        check_triple(dtype, k & 2, k / 4);
    }
}
END_TEST

/* `steps` times r * y + constant, or y * r. The constants are the first elements of z. */
static int build_steps(bri_program *p, br_dtype dtype, int steps, bool swapped)
{
    int r = bri_program_input(p, dtype), vy = bri_program_input(p, dtype);
    for (int k = 0; k < steps; k++) {
        int c = bri_program_constant(p, dtype, z.bytes + (size_t)k * bri_dtypes[dtype].size);
        r = bri_program_op(p, BRI_OP_MULTIPLY, swapped ? vy : r, swapped ? r : vy, -1);
        r = bri_program_op(p, BRI_OP_ADD, r, c, -1);
    }
    return r;
}

static void check_steps(br_dtype dtype, int steps, bool swapped, int scalars)
{
    bri_view in[2] = {view(dtype, &x, scalars & 1), view(dtype, &y, scalars & 2)}, r = in[0];
    bri_program *p = bri_program_new();
    ck_assert_int_eq(bri_program_seal_store(p, build_steps(p, dtype, steps, swapped)), BR_OK);
    int horners = 0;
    for (int i = 0; i < p->ncode; i++)
        horners +=
            p->code[i].code == BRI_CODE_PAIR && p->values[p->code[i].value].slot == BRI_PAIR_HORNER;
    ck_assert_int_eq(horners, steps / 2);
    bri_box box = {.ndim = 1, .extent = {N}, .inputs = in, .out = view(dtype, &fused, false)};
    box.scratch = scratch;
    bri_program_run(p, &box);
    bri_program_free(p);
    for (size_t k = 0; k < (size_t)steps; k++) {
        bri_view c = {z.bytes + k * bri_dtypes[dtype].size, {0}};
        store(dtype, BRI_OP_MULTIPLY, r, in[1], &one_by_one);
        r = view(dtype, &one_by_one, false);
        store(dtype, BRI_OP_ADD, r, c, &one_by_one);
    }
    same(dtype, "polynomial");
}

START_TEST(polynomials)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int k = 0; k < 2 * 2 * 4 * 7; k++) {
        br_dtype dtype = k & 1 ? BR_FLOAT32 : BR_FLOAT64;
        fill_all(dtype, tame);
        check_steps(dtype, 1 + k / 16, k & 2, k / 4 % 4);
    }
}
END_TEST

/* A product that two values read is made once and not taken into either. */
START_TEST(shared_values_stay)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    bri_program *p = bri_program_new();
    int a = bri_program_input(p, BR_FLOAT64), b = bri_program_input(p, BR_FLOAT64);
    int product = bri_program_op(p, BRI_OP_MULTIPLY, a, b, -1);
    int plus = bri_program_op(p, BRI_OP_ADD, product, a, -1);
    int less = bri_program_op(p, BRI_OP_SUBTRACT, product, b, -1);
    int both = bri_program_op(p, BRI_OP_DIVIDE, plus, less, -1);
    ck_assert_int_eq(bri_program_seal_store(p, both), BR_OK);
    for (int i = 0; i < p->ncode; i++)
        ck_assert_int_ne(p->code[i].code, BRI_CODE_PAIR);
    bri_program_free(p);
}
END_TEST

static int build_tail(bri_program *p, int tail, br_dtype dtype)
{
    int v = bri_program_input(p, dtype), w = bri_program_input(p, dtype);
    int codes[2] = {tails[tail].before, tails[tail].last};
    for (int k = 0; k < 2; k++) {
        if (codes[k] == PAIR(SQUARES)) {
            w = bri_program_op(p, BRI_OP_SQUARE, w, -1, -1);
            v = bri_program_op(p, BRI_OP_SQUARE, v, -1, -1);
            v = bri_program_op(p, BRI_OP_ADD, v, w, -1);
        } else if (codes[k] != ANY) {
            bri_opcode op = (bri_opcode)codes[k];
            v = bri_program_op(p, op, v, bri_ops[op].arity > 1 ? w : -1, -1);
        }
    }
    return v;
}

/* Rows of n elements summed by the tail into sums[1], and stored and summed into sums[0]. */
static void check_tail(int tail, br_dtype dtype, int scalars, int64_t n)
{
    int64_t size = (int64_t)bri_dtypes[dtype].size, rows = N / n;
    double sums[2][N];
    bri_view in[2] = {view(dtype, &x, scalars & 1), view(dtype, &y, scalars & 2)};
    bri_view plain = {fused.bytes, {n * size, size}};
    bri_box box = {.ndim = 2, .extent = {rows, n}, .inputs = in, .out = plain, .axis = 1};
    box.scratch = scratch;
    for (int k = 0; k < 2; k++) {
        int64_t step = in[k].stride[0];
        in[k].stride[0] = n * step;
        in[k].stride[1] = step;
    }
    for (int step = 0; step < 3; step++) {
        bri_program *p = bri_program_new();
        int v = step == 1 ? bri_program_input(p, dtype) : build_tail(p, tail, dtype);
        br_status sealed =
            step == 0 ? bri_program_seal_store(p, v) : bri_program_seal_reduce(p, v, BRI_RED_SUM);
        ck_assert_int_eq(sealed, BR_OK);
        ck_assert_msg(step < 2 || p->tail == bri_kernel_table.tail[tail][dtype], "%s is not used",
                      tails[tail].name);
        box.inputs = step == 1 ? &plain : in;
        box.state = sums[step > 1];
        bri_program_run(p, &box);
        bri_program_free(p);
    }
    for (int64_t r = 0; r < rows; r++)
        if (memcmp(&sums[0][r], &sums[1][r], sizeof(double)) != 0)
            ck_abort_msg("%s: row %d differs", tails[tail].name, (int)r);
}

START_TEST(every_tail)
{
    static const int64_t lengths[] = {1, 7, 32, 33, 64, 511, 512, 513, BRI_BLOCK, N};
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int k = 0; k < BRI_NTAILS * 2 * 4; k++) {
        br_dtype dtype = k / 4 % 2 ? BR_FLOAT32 : BR_FLOAT64;
        fill_all(dtype, tame);
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            check_tail(k / 8, dtype, k % 4, lengths[l]);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("pairs");
    tcase_add_loop_test(t, every_pair, 0, NISAS);
    tcase_add_loop_test(t, triples, 0, NISAS);
    tcase_add_loop_test(t, polynomials, 0, NISAS);
    tcase_add_test(t, shared_values_stay);
    tcase_add_loop_test(t, every_tail, 0, NISAS);
    return run_case("pairs", t);
}
