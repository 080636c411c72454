/* SPDX-License-Identifier: BSD-3-Clause
 * test_npy.c - .npy files that are read: headers good, bad and mutated, every dtype in both byte
 * orders and layouts, files that change.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/io/npy.h"
#include "runtime/error.h"
#include "tests/npy_files.h"
#include "tests/suite.h"

/* ---- files ---- */

static void write_npy(const char *path, int version, const char *text, const void *elements,
                      size_t n)
{
    static char bytes[1 << 16];
    write_bytes(path, bytes, make_file(bytes, version, text, elements, n));
}

static br_array *open_npy(const char *path)
{
    return br_from_npy(ctx, path);
}

/* ---- headers ---- */

static const struct {
    const char *text;
    br_status status;
    const char *message;
} headers[] = {
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }", BR_OK, ""},
    {"{'shape': (3,4),'fortran_order':True,'descr':\"<f8\"}", BR_OK, ""},
    {"{\"descr\": \"=i4\", \"fortran_order\": False, \"shape\": (5,)}", BR_OK, ""},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }", BR_OK, ""},
    {"{'descr': '<i2', 'fortran_order': False, 'shape': (2L, 0L,), }  \n", BR_OK, ""},
    {"", BR_EFORMAT, "a dictionary is missing"},
    {"{}", BR_EFORMAT, "shape is missing"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), ", BR_EFORMAT,
     "a string is missing"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)} x", BR_EFORMAT,
     "more follows at \"x\""},
    {"{'descr': '<f8', 'fortran_order': False}", BR_EFORMAT, "is missing"},
    {"{'descr': '<f8', 'descr': '<f8', 'shape': ()}", BR_EFORMAT, "a key is there twice"},
    {"{'descr': '<f8', 'order': False, 'shape': ()}", BR_EFORMAT, "an unknown key"},
    {"{'descr' '<f8', 'fortran_order': False, 'shape': ()}", BR_EFORMAT, "a colon is missing"},
    {"{'descr': '<f8' 'fortran_order': False, 'shape': ()}", BR_EFORMAT, "a comma is missing"},
    {"{'descr': '<f8, 'fortran_order: False, ", BR_ETYPE, "'<f8, '"},
    {"{'descr': '<f8', 'fortran_order': 0, 'shape': ()}", BR_EFORMAT, "True or False is missing"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': 3}", BR_EFORMAT, "a tuple is missing"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (3)}", BR_EFORMAT, "a comma is missing"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}", BR_EFORMAT,
     "an extent is missing at \"-3,)"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", BR_EFORMAT,
     "too large"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", BR_EFORMAT,
     "too large"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
     "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
     BR_EUNSUPPORTED, "more than 32 axes"},
    {"{'descr': '<f2', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "holds elements '<f2'"},
    {"{'descr': '<U7', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "holds elements '<U7'"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "holds elements '|O'"},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "'<f16'"},
    {"{'descr': '', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "''"},
    {"{'descr': '<f00000000008', 'fortran_order': False, 'shape': ()}", BR_ETYPE, "no dtype"},
    {"{'descr': '|f8', 'fortran_order': False, 'shape': ()}", BR_EFORMAT, "no byte order"},
    {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}", BR_ETYPE, "several fields"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': ()\x01\xff", BR_EFORMAT, "at \"\?\?\""},
};
enum { NHEADERS = sizeof headers / sizeof headers[0] };

/* In memory that ends where the text does. */
static br_status parse(const char *text, size_t n, bri_npy_header *h)
{
    char *copy = malloc(n + 1);
    memcpy(copy + 1, text, n);
    br_status st = bri_npy_parse("f.npy", copy + 1, n, h);
    free(copy);
    return st;
}

START_TEST(headers_good_and_bad)
{
    bri_npy_header h;
    for (int i = 0; i < NHEADERS; i++) {
        br_status st = parse(headers[i].text, strlen(headers[i].text), &h);
        ck_assert_msg(st == headers[i].status, "%s: %d", headers[i].text, st);
        if (st != BR_OK)
            ck_assert_msg(strstr(bri_last_error(), headers[i].message) != NULL, "%s lacks %s",
                          bri_last_error(), headers[i].message);
    }
    ck_assert_int_eq(parse(headers[1].text, strlen(headers[1].text), &h), BR_OK);
    ck_assert(h.dtype == BR_FLOAT64 && h.fortran && !h.swapped && h.ndim == 2);
    ck_assert(h.shape[0] == 3 && h.shape[1] == 4);
    ck_assert_int_eq(parse(headers[3].text, strlen(headers[3].text), &h), BR_OK);
    ck_assert(h.dtype == BR_UINT8 && !h.fortran && h.ndim == 0);
}
END_TEST

static uint32_t random_below(uint32_t n)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 20) % n;
}

/* Some bytes are changed, left out, doubled or taken from the language. */
static size_t mutate(char *text, size_t n)
{
    static const char pieces[] = "{}()[]':,<>=|0123456789LfbiucTrueFalse\" \n";
    for (uint32_t k = 1 + random_below(4); k > 0 && n > 0; k--) {
        size_t at = random_below((uint32_t)n);
        switch (random_below(5)) {
        case 0:
            text[at] = (char)random_below(256);
            break;
        case 1:
            text[at] = pieces[random_below(sizeof pieces - 1)];
            break;
        case 2:
            memmove(text + at, text + at + 1, n-- - at - 1);
            break;
        case 3:
            memmove(text + at + 1, text + at, n++ - at);
            break;
        default:
            n = random_below(8) == 0 ? at : n;
        }
    }
    return n;
}

START_TEST(headers_mutated)
{
    int good = 0;
    for (int round = 0; round < 200000; round++) {
        char text[300];
        bri_npy_header h;
        strcpy(text, headers[random_below(5)].text);
        size_t n = mutate(text, strlen(text));
        br_status st = parse(text, n, &h);
        good += st == BR_OK;
        if (st != BR_OK && st != BR_EFORMAT && st != BR_ETYPE && st != BR_EUNSUPPORTED)
            ck_abort_msg("status %d of %.*s", st, (int)n, text);
        if (st == BR_OK && (!br_dtype_size(h.dtype) || h.ndim < 0 || h.ndim > BR_MAX_NDIM))
            ck_abort_msg("accepted %.*s", (int)n, text);
        for (int a = 0; st == BR_OK && a < h.ndim; a++)
            if (h.shape[a] < 0)
                ck_abort_msg("accepted %.*s", (int)n, text);
    }
    ck_assert_int_gt(good, 2000);
    ck_assert_int_lt(good, 150000);
}
END_TEST

/* Whole files with mutated bytes: opening and computing ends well or with an error. */
START_TEST(files_mutated)
{
    char whole[512];
    const double v[12] = {1, 2, 3, 4, 5, 6};
    int good = 0;
    for (int round = 0; round < 800; round++) {
        br_scope *scope = br_scope_open(ctx);
        size_t n = make_file(whole, 1 + round % 3, headers[0].text, v, sizeof v);
        for (uint32_t k = 1 + random_below(2); k > 0; k--)
            whole[random_below(200)] = (char)random_below(256);
        n = random_below(4) == 0 ? random_below((uint32_t)n + 1) : n;
        write_bytes("m.npy", whole, n);
        br_array *x = open_npy("m.npy");
        double sum;
        if (br_status_of(x) == BR_OK)
            good += br_compute_f64(br_sum(br_astype(x, BR_FLOAT64)), &sum) == BR_OK;
        br_clear_error(ctx);
        br_scope_close(scope);
    }
    ck_assert_int_gt(good, 20);
    ck_assert_int_lt(good, 700);
}
END_TEST

START_TEST(files_bad)
{
    const double v[12] = {0};
    fails(open_npy("none.npy"), BR_ENOTFOUND, "from_npy (test_npy.c:");
    fails(open_npy(NULL), BR_EARG, "the path is NULL");
    fails(open_npy("."), BR_EIO, "a directory");
    write_bytes("a.npy", "", 0);
    fails(open_npy("a.npy"), BR_EFORMAT, "the file is empty");
    write_bytes("a.npy", "PK\3\4.......", 12);
    fails(open_npy("a.npy"), BR_EFORMAT, ".npz");
    write_bytes("a.npy", "hello world", 11);
    fails(open_npy("a.npy"), BR_EFORMAT, "not an .npy file");
    write_bytes("a.npy", "\x93NUMP", 5);
    fails(open_npy("a.npy"), BR_EFORMAT, "not an .npy file");
    write_bytes("a.npy", "\x93NUMPY\4\0....", 12);
    fails(open_npy("a.npy"), BR_EFORMAT, "version 4.0");
    write_bytes("a.npy", "\x93NUMPY\2\0\1\1\1\1", 12);
    fails(open_npy("a.npy"), BR_EFORMAT, "a header of 16843009 bytes");
    write_bytes("a.npy", "\x93NUMPY\1\0\1\1{}", 12);
    fails(open_npy("a.npy"), BR_EFORMAT, "ends inside its header");
    write_npy("a.npy", 1, headers[0].text, v, sizeof v - 1);
    fails(open_npy("a.npy"), BR_EFORMAT, "95 of 96 bytes");
    write_npy("a.npy", 1, headers[0].text, v, sizeof v);
    fails(br_from_npy(ctx, "a.npy", .chunks = BR_CHUNKS(2)), BR_ESHAPE, "chunks for 1 axes");
    ck_assert_int_eq(br_status_of(open_npy("a.npy")), BR_OK);
}
END_TEST

/* ---- elements ---- */

static const struct {
    br_dtype dtype;
    char kind;
    int size, part; /* part: bytes that swap */
} kinds[] = {
    {BR_BOOL, 'b', 1, 1},        {BR_INT8, 'i', 1, 1},    {BR_INT16, 'i', 2, 2},
    {BR_INT32, 'i', 4, 4},       {BR_INT64, 'i', 8, 8},   {BR_UINT8, 'u', 1, 1},
    {BR_UINT16, 'u', 2, 2},      {BR_UINT32, 'u', 4, 4},  {BR_UINT64, 'u', 8, 8},
    {BR_FLOAT32, 'f', 4, 4},     {BR_FLOAT64, 'f', 8, 8}, {BR_COMPLEX64, 'c', 8, 4},
    {BR_COMPLEX128, 'c', 16, 8},
};

/* Element e of an array is made of the bytes 16 e + 1, ..., bools of 0 and 1. */
static void element(int kind, int e, bool swapped, unsigned char *to)
{
    int size = kinds[kind].size, part = kinds[kind].part;
    for (int i = 0; i < size; i++)
        to[swapped ? i / part * part + part - 1 - i % part : i] =
            (unsigned char)(kind == 0 ? e % 2 : 16 * e + 1 + i);
}

START_TEST(every_dtype_order_and_version)
{
    const int rows = 3, columns = 4;
    for (int k = 0; k < 13; k++)
        for (int form = 0; form < 12; form++) {
            br_scope *scope = br_scope_open(ctx);
            bool swapped = form % 2, fortran = form / 2 % 2;
            unsigned char stored[12 * 16], want[12 * 16];
            char text[100];
            size_t size = (size_t)kinds[k].size;
            for (int e = 0; e < 12; e++) {
                int at = fortran ? e % columns * rows + e / columns : e;
                element(k, e, swapped, stored + (size_t)at * size);
                element(k, e, false, want + (size_t)e * size);
            }
            snprintf(text, sizeof text,
                     "{'descr': '%c%c%d', 'fortran_order': %s, 'shape': (3, 4), }",
                     size == 1 ? '|'
                     : swapped ? '>'
                               : '<',
                     kinds[k].kind, kinds[k].size, fortran ? "True" : "False");
            write_npy("e.npy", 1 + form / 4, text, stored, 12 * size);
            br_array *x = br_from_npy(ctx, "e.npy", .chunks = BR_CHUNKS(2, 3));
            ck_assert_int_eq(br_dtype_of(x), kinds[k].dtype);
            ck_assert(br_shape(x)[0] == 3 && br_shape(x)[1] == 4);
            ck_assert(br_num_chunks(x, 0) == 2 && br_num_chunks(x, 1) == 2);
            void *got = elements_of(x);
            ck_assert_msg(memcmp(got, want, 12 * size) == 0, "%s", text);
            free(got);
            got = elements_of(br_index(x, "1, ::-2"));
            ck_assert_mem_eq(got, want + 7 * size, size);
            ck_assert_mem_eq((char *)got + size, want + 5 * size, size);
            free(got);
            br_scope_close(scope);
        }
}
END_TEST

/* Truth of other bytes than 1. */
START_TEST(bools_are_zero_or_one)
{
    write_npy("b.npy", 1, "{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", "\0\1\2\377",
              4);
    unsigned char *got = elements_of(open_npy("b.npy"));
    ck_assert_mem_eq(got, "\0\1\1\1", 4);
    free(got);
}
END_TEST

START_TEST(changed_files_are_noticed)
{
    const double v[3] = {1, 2, 3};
    double sum;
    br_array *three = br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(3));
    ck_assert_int_eq(br_store_npy(three, "c.npy"), BR_OK);
    br_array *x = open_npy("c.npy");
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_OK);
    ck_assert_double_eq(sum, 6);
    /* A file that the expression reads is replaced when all is written. */
    ck_assert_int_eq(br_store_npy(br_mul(x, 2), "c.npy"), BR_OK);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_EIO);
    ck_assert_msg(strstr(br_message(ctx), "replaced by another file") != NULL, "%s",
                  br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), "from_npy (test_npy.c:") != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_f64(br_sum(open_npy("c.npy")), &sum), BR_OK);
    ck_assert_double_eq(sum, 12);
    x = open_npy("c.npy");
    usleep(20000);
    write_npy("c.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", v, sizeof v);
    FILE *f = fopen("c.npy", "ab");
    fputc('x', f);
    fclose(f);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_EIO);
    ck_assert_msg(strstr(br_message(ctx), "was changed since") != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
    ck_assert_int_eq(br_compute_f64(br_sum(open_npy("c.npy")), &sum), BR_OK); /* more may follow */
    ck_assert_double_eq(sum, 6);
}
END_TEST

/* What is not asked for is not read; large files pass through little memory. */
START_TEST(files_are_read_in_parts)
{
    br_run_info info;
    br_array *x = br_random_uniform(ctx, BR_SHAPE(4000, 1000), .dtype = BR_FLOAT32);
    ck_assert_int_eq(br_store_npy(x, "p.npy"), BR_OK);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.bytes_written, 16000000);
    br_array *y = br_from_npy(ctx, "p.npy", .chunks = BR_CHUNKS(100, 1000));
    float *part = elements_of(br_index(y, "1234, 10:20"));
    float *same = elements_of(br_index(x, "1234, 10:20"));
    ck_assert_mem_eq(part, same, 40);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    free(part);
    free(same);
    part = elements_of(br_index(y, "5:7, 10:20"));
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_le(info.bytes_read, 3 * 4000);
    free(part);
    double a, b;
    ck_assert_int_eq(br_compute_f64(br_sum(y, .dtype = BR_FLOAT64), &a), BR_OK);
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    ck_assert_int_eq(info.bytes_read, 16000000);
    ck_assert_int_le(info.peak_bytes, 8 << 20);
    br_array *cut = br_rechunk(x, BR_CHUNKS(100, 1000));
    ck_assert_int_eq(br_compute_f64(br_sum(cut, .dtype = BR_FLOAT64), &b), BR_OK);
    ck_assert_double_eq(a, b);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("npy");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, headers_good_and_bad);
    tcase_add_test(tests, headers_mutated);
    tcase_add_test(tests, files_mutated);
    tcase_add_test(tests, files_bad);
    tcase_add_test(tests, every_dtype_order_and_version);
    tcase_add_test(tests, bools_are_zero_or_one);
    tcase_add_test(tests, changed_files_are_noticed);
    tcase_add_test(tests, files_are_read_in_parts);
    return run_case("npy", tests);
}
