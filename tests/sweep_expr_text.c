/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_expr_text.c - expressions as text: elementwise formulas, comparisons, slices, reductions
 * and products, against values computed here.
 */
#include "tests/sweep.h"

static const struct {
    int na;
    int64_t a[3];
    int nb;
    int64_t b[3];
} shapes[] = {
    {1, {7}, 1, {7}},          {2, {13, 1}, 1, {5}}, {2, {3, 5}, 0, {0}},
    {3, {2, 3, 5}, 2, {3, 1}}, {1, {1031}, 1, {1}},  {2, {0, 4}, 1, {4}},
};
enum { NSHAPES = sizeof shapes / sizeof shapes[0] };

/* ---- formulas of two arrays ---- */

static value hypotenuse(value a, value b)
{
    return sqrtl(creall(a * a + b * b)) - creall(a) / (1 + creall(b * b));
}

static value polynomial(value a, value b)
{
    return -a * a + 2 * a * b - 3 * b + 1e-1L;
}

static value between(value a, value b)
{
    return creall(a) > -2 && creall(a) <= creall(b);
}

static value chosen(value a, value b)
{
    return creall(a) < creall(b) ? a + b : creall(a) == 3 ? 7.5L : a - b;
}

static value either(value a, value b)
{
    return (creall(a) > 0 && b == 0) || !(creall(b) > 1);
}

static value folded(value a, value b)
{
    return a * 3.5L + b * -4 + 1024;
}

static value rest(value a, value b)
{
    long double q = creall(a) + 12 - 5 * floorl((creall(a) + 12) / 5);
    return q * creall(b);
}

static value masked(value a, value b)
{
    return ((creall(a) > 0) & (creall(b) <= 2)) ^ (creall(a) == creall(b));
}

static value clipped(value a, value b)
{
    long double c = creall(a) < -1 ? -1 : creall(a) > 5 ? 5 : creall(a);
    return c * 1.5L + fabsl(creall(b));
}

static const struct {
    const char *text;
    value (*f)(value, value);
    char result; /* 'f' the operands' common dtype, or float64; 'b' bool */
    double ulps;
} formulas[] = {
    {"sqrt(x*x + y*y) - x / (1 + y**2)", hypotenuse, 'f', 8},
    {"-x ** 2 + 2*x*y - 3*y + 1e-1", polynomial, 'f', 8},
    {"-2 < x <= y", between, 'b', 0},
    {"x + y if x < y else where(x == 3, 7.5, x - y)", chosen, 'f', 2},
    {"x > 0 and y == 0 or not y > 1", either, 'b', 0},
    {"x * (7/2) + y * (-7//2) + 2**10 * 1.0", folded, 'f', 4},
    {"(x > 0) & (y <= 2) ^ (x == y)", masked, 'b', 0},
    {"clip(x, -1, 5) * 1.5 + absolute(y)", clipped, 'f', 2},
    {"(x + 12) % 5 * y / 1", rest, 'f', 4},
};

/* b's dtype is exact in all of a's. */
static void try_formula(int k, br_dtype da, br_dtype db, int s, int how)
{
    next_case(1);
    ref *a = ref_random(da, shapes[s].na, shapes[s].a, false, false);
    ref *b = ref_random(db, shapes[s].nb, shapes[s].b, false, false);
    br_array *got = br_expr(sweep.ctx, formulas[k].text, "x", source(a, how), "y",
                            source(b, (how + 2) % NCUTS), NULL);
    br_dtype dtype = formulas[k].result == 'b' ? BR_BOOL : floating(br_result_type(da, db));
    expect(got, ref_map2(dtype, a, b, formulas[k].f), formulas[k].ulps, 200,
           "%s: %s %s shape %d cut %d", formulas[k].text, br_dtype_name(da), br_dtype_name(db), s,
           how);
}

static void elementwise(void)
{
    static const br_dtype pairs[][2] = {{BR_FLOAT64, BR_FLOAT64},
                                        {BR_FLOAT32, BR_INT16},
                                        {BR_INT32, BR_FLOAT64},
                                        {BR_INT64, BR_INT8}};
    int turn = 0;
    for (int k = 0; k < (int)(sizeof formulas / sizeof formulas[0]); k++)
        for (int d = 0; d < 4; d++)
            for (int s = 0; s < NSHAPES; s++, turn++)
                try_formula(k, pairs[d][0], pairs[d][1], s, turn % NCUTS);
}

/* ---- matrices: slices, reductions, products ---- */

enum { ROWS = 11, COLUMNS = 6 };

static value cell(const ref *r, int64_t i, int64_t j)
{
    return r->v[i * r->shape[1] + j];
}

static value column_mean(const ref *r, int64_t j)
{
    value sum = 0;
    for (int64_t i = 0; i < ROWS; i++)
        sum += cell(r, i, j);
    return sum / ROWS;
}

static value anomaly(const ref *r, int64_t i, int64_t j)
{
    return cell(r, i, j) - column_mean(r, j);
}

static value difference(const ref *r, int64_t i, int64_t j)
{
    return cell(r, i + 1, COLUMNS - 1 - j) - 2 * cell(r, i, j);
}

static value turned(const ref *r, int64_t i, int64_t j)
{
    return cell(r, j, i) + 0.5L;
}

static value positive_sum(const ref *r, int64_t i, int64_t j)
{
    value sum = 0;
    (void)j;
    for (int64_t k = 0; k < COLUMNS; k++)
        sum += creall(cell(r, i, k)) > 0 ? cell(r, i, k) : 0;
    return sum / 2;
}

static value product(const ref *r, int64_t i, int64_t j)
{
    value sum = 0;
    for (int64_t k = 0; k < COLUMNS; k++)
        sum += cell(r, i, k) * cell(r, j, k);
    return sum - 1;
}

static value spread(const ref *r, int64_t i, int64_t j)
{
    value sum = 0;
    (void)i;
    for (int64_t k = 0; k < ROWS; k++)
        sum += anomaly(r, k, j) * anomaly(r, k, j);
    return sqrtl(creall(sum / (ROWS - 1)));
}

static value folded_in(const ref *r, int64_t i, int64_t j)
{
    return r->v[i * 3 + j] * 2;
}

static const struct {
    const char *text;
    value (*f)(const ref *, int64_t i, int64_t j);
    int64_t rows, columns;
} tables[] = {
    {"x - mean(x, axis=0)", anomaly, ROWS, COLUMNS},
    {"x - x.mean(0, keepdims=True)", anomaly, ROWS, COLUMNS},
    {"x[1:, ::-1] - 2 * x[:-1]", difference, ROWS - 1, COLUMNS},
    {"x.T + 0.5", turned, COLUMNS, ROWS},
    {"sum((x > 0) * x, axis=-1, keepdims=True) / 2", positive_sum, ROWS, 1},
    {"x @ transpose(x) - 1.0", product, ROWS, ROWS},
    {"std(x, axis=(0,), ddof=1)[None, :]", spread, 1, COLUMNS},
    {"reshape(x, (-1, 3)) * (1 + True) * 1.0", folded_in, 2 * ROWS, 3},
};

static void try_table(int k, br_dtype dtype, int how)
{
    next_case(1);
    const int64_t shape[] = {ROWS, COLUMNS};
    const int64_t result[] = {tables[k].rows, tables[k].columns};
    ref *a = ref_random(dtype, 2, shape, false, false);
    ref *want = ref_new(floating(dtype), 2, result);
    for (int64_t i = 0; i < want->n; i++)
        want->v[i] = tables[k].f(a, i / result[1], i % result[1]);
    expect(br_expr(sweep.ctx, tables[k].text, "x", source(a, how), NULL), want, 8, 2000,
           "%s: %s cut %d", tables[k].text, br_dtype_name(dtype), how);
}

static void matrices(void)
{
    static const br_dtype dtypes[] = {BR_FLOAT64, BR_FLOAT32, BR_INT16};
    for (int k = 0; k < (int)(sizeof tables / sizeof tables[0]); k++)
        for (int d = 0; d < 3; d++)
            for (int how = 0; how < NCUTS; how++)
                if (strstr(tables[k].text, "[1:") == NULL || dtypes[d] != BR_INT16)
                    try_table(k, dtypes[d], how);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    elementwise();
    matrices();
    return sweep_close();
}
