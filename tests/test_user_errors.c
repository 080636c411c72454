/* SPDX-License-Identifier: BSD-3-Clause
 * test_user_errors.c - users' reductions: functions that fail, bad arguments, names in plans.
 */
#include <check.h>
#include <stdlib.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"
#include "tests/user.h"

/* ---- errors ---- */

typedef struct failing {
    int accumulate, merge, finish;
} failing;

static int fails_to_take(void *state, const void *elements, br_dtype dtype, int64_t n,
                         const void *data)
{
    (void)state;
    (void)dtype;
    (void)n;
    return ((const double *)elements)[0] == 2 ? ((const failing *)data)->accumulate : 0;
}

static int fails_to_merge(void *left, const void *right, const void *data)
{
    (void)left;
    (void)right;
    return ((const failing *)data)->merge;
}

static int fails_to_end(const void *state, int64_t n, void *result, const void *data)
{
    (void)state;
    (void)n;
    *(double *)result = 1;
    return ((const failing *)data)->finish;
}

static br_array *failing_reduction(const failing *data, br_axes axes)
{
    br_array *x = br_reshape(br_arange(ctx, BR_NUM(0.0), BR_NUM(16)), BR_SHAPE(8, 2));
    return br_reduction(br_rechunk(x, BR_CHUNKS(1, 2)), axes, .state_bytes = 8,
                        .accumulate = fails_to_take, .merge = fails_to_merge,
                        .finish = fails_to_end, .data = data, .data_bytes = sizeof *data,
                        .name = "trouble");
}

static void fails(failing data, br_axes axes, const char *function, const char *code,
                  const char *chunk)
{
    double got[8];
    br_array *x = failing_reduction(&data, axes);
    ck_assert_int_eq(br_compute(x, got, br_nbytes(x)), BR_EUSER);
    says(br_message(ctx), function);
    says(br_message(ctx), code);
    says(br_message(ctx), chunk);
    says(br_message(ctx), "trouble (test_user_errors.c:");
    br_clear_error(ctx);
}

START_TEST(functions_that_fail)
{
    br_axes all = {0, {0}};
    double got[8];
    for (int threads = 0; threads < 2; threads++) {
        fails((failing){.accumulate = 5}, BR_AXES(1), "fails_to_take", "returned 5", "chunk (1,)");
        fails((failing){.accumulate = 6}, all, "fails_to_take", "returned 6 in chunk (1, 0) of its",
              "chunk ():");
        fails((failing){.merge = -3}, all, "fails_to_merge", "returned -3", "chunk ()");
        fails((failing){.finish = 9}, all, "fails_to_end", "returned 9", "chunk ()");
        fails((failing){.finish = 9}, BR_AXES(1), "fails_to_end", "returned 9", "chunk (");
        br_array *fine = failing_reduction(&(failing){.merge = 1}, BR_AXES(1));
        ck_assert_int_eq(br_compute(fine, got, sizeof got), BR_OK);
        ck_assert(got[7] == 1);
        ck_assert_int_eq(br_close(ctx), 0);
        open_with("threads");
    }
}
END_TEST

/* A good call with one argument made bad. */
static br_array *reduction_with(br_reduction_args change, size_t state_bytes)
{
    static const failing none;
    br_reduction_args a = {.at = {__FILE__, __LINE__},
                           .x = change.x != NULL ? change.x : br_ones(ctx, BR_SHAPE(3, 4)),
                           .axis = change.axis,
                           .state_bytes = state_bytes,
                           .accumulate = fails_to_take,
                           .merge = fails_to_merge,
                           .finish = fails_to_end,
                           .dtype = change.dtype,
                           .data = &none,
                           .data_bytes = change.data_bytes,
                           .name = change.name,
                           .width = change.width};
    if (change.accumulate != NULL)
        a.accumulate = NULL;
    if (change.merge != NULL)
        a.merge = NULL;
    if (change.finish != NULL)
        a.finish = NULL;
    if (change.data != NULL)
        a.data = NULL;
    return br_reduction_(a);
}

static br_array *wide(br_array *x, br_axes axes, int64_t width)
{
    return br_reduction(x, axes, true, 8, NULL, fails_to_take, fails_to_merge, fails_to_end,
                        .width = width);
}

START_TEST(widths_without_room)
{
    br_extents shape = {BR_MAX_NDIM, {0}};
    for (int a = 0; a < BR_MAX_NDIM; a++)
        shape.extent[a] = 1;
    br_axes all = {0, {0}};
    br_array *x = br_ones(ctx, shape);
    ck_assert_int_eq(br_status_of(wide(x, all, 0)), BR_OK);
    refused(wide(x, all, 1), BR_EAXIS, "no axis is left");
    br_array *large = br_broadcast_to(br_ones(ctx, BR_SHAPE(1)), BR_SHAPE((int64_t)1 << 50));
    ck_assert_int_eq(br_status_of(wide(large, BR_NO_AXES, 1)), BR_OK);
    refused(wide(large, BR_NO_AXES, BR_MAX_RESULT_WIDTH), BR_ESHAPE, ".width 65536");
}
END_TEST

START_TEST(bad_reductions)
{
    const struct {
        br_reduction_args args;
        size_t state_bytes;
        br_status status;
        const char *text;
    } bad[] = {
        {{.accumulate = fails_to_take}, 8, BR_EARG, ".accumulate is NULL"},
        {{.merge = fails_to_merge}, 8, BR_EARG, ".merge is NULL"},
        {{.finish = fails_to_end}, 8, BR_EARG, ".finish is NULL"},
        {{.axis = {0, {0}}}, 0, BR_EARG, ".state_bytes is 0"},
        {{.axis = {0, {0}}}, BR_MAX_STATE_BYTES + 1, BR_EARG, ".state_bytes is 65537"},
        {{.axis = {0, {0}}}, SIZE_MAX, BR_EARG, ".state_bytes"},
        {{.axis = {1, {2}}}, 8, BR_EAXIS, "axis 2 is out of range for 2 dimensions"},
        {{.axis = {1, {-3}}}, 8, BR_EAXIS, "axis -3"},
        {{.axis = {2, {1, -1}}}, 8, BR_EAXIS, "twice"},
        {{.width = -1}, 8, BR_EARG, ".width is -1"},
        {{.width = BR_MAX_RESULT_WIDTH + 1}, 8, BR_EARG, ".width is 65537"},
        {{.dtype = (br_dtype)77}, 8, BR_ETYPE, "77"},
        {{.data_bytes = SIZE_MAX}, 8, BR_EARG, ".data_bytes"},
        {{.data = "", .data_bytes = 8}, 8, BR_EARG, ".data is NULL"},
        {{.name = "a name of more than thirty-one b"}, 8, BR_EARG, ".name has 32 bytes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(reduction_with(bad[i].args, bad[i].state_bytes), bad[i].status, bad[i].text);
    br_array *first = br_sum(br_ones(ctx, BR_SHAPE(3)), .axis = BR_AXES(5));
    ck_assert_str_eq(br_error(reduction_with((br_reduction_args){.x = first}, 0)), br_error(first));
    ck_assert_int_eq(br_status_of(br_reduction_((br_reduction_args){.state_bytes = 8})), BR_EARG);
    ck_assert_int_eq(br_status_of(reduction_with((br_reduction_args){.dtype = BR_INT8}, 8)), BR_OK);
}
END_TEST

/* ---- names ---- */

static char *text_of(br_array *x, br_status (*print)(br_array *x, FILE *to))
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    ck_assert_int_eq(print(x, to), BR_OK);
    fclose(to);
    return text;
}

START_TEST(names_in_plans)
{
    br_array *x = br_ones(ctx, BR_SHAPE(30, 40), .chunks = BR_CHUNKS(10, 40));
    br_array *named =
        br_reduction(x, BR_AXES(0), .state_bytes = 8, .accumulate = fails_to_take,
                     .merge = fails_to_merge, .finish = fails_to_end, .name = "spread");
    char *text = text_of(named, br_explain);
    says(text, "reduction spread (test_user_errors.c:");
    says(text, "3 leaves each");
    free(text);
    text = text_of(reduction_with((br_reduction_args){.x = x}, 8), br_explain);
    says(text, "reduction fails_to_take (test_user_errors.c:");
    free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("user_errors");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, functions_that_fail);
    tcase_add_test(tcase, bad_reductions);
    tcase_add_test(tcase, widths_without_room);
    tcase_add_test(tcase, names_in_plans);
    return run_case("user_errors", tcase);
}
