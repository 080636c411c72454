/* SPDX-License-Identifier: BSD-3-Clause
 * test_rechunk.c - what automatic chunks are, and what rechunk refuses. Its values are
 * sweep_rechunk.c's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

static br_context *ctx;

static void set_up(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
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

int main(void)
{
    Suite *suite = suite_create("rechunk");
    TCase *tests = tcase_create("rechunk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, automatic);
    tcase_add_test(tests, small);
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
