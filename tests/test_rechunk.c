/* SPDX-License-Identifier: BSD-3-Clause
 * test_rechunk.c - what automatic chunks are, and what rechunk refuses. Its values are
 * sweep_rechunk.c's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "tests/opened.h"
#include "tests/suite.h"

static void set_up(void)
{
    open_under("sync", NULL);
}

static void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
}

static void expect_chunks(br_array *x, int ndim, const int64_t *first)
{
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    ck_assert_int_eq(br_ndim(x), ndim);
    for (int a = 0; a < ndim; a++) {
        int64_t chunk[64];
        ck_assert_int_gt(br_chunks(x, a, chunk, 64), 0);
        ck_assert_int_eq(chunk[0], first[a]);
    }
}
#define EXPECT(x, ...)                                                                             \
    expect_chunks(x, (int)(sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]){__VA_ARGS__})

START_TEST(automatic)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(8192, 8192), .chunks = BR_CHUNKS(256, 8192));
    EXPECT(br_rechunk(x), 512, 1024);
    EXPECT(br_rechunk(x, BR_CHUNKS_AUTO), 512, 1024);
    EXPECT(br_rechunk(x, BR_CHUNKS_AUTO, .chunk_bytes = 8 << 20), 1024, 1024);
    EXPECT(br_rechunk(x, .chunk_bytes = 64 << 20), 2048, 4096);
    EXPECT(br_rechunk(x, .chunks = BR_CHUNKS(BR_AUTO, -1)), 64, 8192);
    EXPECT(br_rechunk(x, BR_CHUNKS(-1, BR_AUTO)), 8192, 64);
    EXPECT(br_rechunk(x, BR_CHUNKS(1000, BR_AUTO), .chunk_bytes = 8000 * 600), 1000, 512);
    EXPECT(br_rechunk(x, BR_CHUNKS(0, 77)), 8192, 77);
    /* As new arrays are cut. */
    EXPECT(br_zeros(ctx, BR_SHAPE(8192, 8192)), 512, 1024);
    EXPECT(br_zeros(ctx, BR_SHAPE(8192, 8192), .chunks = BR_CHUNKS_AUTO), 512, 1024);
}
END_TEST

START_TEST(small)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(100, 3000), BR_FLOAT32);
    EXPECT(br_rechunk(x), 100, 3000);
    EXPECT(br_rechunk(x, .chunk_bytes = 4096), 2, 512);
    EXPECT(br_rechunk(x, .chunk_bytes = 1024), 1, 256);
    EXPECT(br_rechunk(x, .chunk_bytes = 1), 1, 1);
    EXPECT(br_rechunk(br_zeros(ctx, BR_SHAPE(0, 5), BR_INT8)), 0, 5);
    EXPECT(br_rechunk(br_rechunk(x, .chunk_bytes = 1024), .chunk_bytes = 1 << 20), 100, 2048);
    br_array *scalar = br_zeros(ctx, BR_0D);
    ck_assert_int_eq(br_status_of(br_rechunk(scalar)), BR_OK);
    ck_assert_int_eq(br_status_of(br_rechunk(scalar, BR_CHUNKS_AUTO, .chunk_bytes = 8)), BR_OK);
}
END_TEST

static void failed(br_array *x, br_status status, const char *text)
{
    ck_assert_int_eq(br_status_of(x), status);
    ck_assert_msg(strstr(br_error(x), text) != NULL, "%s", br_error(x));
    ck_assert_ptr_nonnull(strstr(br_error(x), "test_rechunk.c"));
}

START_TEST(refused)
{
    br_array *x = br_zeros(ctx, BR_SHAPE(10, 10));
    failed(br_rechunk(x, BR_CHUNKS(2)), BR_ESHAPE, "chunks for 1 axes, but x has 2");
    failed(br_rechunk(x, BR_CHUNKS(2, -3)), BR_ESHAPE, "chunk extent -3 of axis 1");
    failed(br_rechunk(x, BR_CHUNKS(2, -1), .chunk_bytes = 100), BR_EARG, "BR_AUTO");
    br_array *bad = br_index(x, "20");
    ck_assert_int_ne(br_status_of(br_rechunk(bad)), BR_OK);
    ck_assert_str_eq(br_error(br_rechunk(bad)), br_error(bad));
    ck_assert_int_ne(br_status_of(br_rechunk(NULL)), BR_OK);
}
END_TEST

/* ---- memory ---- */

enum { N = 512, PANEL = 32 };

/* Costly, so that chunks are made once; not the same for all elements of a chunk. */
static int shuffle(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    const double *from = in[0].data;
    double *to = out->data;
    int64_t count = out->extent[0] * out->extent[1];
    for (int64_t i = 0; i < count; i++)
        to[i] = from[count - 1 - i] * 1.25 + (double)(out->chunk[0] - out->chunk[1]);
    return 0;
}

/* Rows, columns, rows: each chunk of the last is made of all of the ones before it. */
static br_array *there_and_back(const double *data)
{
    br_array *x =
        br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N, N), .chunks = BR_CHUNKS(PANEL, -1));
    br_array *rows = br_map_blocks(x, shuffle);
    br_array *columns = br_map_blocks(br_rechunk(rows, BR_CHUNKS(-1, PANEL)), shuffle);
    return br_map_blocks(br_rechunk(columns, BR_CHUNKS(PANEL, -1)), shuffle);
}

static bool cuts_first(br_array *a)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    ck_assert_msg(br_explain(a, to) == BR_OK, "%s", br_message(ctx));
    fclose(to);
    bool cuts = strstr(text, "pieces of") != NULL;
    free(text);
    return cuts;
}

/* The array takes 2 MiB. Directly all of two of them are held; chunks that are cut go as soon as
 * the next ones are made. */
START_TEST(in_two_stages)
{
    const char *scheduler = _i == 0 ? "sync" : "threads";
    static double data[N * N];
    static double direct[N * N];
    static double thrifty[N * N];
    br_run_info info;
    ck_assert_int_eq(br_close(ctx), 0);
    for (int i = 0; i < N * N; i++)
        data[i] = (double)(i * 2654435761u % 1000003) / 7;
    open_under(scheduler, NULL);
    ck_assert(!cuts_first(there_and_back(data)));
    ck_assert_int_eq(br_compute(there_and_back(data), direct, sizeof direct), BR_OK);
    br_last_run(ctx, &info);
    ck_assert_int_gt(info.peak_bytes, 4 << 20);
    ck_assert_int_eq(br_close(ctx), 0);
    open_under(scheduler, "3M");
    ck_assert(cuts_first(there_and_back(data)));
    ck_assert_msg(br_compute(there_and_back(data), thrifty, sizeof thrifty) == BR_OK, "%s",
                  br_message(ctx));
    br_last_run(ctx, &info);
    ck_assert_int_le(info.peak_bytes, 3 << 20);
    ck_assert_int_eq(memcmp(direct, thrifty, sizeof direct), 0);
    ck_assert_int_eq(br_close(ctx), 0);
    open_under(scheduler, "2M"); /* less than the array: some of it waits on disk */
    memset(thrifty, 0, sizeof thrifty);
    ck_assert_int_eq(br_compute(there_and_back(data), thrifty, sizeof thrifty), BR_OK);
    br_last_run(ctx, &info);
    ck_assert_int_le(info.peak_bytes, 2 << 20);
    ck_assert_int_gt(info.bytes_spilled, 0);
    ck_assert_int_eq(memcmp(direct, thrifty, sizeof direct), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rechunk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, automatic);
    tcase_add_test(tests, small);
    tcase_add_test(tests, refused);
    tcase_add_loop_test(tests, in_two_stages, 0, 2);
    return run_case("rechunk", tests);
}
