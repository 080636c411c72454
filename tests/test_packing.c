/* SPDX-License-Identifier: BSD-3-Clause
 * test_packing.c - missing and packed elements of netCDF variables, against what xarray makes of
 * them (tests/corpus.py), and what is said about them.
 */
#include <bramble/bramble.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/corpus.h"
#include "tests/suite.h"

static br_context *ctx;

static void open_context(void)
{
    ctx = br_open(NULL, NULL);
}

static void close_context(void)
{
    ck_assert_int_eq(br_close(ctx), BR_OK);
}

/* NaNs are alike. */
static bool is_same(br_dtype dtype, const char *a, const char *b, size_t i)
{
    size_t size = br_dtype_size(dtype);
    const char *x = a + i * size, *y = b + i * size;
    if (memcmp(x, y, size) == 0)
        return true;
    if (dtype == BR_FLOAT32)
        return ((const float *)a)[i] != ((const float *)a)[i] &&
               ((const float *)b)[i] != ((const float *)b)[i];
    return dtype == BR_FLOAT64 && ((const double *)a)[i] != ((const double *)a)[i] &&
           ((const double *)b)[i] != ((const double *)b)[i];
}

static void check_entry(const entry *e)
{
    br_array *x = br_from_hdf5(ctx, in_corpus(e->file), e->dataset);
    if (strcmp(e->dtype, "error") == 0) {
        ck_assert_msg(strstr(br_error(x), e->how) != NULL, "%s", br_error(x));
        ck_assert(strstr(br_error(x), ".raw = true") != NULL);
        ck_assert_str_eq(br_error(br_from_hdf5(ctx, in_corpus(e->file), e->dataset, .raw = true)),
                         "");
        return;
    }
    size_t n;
    char *want = read_bytes(in_corpus(e->raw), &n), *got = malloc(n);
    ck_assert_msg(strcmp(br_dtype_name(br_dtype_of(x)), e->dtype) == 0, "%s: %s, not %s",
                  e->dataset, br_dtype_name(br_dtype_of(x)), e->dtype);
    br_status st = br_compute(x, got, n);
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
    for (size_t i = 0; i < n / br_dtype_size(br_dtype_of(x)); i++)
        ck_assert_msg(is_same(br_dtype_of(x), got, want, i), "%s: element %zu differs", e->dataset,
                      i);
    free(want), free(got);
}

START_TEST(unpacks_as_xarray_does)
{
    int tried = 0;
    for (int i = 0; i < nentries; i++)
        if (is_packed(&entries[i])) {
            br_scope *scope = br_scope_open(ctx);
            check_entry(&entries[i]);
            br_scope_close(scope);
            tried++;
        }
    ck_assert_int_gt(tried, 150);
}
END_TEST

/* netCDF-4 files as one array. */
static void check_twice(const entry *e)
{
    size_t n;
    const char *paths[] = {in_corpus(e->file), in_corpus(e->file)};
    char *want = read_bytes(in_corpus(e->raw), &n), *got = malloc(2 * n);
    br_array *x = br_from_hdf5_many(ctx, NULL, e->dataset, 0, .paths = paths, .npaths = 2);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    br_array *one = br_from_hdf5(ctx, paths[0], e->dataset);
    ck_assert_int_eq(br_dtype_of(x), br_dtype_of(one));
    ck_assert_int_eq(br_shape(x)[0], 2 * br_shape(one)[0]);
    ck_assert_int_eq(br_shape(x)[1], br_shape(one)[1]);
    ck_assert_msg(br_compute(x, got, 2 * n) == BR_OK, "%s", br_message(ctx));
    size_t elements = n / br_dtype_size(br_dtype_of(x));
    for (size_t i = 0; i < 2 * elements; i++)
        ck_assert_msg(is_same(br_dtype_of(x), got + i / elements * n, want, i % elements),
                      "%s: element %zu differs", e->dataset, i);
    free(want), free(got);
}

START_TEST(joins_files_of_netcdf)
{
    int tried = 0;
    for (int i = 0; i < nentries; i++)
        if (strcmp(entries[i].file, "packed.nc") == 0 && i % 5 == 0) {
            br_scope *scope = br_scope_open(ctx);
            check_twice(&entries[i]);
            br_scope_close(scope);
            tried++;
        }
    ck_assert_int_gt(tried, 30);
}
END_TEST

static const char *explained(br_array *x)
{
    static char text[4096];
    FILE *f = tmpfile();
    br_explain(x, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

START_TEST(says_what_is_done)
{
    br_array *x = br_from_hdf5(ctx, in_corpus("packed.nc"), "i2_fill_scale");
    const char *text = explained(x);
    ck_assert_msg(strstr(text, "unpacked (_FillValue 7, scale_factor 0.013)") != NULL, "%s", text);
    x = br_from_hdf5(ctx, in_corpus("packed.nc"), "i2_fill_scale", .raw = true);
    ck_assert_int_eq(br_dtype_of(x), BR_INT16);
    text = explained(x);
    ck_assert_msg(strstr(text, "left packed (_FillValue 7, scale_factor 0.013)") != NULL, "%s",
                  text);
    x = br_from_hdf5(ctx, in_corpus("packed.nc"), "f8_nan");
    ck_assert_int_eq(br_dtype_of(x), BR_FLOAT64);
}
END_TEST

static br_run_info run_of(br_array *x)
{
    br_run_info info;
    void *got;
    ck_assert_msg(br_compute_alloc(x, &got) == BR_OK, "%s", br_message(ctx));
    free(got);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return info;
}

static void expect_like(br_run_info got, br_run_info want, const char *dataset)
{
    ck_assert_msg(got.tasks == want.tasks, "%s: %lld tasks, not %lld", dataset,
                  (long long)got.tasks, (long long)want.tasks);
    ck_assert_msg(got.bytes_read == want.bytes_read, "%s: %lld bytes, not %lld", dataset,
                  (long long)got.bytes_read, (long long)want.bytes_read);
}

/* What unpacks is in the tasks that read: there are no more of them than with .raw, and what they
 * read is neither read twice nor as the wider elements. */
START_TEST(unpacks_in_the_tasks_that_read)
{
    static const char *const names[] = {"i2_packed", "u1_fill_packed", "i4_unsigned_fill",
                                        "i2_range_packed", "f4_fill_scale"};
    const br_extents chunks = BR_CHUNKS(8, 9); /* as they are stored */
    const char *path = in_corpus("packed.nc"), *name = names[_i];
    br_array *x = br_from_hdf5(ctx, path, name, .chunks = chunks);
    br_array *raw = br_from_hdf5(ctx, path, name, .chunks = chunks, .raw = true);
    br_run_info each = run_of(br_mul(raw, 2));
    ck_assert_int_eq(each.tasks, 3 * 4);
    ck_assert_int_gt(each.bytes_read, 0);
    expect_like(run_of(br_mul(x, 2)), each, name);
    expect_like(run_of(br_sum(x)), run_of(br_sum(raw)), name);
}
END_TEST

int main(void)
{
    if (!read_index())
        return NO_CORPUS;
    TCase *t = tcase_create("packing");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, unpacks_as_xarray_does);
    tcase_add_test(t, joins_files_of_netcdf);
    tcase_add_test(t, says_what_is_done);
    tcase_add_loop_test(t, unpacks_in_the_tasks_that_read, 0, 5);
    return run_case("packing", t);
}
