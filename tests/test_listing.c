/* SPDX-License-Identifier: BSD-3-Clause
 * test_listing.c - what br_open_file says about a netCDF-4 file with groups (tests/corpus.py), and
 * about what is none.
 */
#include <bramble/bramble.h>
#include <math.h>
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
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), BR_OK);
}

static br_file *open_listing(void)
{
    br_file *file;
    ck_assert_msg(br_open_file(ctx, in_corpus("listing.nc"), &file) == BR_OK, "%s",
                  br_message(ctx));
    return file;
}

START_TEST(lists_a_file)
{
    static const char *const paths[] = {"",           "lat", "ocean", "ocean/deep", "ocean/names",
                                        "ocean/salt", "t2m", "time"};
    br_file *file = open_listing();
    ck_assert_int_eq(br_file_count(file), 8);
    for (int i = 0; i < 8; i++)
        ck_assert_str_eq(br_file_item(file, i)->path, paths[i]);
    ck_assert_ptr_null(br_file_item(file, 8));
    ck_assert_ptr_null(br_file_item(file, -1));
    ck_assert_ptr_null(br_file_find(file, "lon"));
    ck_assert_ptr_eq(br_file_find(file, "/ocean/salt"), br_file_item(file, 5));
    br_close_file(file);
    br_close_file(NULL);
}
END_TEST

START_TEST(describes_a_dataset)
{
    br_file *file = open_listing();
    const br_item *t2m = br_file_find(file, "t2m"), *salt = br_file_find(file, "ocean/salt");
    ck_assert(!t2m->is_group && t2m->dtype == BR_INT16 && t2m->ndim == 3 && t2m->unlimited == 1);
    ck_assert(t2m->shape[0] == 0 && t2m->shape[2] == 4 && t2m->chunk[0] == 1);
    ck_assert_str_eq(t2m->dim[0], "time");
    ck_assert_str_eq(t2m->dim[2], "lon");
    ck_assert_str_eq(t2m->filters, "shuffle, deflate");
    ck_assert_str_eq(salt->dim[0], "lat");
    ck_assert_str_eq(salt->dim[1], "bare");
    ck_assert_str_eq(br_file_find(file, "lat")->dim[0], "lat");
    ck_assert_str_eq(br_file_find(file, "ocean/names")->type, "variable-length strings");
    ck_assert_int_eq(br_file_find(file, "ocean/names")->dtype, 0);
    ck_assert(br_file_find(file, "ocean")->is_group);
    br_close_file(file);
}
END_TEST

START_TEST(reads_attributes)
{
    br_file *file = open_listing();
    const br_item *t2m = br_file_find(file, "t2m"), *deep = br_file_find(file, "ocean/deep");
    const br_attribute *range = br_item_attribute(t2m, "valid_range");
    ck_assert(range->dtype == BR_INT16 && range->n == 2);
    ck_assert(br_attribute_f64(range, 0) == -50 && br_attribute_f64(range, 1) == 50);
    ck_assert(isnan(br_attribute_f64(range, 2)) && isnan(br_attribute_f64(NULL, 0)));
    ck_assert(br_attribute_f64(br_item_attribute(t2m, "scale_factor"), 0) == 0.01);
    ck_assert_str_eq(br_item_attribute(t2m, "long_name")->text[0], "température à 2 m");
    ck_assert_str_eq(br_item_attribute(t2m, "flag_meanings")->text[1], "second");
    ck_assert_str_eq(br_item_attribute(br_file_item(file, 0), "title")->text[0],
                     "a month of weather");
    ck_assert_ptr_null(br_item_attribute(t2m, "DIMENSION_LIST"));
    ck_assert_ptr_null(br_item_attribute(NULL, "x"));
    ck_assert_int_eq(br_item_attribute(deep, "none")->n, 0);
    ck_assert_str_eq(br_item_attribute(deep, "fixed")->text[0], "abc");
    ck_assert_str_eq(br_item_attribute(deep, "where")->other, "references");
    ck_assert_int_eq(br_item_attribute(deep, "many")->n, 20);
    br_close_file(file);
}
END_TEST

static const char listing[] =
    "\n"
    "    :title = \"a month of weather\"\n"
    "float32 lat(lat = 3)\n"
    "group ocean\n"
    "    ocean:depth = 5000\n"
    "group ocean/deep\n"
    "    deep:fixed = \"abc\"\n"
    "    deep:many = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (20 values)\n"
    "    deep:none =\n"
    "    deep:where = (references)\n"
    "variable-length strings ocean/names(lat = 3)\n"
    "float32 ocean/salt(lat = 3, bare = 2), chunks (3, 2), fletcher32\n"
    "int16 t2m(time = 0 unlimited, lat = 3, lon = 4), chunks (1, 3, 4), shuffle, deflate\n"
    "    t2m:_FillValue = -99\n"
    "    t2m:flag_meanings = \"first\", \"second\"\n"
    "    t2m:long_name = \"température à 2 m\"\n"
    "    t2m:scale_factor = 0.01\n"
    "    t2m:valid_range = -50, 50\n"
    "float64 time(time = 0 unlimited), chunks (16,)\n"
    "    time:units = \"days since 2000-01-01\"\n";

START_TEST(prints_a_file)
{
    char text[4096];
    br_file *file = open_listing();
    FILE *f = tmpfile();
    br_print_file(file, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ck_assert_str_eq(strchr(text, '\n'), listing);
    br_close_file(file);
}
END_TEST

static void expect_error(const char *path, br_status want, const char *part)
{
    br_file *file = (br_file *)ctx;
    ck_assert_int_eq(br_open_file(ctx, path, &file), want);
    ck_assert_ptr_null(file);
    ck_assert_msg(strstr(br_message(ctx), part) != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
}

START_TEST(names_what_is_no_file)
{
    expect_error("/not/there.h5", BR_ENOTFOUND, "/not/there.h5: No such file");
    expect_error(NULL, BR_EARG, "NULL");
    expect_error(in_corpus("index.txt"), BR_EFORMAT, "not an HDF5 file");
    expect_error("/tmp", BR_EIO, "directory");
}
END_TEST

int main(void)
{
    if (!read_index())
        return NO_CORPUS;
    TCase *t = tcase_create("listing");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, lists_a_file);
    tcase_add_test(t, describes_a_dataset);
    tcase_add_test(t, reads_attributes);
    tcase_add_test(t, prints_a_file);
    tcase_add_test(t, names_what_is_no_file);
    return run_case("listing", t);
}
