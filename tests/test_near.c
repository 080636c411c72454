/* SPDX-License-Identifier: BSD-3-Clause
 * test_near.c - exp, sin and cos of float64 where array/kernels/near.inc and SLEEF meet, and where
 * reduced arguments lose most digits: multiples of pi / 2, the ends of the reach, huge arguments
 * and subnormal ones; and that a result hangs on its own argument only.
 */
#include "tests/operands.h"
#include "tests/suite.h"

static const bri_opcode ops[] = {BRI_OP_EXP, BRI_OP_SIN, BRI_OP_COS};
enum { NOPS = sizeof ops / sizeof *ops, N = 60000 };

static double x[N], got[N], first[N];

static void run(bri_opcode op, int64_t n, const double *from, double *to)
{
    const operation o = operation_of(op, BR_FLOAT64);
    void *const operands[3] = {(void *)from};
    run_operation(&o, n, operands, to);
}

static double neighbour(double to, int steps)
{
    for (; steps != 0; steps += steps < 0 ? 1 : -1)
        to = nextafter(to, steps < 0 ? -INFINITY : INFINITY);
    return to;
}

/* ---- arguments ---- */

/* The numbers next to multiples of pi / 4, of which half are multiples of pi / 2. */
static double beside_turn(void)
{
    const long double quarter = 0.785398163397448309615660845819875721L;
    const int bits = 1 + (int)random_below(26);
    const long double turns = 1 + (long double)random_below((int64_t)1 << bits);
    const double at = (double)(turns * quarter);
    return neighbour(random_below(2) ? at : -at, (int)random_below(5) - 2);
}

/* Ends of what near.inc does, of exp's normal and of its finite results, and of SLEEF's steps. */
static double beside_end(void)
{
    static const double ends[] = {708,
                                  708.3964185322641,
                                  709.782712893384,
                                  745.1332191019412,
                                  0.5,
                                  0x1.62e42fefa39efp-2,
                                  0x1p24,
                                  15,
                                  1e14,
                                  0x1p-1022,
                                  0x1p-1022 * 0.75,
                                  0x1p-27};
    const double at = ends[random_below(sizeof ends / sizeof *ends)];
    return neighbour(random_below(2) ? at : -at, (int)random_below(9) - 4);
}

static double any_argument(void)
{
    switch (random_below(5)) {
    case 0:
        return beside_end();
    case 1:
        return (double)any_number(BR_FLOAT64);
    case 2:
        return (double)uniform(-750, 750);
    case 3:
        return (double)uniform(-0x1.1p24, 0x1.1p24);
    default:
        return beside_turn();
    }
}

static void fill(void)
{
    for (int i = 0; i < N; i++)
        x[i] = any_argument();
}

/* ---- tests ---- */

/* In ulps. SLEEF loses a little where results are small, more without fused multiply-add, and exp
 * near overflow. */
static long double bound(bri_opcode op, bool fma, double at, long double want)
{
    const bool near = fabs(at) <= (op == BRI_OP_EXP ? 708 : 0x1p24);
    if (fma && near)
        return 0.9L;
    if (fabsl(want) < 64 * DBL_MIN)
        return fma ? 1.1L : 2;
    return fabsl(want) > DBL_MAX / 16 ? 2 : 1;
}

static void check_values(bri_opcode op, int isa)
{
    for (int i = 0; i < N; i++) {
        const long double want = op == BRI_OP_EXP   ? expl(x[i])
                                 : op == BRI_OP_SIN ? sinl(x[i])
                                                    : cosl(x[i]);
        const number n = {'c', 0, want};
        if (!close_enough(BR_FLOAT64, got + i, n, bound(op, has_fma(isa), x[i], want)))
            ck_abort_msg("%s: %s(%a) gave %a, not %La", isas[isa], bri_ops[op].name, x[i], got[i],
                         want);
    }
}

START_TEST(values)
{
    const bri_opcode op = ops[_i];
    bool compared = false;
    fill();
    for (int isa = 0; isa < NISAS; isa++) {
        if (bri_kernels_init(isas[isa]) != BR_OK)
            continue;
        run(op, N, x, got);
        check_values(op, isa);
        for (int i = 0; compared && has_fma(isa) && i < N; i++)
            if (memcmp(got + i, first + i, sizeof *got) != 0 && !isnan(got[i]))
                ck_abort_msg("%s: %s(%a) has other bits", isas[isa], bri_ops[op].name, x[i]);
        if (!compared)
            memcpy(first, got, sizeof got);
        compared = true;
    }
    require(compared, "no instruction set");
}
END_TEST

/* Near and far arguments side by side in every proportion, against each of them alone. */
static void fill_mixed(int far_in_1000)
{
    for (int i = 0; i < 3000; i++)
        x[i] = (double)(random_below(1000) >= far_in_1000 ? uniform(-100, 100)
                        : random_below(2)                 ? any_number(BR_FLOAT64)
                                                          : uniform(-1e9L, 1e9L));
}

static void check_alone(bri_opcode op, int64_t n, const double *from)
{
    run(op, n, from, got);
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + i, first + (from - x) + i, sizeof *got) != 0)
            ck_abort_msg("%s: %s(%a) is another one as element %d of %d", bri_kernels_isa(),
                         bri_ops[op].name, from[i], (int)i, (int)n);
}

START_TEST(alone)
{
    static const int proportions[] = {0, 1, 20, 500, 1000};
    const bri_opcode op = ops[_i];
    for (int isa = 0; isa < NISAS; isa++) {
        if (bri_kernels_init(isas[isa]) != BR_OK)
            continue;
        for (size_t k = 0; k < sizeof proportions / sizeof *proportions; k++) {
            fill_mixed(proportions[k]);
            for (int i = 0; i < 3000; i++)
                run(op, 1, x + i, first + i);
            for (int n = 2; n < 40; n++)
                check_alone(op, n, x + n);
            check_alone(op, 3000, x);
            check_alone(op, 2900, x + 3);
        }
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("near");
    tcase_add_loop_test(t, values, 0, NOPS);
    tcase_add_loop_test(t, alone, 0, NOPS);
    return run_case("near", t);
}
