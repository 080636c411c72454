/* SPDX-License-Identifier: BSD-3-Clause
 * test_spill.c - the file of spilled blocks: what is written comes back, damage and bad directories
 * are told, places are used again. And runs whose values go there.
 */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/hash.h"
#include "runtime/spill.h"
#include "tests/suite.h"

static const char directory[] = "/var/tmp";

/* The values of xxHash's own test programs, seed 0. */
START_TEST(hash)
{
    static const char text[] = "Nobody inspects the spammish repetition";
    char zeros[101] = {0};
    ck_assert_uint_eq(bri_hash64("", 0), 0xEF46DB3751D8E999u);
    ck_assert_uint_eq(bri_hash64("a", 1), 0xD24EC4F1A98C6E5Bu);
    ck_assert_uint_eq(bri_hash64("abc", 3), 0x44BC2CF5AD770999u);
    ck_assert_uint_eq(bri_hash64(text, strlen(text)), 0xFBCEA83C8A378BF1u);
    for (size_t n = 1; n < sizeof zeros; n++) {
        uint64_t before = bri_hash64(zeros, n);
        zeros[n / 2] ^= 4;
        ck_assert_uint_ne(bri_hash64(zeros, n), before);
        zeros[n / 2] ^= 4;
    }
}
END_TEST

static void fill(unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)((i * 7 + seed) * 2654435761u >> 13);
}

START_TEST(blocks)
{
    enum { N = 40, MOST = 300000 };
    bri_spill *s = bri_spill_new(directory);
    bri_spill_block block[N] = {0};
    unsigned char *data = malloc(MOST);
    unsigned char *back = malloc(MOST);
    struct stat about;
    bri_spill_stats stats;
    ck_assert_int_eq(bri_spill_descriptor(s), -1);
    for (int round = 0; round < 5; round++) {
        for (unsigned i = 0; i < N; i++) {
            size_t bytes = 1 + (size_t)i * 7001;
            fill(data, bytes, i + 100 * (unsigned)round);
            ck_assert_int_eq(bri_spill_write(s, data, bytes, &block[i]), BR_OK);
        }
        for (unsigned i = N; i-- > 0;) {
            size_t bytes = 1 + (size_t)i * 7001;
            fill(data, bytes, i + 100 * (unsigned)round);
            ck_assert_int_eq(bri_spill_read(s, &block[i], back), BR_OK);
            ck_assert_mem_eq(data, back, bytes);
            if (i % 4 != 0 || round == 4)
                bri_spill_drop(s, &block[i]);
        }
        for (unsigned i = 0; i < N; i += 4)
            bri_spill_drop(s, &block[i]);
    }
    bri_spill_about(s, &stats);
    ck_assert_int_eq(stats.kept, 0);
    ck_assert_int_eq(stats.written, stats.read);
    fstat(bri_spill_descriptor(s), &about);
    ck_assert_int_eq(about.st_size, 0);
    ck_assert_int_eq(about.st_nlink, 0);
    free(data);
    free(back);
    bri_spill_free(s);
}
END_TEST

/* A place that is free is taken by the next block of its class. */
START_TEST(places)
{
    bri_spill *s = bri_spill_new(directory);
    bri_spill_block kept = {0};
    bri_spill_block b = {0};
    static unsigned char data[50000];
    struct stat about;
    ck_assert_int_eq(bri_spill_write(s, data, sizeof data, &kept), BR_OK);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(bri_spill_write(s, data, sizeof data - 100 * (size_t)(i % 5), &b), BR_OK);
        bri_spill_drop(s, &b);
    }
    fstat(bri_spill_descriptor(s), &about);
    ck_assert_int_le(about.st_size, 2 * 57344);
    bri_spill_drop(s, &kept);
    bri_spill_free(s);
}
END_TEST

START_TEST(damage)
{
    bri_spill *s = bri_spill_new(directory);
    bri_spill_block b = {0};
    static unsigned char data[10000];
    fill(data, sizeof data, 3);
    ck_assert_int_eq(bri_spill_write(s, data, sizeof data, &b), BR_OK);
    ck_assert_int_eq(pwrite(bri_spill_descriptor(s), "x", 1, b.offset + 5000), 1);
    ck_assert_int_eq(bri_spill_read(s, &b, data), BR_EIO);
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "checksum"));
    ck_assert_int_eq(ftruncate(bri_spill_descriptor(s), b.offset + 100), 0);
    ck_assert_int_eq(bri_spill_read(s, &b, data), BR_EIO);
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "the file ends"));
    bri_spill_drop(s, &b);
    bri_spill_free(s);
}
END_TEST

static void refuse(const char *where, br_status status, const char *text)
{
    bri_spill *s = bri_spill_new(where);
    bri_spill_block b = {0};
    ck_assert_int_eq(bri_spill_open(s), status);
    ck_assert_msg(strstr(bri_last_error(), text) != NULL, "%s", bri_last_error());
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "BRAMBLE_SPILL_DIR"));
    ck_assert_int_eq(bri_spill_write(s, "abc", 3, &b), status);
    ck_assert_uint_eq(b.bytes, 0);
    bri_spill_free(s);
}

START_TEST(directories)
{
    refuse("/dev/shm", BR_ECONFIG, "/dev/shm is in memory");
    refuse("/nowhere/at/all", BR_EIO, "/nowhere/at/all");
    refuse("/proc", BR_EIO, "/proc");
}
END_TEST

/* ---- runs ---- */

enum { SIDE = 1024, CHUNK = 128 };

static atomic_int calls;

static int costly(const br_block *in, int n, const br_block *out, const void *data)
{
    double *to = out->data;
    (void)in;
    (void)n;
    (void)data;
    atomic_fetch_add(&calls, 1);
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++) {
        int64_t row = out->origin[0] + i / out->extent[1];
        int64_t column = out->origin[1] + i % out->extent[1];
        to[i] = (double)((row * 7919 + column * 104729) % 10007) / 3;
    }
    return 0;
}

static int twice(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *v = in->data;
    double *to = out->data;
    (void)n;
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = 2 * v[i];
    return 0;
}

static br_context *open_with(const char *limit, const char *scheduler)
{
    setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    return ctx;
}

/* What several readers, near and far, in and against the order, make of 8 MiB. */
static br_array *far_readers(br_context *ctx)
{
    br_array *y = br_from_blocks(ctx, costly, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                                 .chunks = BR_CHUNKS(CHUNK, CHUNK));
    br_array *z = br_sub(y, br_mean(y));
    br_array *turned = br_index(z, "::-1, ::-1");
    br_array *mixed = br_add(br_permute_dims(y, BR_AXES(1, 0)), br_index(y, ":, ::-1"));
    return br_add(br_sum(br_abs(z)), br_add(br_max(br_mul(turned, z)), br_std(mixed)));
}

START_TEST(same_bits)
{
    static const char *const schedulers[] = {"sync", "threads"};
    static const char *const limits[] = {"64M", "4M", "3M", "2M"};
    double want = 0;
    for (int s = 0; s < 2; s++)
        for (int l = 0; l < 4; l++) {
            br_context *ctx = open_with(limits[l], schedulers[s]);
            br_run_info run;
            double got;
            atomic_store(&calls, 0);
            ck_assert_msg(br_compute_f64(far_readers(ctx), &got) == BR_OK, "%s", br_message(ctx));
            br_last_run(ctx, &run);
            if (s == 0 && l == 0)
                want = got;
            ck_assert_mem_eq(&got, &want, sizeof got);
            ck_assert_int_eq(atomic_load(&calls), SIDE / CHUNK * SIDE / CHUNK);
            ck_assert_int_eq(run.bytes_spilled > 0, l > 0);
            ck_assert_int_ge(run.bytes_fetched, run.bytes_spilled);
            ck_assert_int_le(run.peak_bytes, strtoll(limits[l], NULL, 10) << 20);
            ck_assert_int_eq(br_close(ctx), 0);
        }
}
END_TEST

/* An array that does not fit is persisted on disk. */
START_TEST(persisted)
{
    br_context *ctx = open_with("3M", "threads");
    br_run_info run;
    double sum;
    double again;
    atomic_store(&calls, 0);
    br_array *y = br_from_blocks(ctx, costly, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                                 .chunks = BR_CHUNKS(CHUNK, CHUNK));
    br_array *x = br_persist(y);
    ck_assert_msg(br_error(x)[0] == '\0', "%s", br_message(ctx));
    br_last_run(ctx, &run);
    ck_assert_int_eq(run.bytes_spilled, 8 * SIDE * SIDE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(br_compute_f64(br_sum(br_abs(br_sub(x, br_mean(x)))), &sum), BR_OK);
        br_last_run(ctx, &run);
        ck_assert_int_eq(run.bytes_spilled, 0);
        ck_assert_int_ge(run.bytes_fetched, 8 * SIDE * SIDE);
        ck_assert_int_le(run.peak_bytes, 3 << 20);
    }
    ck_assert_int_eq(atomic_load(&calls), SIDE / CHUNK * SIDE / CHUNK);
    ck_assert_int_eq(br_compute_f64(br_sum(br_abs(br_sub(y, br_mean(y)))), &again), BR_OK);
    ck_assert_mem_eq(&sum, &again, sizeof sum);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* One that fits goes there when a task needs its room. */
START_TEST(persisted_moves)
{
    br_context *ctx = open_with("3M", "threads");
    double sum;
    br_array *kept = br_persist(br_ones(ctx, BR_SHAPE(SIDE / 4, SIDE), .dtype = BR_FLOAT64,
                                        .chunks = BR_CHUNKS(CHUNK, CHUNK)));
    br_array *large = br_from_blocks(ctx, costly, BR_SHAPE(CHUNK, SIDE / 2), .dtype = BR_FLOAT64,
                                     .chunks = BR_CHUNKS(-1, -1));
    br_array *two = br_map_blocks(large, twice, .dtype = BR_FLOAT64);
    ck_assert_int_eq(br_compute_f64(br_sum(kept), &sum), BR_OK); /* its plan is kept */
    ck_assert_msg(br_compute_f64(br_sum(two), &sum) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(br_compute_f64(br_sum(kept), &sum), BR_OK);
    ck_assert(sum == SIDE / 4 * SIDE);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Compressed chunks that each row of a product needs are decoded once and wait on disk; a file's
 * plain bytes are read again instead. */
START_TEST(decoded_once)
{
    enum { N = 768, PART = 64 };
    static const char path[] = "spill.h5";
    double want = 0;
    double got;
    br_run_info run;
    br_context *ctx = open_with("256M", "threads");
    br_array *x = br_from_blocks(ctx, costly, BR_SHAPE(N, N), .dtype = BR_FLOAT64,
                                 .chunks = BR_CHUNKS(PART, PART));
    ck_assert_int_eq(br_store_hdf5(x, path, "packed", .mode = BR_STORE_TRUNCATE, .deflate = 1), 0);
    ck_assert_int_eq(br_store_hdf5(x, path, "plain", .contiguous = true), 0);
    ck_assert_int_eq(br_close(ctx), 0);
    for (int i = 0; i < 3; i++) {
        ctx = open_with(i == 0 ? "256M" : "3M", "threads");
        x = br_from_hdf5(ctx, path, i == 2 ? "plain" : "packed", .chunks = BR_CHUNKS(PART, PART));
        ck_assert_msg(br_compute_f64(br_sum(br_matmul(x, x)), &got) == BR_OK, "%s",
                      br_message(ctx));
        want = i == 0 ? got : want;
        ck_assert_mem_eq(&got, &want, sizeof got);
        br_last_run(ctx, &run);
        ck_assert_int_eq(run.bytes_spilled > 0, i == 1);
        ck_assert_int_eq(br_close(ctx), 0);
    }
    unlink(path);
}
END_TEST

/* Before anything runs, with how much would do. */
START_TEST(too_little)
{
    br_context *ctx = open_with("256K", "threads");
    double got;
    atomic_store(&calls, 0);
    ck_assert_int_eq(br_compute_f64(far_readers(ctx), &got), BR_EMEMLIMIT);
    ck_assert_msg(strstr(br_message(ctx), "KiB are needed at a time, by") != NULL, "%s",
                  br_message(ctx));
    ck_assert_int_eq(atomic_load(&calls), 0);
    br_clear_error(ctx);
    br_close(ctx);
}
END_TEST

START_TEST(in_memory)
{
    setenv("BRAMBLE_SPILL_DIR", "/dev/shm", 1);
    br_context *ctx = open_with("3M", "threads");
    double got;
    atomic_store(&calls, 0);
    ck_assert_int_eq(br_compute_f64(far_readers(ctx), &got), BR_ECONFIG);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "/dev/shm is in memory"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "MiB are needed at a time, by"));
    ck_assert_int_eq(atomic_load(&calls), 0);
    br_clear_error(ctx);
    br_close(ctx);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("spill");
    tcase_add_test(tests, hash);
    tcase_add_test(tests, blocks);
    tcase_add_test(tests, places);
    tcase_add_test(tests, damage);
    tcase_add_test(tests, directories);
    tcase_add_test(tests, same_bits);
    tcase_add_test(tests, persisted);
    tcase_add_test(tests, persisted_moves);
    tcase_add_test(tests, decoded_once);
    tcase_add_test(tests, too_little);
    tcase_add_test(tests, in_memory);
    return run_case("spill", tests);
}
