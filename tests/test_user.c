/* SPDX-License-Identifier: BSD-3-Clause
 * test_user.c - users' functions of elements and of blocks: what calls of them see, bad arguments.
 */
#include <check.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/copies.h"
#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/user.h"

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

/* A sum with the other scratch that wraps round would pass the memory limit. */
START_TEST(scratch_beyond_the_limit)
{
    double got[3];
    br_array *x = br_ones(ctx, BR_SHAPE(3));
    br_array *y = br_map_blocks(x, copy_block, .scratch_bytes = (size_t)1 << 60);
    ck_assert_int_eq(br_compute(y, got, sizeof got), BR_EMEMLIMIT);
    br_clear_error(ctx);
    refused(br_map_blocks(x, copy_block, .scratch_bytes = SIZE_MAX), BR_EARG, ".scratch_bytes");
    refused(br_map_blocks(x, copy_block, .data = got, .data_bytes = SIZE_MAX), BR_EARG,
            ".data_bytes");
    ck_assert_int_eq(
        br_compute(br_map_blocks(x, copy_block, .scratch_bytes = 4096), got, sizeof got), BR_OK);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("user");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, pairs_of_elements);
    tcase_add_test(tcase, functions_of_scalars);
    tcase_add_test(tcase, impure_pairs);
    tcase_add_test(tcase, bad_pairs);
    tcase_add_test(tcase, scratch_beyond_the_limit);
    return run_case("user", tcase);
}
