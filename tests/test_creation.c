/* SPDX-License-Identifier: BSD-3-Clause
 * test_creation.c - arrays from nothing: chunks, merging, text, bad arguments. Values are in
 * sweep_creation.c.
 */
#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/opened.h"
#include "tests/suite.h"

static void fails(br_array *x, br_status status, const char *text)
{
    ck_assert_int_eq(br_status_of(x), status);
    ck_assert_msg(strstr(br_error(x), text) != NULL, "\"%s\" lacks \"%s\"", br_error(x), text);
}

static double *values_of(br_array *x)
{
    void *buffer = NULL;
    ck_assert_msg(br_compute_alloc(x, &buffer) == BR_OK, "%s", br_message(ctx));
    return buffer;
}

static void same_chunks(const br_array *x, const br_array *y)
{
    ck_assert_int_eq(br_ndim(x), br_ndim(y));
    for (int a = 0; a < br_ndim(x); a++)
        ck_assert(bri_axis_equal(&x->node->axis[a], &y->node->axis[a]));
}

START_TEST(likes_have_the_chunks_of_the_other)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(20, 30), .chunks = BR_CHUNKS(6, 7));
    br_array *parts = br_index(x, "1:, ::-3");
    br_array *both = br_add(br_index(x, "3:19"), br_index(x, "2:18"));
    br_array *list[] = {x, parts, both, br_index(x, "3:9, 4:20"), br_sum(x), br_index(x, "0:0")};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        same_chunks(br_full_like(list[i], BR_NUM(2)), list[i]);
        same_chunks(br_tril(br_broadcast_to(x, BR_SHAPE(3, 20, 30))),
                    br_broadcast_to(x, BR_SHAPE(3, 20, 30)));
        ck_assert_ptr_eq(br_zeros_like(list[i])->node, br_full_like(list[i], BR_NUM(0.0))->node);
        ck_assert_ptr_eq(br_zeros_like(list[i])->node, br_empty_like(list[i])->node);
        ck_assert_ptr_ne(br_zeros_like(list[i])->node, br_ones_like(list[i])->node);
    }
    same_chunks(br_triu(parts), parts);
    ck_assert(both->node->axis[0].starts != NULL);
    ck_assert_ptr_eq(br_zeros_like(x)->node, x->node);
    ck_assert_ptr_eq(br_empty(ctx, BR_SHAPE(20, 30), .chunks = BR_CHUNKS(6, 7))->node, x->node);
}
END_TEST

START_TEST(likes_do_not_compute_the_other)
{
    double one = 1;
    br_array *x = br_from_memory(ctx, &one, BR_FLOAT64, BR_SHAPE(1));
    br_run_info info;
    double *v = values_of(br_full_like(br_exp(x), BR_NUM(7)));
    ck_assert_double_eq(v[0], 7);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.tasks, 1);
    free(v);
}
END_TEST

START_TEST(diagonals_far_away_are_one)
{
    ck_assert_ptr_eq(br_eye(ctx, 4, 5, 5)->node, br_eye(ctx, 4, 5, INT64_MAX)->node);
    ck_assert_ptr_eq(br_tri(ctx, 4, 5, -4)->node, br_tri(ctx, 4, 5, INT64_MIN)->node);
    ck_assert_ptr_ne(br_tri(ctx, 4, 5, -3)->node, br_tri(ctx, 4, 5, INT64_MIN)->node);
    ck_assert_ptr_eq(br_eye(ctx, 4)->node, br_identity(ctx, 4)->node);
    ck_assert_ptr_eq(br_eye(ctx, 0)->node, br_identity(ctx, 0)->node);
    ck_assert_int_eq(br_shape(br_eye(ctx, 4))[1], 4);
    ck_assert_int_eq(br_shape(br_eye(ctx, 4, BR_NO_COLUMNS))[1], 0);
    ck_assert_int_eq(br_dtype_of(br_tri(ctx, 3)), BR_FLOAT64);
    /* Nothing of it is held. */
    double total = 0;
    br_array *x = br_eye(ctx, 30000, .dtype = BR_INT8);
    ck_assert_int_eq(br_compute_f64(br_sum(br_index(x, "::10, ::15")), &total), BR_OK);
    ck_assert_double_eq(total, 1000);
}
END_TEST

START_TEST(triangles_of_bad_shapes)
{
    fails(br_tril(br_zeros(ctx, BR_0D)), BR_ESHAPE, "x has 0 axes; two are needed");
    fails(br_triu(br_zeros(ctx, BR_SHAPE(3))), BR_ESHAPE, "triu (test_creation.c:");
    fails(br_eye(ctx, -1), BR_ESHAPE, "extent -1 of axis 0 is negative");
    fails(br_eye(ctx, 3, -2), BR_ESHAPE, "extent -2 of axis 1 is negative");
    fails(br_eye(ctx, INT64_MAX, 4), BR_ESHAPE, "64 bits");
    fails(br_tri(ctx, 3, .dtype = (br_dtype)99), BR_ETYPE, "tri (test_creation.c:");
    fails(br_identity(ctx, 3, .chunks = BR_CHUNKS(2)), BR_ESHAPE, "identity (test_creation.c:");
    fails(br_empty(ctx, BR_SHAPE(-3)), BR_ESHAPE, "empty (test_creation.c:");
}
END_TEST

START_TEST(errors_are_passed_on)
{
    br_array *bad = br_zeros(ctx, BR_SHAPE(-3));
    br_array *good = br_arange(ctx, BR_NUM(0), BR_NUM(3));
    br_array *out[2], *x[] = {good, bad};
    fails(br_zeros_like(bad), BR_ESHAPE, "zeros (test_creation.c:");
    fails(br_tril(bad), BR_ESHAPE, "zeros (test_creation.c:");
    fails(br_zeros_like(NULL), BR_EARG, "");
    fails(br_triu(NULL), BR_EARG, "");
    ck_assert_int_eq(br_meshgrid(x, 2, out), BR_ESHAPE);
    fails(out[0], BR_ESHAPE, "zeros (test_creation.c:");
    fails(out[1], BR_ESHAPE, "zeros (test_creation.c:");
    x[1] = NULL;
    ck_assert_int_eq(br_meshgrid(x, 2, out), BR_EARG);
    fails(br_eye(NULL, 3), BR_EARG, "");
    fails(br_geomspace(NULL, 1, 2, 3), BR_EARG, "");
    fails(br_logspace(NULL, 1, 2, 3), BR_EARG, "");
    fails(br_full_like(good, BR_NONE), BR_EARG, "no value is given");
    fails(br_full_like(good, br_number_complex(1, 2)), BR_ETYPE, "full_like (test_creation.c:");
    fails(br_ones_like(good, (br_dtype)99), BR_ETYPE, "ones_like (test_creation.c:");
}
END_TEST

START_TEST(meshes_of_bad_arguments)
{
    br_array *x[] = {br_arange(ctx, BR_NUM(0), BR_NUM(3)), br_zeros(ctx, BR_SHAPE(2, 2))};
    br_array *out[2] = {NULL, NULL};
    ck_assert_int_eq(br_meshgrid(x, 2, out), BR_ESHAPE);
    fails(out[0], BR_ESHAPE, "array 1 has 2 axes; one is expected");
    ck_assert_int_eq(br_meshgrid(x, 1, out, .indexing = "yx"), BR_EARG);
    fails(out[0], BR_EARG, "\"yx\"");
    ck_assert_int_eq(br_meshgrid(x, 0, out), BR_EARG);
    ck_assert_int_eq(br_meshgrid(x, BR_MAX_NDIM + 1, out), BR_EARG);
    ck_assert_int_eq(br_meshgrid(x, 1, NULL), BR_EARG);
    ck_assert_int_eq(br_meshgrid(NULL, 1, out), BR_EARG);
    ck_assert_int_eq(br_indices(ctx, BR_SHAPE(2, 2), NULL), BR_EARG);
    ck_assert_int_eq(br_indices(ctx, BR_SHAPE(2, -2), out), BR_ESHAPE);
    fails(out[1], BR_ESHAPE, "indices (test_creation.c:");
    ck_assert_int_eq(br_indices(ctx, BR_SHAPE(2, 2), out, BR_BOOL), BR_ETYPE);
    ck_assert_int_eq(br_indices(ctx, BR_0D, NULL), BR_EARG);
    ck_assert_int_eq(br_indices(ctx, BR_0D, out), BR_OK);
    x[1] = br_ones(ctx, BR_0D);
    ck_assert_int_eq(br_meshgrid(x, 2, out), BR_OK);
    ck_assert_int_eq(br_shape(out[0])[0], 1);
    ck_assert_int_eq(br_shape(out[0])[1], 3);
}
END_TEST

START_TEST(ranges_of_bad_arguments)
{
    fails(br_geomspace(ctx, 0, 1, 5), BR_EARG, "no geometric sequence leads from 0 to 1");
    fails(br_geomspace(ctx, 1, -1, 5), BR_EARG, "one sign");
    fails(br_geomspace(ctx, 1, INFINITY, 5), BR_EARG, "finite");
    fails(br_geomspace(ctx, 1, 2, -5), BR_EARG, "num is -5");
    fails(br_geomspace(ctx, 1, 2, 5, .dtype = BR_INT8), BR_ETYPE, "geomspace (test_creation.c:");
    fails(br_logspace(ctx, 1, 2, -5), BR_EARG, "logspace (test_creation.c:");
    fails(br_logspace(ctx, 1, 2, 5, .dtype = BR_COMPLEX64), BR_ETYPE, "complex64");
    ck_assert_int_eq(br_nelem(br_geomspace(ctx, 1, 2, 0)), 0);
    ck_assert_int_eq(br_nelem(br_logspace(ctx, 1, 2, 0)), 0);
}
END_TEST

START_TEST(ends_of_ranges)
{
    const double huge = 1.7e308, tiny = 5e-324;
    double *v = values_of(br_geomspace(ctx, tiny, huge, 1001));
    ck_assert(v[0] == tiny && v[1000] == huge);
    for (int i = 1; i <= 1000; i++)
        ck_assert(v[i] >= v[i - 1] && isfinite(v[i]));
    free(v);
    v = values_of(br_geomspace(ctx, 3, 3, 4));
    ck_assert(v[0] == 3 && v[3] == 3 && fabs(v[1] - 3) < 1e-14);
    free(v);
    v = values_of(br_geomspace(ctx, -8, -1, 3, .no_endpoint = true));
    ck_assert(v[0] == -8 && fabs(v[1] + 4) < 1e-14 && fabs(v[2] + 2) < 1e-14);
    free(v);
    v = values_of(br_linspace(ctx, 2, 6, 4, .no_endpoint = true));
    ck_assert(v[0] == 2 && v[1] == 3 && v[2] == 4 && v[3] == 5);
    free(v);
    v = values_of(br_linspace(ctx, 2, 6, 1));
    ck_assert(v[0] == 2);
    free(v);
}
END_TEST

/* Strides that make no sense; those that nothing steps along do not matter. */
START_TEST(strides_of_memory)
{
    double v[6] = {1, 2, 3, 4, 5, 6};
    const br_extents shape = BR_SHAPE(2, 3);
    fails(br_from_memory(ctx, v, BR_FLOAT64, shape, .strides = BR_STRIDES(8)), BR_EARG,
          "1 strides, but the shape has 2 axes");
    fails(br_from_memory(ctx, v, BR_FLOAT64, BR_0D, .strides = BR_STRIDES(8)), BR_EARG, "0 axes");
    fails(br_from_memory(ctx, v, BR_FLOAT64, shape, .strides = BR_STRIDES(INT64_MAX, INT64_MAX)),
          BR_EARG, "axis 0 leads out of memory");
    fails(br_from_memory(ctx, v, BR_FLOAT64, shape, .strides = BR_STRIDES(8, INT64_MIN)), BR_EARG,
          "axis 1 leads out of memory");
    fails(br_from_memory(ctx, NULL, BR_FLOAT64, shape, .strides = BR_STRIDES(8, 16)), BR_EARG,
          "data is NULL");
    br_array *x =
        br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(1, 3), .strides = BR_STRIDES(INT64_MAX, 8));
    double sum = 0;
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
    ck_assert_double_eq(sum, 6);
    x = br_from_memory(ctx, NULL, BR_FLOAT64, BR_SHAPE(0, 3), .strides = BR_STRIDES(8, 8),
                       .copy = true);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
    ck_assert_double_eq(sum, 0);
    /* In place: what is changed before a run is seen. */
    x = br_from_memory(ctx, v + 5, BR_FLOAT64, shape, .strides = BR_STRIDES(-8, -16));
    v[0] = 100;
    double *all = values_of(x);
    const double want[] = {6, 4, 2, 5, 3, 100};
    ck_assert_mem_eq(all, want, sizeof want);
    free(all);
    x = br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(2, 2), .strides = BR_STRIDES(0, 40));
    all = values_of(br_matmul(x, x));
    const double product[] = {10600, 636, 10600, 636};
    ck_assert_mem_eq(all, product, sizeof product);
    free(all);
}
END_TEST

/* ---- functions of the user's ---- */

static atomic_int calls;

static double count_call(const int64_t *index, int ndim, const void *data)
{
    atomic_fetch_add(&calls, 1);
    return data != NULL ? *(const double *)data : ndim == 2 ? (double)(index[0] - index[1]) : -1;
}

static int fill(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)data;
    atomic_fetch_add(&calls, 1);
    if (in != NULL || nin != 0 || out->chunk[0] == 3)
        return 7;
    for (int64_t i = 0; i < out->extent[0]; i++)
        ((double *)out->data)[i] = (double)(out->origin[0] + i);
    return 0;
}

/* Only what is needed, and once, unless it is cheap. */
START_TEST(calls_of_functions)
{
    const br_extents shape = BR_SHAPE(20, 30), chunks = BR_CHUNKS(7, 30);
    br_array *x = br_fromfunction(ctx, count_call, shape, .chunks = chunks);
    double v = 0;
    ck_assert_int_eq(br_compute_f64(br_index(x, "4, 20"), &v), BR_OK);
    ck_assert(v == -16 && calls == 1);
    calls = 0;
    ck_assert_int_eq(br_compute_f64(br_sum(x), &v), BR_OK);
    ck_assert(v == 600 * (9.5 - 14.5) && calls == 600);
    calls = 0;
    br_array *anomaly = br_sub(x, br_mean(x, .axis = BR_AXES(0)));
    ck_assert_int_eq(br_compute_f64(br_sum(br_mul(anomaly, x)), &v), BR_OK);
    ck_assert_int_eq(calls, 600);
    calls = 0;
    br_array *row = br_fromfunction(ctx, count_call, BR_SHAPE(1, 30));
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_add(row, br_zeros(ctx, shape, .chunks = chunks))), &v), BR_OK);
    ck_assert_int_eq(calls, 30);
    calls = 0;
    row = br_fromfunction(ctx, count_call, BR_SHAPE(1, 30), .cheap = true);
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_add(row, br_zeros(ctx, shape, .chunks = chunks))), &v), BR_OK);
    ck_assert_int_ge(calls, 30);
    calls = 0;
    x = br_from_blocks(ctx, fill, BR_SHAPE(30), .chunks = BR_CHUNKS(9));
    ck_assert_int_eq(br_compute_f64(br_sum(br_index(x, "8:20")), &v), BR_OK);
    ck_assert(v == 13.5 * 12 && calls == 3);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &v), BR_EUSER);
    ck_assert_msg(strstr(br_message(ctx), "function fill returned 7") != NULL, "%s",
                  br_message(ctx));
    br_clear_error(ctx);
}
END_TEST

static int fill_matrix(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in;
    (void)nin;
    (void)data;
    atomic_fetch_add(&calls, 1);
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        ((double *)out->data)[i] = (double)((out->origin[0] + i / out->extent[1]) * 100 +
                                            out->origin[1] + i % out->extent[1]);
    return 0;
}

/* Only the chunks on it are computed; the result is cut as they are. */
START_TEST(chunks_of_diagonals)
{
    calls = 0;
    br_array *x = br_from_blocks(ctx, fill_matrix, BR_SHAPE(100, 90), .chunks = BR_CHUNKS(10, 15));
    br_array *y = br_diagonal(x, 3);
    ck_assert_int_eq(br_nelem(y), 87);
    int64_t extents[20];
    ck_assert_int_eq(br_chunks(y, 0, extents, 20), 14);
    ck_assert(extents[0] == 10 && extents[1] == 2 && extents[2] == 8);
    double *v = values_of(y);
    for (int i = 0; i < 87; i++)
        ck_assert(v[i] == i * 100 + i + 3);
    free(v);
    ck_assert_int_eq(calls, 14);
    ck_assert_ptr_eq(br_diag(x, 3)->node, y->node);
    ck_assert_ptr_eq(br_diagonal(x, -100)->node, br_diagonal(x, INT64_MIN)->node);
    ck_assert_int_eq(br_nelem(br_diagonal(x, 90)), 0);
    fails(br_diagonal(br_zeros(ctx, BR_SHAPE(3))), BR_ESHAPE, "diagonal (test_creation.c:");
    fails(br_diag(br_zeros(ctx, BR_0D)), BR_ESHAPE, "x has 0 axes; one or two");
    fails(br_diag(br_zeros(ctx, BR_SHAPE(3, 3, 3))), BR_ESHAPE, "x has 3 axes");
    fails(br_diag(br_zeros(ctx, BR_SHAPE(3)), INT64_MIN), BR_ESHAPE, "too large");
    fails(br_diag(br_zeros(ctx, BR_SHAPE(3)), 1ll << 40), BR_ESHAPE, "64 bits");
    fails(br_diag(br_zeros(ctx, BR_SHAPE(-3))), BR_ESHAPE, "zeros (test_creation.c:");
    fails(br_diag(NULL), BR_EARG, "");
    fails(br_diagonal(NULL), BR_EARG, "");
}
END_TEST

START_TEST(functions_that_are_merged)
{
    double seven = 7, v = 0;
    const br_extents shape = BR_SHAPE(2, 2);
    br_array *x = br_fromfunction(ctx, count_call, shape, .data = &seven, .data_bytes = 8);
    ck_assert_ptr_eq(
        x->node, br_fromfunction(ctx, count_call, shape, .data = &seven, .data_bytes = 8)->node);
    ck_assert_ptr_ne(x->node, br_fromfunction(ctx, count_call, shape, .data = &seven)->node);
    ck_assert_ptr_ne(x->node, br_fromfunction(ctx, count_call, shape)->node);
    ck_assert_ptr_eq(br_fromfunction(ctx, count_call, shape)->node,
                     br_fromfunction(ctx, count_call, shape)->node);
    ck_assert_ptr_ne(br_fromfunction(ctx, count_call, shape, .impure = true)->node,
                     br_fromfunction(ctx, count_call, shape, .impure = true)->node);
    br_array *bare = br_fromfunction(ctx, count_call, shape, .data = &seven);
    seven = 8;
    ck_assert_int_eq(br_compute_f64(br_sum(x), &v), BR_OK);
    ck_assert_double_eq(v, 28);
    ck_assert_int_eq(br_compute_f64(br_sum(bare), &v), BR_OK);
    ck_assert_double_eq(v, 32);
    ck_assert_int_eq(br_compute_f64(br_fromfunction(ctx, count_call, BR_0D), &v), BR_OK);
    ck_assert_double_eq(v, -1);
}
END_TEST

START_TEST(functions_with_bad_arguments)
{
    fails(br_fromfunction(ctx, NULL, BR_SHAPE(3)), BR_EARG, "the function is NULL");
    fails(br_fromfunction(ctx, count_call, BR_SHAPE(-3)), BR_ESHAPE,
          "fromfunction (test_creation.c:");
    fails(br_fromfunction(ctx, count_call, BR_SHAPE(1ll << 30, 1ll << 30)), BR_ESHAPE, "2^53");
    fails(br_fromfunction(ctx, count_call, BR_SHAPE(3), (br_dtype)99), BR_ETYPE, "99");
    fails(br_fromfunction(ctx, count_call, BR_SHAPE(3), .data_bytes = 3), BR_EARG, ".data is NULL");
    fails(br_fromfunction(NULL, count_call, BR_SHAPE(3)), BR_EARG, "");
    fails(br_from_blocks(ctx, NULL, BR_SHAPE(3)), BR_EARG, "from_blocks (test_creation.c:");
    fails(br_from_blocks(ctx, fill, BR_SHAPE(3), .chunks = BR_CHUNKS(1, 1)), BR_ESHAPE,
          "chunks for 2");
    fails(br_from_blocks(ctx, fill, BR_SHAPE(3), .scratch_bytes = SIZE_MAX), BR_EARG,
          ".scratch_bytes");
    fails(br_from_blocks(NULL, fill, BR_SHAPE(3)), BR_EARG, "");
}
END_TEST

START_TEST(functions_in_text)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(5, 6), .chunks = BR_CHUNKS(2, 3));
    const struct {
        const char *text;
        br_array *same;
    } rows[] = {
        {"zeros_like(x)", br_zeros_like(x)},
        {"ones_like(x, dtype=int8)", br_ones_like(x, BR_INT8)},
        {"empty_like(x, uint8)", br_empty_like(x, BR_UINT8)},
        {"full_like(x, 2.5)", br_full_like(x, BR_NUM(2.5))},
        {"full_like(x, fill_value=3, dtype=int64)", br_full_like(x, BR_NUM(3), BR_INT64)},
        {"tril(x)", br_tril(x)},
        {"tril(x, k=-1)", br_tril(x, -1)},
        {"triu(x, 2)", br_triu(x, 2)},
        {"diag(x, -1)", br_diag(x, -1)},
        {"diagonal(x, offset=1)", br_diagonal(x, 1)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        br_array *y = br_expr(ctx, rows[i].text, "x", x, NULL);
        ck_assert_msg(br_status_of(y) == BR_OK, "%s", br_error(y));
        ck_assert_ptr_eq(y->node, rows[i].same->node);
    }
    fails(br_expr(ctx, "tril(x, 0.5)", "x", x, NULL), BR_EARG, "an integer is expected");
    fails(br_expr(ctx, "full_like(x)", "x", x, NULL), BR_EARG, "fill_value");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("creation");
    tcase_add_checked_fixture(tests, open_threads, close_opened);
    tcase_add_test(tests, likes_have_the_chunks_of_the_other);
    tcase_add_test(tests, likes_do_not_compute_the_other);
    tcase_add_test(tests, diagonals_far_away_are_one);
    tcase_add_test(tests, triangles_of_bad_shapes);
    tcase_add_test(tests, errors_are_passed_on);
    tcase_add_test(tests, meshes_of_bad_arguments);
    tcase_add_test(tests, ranges_of_bad_arguments);
    tcase_add_test(tests, ends_of_ranges);
    tcase_add_test(tests, strides_of_memory);
    tcase_add_test(tests, calls_of_functions);
    tcase_add_test(tests, chunks_of_diagonals);
    tcase_add_test(tests, functions_that_are_merged);
    tcase_add_test(tests, functions_with_bad_arguments);
    tcase_add_test(tests, functions_in_text);
    return run_case("creation", tests);
}
