/* SPDX-License-Identifier: BSD-3-Clause
 * test_peaks.c - how much a run holds at a time, by its own accounting: a few chunks a thread, not
 * the array.
 *
 * The files are 32 x 32 stored chunks, of which few are written: the others read as the fill value,
 * so that half a gigabyte costs neither disk nor time.
 */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/suite.h"

enum {
    ACROSS = 32,
    ROWS = 512, /* of a chunk */
    COLUMNS = 256,
    HEIGHT = ACROSS * ROWS,
    WIDTH = ACROSS * COLUMNS,
    CHUNK_BYTES = ROWS * COLUMNS * 4,
    THREADS = 2,
    LOG_CHUNKS = 10, /* of 1024 */
    ONES = 3 * COLUMNS,
    FILL = 2,
};

static const char path[] = "peaks.h5";
static br_context *ctx;

/* Every element is 2, but for one row of `ONES` ones in the middle. */
static void make_file(void)
{
    hsize_t shape[2] = {HEIGHT, WIDTH};
    hsize_t chunk[2] = {ROWS, COLUMNS};
    hsize_t start[2] = {HEIGHT / 2, WIDTH / 2};
    hsize_t count[2] = {1, ONES};
    static float ones[ONES];
    float fill = FILL;
    for (int i = 0; i < ONES; i++)
        ones[i] = 1;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, NULL);
    hid_t memory = H5Screate_simple(2, count, NULL);
    hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(how, 2, chunk);
    H5Pset_fill_value(how, H5T_NATIVE_FLOAT, &fill);
    hid_t set = H5Dcreate2(file, "v", H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    ck_assert_int_ge(H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, ones), 0);
    H5Dclose(set);
    H5Pclose(how);
    H5Sclose(memory);
    H5Sclose(space);
    ck_assert_int_ge(H5Fclose(file), 0);
}

static void set_up(void)
{
    make_file();
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
    unlink(path);
}

static br_array *source(br_extents chunks)
{
    return br_from_hdf5(ctx, path, "v", .chunks = chunks);
}

/* The sum of x over all, and the chunks of the file that were held at a time for it. */
static double peak_of_sum(br_array *x, double expected)
{
    double value;
    br_run_info info;
    ck_assert_msg(br_compute_f64(br_sum(x), &value) == BR_OK, "%s", br_message(ctx));
    ck_assert_msg((float)value == (float)expected, "%.1f instead of %.1f", value, expected);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return (double)info.peak_bytes / CHUNK_BYTES;
}

static const double few = 2 * (THREADS + LOG_CHUNKS);

START_TEST(sum)
{
    double peak =
        peak_of_sum(source(BR_CHUNKS(ROWS, COLUMNS)), (double)FILL * HEIGHT * WIDTH - ONES);
    ck_assert_msg(peak <= few, "%g chunks", peak);
}
END_TEST

START_TEST(slices_joined)
{
    br_array *x = source(BR_CHUNKS(ROWS, COLUMNS));
    br_array *parts[] = {br_index(x, "100:8300, 10:"), br_index(x, "8300:16100, :-10"),
                         br_index(x, "::-2, 10:"), br_sqrt(br_index(x, "5:10, :-10"))};
    double n = WIDTH - 10;
    double whole = FILL * (8200 + 7800) * n - ONES;
    double halves = FILL * (double)(HEIGHT / 2) * n; /* odd rows; the ones are in an even row */
    double roots = 5 * n * (double)sqrtf(FILL);
    br_array *joined = br_concat(parts, 3);
    double peak = peak_of_sum(joined, whole + halves);
    ck_assert_msg(peak <= few, "%g chunks", peak);
    peak = peak_of_sum(br_concat(parts, 4), whole + halves + roots);
    ck_assert_msg(peak <= few, "%g chunks", peak);
}
END_TEST

START_TEST(rows_to_columns)
{
    br_array *x = source(BR_CHUNKS(ROWS, -1));
    double expected = (double)FILL * HEIGHT * WIDTH - ONES;
    double peak = peak_of_sum(br_rechunk(x, BR_CHUNKS(-1, COLUMNS)), expected);
    ck_assert_msg(peak <= ACROSS, "%g chunks", peak);
    peak = peak_of_sum(br_sqrt(br_mul(br_rechunk(x, BR_CHUNKS(-1, COLUMNS)), 2)),
                       2.0 * ((double)HEIGHT * WIDTH - ONES) + ONES * (double)sqrtf(2));
    ck_assert_msg(peak <= ACROSS, "%g chunks", peak);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("peaks");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sum);
    tcase_add_test(tests, slices_joined);
    tcase_add_test(tests, rows_to_columns);
    return run_case("peaks", tests);
}
