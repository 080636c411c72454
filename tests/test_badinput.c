/* SPDX-License-Identifier: BSD-3-Clause
 * test_badinput.c - bad calls and functions: each gives one clear message and a status, and
 * leaves the context usable.
 */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/badinput.h"
#include "tests/suite.h"

/* ---- calls ---- */

START_TEST(shapes_that_do_not_fit)
{
    br_array *x = ones(3, 4);
    failed(br_add(x, ones(5, 4)), BR_ESHAPE, "(3, 4) and (5, 4)");
    failed(br_add(x, ones(5, 4)), BR_ESHAPE, "test_badinput.c:");
    failed(br_where(x, ones(4, 3), 1), BR_ESHAPE, "where");
    failed(br_matmul(x, ones(3, 4)), BR_ESHAPE, "(3, 4) and (3, 4)");
    failed(br_matmul(x, br_index(x, "0, 1:")), BR_ESHAPE, "matmul");
    failed(br_reshape(x, BR_SHAPE(5, 3)), BR_ESHAPE, "(5, 3)");
    failed(br_reshape(x, BR_SHAPE(-1, -1)), BR_ESHAPE, "reshape");
    failed(br_reshape(x, BR_SHAPE(-1, 5)), BR_ESHAPE, "reshape");
    failed(br_reshape(x, BR_SHAPE(-1, 0)), BR_ESHAPE, "reshape");
    failed(br_reshape(br_index(x, "1:1"), BR_SHAPE(-1, 0)), BR_ESHAPE, "reshape");
    failed(br_reshape(x, BR_SHAPE(-2, 6)), BR_ESHAPE, "reshape");
    failed(br_broadcast_to(x, BR_SHAPE(3, 5)), BR_ESHAPE, "(3, 4)");
    failed(br_broadcast_to(x, BR_SHAPE(4)), BR_ESHAPE, "broadcast_to");
    failed(br_rechunk(x, BR_CHUNKS(2)), BR_ESHAPE, "rechunk");
    failed(br_rechunk(x, BR_CHUNKS(2, -3)), BR_ESHAPE, "rechunk");
    failed(br_zeros(ctx, BR_SHAPE(3, -4)), BR_ESHAPE, "-4");
    failed(br_zeros(ctx, BR_SHAPE(INT64_MAX, INT64_MAX)), BR_ESHAPE, "zeros");
    failed(br_zeros(ctx, BR_SHAPE(3), .chunks = BR_CHUNKS(1, 1)), BR_ESHAPE, "chunks for 2 axes");
    failed(br_min(br_index(x, "1:1")), BR_ESHAPE, "min");
    double value;
    ck_assert_int_eq(br_compute_f64(x, &value), BR_ESHAPE);
    says(br_message(ctx), "(3, 4)");
}
END_TEST

START_TEST(axes_that_are_not_there)
{
    br_array *x = ones(3, 4);
    failed(br_sum(x, .axis = BR_AXES(2)), BR_EAXIS, "axis 2 is out of range for 2 dimensions");
    failed(br_mean(x, .axis = BR_AXES(-3)), BR_EAXIS, "axis -3");
    failed(br_var(x, .axis = BR_AXES(0, -2)), BR_EAXIS, "twice");
    failed(br_permute_dims(x, BR_AXES(0)), BR_EAXIS, "permute_dims");
    failed(br_permute_dims(x, BR_AXES(0, 0)), BR_EAXIS, "permute_dims");
    failed(br_permute_dims(x, BR_AXES(0, 2)), BR_EAXIS, "permute_dims");
    failed(br_expand_dims(x, 4), BR_EAXIS, "expand_dims");
    failed(br_expand_dims(x, -4), BR_EAXIS, "expand_dims");
    failed(br_squeeze(x, BR_AXES(0)), BR_EAXIS, "extent 3");
    failed(br_squeeze(x, BR_AXES(5)), BR_EAXIS, "squeeze");
    failed(br_sum(br_index(x, "0, 0"), .axis = BR_AXES(0)), BR_EAXIS, "0 dimensions");
}
END_TEST

START_TEST(bad_slices)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "column 1"},
        {"  ", "column 3"},
        {"a", "column 1"},
        {"1:b", "column 3"},
        {"1:2:0", "the step is 0 at column 5 of"},
        {"1 2", "column 3"},
        {"1,,2", "column 3"},
        {",1", "column 1"},
        {"1:2:3:4", "column 6"},
        {"3", "index 3 is out of range for axis 0 with extent 3"},
        {"-4", "index -4"},
        {":, 4", "axis 1"},
        {"1, 2, 3", "3 indices for shape (3, 4)"},
        {"..., ...", "more than once"},
        {"1.5", "column 2"},
        {"..", "column 1"},
        {"99999999999999999999", "too large"},
        {"--1", "column 1"},
        {"None None", "column 6"},
        {"0x1", "column 2"},
        {"[1]", "column 1"},
        {"1:2:-", "column 5"},
    };
    br_array *x = ones(3, 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        failed(br_index(x, rows[i].text), BR_EINDEX, rows[i].message);
    failed(br_index(x, NULL), BR_EINDEX, "NULL");
    char long_text[4000];
    memset(long_text, ' ', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    failed(br_index(x, long_text), BR_EINDEX, "index");
    failed(br_indexf(x, "%3999d", 1), BR_EINDEX, "longer");
    br_index_item bad = {.kind = 'x'};
    failed(br_index_items(x, &bad, 1), BR_EINDEX, "kind 'x'");
    br_array *deep = x;
    for (int i = 0; i < 30; i++)
        deep = br_index(deep, "None, ...");
    ck_assert_int_eq(br_ndim(deep), 32);
    failed(br_index(deep, "None"), BR_EINDEX, "32 axes");
    failed(br_expand_dims(deep, 0), BR_EINDEX, "32 axes");
}
END_TEST

START_TEST(dtypes_that_are_not_there)
{
    int data[4] = {0};
    br_array *x = ones(3, 4);
    br_array *c = br_full(ctx, BR_SHAPE(3), br_number_complex(1, 2));
    failed(br_astype(x, (br_dtype)99), BR_ETYPE, "99");
    failed(br_astype(x, BR_NO_DTYPE), BR_ETYPE, "astype");
    failed(br_astype(c, BR_FLOAT64), BR_ETYPE, "complex128");
    failed(br_from_memory(ctx, data, (br_dtype)14, BR_SHAPE(4)), BR_ETYPE, "14");
    failed(br_zeros(ctx, BR_SHAPE(4), (br_dtype)-1), BR_ETYPE, "-1");
    failed(br_full(ctx, BR_SHAPE(4), br_number_complex(1, 2), BR_FLOAT32), BR_ETYPE, "complex");
    failed(br_less(c, 1), BR_ETYPE, "less");
    failed(br_max(c), BR_ETYPE, "max");
    failed(br_negative(br_zeros(ctx, BR_SHAPE(2), BR_BOOL)), BR_ETYPE, "bool");
    failed(br_subtract(br_zeros(ctx, BR_SHAPE(2), BR_BOOL), (bool)true), BR_ETYPE, "subtract");
    failed(br_arange(ctx, BR_NUM(0), BR_NUM(9), .dtype = BR_BOOL), BR_ETYPE, "bool");
    failed(br_linspace(ctx, 0, 1, 5, .dtype = BR_INT32), BR_ETYPE, "int32");
    failed(br_sum(x, .dtype = (br_dtype)77), BR_ETYPE, "77");
    double value;
    int64_t whole;
    ck_assert_int_eq(br_compute_f64(br_sum(c), &value), BR_ETYPE);
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_i64(br_sum(x), &whole), BR_ETYPE);
}
END_TEST

START_TEST(numbers_that_make_no_sense)
{
    int data = 0;
    failed(br_arange(ctx, BR_NUM(0), BR_NUM(9), .step = BR_NUM(0)), BR_EARG, "step");
    failed(br_arange(ctx, br_number_complex(0, 1), BR_NUM(9)), BR_EARG, "real");
    failed(br_arange(ctx, BR_NUM(0), br_number_float(1.0 / 0.0)), BR_EARG, "finite");
    failed(br_linspace(ctx, 0, 1, -1), BR_EARG, "-1");
    failed(br_from_memory(ctx, NULL, BR_INT8, BR_SHAPE(3)), BR_EARG, "NULL");
    failed(br_full(ctx, BR_SHAPE(3), (br_number){0}), BR_EARG, "full");
    ck_assert_int_eq(br_status_of(br_add_(br_operand_int(1), br_operand_int(2), BR_HERE)), BR_EARG);
    failed(br_from_memory(ctx, &data, BR_INT32, ((br_extents){77, {0}})), BR_ESHAPE, "77");
}
END_TEST

START_TEST(null_arrays)
{
    br_array *x = ones(3, 4);
    br_array *none = NULL;
    double value;
    char buffer[8];
    ck_assert_int_eq(br_status_of(br_add(x, none)), BR_EARG);
    ck_assert_int_eq(br_status_of(br_add(none, x)), BR_EARG);
    ck_assert_int_ne(br_status_of(br_add(none, none)), BR_OK);
    ck_assert_int_ne(br_status_of(br_exp(none)), BR_OK);
    ck_assert_int_ne(br_status_of(br_sum(none)), BR_OK);
    ck_assert_int_ne(br_status_of(br_index(none, "0")), BR_OK);
    ck_assert_int_ne(br_status_of(br_permute_dims(none, BR_AXES(0))), BR_OK);
    ck_assert_int_ne(br_status_of(br_reshape(none, BR_SHAPE(1))), BR_OK);
    ck_assert_int_ne(br_status_of(br_broadcast_to(none, BR_SHAPE(1))), BR_OK);
    ck_assert_int_ne(br_status_of(br_expand_dims(none, 0)), BR_OK);
    ck_assert_int_ne(br_status_of(br_squeeze(none, BR_AXES(0))), BR_OK);
    ck_assert_int_ne(br_status_of(br_rechunk(none, BR_CHUNKS(1))), BR_OK);
    ck_assert_int_ne(br_status_of(br_astype(none, BR_INT8)), BR_OK);
    ck_assert_int_ne(br_status_of(br_map(none, NULL)), BR_OK);
    ck_assert_int_ne(br_status_of(br_map_blocks(none, NULL)), BR_OK);
    ck_assert_int_eq(br_status_of(br_matmul(x, none)), BR_EARG);
    ck_assert_int_ne(br_status_of(br_matmul(none, none)), BR_OK);
    ck_assert_int_ne(br_status_of(br_persist(none)), BR_OK);
    ck_assert_int_ne(br_status_of(br_zeros(NULL, BR_SHAPE(1))), BR_OK);
    ck_assert_int_ne(br_status_of(br_from_hdf5(NULL, "x", "y")), BR_OK);
    ck_assert_int_eq(br_compute(none, buffer, 8), BR_EARG);
    ck_assert_int_eq(br_compute_f64(none, &value), BR_EARG);
    ck_assert_int_eq(br_compute_many(NULL, 0), BR_OK);
    ck_assert_int_eq(br_store_hdf5(none, in_folder("x.h5"), "x"), BR_EARG);
    ck_assert_int_eq(br_explain(none, stderr), BR_EARG);
    ck_assert_int_eq(br_print_values(none, stderr), BR_EARG);
    ck_assert_int_eq(br_visualize(none, in_folder("x.dot")), BR_EARG);
    ck_assert_int_eq(br_ndim(none), 0);
    ck_assert_int_eq(br_num_chunks(x, 7), -1);
    br_scope_close(NULL);
    ck_assert_int_eq(br_close(NULL), 0);
}
END_TEST

START_TEST(buffers_of_the_wrong_size)
{
    double buffer[13];
    br_array *x = ones(3, 4);
    ck_assert_int_eq(br_compute(x, buffer, sizeof buffer), BR_EARG);
    says(br_message(ctx), "104");
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute(x, NULL, 96), BR_EARG);
    br_clear_error(ctx);
    br_result two[] = {{x, buffer, 96}, {x, buffer, 95}};
    ck_assert_int_eq(br_compute_many(two, 2), BR_EARG);
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute(x, buffer, 96), BR_OK);
}
END_TEST

START_TEST(two_contexts)
{
    br_context *other = br_open(NULL, NULL);
    br_array *x = ones(3, 4);
    br_array *y = br_ones(other, BR_SHAPE(3, 4));
    double a[12];
    double b[12];
    ck_assert_int_eq(br_status_of(br_add(x, y)), BR_EARG);
    says(br_error(br_matmul(x, y)), "two contexts");
    br_result two[] = {{x, a, sizeof a}, {y, b, sizeof b}};
    ck_assert_int_eq(br_compute_many(two, 2), BR_EARG);
    ck_assert_int_eq(br_compute(y, b, sizeof b), BR_OK);
    br_clear_error(other);
    ck_assert_int_eq(br_close(other), 0);
}
END_TEST

/* ---- functions ---- */

static int fails_at_two(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return out->chunk[0] == 1 && out->chunk[1] == 0 ? 42 : 0;
}

START_TEST(functions_that_fail)
{
    double buffer[16];
    br_array *x = br_map_blocks(ones(4, 4), fails_at_two);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(br_compute(br_add(x, i), buffer, sizeof buffer), BR_EUSER);
        says(br_message(ctx), "fails_at_two");
        says(br_message(ctx), "42");
        says(br_message(ctx), "(1, 0)");
        says(br_message(ctx), "test_badinput.c:");
        br_clear_error(ctx);
    }
    ck_assert_int_eq(logged, 20);
    /* The other chunks are fine. */
    ck_assert_int_eq(br_compute(br_index(x, ":2"), buffer, 64), BR_OK);
    ck_assert_int_eq(br_status_of(br_persist(x)), BR_EUSER);
    br_clear_error(ctx);
    ck_assert_int_eq(br_store_hdf5(x, in_folder("user.h5"), "x"), BR_EUSER);
    ck_assert_int_ne(access(in_folder("user.h5"), F_OK), 0);
    failed(br_map(ones(2, 2), NULL), BR_EARG, "NULL");
    failed(br_map_blocks(ones(2, 2), fails_at_two, .nmore = 9), BR_EARG, "9");
    failed(br_map_blocks(ones(2, 2), fails_at_two, .nmore = 1), BR_EARG, "map_blocks");
    failed(br_map(br_full(ctx, BR_0D, br_number_complex(0, 1)),
                  (br_scalar_function)(void (*)(void))fails_at_two),
           BR_ETYPE, "complex128");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        shapes_that_do_not_fit,
        axes_that_are_not_there,
        bad_slices,
        dtypes_that_are_not_there,
        numbers_that_make_no_sense,
        null_arrays,
        buffers_of_the_wrong_size,
        two_contexts,
        functions_that_fail,
    };
    TCase *tcase = tcase_create("badinput");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tcase, tests[i]);
    return run_case("badinput", tcase);
}
