/* SPDX-License-Identifier: BSD-3-Clause
 * test_user.c - users' functions: what calls of them see and in which order, what they report, bad arguments.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

static br_context *ctx;

static void open_with(const char *scheduler)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    br_set_log(ctx, NULL, NULL);
}

static void set_up(void)
{
    open_with("sync");
}

static void tear_down(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}

static void check_says(int line, const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "line %d: \"%s\" instead of \"%s\"", line, text,
                  part);
}
#define says(text, part) check_says(__LINE__, text, part)

/* A call that fails at once, with this text. */
static void check_refused(int line, br_array *x, br_status status, const char *part)
{
    ck_assert_msg(br_status_of(x) == status, "line %d: status %d, \"%s\"", line,
                  (int)br_status_of(x), br_error(x));
    check_says(line, br_error(x), part);
    check_says(line, br_error(x), "test_user.c:");
    br_clear_error(ctx);
}
#define refused(x, status, part) check_refused(__LINE__, x, status, part)

/* ---- br_map2 ---- */

static double weigh(double a, double b, const void *data)
{
    return a + 10 * b + (data != NULL ? *(const double *)data : 0);
}

static double increment(double x, const void *data)
{
    (void)data;
    return x + 1;
}

START_TEST(pairs_of_elements)
{
    static const float a[] = {1, 2, 3};
    static const uint8_t b[] = {4, 5};
    double data = 100;
    double got[6];
    float narrow[3];
    br_array *x = br_from_memory(ctx, a, BR_FLOAT32, BR_SHAPE(3, 1), .chunks = BR_CHUNKS(2, 1));
    br_array *y = br_from_memory(ctx, b, BR_UINT8, BR_SHAPE(2), .chunks = BR_CHUNKS(1));
    br_array *z = br_map2(x, y, weigh, &data, sizeof data);
    data = 0; /* has been copied */
    ck_assert_int_eq(br_dtype_of(z), BR_FLOAT64);
    ck_assert_int_eq(br_compute(z, got, sizeof got), BR_OK);
    for (int i = 0; i < 6; i++)
        ck_assert(got[i] == a[i / 2] + 10 * b[i % 2] + 100);
    data = 7; /* has not */
    ck_assert_int_eq(
        br_compute(br_map2(2, br_squeeze(x, BR_AXES(1)), weigh, &data, .dtype = BR_FLOAT32), narrow,
                   sizeof narrow),
        BR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert(narrow[i] == 2 + 10 * a[i] + 7);
    ck_assert_int_eq(br_compute(br_map2(y, true, weigh), got, 2 * sizeof *got), BR_OK);
    ck_assert(got[0] == 14 && got[1] == 15);
}
END_TEST

static void check_all(br_array *x, double want)
{
    double got[1500];
    ck_assert_int_eq(br_nelem(x), 1500);
    ck_assert_int_eq(br_compute(x, got, sizeof got), BR_OK);
    for (int i = 0; i < 1500; i++)
        ck_assert_msg(got[i] == want, "element %d is %g, not %g", i, got[i], want);
}

/* An operand that is one value for all of a block may share its register with the result. */
START_TEST(functions_of_scalars)
{
    const double one = 1;
    br_array *s = br_from_memory(ctx, &one, BR_FLOAT64, BR_SHAPE(1));
    br_array *wide = br_add(br_broadcast_to(s, BR_SHAPE(1500)), 1);
    check_all(br_mul(br_map(br_full(ctx, BR_SHAPE(1500), BR_NUM(3)), increment), 1.0), 4);
    check_all(br_mul(br_map(wide, increment), 2), 6);
    check_all(br_mul(br_map2(wide, wide, weigh), 1.0), 22);
    check_all(br_mul(br_map2(wide, br_zeros(ctx, BR_SHAPE(1500)), weigh), 1.0), 2);
    check_all(br_mul(br_map2(br_arange(ctx, BR_NUM(0.0), BR_NUM(1500)), wide, weigh), 0), 0);
}
END_TEST

static int calls;

static double count_calls(double a, double b, const void *data)
{
    (void)a;
    (void)b;
    (void)data;
    return ++calls;
}

START_TEST(impure_pairs)
{
    double got[2][10];
    br_array *x = br_zeros(ctx, BR_SHAPE(10));
    for (int impure = 0; impure < 2; impure++) {
        br_result both[2];
        for (int i = 0; i < 2; i++)
            both[i] =
                (br_result){br_map2(x, 0, count_calls, .impure = impure), got[i], sizeof got[i]};
        calls = 0;
        ck_assert_int_eq(br_compute_many(both, 2), BR_OK);
        ck_assert_int_eq(calls, impure ? 20 : 10);
    }
}
END_TEST

START_TEST(bad_pairs)
{
    const double number = 1;
    br_array *x = br_ones(ctx, BR_SHAPE(3));
    br_array *z = br_astype(x, BR_COMPLEX64);
    br_array *none = NULL;
    refused(br_map2(x, x, NULL), BR_EARG, "map2");
    refused(br_map2(x, x, NULL), BR_EARG, "NULL");
    refused(br_map2(x, none, weigh), BR_EARG, "NULL array");
    refused(br_map2(none, x, weigh), BR_EARG, "NULL array");
    refused(br_map2(x, z, weigh), BR_ETYPE, "complex");
    refused(br_map2(z, 1, weigh), BR_ETYPE, "complex");
    refused(br_map2(x, br_number_complex(1, 1), weigh), BR_ETYPE, "complex");
    refused(br_map2(x, br_ones(ctx, BR_SHAPE(4)), weigh), BR_ESHAPE, "(3,) and (4,)");
    refused(br_map2(x, 1, weigh, .dtype = (br_dtype)99), BR_ETYPE, "99");
    refused(br_map2(x, 1, weigh, NULL, 8), BR_EARG, ".data is NULL");
    refused(br_map2(x, 1, weigh, &number, SIZE_MAX), BR_EARG, ".data_bytes");
    refused(br_map(x, increment, &number, SIZE_MAX - 8), BR_EARG, ".data_bytes");
    br_array *first = br_sum(x, .axis = BR_AXES(5));
    ck_assert_str_eq(br_error(br_map2(x, first, weigh)), br_error(first));
    ck_assert_str_eq(br_error(br_map2(first, z, weigh)), br_error(first));
    ck_assert_int_eq(br_status_of(br_map2(1, 2, weigh)), BR_EARG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("user");
    TCase *tcase = tcase_create("user");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, pairs_of_elements);
    tcase_add_test(tcase, functions_of_scalars);
    tcase_add_test(tcase, impure_pairs);
    tcase_add_test(tcase, bad_pairs);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
