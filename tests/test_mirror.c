/* SPDX-License-Identifier: BSD-3-Clause
 * test_mirror.c - reductions of x and its transpose, whose leaves are made in pairs, have the bits
 * of the same reductions of x and a transposed copy, whose leaves are not; and read x once.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/plan/fit.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

enum { MOST = 1700 };

static br_context *ctx;
static double *x, *turned, *z, *zturned;

static double number(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i ^= i >> 29;
    i *= 0xbf58476d1ce4e5b9u;
    return (double)(int64_t)(i ^ i >> 32) / 1e17;
}

static void fill(int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            x[i * n + j] = number((uint64_t)(i * n + j));
            z[i * n + j] = number((uint64_t)(i * n + j + 77));
        }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            turned[i * n + j] = x[j * n + i];
            zturned[i * n + j] = z[j * n + i];
        }
}

static void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    double **all[] = {&x, &turned, &z, &zturned};
    for (int i = 0; i < 4; i++)
        *all[i] = malloc((size_t)MOST * MOST * sizeof(double));
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
    free(x);
    free(turned);
    free(z);
    free(zturned);
}

static int passes(br_array *a)
{
    bri_plan *plan;
    ck_assert_msg(br_status_of(a) == BR_OK, "%s", br_error(a));
    bri_sink sink = {.kind = BRI_SINK_RESULT};
    bri_outputs outputs = {.node = &a->node, .sink = &sink, .n = 1};
    ck_assert_int_eq(bri_plan_fitting(ctx, &outputs, &plan), BR_OK);
    int n = plan->npasses;
    bri_plan_free(plan);
    return n;
}

/* A reduction of the operand made of x (cut c x d) and what is its transpose, x' or a copy. */
typedef br_array *reducer(br_array *operand, br_axes axes);

static br_array *total(br_array *v, br_axes axes)
{
    return br_sum(v, .axis = axes);
}
static br_array *spread(br_array *v, br_axes axes)
{
    return br_var(v, .axis = axes, .keepdims = true);
}
static br_array *most(br_array *v, br_axes axes)
{
    return br_max(v, .axis = axes);
}
static br_array *narrow(br_array *v, br_axes axes)
{
    return br_mean(br_astype(v, BR_FLOAT32), .axis = axes);
}
static br_array *whole_numbers(br_array *v, br_axes axes)
{
    return br_sum(br_astype(v, BR_INT32), .axis = axes);
}

static br_array *from(const double *data, int64_t n, int64_t c, int64_t d)
{
    return br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(n, n), .chunks = BR_CHUNKS(c, d));
}

static br_array *operand(int which, br_array *a, br_array *at, br_array *b, br_array *bt)
{
    switch (which) {
    case 0:
        return br_add(a, at);
    case 1:
        return br_sub(a, br_mul(at, 0.5));
    case 2:
        return br_add(br_mul(a, at), br_mul(br_sub(b, bt), b));
    default: /* with indices, which differ between the leaves */
        return br_add(br_mul(a, at), br_arange(ctx, BR_NUM(0), BR_NUM(br_shape(a)[1])));
    }
}

static void compare(br_array *paired, br_array *alone)
{
    ck_assert_msg(br_status_of(paired) == BR_OK, "%s", br_error(paired));
    size_t bytes = br_nbytes(paired);
    char *p = malloc(bytes);
    char *q = malloc(bytes);
    ck_assert_msg(br_compute(paired, p, bytes) == BR_OK, "%s", br_message(ctx));
    ck_assert_msg(br_compute(alone, q, bytes) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(memcmp(p, q, bytes), 0);
    free(p);
    free(q);
}

static void all_cases(int64_t n, int64_t c, int64_t d, reducer *reduce)
{
    static const br_axes axes[] = {{2, {0, 1}}, {1, {0}}, {1, {1}}};
    br_array *a = from(x, n, c, d);
    br_array *b = from(z, n, c, d);
    br_array *at = br_permute_dims(a, BR_AXES(1, 0));
    br_array *bt = br_permute_dims(b, BR_AXES(1, 0));
    br_array *ct = from(turned, n, d, c);
    br_array *dt = from(zturned, n, d, c);
    for (int k = 0; k < 3; k++)
        for (int which = 0; which < 4; which++) {
            br_array *paired = reduce(operand(which, a, at, b, bt), axes[k]);
            br_array *alone = reduce(operand(which, a, ct, b, dt), axes[k]);
            ck_assert_msg(passes(paired) == 1, "%d: no pairs, axes %d", which, k);
            ck_assert_int_eq(passes(alone), 0);
            compare(paired, alone);
        }
}

START_TEST(same_bits)
{
    reducer *const reducers[] = {total, spread, most, narrow, whole_numbers};
    fill(1300);
    all_cases(1300, 600, 600, reducers[_i]);
    all_cases(1300, 512, 256, reducers[_i]);
    all_cases(1300, 1300, 1300, reducers[_i]);
    fill(700);
    all_cases(700, 35, 350, reducers[_i]);
    fill(2);
    all_cases(2, 1, 1, reducers[_i]);
}
END_TEST

/* A slice that needs more than half of the rows leaves some leaves without a reader. */
START_TEST(in_part)
{
    fill(1300);
    br_array *a = from(x, 1300, 200, 200);
    br_array *sums = br_sum(br_add(a, br_permute_dims(a, BR_AXES(1, 0))), .axis = BR_AXIS(1));
    br_array *copy = br_sum(br_add(a, from(turned, 1300, 200, 200)), .axis = BR_AXIS(1));
    compare(br_index(br_exp(br_mul(sums, 1e-6)), "400:1250"),
            br_index(br_exp(br_mul(copy, 1e-6)), "400:1250"));
}
END_TEST

START_TEST(reads_once)
{
    enum { N = 1024 };
    char path[] = "mirror_XXXXXX.h5";
    br_run_info info;
    double value;
    int fd = mkstemps(path, 3);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(path);
    fill(N);
    ck_assert_int_eq(br_store_hdf5(from(x, N, 256, 256), path, "x"), BR_OK);
    br_array *a = br_from_hdf5(ctx, path, "x");
    br_array *at = br_permute_dims(a, BR_AXES(1, 0));
    ck_assert_msg(br_compute_f64(br_mean(br_sub(a, at)), &value) == BR_OK, "%s", br_message(ctx));
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, N * N * 8);
    compare(br_std(br_sub(a, at)), br_std(br_sub(from(x, N, 256, 256), from(turned, N, 256, 256))));
    unlink(path);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("mirror");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, same_bits, SANITIZED ? 3 : 0, 5);
    tcase_add_test(tests, in_part);
    tcase_add_test(tests, reads_once);
    return run_case("mirror", tests);
}
