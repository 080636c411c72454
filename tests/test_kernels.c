/* SPDX-License-Identifier: BSD-3-Clause
 * test_kernels.c - elementwise block programs on random elements against op_reference.h, and casts.
 */
#include "tests/elements.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

/* Nothing, one, less than a vector, whole vectors and odd ends, a block, more than one. */
static const int lengths[] = {0, 1, 3, 63, 64, 65, BRI_BLOCK, BRI_BLOCK + 77};
enum { NLENGTHS = sizeof lengths / sizeof *lengths };

/* Which operands are constants, as bits. */
static void check_op(bri_opcode op, br_dtype dtype, int constants, int64_t n)
{
    bool where = op == BRI_OP_WHERE;
    void *x[3], *inputs[3];
    br_dtype dtypes[3], input_dtypes[3];
    int value[3] = {-1, -1, -1}, ninputs = 0;
    bri_program *p = bri_program_new();
    for (int k = 0; k < bri_ops[op].arity; k++) {
        dtypes[k] = where && k == 0 ? BR_BOOL : dtype;
        x[k] = random_array(dtypes[k], n + 1);
        if (constants >> k & 1) {
            value[k] = bri_program_constant(p, dtypes[k], x[k]);
        } else {
            input_dtypes[ninputs] = dtypes[k];
            inputs[ninputs++] = x[k];
            value[k] = bri_program_input(p, dtypes[k]);
        }
    }
    int result = bri_program_op(p, op, value[0], value[1], value[2]);
    br_dtype out_dtype = bri_program_dtype(p, result);
    require(bri_program_seal_store(p, result) == BR_OK, "cannot seal");
    char *out = malloc((size_t)(n + 1) * 16);
    memset(out, 0x5a, (size_t)(n + 1) * 16);
    run_dense(p, n, inputs, input_dtypes, out, out_dtype);
    bool promoted = strchr(bri_ops[op].promotes, bri_kind(dtype)) != NULL;
    br_dtype operand = promoted ? BR_FLOAT64 : dtype;
    for (int64_t i = 0; i < n; i++) {
        number v[3] = {{0}};
        for (int k = 0; k < bri_ops[op].arity; k++) {
            v[k] = get(dtypes[k], element(dtypes[k], x[k], constants >> k & 1 ? 0 : i));
            v[k].z = v[k].kind == 'f' || v[k].kind == 'c' || !promoted ? v[k].z : (double)v[k].i;
        }
        number want = op_reference(op, operand, v);
        if (close_enough(out_dtype, element(out_dtype, out, i), want, op_bound(op, operand, want)))
            continue;
        ck_abort_msg("%s %s constants %d element %d of %d: f(%Lg, %Lg) gave %Lg, not %Lg",
                     bri_ops[op].name, br_dtype_name(dtype), constants, (int)i, (int)n,
                     creall(v[0].z), creall(v[1].z),
                     creall(get(out_dtype, element(out_dtype, out, i)).z),
                     want.kind == 'c' ? creall(want.z) : (long double)want.i);
    }
    require(out[n * (int64_t)bri_dtypes[out_dtype].size] == 0x5a, "written beyond the end");
    for (int k = 0; k < bri_ops[op].arity; k++)
        free(x[k]);
    free(out);
    bri_program_free(p);
}

START_TEST(every_op)
{
    const char *names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    if (bri_kernels_init(names[_i]) != BR_OK)
        return;
    for (int op = 0; op < BRI_NOPS; op++)
        for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
            for (int l = 0; l < NLENGTHS; l++) {
                if (strchr(bri_ops[op].kinds, bri_kind((br_dtype)dtype)) == NULL ||
                    (SLOW && (op + dtype + l) % 3 > 0))
                    continue;
                for (int constants = 0; constants < 1 << bri_ops[op].arity; constants++)
                    check_op((bri_opcode)op, (br_dtype)dtype, constants, lengths[l]);
            }
}
END_TEST

START_TEST(every_cast)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (int pair = 0; pair < BR_NDTYPE * BR_NDTYPE; pair++) {
        br_dtype from = (br_dtype)(pair / BR_NDTYPE), to = (br_dtype)(pair % BR_NDTYPE);
        if (from == BR_NO_DTYPE || to == BR_NO_DTYPE)
            continue;
        void *x = random_array(from, 600);
        char out[600 * 16], dense[600 * 16];
        bri_program *p = bri_program_new();
        int value = bri_program_cast(p, to, bri_program_input(p, from));
        ck_assert_int_eq(bri_program_seal_store(p, value), BR_OK);
        run_dense(p, 600, &x, &from, out, to);
        bri_convert(to, dense, from, x, 600);
        ck_assert_mem_eq(out, dense, 600 * bri_dtypes[to].size);
        for (int i = 0; i < 600; i++) {
            char want[16];
            number v = get(from, element(from, x, i));
            if (to == BR_BOOL)
                put_integer(to, want, floating(from) ? v.z != 0 : v.i != 0);
            else if (floating(from) && bri_kind(to) == 'u' && creall(v.z) <= -1)
                continue;
            else
                put(to, want, v);
            require(memcmp(want, element(to, out, i), bri_dtypes[to].size) == 0, br_dtype_name(to));
        }
        free(x);
        bri_program_free(p);
    }
}
END_TEST

typedef struct special {
    bri_opcode op;
    double x, y, want;
} special;

static const special float_specials[] = {
    {BRI_OP_FLOOR_DIVIDE, 7, -2, -4},
    {BRI_OP_REMAINDER, 7, -2, -1},
    {BRI_OP_FLOOR_DIVIDE, -7, 2, -4},
    {BRI_OP_REMAINDER, -7, 2, 1},
    {BRI_OP_FLOOR_DIVIDE, 1, 0, INFINITY},
    {BRI_OP_REMAINDER, 1, 0, NAN},
    {BRI_OP_REMAINDER, -1, INFINITY, INFINITY},
    {BRI_OP_REMAINDER, 4, -2, -0.0},
    {BRI_OP_MINIMUM, NAN, 1, NAN},
    {BRI_OP_MINIMUM, 1, NAN, NAN},
    {BRI_OP_MAXIMUM, NAN, 1, NAN},
    {BRI_OP_MAXIMUM, 1, NAN, NAN},
    {BRI_OP_EXP, -INFINITY, 0, 0},
    {BRI_OP_EXP, 1000, 0, INFINITY},
    {BRI_OP_LOG, 0, 0, -INFINITY},
    {BRI_OP_LOG, -1, 0, NAN},
    {BRI_OP_SIN, INFINITY, 0, NAN},
    {BRI_OP_COS, NAN, 0, NAN},
    {BRI_OP_SIN, -0.0, 0, -0.0},
    {BRI_OP_SQRT, -0.0, 0, -0.0},
    {BRI_OP_POW, 0, 0, 1},
    {BRI_OP_POW, NAN, 0, 1},
    {BRI_OP_POW, -2, 3, -8},
    {BRI_OP_DIVIDE, -1, 0, -INFINITY},
};

START_TEST(special_floats)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (size_t i = 0; i < sizeof float_specials / sizeof *float_specials; i++) {
        const special *s = &float_specials[i];
        double x = s->x, y = s->y, out;
        void *in[2] = {&x, &y};
        br_dtype dtypes[2] = {BR_FLOAT64, BR_FLOAT64};
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_FLOAT64), b = bri_program_input(p, BR_FLOAT64);
        ck_assert_int_eq(bri_program_seal_store(p, bri_program_op(p, s->op, a, b, -1)), BR_OK);
        run_dense(p, 1, in, dtypes, &out, BR_FLOAT64);
        ck_assert_msg((isnan(out) && isnan(s->want)) ||
                          (out == s->want && signbit(out) == signbit(s->want)),
                      "%s(%g, %g) gave %g", bri_ops[s->op].name, x, y, out);
        bri_program_free(p);
    }
}
END_TEST

static const struct {
    bri_opcode op;
    int32_t x, y, want;
} integer_specials[] = {
    {BRI_OP_FLOOR_DIVIDE, INT32_MIN, -1, INT32_MIN},
    {BRI_OP_REMAINDER, INT32_MIN, -1, 0},
    {BRI_OP_FLOOR_DIVIDE, 5, 0, 0},
    {BRI_OP_REMAINDER, 5, 0, 0},
    {BRI_OP_FLOOR_DIVIDE, -7, 2, -4},
    {BRI_OP_REMAINDER, -7, 2, 1},
    {BRI_OP_ABS, INT32_MIN, 0, INT32_MIN},
    {BRI_OP_NEGATIVE, INT32_MIN, 0, INT32_MIN},
    {BRI_OP_ADD, INT32_MAX, 1, INT32_MIN},
    {BRI_OP_POW, 2, -1, 0},
    {BRI_OP_POW, -1, -3, -1},
    {BRI_OP_POW, 1, -3, 1},
    {BRI_OP_POW, 3, 4, 81},
    {BRI_OP_POW, 0, 0, 1},
};

START_TEST(special_integers)
{
    ck_assert_int_eq(bri_kernels_init(NULL), BR_OK);
    for (size_t i = 0; i < sizeof integer_specials / sizeof *integer_specials; i++) {
        int32_t x = integer_specials[i].x, y = integer_specials[i].y, out;
        void *in[2] = {&x, &y};
        br_dtype dtypes[2] = {BR_INT32, BR_INT32};
        bri_program *p = bri_program_new();
        int a = bri_program_input(p, BR_INT32), b = bri_program_input(p, BR_INT32);
        int value = bri_program_op(p, integer_specials[i].op, a, b, -1);
        ck_assert_int_eq(bri_program_seal_store(p, value), BR_OK);
        run_dense(p, 1, in, dtypes, &out, BR_INT32);
        ck_assert_msg(out == integer_specials[i].want, "%s(%d, %d) gave %d",
                      bri_ops[integer_specials[i].op].name, x, y, out);
        bri_program_free(p);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("elements");
    tcase_add_loop_test(t, every_op, 0, 4);
    tcase_add_test(t, every_cast);
    tcase_add_test(t, special_floats);
    tcase_add_test(t, special_integers);
    return run_case("kernels", t);
}
