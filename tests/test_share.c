/* SPDX-License-Identifier: BSD-3-Clause
 * test_share.c - arrays whose chunks cut stored ones: each of these is decoded once, within the
 * memory limit, by the same bits.
 */
#include <bramble/bramble.h>

#include "tests/hdf5_samples.h"

static br_context *ctx;

static const layout stored = {"stored", &H5T_IEEE_F64LE_g, BR_FLOAT64, "sd", "", GROWS_0,
                              3,        {40, 24, 30},      {20, 8, 15}};
enum { NCHUNKS = 2 * 3 * 2, NELEM = 40 * 24 * 30 };

static void open_with(const char *scheduler, const char *limit)
{
    make_folder();
    make_file(in_folder("in.h5"), &stored);
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", "4", 1);
    setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void close_all(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), BR_OK);
    remove_folder();
}

static int64_t stored_bytes(void)
{
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "g/x", H5P_DEFAULT);
    int64_t bytes = (int64_t)H5Dget_storage_size(set);
    H5Dclose(set), H5Fclose(file);
    return bytes;
}

static br_array *cut(br_extents chunks)
{
    return br_from_hdf5(ctx, in_folder("in.h5"), "g/x", .chunks = chunks);
}

/* Computes x, which must have the elements of the file, and returns the bytes read. */
static int64_t read_whole(br_array *x)
{
    double *got = malloc(NELEM * sizeof *got);
    br_run_info info;
    ck_assert_msg(br_compute(x, got, NELEM * sizeof *got) == BR_OK, "%s", br_message(ctx));
    for (int64_t i = 0; i < NELEM; i++)
        ck_assert_msg(got[i] == value(i), "element %lld", (long long)i);
    free(got);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info.bytes_read;
}

static const char *const schedulers[] = {"sync", "threads"};

START_TEST(decodes_once)
{
    open_with(schedulers[_i], "100MiB");
    int64_t once = stored_bytes();
    ck_assert_int_eq(read_whole(cut(BR_CHUNKS(20, 8, 15))), once);
    ck_assert_int_eq(read_whole(cut(BR_CHUNKS(1, -1, -1))), once);
    ck_assert_int_eq(read_whole(cut(BR_CHUNKS(7, 5, -1))), once);
    ck_assert_int_eq(read_whole(cut(BR_CHUNKS(-1, 8, 4))), once);
    ck_assert_int_eq(read_whole(cut(BR_CHUNKS(20, 3, 7))), once);
    br_array *x = br_rechunk(cut((br_extents){0}), BR_CHUNKS(3, 24, -1));
    ck_assert_int_eq(read_whole(x), once);
    double sums[24];
    br_run_info info;
    x = br_sum(br_permute_dims(cut(BR_CHUNKS(20, 5, -1)), BR_AXES(2, 0, 1)), .axis = BR_AXES(0, 1));
    ck_assert_int_eq(br_compute(x, sums, sizeof sums), BR_OK);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.bytes_read, once);
    char text[2048];
    FILE *f = tmpfile();
    br_explain(cut(BR_CHUNKS(1, -1, -1)), f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ck_assert_msg(strstr(text, "decoded chunks kept for the next tasks") != NULL, "%s", text);
    close_all();
}
END_TEST

/* Stored bytes of the chunks whose numbers along each axis are in these ranges. */
static int64_t bytes_of_chunks(const hsize_t *first, const hsize_t *last)
{
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "g/x", H5P_DEFAULT);
    hsize_t origin[3], one;
    int64_t bytes = 0;
    for (hsize_t i = first[0]; i <= last[0]; i++)
        for (hsize_t j = first[1]; j <= last[1]; j++)
            for (hsize_t k = first[2]; k <= last[2]; k++) {
                origin[0] = 20 * i, origin[1] = 8 * j, origin[2] = 15 * k;
                ck_assert_int_ge(H5Dget_chunk_storage_size(set, origin, &one), 0);
                bytes += (int64_t)one;
            }
    H5Dclose(set), H5Fclose(file);
    return bytes;
}

START_TEST(a_slice_reads_what_it_touches)
{
    static const struct {
        const char *index;
        hsize_t first[3], last[3];
    } rows[] = {
        {"5:7, :, 3", {0, 0, 0}, {0, 2, 0}},         {"39, 9:15, :", {1, 1, 0}, {1, 1, 1}},
        {"18:22, 0, 14:16", {0, 0, 0}, {1, 0, 1}},   {"::-1, 23:16:-2, 20", {0, 2, 1}, {1, 2, 1}},
        {"3::10, 8:16, ::29", {0, 1, 0}, {1, 1, 1}},
    };
    open_with(schedulers[_i % 2], "100MiB");
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        br_run_info info;
        double sum;
        br_array *x = cut((br_extents){0});
        x = _i < 2 ? br_index(x, rows[r].index) : br_index(br_sqrt(br_mul(x, 2)), rows[r].index);
        ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
        ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
        ck_assert_msg(info.bytes_read == bytes_of_chunks(rows[r].first, rows[r].last), "[%s]",
                      rows[r].index);
    }
    close_all();
}
END_TEST

START_TEST(keeps_nothing_after_a_run)
{
    open_with(schedulers[_i], "100MiB");
    br_array *x = cut(BR_CHUNKS(1, -1, -1));
    int64_t once = stored_bytes();
    double sum, other;
    ck_assert_int_eq(read_whole(x), once);
    ck_assert_int_eq(read_whole(x), once);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_rechunk(cut((br_extents){0}), BR_CHUNKS(1, 24, 30))), &other),
        BR_OK);
    ck_assert(memcmp(&sum, &other, sizeof sum) == 0);
    close_all();
}
END_TEST

/* The limit is too small to keep the band, or too small for anything but the tasks. */
START_TEST(stays_within_the_limit)
{
    static const char *const limits[] = {"1MiB", "1500KiB", "2MiB", "3MiB"};
    open_with(schedulers[_i % 2], limits[_i / 2]);
    br_array *sum = br_sum(cut(BR_CHUNKS(2, -1, -1)));
    double got = 0, want = 0;
    br_run_info info;
    for (int64_t i = 0; i < NELEM; i++)
        want += value(i);
    ck_assert_msg(br_compute_f64(sum, &got) == BR_OK, "%s", br_message(ctx));
    ck_assert(got == want);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    static const int64_t kib[] = {1024, 1500, 2048, 3072};
    ck_assert_int_le(info.peak_bytes, kib[_i / 2] << 10);
    close_all();
}
END_TEST

START_TEST(tells_of_damage)
{
    hsize_t origin[3] = {20, 8, 15}, bytes;
    haddr_t address;
    unsigned mask;
    open_with(schedulers[_i], "100MiB");
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "g/x", H5P_DEFAULT);
    H5Dget_chunk_info_by_coord(set, origin, &mask, &address, &bytes);
    H5Dclose(set), H5Fclose(file);
    spoil(in_folder("in.h5"), "\x5a\xa5\x5a", 3, (off_t)(address + bytes / 2));
    double got;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(br_compute_f64(br_sum(cut(BR_CHUNKS(1, -1, -1))), &got), BR_EFORMAT);
        ck_assert_msg(strstr(br_message(ctx), "g/x, chunk (1, 1, 1) is corrupt") != NULL, "%s",
                      br_message(ctx));
        br_clear_error(ctx);
    }
    close_all();
}
END_TEST

START_TEST(shares_among_files)
{
    open_with(schedulers[_i], "100MiB");
    make_file(in_folder("in2.h5"), &stored);
    int64_t once = 2 * stored_bytes();
    br_array *x =
        br_from_hdf5_many(ctx, in_folder("in*.h5"), "g/x", 0, .chunks = BR_CHUNKS(3, -1, -1));
    double *got = malloc(2 * NELEM * sizeof *got);
    br_run_info info;
    ck_assert_msg(br_compute(x, got, 2 * NELEM * sizeof *got) == BR_OK, "%s", br_message(ctx));
    for (int64_t i = 0; i < 2 * NELEM; i++)
        ck_assert(got[i] == value(i % NELEM));
    free(got);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.bytes_read, once);
    close_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *t = tcase_create("share");
    suite_add_tcase(suite, t);
    tcase_add_loop_test(t, decodes_once, 0, 2);
    tcase_add_loop_test(t, a_slice_reads_what_it_touches, 0, 4);
    tcase_add_loop_test(t, keeps_nothing_after_a_run, 0, 2);
    tcase_add_loop_test(t, stays_within_the_limit, 0, 8);
    tcase_add_loop_test(t, tells_of_damage, 0, 2);
    tcase_add_loop_test(t, shares_among_files, 0, 2);
    return run_suite(suite);
}
