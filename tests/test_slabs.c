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

enum { MANY = 16 };

/* Long arrays of small rows, and few large planes, which are cut along an axis behind the first. */
static const struct layout {
    int64_t times, rows, columns, chunk_times;
    bool contiguous, checked;
} layouts[] = {
    {150, 40, 50, 64, false, false}, {150, 40, 50, 64, false, true}, {150, 40, 50, 64, true, false},
    {6, 150, 700, 4, false, false},  {6, 150, 700, 4, true, false},  {40, 3, 9000, 40, true, false},
    {40, 3, 9000, 40, false, false}, {1, 300, 1200, 1, true, false},
};

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
        br_mean(x),
        br_max(x, .axis = BR_AXES(1)),
        br_add(br_mean(x, .axis = BR_AXES(0)), br_std(x, .axis = BR_AXES(0))),
        br_add(br_mean(x, .axis = BR_AXES(0)), br_std(x)),
        br_mul(x, y),
        br_mean(br_mul(x, y)),
        br_sum(br_mul(x, y), .axis = BR_AXES(2)),
    };
    memcpy(out, list, sizeof list);
}

/* Wavy numbers whose sums round. */
static double *numbers(const struct layout *l, double scale)
{
    int64_t n = l->times * l->rows * l->columns;
    double *x = malloc(sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(i * 7919 % 10007) / scale;
    return x;
}

static br_array *in_memory(const struct layout *l, const double *x)
{
    return br_from_memory(ctx, x, BR_FLOAT64, BR_SHAPE(l->times, l->rows, l->columns),
                          .chunks = BR_CHUNKS(l->chunk_times, l->rows, l->columns));
}

static br_array *in_file(const struct layout *l, br_array *x, const char *name)
{
    br_status st = l->contiguous
                       ? br_store_hdf5(x, "x.h5", name, .contiguous = true)
                       : br_store_hdf5(x, "x.h5", name, .deflate = 1, .fletcher32 = l->checked);
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
    return br_from_hdf5(ctx, "x.h5", name,
                        .chunks = BR_CHUNKS(l->chunk_times, l->rows, l->columns));
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
    const struct layout *l = &layouts[_i];
    double *one = numbers(l, 3), *two = numbers(l, 7);
    br_array *memory[MANY], *file[MANY];
    expressions(in_memory(l, one), in_memory(l, two), memory);
    expressions(in_file(l, in_memory(l, one), "one"), in_file(l, in_memory(l, two), "two"), file);
    int64_t all = 0, none, bytes;
    for (int i = 0; i < MANY; i++) {
        void *expected, *got;
        compute(memory[i], &expected, &none);
        compute(file[i], &got, &bytes);
        ck_assert_msg(memcmp(expected, got, br_nbytes(file[i])) == 0, "expression %d", i);
        all = i == 0 ? bytes : all; /* of one file, every chunk once */
        ck_assert_int_le(bytes, i == 6 || i > 12 ? 3 * all : all);
        free(expected), free(got);
    }
    free(one), free(two);
}
END_TEST

/* Windows lie across chunks in the last two slabs only, the last one of three rows, and are put
 * together there. (What is outside of a task's room is poisoned for the address sanitizer.) */
START_TEST(room_is_that_of_any_slab)
{
    enum { CHUNK = (1 << 16) + 3, N = 4 * CHUNK };
    double *numbers = malloc(sizeof *numbers * N);
    for (int i = 0; i < N; i++)
        numbers[i] = i % 1013;
    br_array *x = br_from_memory(ctx, numbers, BR_FLOAT64, BR_SHAPE(N), .chunks = BR_CHUNKS(CHUNK));
    ck_assert_int_eq(br_store_hdf5(x, "x.h5", "x", .contiguous = true), BR_OK);
    br_array *both[2], *made = br_persist(br_add(x, 0));
    br_array *stored = br_from_hdf5(ctx, "x.h5", "x", .chunks = BR_CHUNKS(CHUNK));
    for (int i = 0; i < 2; i++)
        both[i] = br_sum(br_mul(br_sliding_window_view(i == 0 ? x : stored, BR_SHAPE(8)),
                                br_sliding_window_view(i == 0 ? x : made, BR_SHAPE(8))),
                         .axis = BR_AXES(1));
    void *expected, *got;
    int64_t none;
    compute(both[0], &expected, &none);
    compute(both[1], &got, &none);
    ck_assert(memcmp(expected, got, br_nbytes(both[0])) == 0);
    free(expected), free(got), free(numbers);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("slabs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, bits_are_those_of_memory, 0,
                        (int)(sizeof layouts / sizeof layouts[0]));
    tcase_add_test(tests, room_is_that_of_any_slab);
    return run_case("slabs", tests);
}
