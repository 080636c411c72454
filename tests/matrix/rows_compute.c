/* SPDX-License-Identifier: BSD-3-Clause
 * rows_compute.c - the ways to get at elements, and how long arrays live.
 */
#include "tests/matrix/matrix.h"

static void compute(void)
{
    arg a = any_arg(0, 4, ANY);
    size_t bytes = nd_bytes(a.v);
    void *elements = calloc(bytes + 1, 1);
    check(br_compute(a.x, elements, bytes) == BR_OK, "compute: %s", br_message(the.ctx));
    compare(a.v, elements);
    free(elements);
}

static void compute_alloc(void)
{
    arg a = any_arg(0, 4, ANY);
    void *elements = NULL;
    check(br_compute_alloc(a.x, &elements) == BR_OK, "compute_alloc: %s", br_message(the.ctx));
    compare(a.v, elements);
    free(elements);
}

/* Results of one run that share sources, among them the same array twice. */
static void compute_many(void)
{
    arg a = any_arg(0, 3, ANY), b = below(a.x, a.v), c = below(a.x, a.v);
    arg all[] = {a, b, c, a};
    br_result results[4];
    for (int k = 0; k < 4; k++) {
        size_t bytes = nd_bytes(all[k].v);
        results[k] = (br_result){all[k].x, calloc(bytes + 1, 1), bytes};
    }
    check(br_compute_many(results, 4) == BR_OK, "compute_many: %s", br_message(the.ctx));
    for (int k = 0; k < 4; k++) {
        compare(all[k].v, results[k].buffer);
        free(results[k].buffer);
    }
}

static bool same(long double a, long double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void compute_one(void)
{
    static const int64_t ones[] = {1, 1, 1};
    arg a = arg_of(draw_values(the.dtype, (int)draw(0, 3), ones, ANY));
    number v = nd_get(a.v, 0);
    double real, parts[2];
    int64_t whole;
    check(br_compute_c128(a.x, parts) == BR_OK && same(parts[0], (double)creall(v.z)) &&
              same(parts[1], (double)cimagl(v.z)),
          "compute_c128");
    if (kind_of(the.dtype) == 'c')
        return;
    check(br_compute_f64(a.x, &real) == BR_OK && same(real, (double)creall(v.z)), "compute_f64");
    if (!is_inexact(the.dtype) && v.i <= INT64_MAX)
        check(br_compute_i64(a.x, &whole) == BR_OK && whole == v.i, "compute_i64");
}

static void persist(void)
{
    arg a = any_arg(0, 4, ANY);
    br_array *x = br_persist(a.x);
    expect(x, a.v);
    expect_plain(x, a.v);
}

/* Another array with the same elements. */
static arg another(arg a)
{
    return (arg){br_where(br_full(the.ctx, BR_0D, BR_NUM(true)), a.x, a.x), a.v};
}

/* Arrays that outlive the scope they were made in, and those that they were made from. */
static void lifetimes(void)
{
    arg a = any_arg(0, 4, ANY);
    br_scope *scope = br_scope_open(the.ctx);
    arg b = another(a), c = another(b), d = another(a);
    br_keep(c.x);
    br_retain(d.x);
    br_scope_return(scope, b.x);
    expect(b.x, b.v);
    expect(c.x, c.v);
    arg e = another(d);
    br_release(d.x);
    expect(e.x, e.v);
}

/* Whatever the expression, these write something and say so; tests of their own compare the text.
 * */
static void texts(void)
{
    static br_status (*const write[])(const br_array *x, FILE *to) = {br_print, br_print_tree};
    static br_status (*const run[])(br_array * x, FILE * to) = {br_print_values, br_explain};
    arg a = any_arg(0, 4, ANY), b = below(a.x, a.v);
    FILE *to = tmpfile();
    for (int k = 0; k < 2; k++) {
        long before = ftell(to);
        check(write[k](b.x, to) == BR_OK && ftell(to) > before, "print or print_tree");
        before = ftell(to);
        check(run[k](b.x, to) == BR_OK && ftell(to) > before, "print_values or explain: %s",
              br_message(the.ctx));
    }
    fclose(to);
    check(br_visualize(b.x, new_path("dot")) == BR_OK, "visualize: %s", br_message(the.ctx));
}

const row compute_rows[] = {
    {"compute", "biufc", compute},
    {"compute_alloc", "biufc", compute_alloc},
    {"compute_many", "biufc", compute_many},
    {"compute_f64 compute_i64 compute_c128", "biufc", compute_one},
    {"persist", "biufc", persist},
    {"keep retain release scope_return", "biufc", lifetimes},
    {"print print_tree print_values explain visualize", "biufc", texts},
    {0},
};
