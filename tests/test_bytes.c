/* SPDX-License-Identifier: BSD-3-Clause
 * test_bytes.c - only stored chunks that hold needed elements are read, and once where memory
 * allows: what br_explain says beforehand, and what a run counts.
 *
 * Each stored chunk of the file holds the same elements, so all are compressed to as many bytes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/suite.h"

enum { N = 256, CHUNK = 32, ACROSS = N / CHUNK, ALL = ACROSS * ACROSS };

static br_context *ctx;
static br_array *x, *y;
static int64_t chunk_bytes;

static void store(const char *path)
{
    static double data[N * N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            data[i * N + j] = (i % CHUNK) * 7 + j % CHUNK;
    br_array *from = br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N, N));
    unlink(path);
    br_status st = br_store_hdf5(from, path, "v", .chunks = BR_CHUNKS(CHUNK, CHUNK), .deflate = 1);
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
}

static void open_with(const char *limit)
{
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    if (limit != NULL)
        setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    else
        unsetenv("BRAMBLE_MEMORY_LIMIT");
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    if (limit == NULL) {
        store("bytes_x.h5");
        store("bytes_y.h5");
    }
    x = br_from_hdf5(ctx, "bytes_x.h5", "v", .chunks = BR_CHUNKS(CHUNK, CHUNK));
    y = br_from_hdf5(ctx, "bytes_y.h5", "v", .chunks = BR_CHUNKS(CHUNK, CHUNK));
}

static int64_t bytes_of_run(br_array *a)
{
    br_run_info info;
    void *values;
    ck_assert_msg(br_compute_alloc(a, &values) == BR_OK, "%s", br_message(ctx));
    free(values);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info.bytes_read;
}

static void set_up(void)
{
    open_with(NULL);
    int64_t bytes = bytes_of_run(br_sum(x));
    ck_assert_int_gt(bytes, 0);
    ck_assert_int_eq(bytes % ALL, 0);
    chunk_bytes = bytes / ALL;
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
    unlink("bytes_x.h5");
    unlink("bytes_y.h5");
}

/* ": 12.3 KiB," as br_explain writes it. */
static void amount_text(int64_t bytes, char *text, size_t size)
{
    if (bytes < 1024)
        snprintf(text, size, ": %lld B,", (long long)bytes);
    else if (bytes < 1 << 20)
        snprintf(text, size, ": %.1f KiB,", (double)bytes / 1024);
    else
        snprintf(text, size, ": %.1f MiB,", (double)bytes / (1 << 20));
}

static void explain(br_array *a, char **text)
{
    size_t size;
    FILE *to = open_memstream(text, &size);
    ck_assert_msg(br_explain(a, to) == BR_OK, "%s", br_message(ctx));
    fclose(to);
}

/* The sources' lines tell so many chunks of x, and of y. */
static void expect_prediction(br_array *a, int of_x, int of_y)
{
    char *text = NULL;
    explain(a, &text);
    char *line = strstr(text, "sources\n");
    int expected[] = {of_x, of_y};
    ck_assert_ptr_nonnull(line);
    for (int i = 0; i < 2; i++) {
        char amount[40];
        amount_text(expected[i] * chunk_bytes, amount, sizeof amount);
        if (expected[i] > 0)
            ck_assert_msg(strstr(line, amount) != NULL, "no%s in %s", amount, text);
    }
    free(text);
}

static void reads(br_array *a, int of_x, int of_y)
{
    ck_assert_msg(br_status_of(a) == BR_OK, "%s", br_error(a));
    expect_prediction(a, of_x, of_y);
    int64_t bytes = bytes_of_run(a);
    ck_assert_msg(bytes == (of_x + of_y) * chunk_bytes, "%g chunks instead of %d + %d",
                  (double)bytes / (double)chunk_bytes, of_x, of_y);
}

START_TEST(slices)
{
    reads(br_index(br_exp(x), "::4, ::4"), ALL, 0);
    reads(br_index(br_exp(x), "::64, ::64"), ALL / 4, 0);
    reads(br_index(br_exp(x), "100:130:40"), ACROSS, 0);
    reads(br_index(br_permute_dims(x, BR_AXES(1, 0)), "3"), ACROSS, 0);
    reads(br_index(br_mean(x, .axis = BR_AXIS(0)), "3"), ACROSS, 0);
    reads(br_index(br_add(br_sqrt(x), br_permute_dims(x, BR_AXES(1, 0))), "3, 40"), 2, 0);
}
END_TEST

START_TEST(rechunked)
{
    reads(br_index(br_rechunk(x, BR_CHUNKS(-1, 32)), "3"), ACROSS, 0);
    reads(br_index(br_exp(br_rechunk(x, BR_CHUNKS(7, -1))), "3"), ACROSS, 0);
    reads(br_index(br_rechunk(x, BR_CHUNKS(-1, 64)), ":, 3"), ACROSS, 0);
    reads(br_sum(br_rechunk(x, BR_CHUNKS(-1, 32))), ALL, 0);
    reads(br_sum(br_rechunk(br_rechunk(x, BR_CHUNKS(32, -1)), BR_CHUNKS(-1, 64))), ALL, 0);
    reads(br_rechunk(x, BR_CHUNKS_AUTO), ALL, 0);
}
END_TEST

START_TEST(joined)
{
    reads(br_index(br_roll(x, BR_SHIFTS(5), .axis = BR_AXIS(0)), ":3"), ACROSS, 0);
    reads(br_index(br_roll(x, BR_SHIFTS(5), .axis = BR_AXIS(1)), ":, 3:8"), 2 * ACROSS, 0);
    reads(br_index(br_flip(x), "3"), ACROSS, 0);
    reads(br_index(br_concat(BR_ARRAYS(x, y)), "300:310"), 0, ACROSS);
    reads(br_index(br_exp(br_concat(BR_ARRAYS(x, y), .axis = BR_AXIS(1))), ":, 260:250:-1"), ACROSS,
          ACROSS);
    reads(br_index(br_stack(BR_ARRAYS(x, br_sqrt(y))), "1, 3, 3"), 0, 1);
    reads(br_sum(br_concat(BR_ARRAYS(x, y))), ALL, ALL);
}
END_TEST

static br_array *columns_of(br_array *a)
{
    return br_expand_dims(br_index(a, ":, 0"), 1);
}

/* sum over k of a[i, k] b[k, j] */
static br_array *contraction(br_array *a, br_array *b)
{
    br_array *left = br_expand_dims(a, 1);
    br_array *right = br_expand_dims(br_permute_dims(b, BR_AXES(1, 0)), 0);
    return br_sum(br_mul(left, right), .axis = BR_AXIS(2));
}

START_TEST(once)
{
    reads(br_matmul(x, y), ALL, ALL);
    reads(br_index(br_matmul(x, y), "3"), ACROSS, ALL);
    reads(br_matmul(x, br_permute_dims(y, BR_AXES(1, 0))), ALL, ALL);
    reads(br_mul(columns_of(x), br_index(y, "0")), ACROSS, ACROSS);
    reads(contraction(x, y), ALL, ALL);
    reads(br_mean(br_add(x, br_permute_dims(x, BR_AXES(1, 0)))), ALL, 0);
}
END_TEST

/* Where the chunks of both matrices do not fit they are read again. */
START_TEST(again)
{
    double held;
    double read_again;
    br_run_info info;
    ck_assert_int_eq(br_compute_f64(br_sum(br_matmul(x, y)), &held), BR_OK);
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 2 * ALL * chunk_bytes);
    ck_assert_int_eq(br_close(ctx), 0);
    open_with("1200K");
    ck_assert_msg(br_compute_f64(br_sum(br_matmul(x, y)), &read_again) == BR_OK, "%s",
                  br_message(ctx));
    br_last_run(ctx, &info);
    ck_assert_int_eq(info.bytes_read, 2 * ALL * ACROSS * chunk_bytes);
    ck_assert_int_le(info.peak_bytes, 1200 << 10);
    ck_assert_int_eq(memcmp(&held, &read_again, sizeof held), 0);
    expect_prediction(br_sum(br_matmul(x, y)), ALL * ACROSS, ALL * ACROSS);
}
END_TEST

/* Leaves of several stored chunks are read by their rows; the bits are those of the whole leaf. */
START_TEST(by_rows)
{
    enum { ROWS = 1000, COLUMNS = 300, STORED = 64 };
    static const br_axes axes[] = {{2, {0, 1}}, {1, {0}}, {1, {1}}};
    static double data[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        data[i] = (double)(i * 2654435761u % 1000003) / 7;
    br_extents shape = BR_SHAPE(ROWS, COLUMNS);
    br_extents chunks = BR_CHUNKS(8 * STORED, COLUMNS);
    br_array *held = br_from_memory(ctx, data, BR_FLOAT64, shape, .chunks = chunks);
    ck_assert_int_eq(br_store_hdf5(held, "bytes_rows.h5", "v", .chunks = BR_CHUNKS(STORED, 70)),
                     BR_OK);
    br_array *read = br_from_hdf5(ctx, "bytes_rows.h5", "v", .chunks = chunks);
    for (int k = 0; k < 6; k++) {
        static double a[ROWS];
        static double b[ROWS];
        br_array *of_held = k < 3 ? br_sum(br_sqrt(held), .axis = axes[k])
                                  : br_var(br_mul(held, 3), .axis = axes[k - 3]);
        br_array *of_read = k < 3 ? br_sum(br_sqrt(read), .axis = axes[k])
                                  : br_var(br_mul(read, 3), .axis = axes[k - 3]);
        ck_assert_int_eq(br_compute(of_held, a, br_nbytes(of_held)), BR_OK);
        ck_assert_int_eq(br_compute(of_read, b, br_nbytes(of_read)), BR_OK);
        ck_assert_int_eq(memcmp(a, b, br_nbytes(of_held)), 0);
    }
    unlink("bytes_rows.h5");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bytes");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, slices);
    tcase_add_test(tests, rechunked);
    tcase_add_test(tests, joined);
    tcase_add_test(tests, once);
    tcase_add_test(tests, again);
    tcase_add_test(tests, by_rows);
    return run_case("bytes", tests);
}
