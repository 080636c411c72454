/* SPDX-License-Identifier: BSD-3-Clause
 * test_slabs.c - leaves that go through a stored chunk slab by slab: the bits of the same array in
 * memory, and each chunk read once.
 */
#include <bramble/bramble.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/folder.h"
#include "tests/suite.h"
#include "tests/sum_doubles.h"

enum { TIMES = 150, ROWS = 40, COLUMNS = 50, MANY = 9 };

/* What goes through slabs in every kind of stage: passes, reductions, functions of the user's, and
 * stores; of whole chunks, of rows in them and of single elements; of one file and of two. */
static void expressions(br_array *x, br_array *y, br_array *out[MANY])
{
    br_array *part = br_index(x, "3:60, ::2, 5:41"), *thin = br_index(x, "64:128:3, 7:9, ::7");
    br_array *list[MANY] = {
        br_mean(x, .axis = BR_AXES(0)),
        br_std(x),
        br_sum(br_sqrt(x), .axis = BR_AXES(2)),
        br_var(part, .axis = BR_AXES(0, 2)),
        br_sum(thin),
        br_add(x, 1),
        br_mean(br_mul(x, y), .axis = BR_AXES(1)),
        br_reduction(x, BR_AXES(0), .state_bytes = sizeof(double), .accumulate = add_all,
                     .merge = add_two, .finish = the_sum),
        br_mul(thin, 2),
    };
    memcpy(out, list, sizeof list);
}

/* Wavy numbers whose sums round. */
static double *numbers(double scale)
{
    double *x = malloc(sizeof *x * TIMES * ROWS * COLUMNS);
    for (int64_t i = 0; i < (int64_t)TIMES * ROWS * COLUMNS; i++)
        x[i] = (double)(i * 7919 % 10007) / scale;
    return x;
}

static br_array *in_memory(const double *x)
{
    return br_from_memory(ctx, x, BR_FLOAT64, BR_SHAPE(TIMES, ROWS, COLUMNS),
                          .chunks = BR_CHUNKS(64, ROWS, COLUMNS));
}

static br_array *in_file(br_array *x, const char *name, bool checked)
{
    ck_assert_msg(br_store_hdf5(x, "x.h5", name, .chunks = BR_CHUNKS(64, ROWS, COLUMNS),
                                .deflate = 1, .fletcher32 = checked) == BR_OK,
                  "%s", br_message(ctx));
    return br_from_hdf5(ctx, "x.h5", name, .chunks = BR_CHUNKS(64, ROWS, COLUMNS));
}

static void compute(br_array *x, void **bytes, int64_t *read)
{
    br_run_info run;
    ck_assert_msg(br_compute_alloc(x, bytes) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(br_last_run(ctx, &run), BR_OK);
    *read = run.bytes_read;
}

START_TEST(bits_are_those_of_memory)
{
    double *one = numbers(3), *two = numbers(7);
    br_array *memory[MANY], *file[MANY];
    expressions(in_memory(one), in_memory(two), memory);
    expressions(in_file(in_memory(one), "one", _i == 1), in_file(in_memory(two), "two", false),
                file);
    int64_t all = 0, none, bytes;
    for (int i = 0; i < MANY; i++) {
        void *expected, *got;
        compute(memory[i], &expected, &none);
        compute(file[i], &got, &bytes);
        ck_assert_msg(memcmp(expected, got, br_nbytes(file[i])) == 0, "expression %d", i);
        all = i == 0 ? bytes : all; /* of one file, every chunk once */
        ck_assert_int_le(bytes, i == 6 ? 3 * all : all);
        free(expected), free(got);
    }
    free(one), free(two);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("slabs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, bits_are_those_of_memory, 0, 2);
    return run_case("slabs", tests);
}
