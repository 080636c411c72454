/* SPDX-License-Identifier: BSD-3-Clause
 * test_user_reductions.c - users' reductions: what their functions see and in which order,
 * states of any size, the same bits from files.
 */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/suite.h"
#include "tests/user.h"

/* ---- what a reduction's functions see ---- */

/* A state that writes down its calls: "[3 5 ( ... )]". */
typedef struct diary {
    char text[500];
} diary;

static void diary_open(void *state, const void *data)
{
    diary *d = state;
    for (size_t i = 0; i < sizeof *d; i++)
        ck_assert_int_eq(d->text[i], 0);
    if (data != NULL)
        strcpy(d->text, data);
}

static void add_text(diary *d, const char *text)
{
    ck_assert(strlen(d->text) + strlen(text) < sizeof d->text);
    strcat(d->text, text);
}

static int diary_run(void *state, const void *elements, br_dtype dtype, int64_t n, const void *data)
{
    char text[60];
    const int32_t *x = elements;
    (void)data;
    ck_assert_int_eq(dtype, BR_INT32);
    ck_assert_uint_eq((uintptr_t)state % 16, 0);
    snprintf(text, sizeof text, "%d-%d:%d ", x[0], x[n - 1], (int)n);
    add_text(state, text);
    return 0;
}

static int diary_merge(void *left, const void *right, const void *data)
{
    diary *d = left;
    char all[sizeof d->text];
    (void)data;
    snprintf(all, sizeof all, "(%.240s|%.240s)", d->text, ((const diary *)right)->text);
    strcpy(d->text, all);
    return 0;
}

static char diaries[8][sizeof(diary) + 40];
static int ndiaries;

static int diary_close(const void *state, int64_t n, void *result, const void *data)
{
    (void)data;
    snprintf(diaries[ndiaries], sizeof diaries[0], "%s= %d", ((const diary *)state)->text, (int)n);
    *(uint8_t *)result = (uint8_t)++ndiaries;
    return 0;
}

/* A reduction of 0, 1, 2, ... in this shape writes these diaries. */
static void writes(br_extents shape, br_extents chunks, br_axes axes, const char *data,
                   const char *const *want)
{
    int64_t n = 1;
    uint8_t result[8] = {0};
    for (int a = 0; a < shape.ndim; a++)
        n *= shape.extent[a];
    br_array *flat = br_arange(ctx, BR_NUM(0), BR_NUM(n), .dtype = BR_INT32);
    br_array *x = br_rechunk(br_reshape(flat, shape), chunks);
    br_array *y = br_reduction(x, axes, .state_bytes = sizeof(diary), .init = diary_open,
                               .accumulate = diary_run, .merge = diary_merge, .finish = diary_close,
                               .dtype = BR_UINT8, .data = data,
                               .data_bytes = data != NULL ? strlen(data) + 1 : 0);
    ndiaries = 0;
    ck_assert_int_eq(br_compute(y, result, br_nbytes(y)), BR_OK);
    for (int i = 0; want[i] != NULL; i++) {
        ck_assert_str_eq(diaries[i], want[i]);
        ck_assert_int_eq(result[i], i + 1);
    }
}
#define WRITES(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(runs_and_merges)
{
    br_axes all = {0, {0}};
    writes(BR_SHAPE(5), BR_CHUNKS(5), all, NULL, WRITES("0-4:5 = 5"));
    writes(BR_SHAPE(5), BR_CHUNKS(1), all, NULL,
           WRITES("(((0-0:1 |1-1:1 )|(2-2:1 |3-3:1 ))|4-4:1 )= 5"));
    writes(BR_SHAPE(1300), BR_CHUNKS(1300), all, NULL,
           WRITES("0-511:512 512-1023:512 1024-1299:276 = 1300"));
    writes(BR_SHAPE(1300), BR_CHUNKS(700), all, "x ",
           WRITES("(x 0-511:512 512-699:188 |x 700-1211:512 1212-1299:88 )= 1300"));
    /* Whole rows of 3; 128 of them make a run. */
    writes(BR_SHAPE(300, 3), BR_CHUNKS(300, 3), all, NULL,
           WRITES("0-383:384 384-767:384 768-899:132 = 900"));
    /* Runs along an axis that is not the last. */
    writes(
        BR_SHAPE(300, 2), BR_CHUNKS(300, 2), BR_AXES(0), NULL,
        WRITES("0-254:128 256-510:128 512-598:44 = 300", "1-255:128 257-511:128 513-599:44 = 300"));
    /* Rows of more than a run. */
    writes(BR_SHAPE(2, 600), BR_CHUNKS(2, 600), all, NULL,
           WRITES("0-511:512 512-599:88 600-1111:512 1112-1199:88 = 1200"));
    /* Both axes are cut: first all of each row, then the rows. */
    writes(BR_SHAPE(2, 4), BR_CHUNKS(1, 2), all, NULL,
           WRITES("((0-1:2 |2-3:2 )|(4-5:2 |6-7:2 ))= 8"));
    /* Only the first of them: a chunk of the second is within a leaf. */
    writes(BR_SHAPE(3, 4), BR_CHUNKS(1, 4), all, NULL, WRITES("((0-3:4 |4-7:4 )|8-11:4 )= 12"));
    writes(BR_SHAPE(3, 2), BR_CHUNKS(2, 2), BR_AXES(0), NULL,
           WRITES("(0-2:2 |4-4:1 )= 3", "(1-3:2 |5-5:1 )= 3"));
    writes(BR_SHAPE(2, 3, 2), BR_CHUNKS(2, 3, 2), BR_AXES(-1, 0), NULL,
           WRITES("0-7:4 = 4", "2-9:4 = 4", "4-11:4 = 4"));
    writes(BR_SHAPE(2), BR_CHUNKS(1), BR_NO_AXES, NULL, WRITES("0-0:1 = 1", "1-1:1 = 1"));
}
END_TEST

/* The finish of the first state, never merged, whatever the chunks of other axes. */
START_TEST(of_no_elements)
{
    br_axes all = {0, {0}};
    writes(BR_SHAPE(0), BR_CHUNKS(1), all, "none", WRITES("none= 0"));
    writes(BR_SHAPE(2, 0), BR_CHUNKS(1, 1), BR_AXES(1), "none", WRITES("none= 0", "none= 0"));
    writes(BR_SHAPE(2, 0), BR_CHUNKS(1, 1), all, "none", WRITES("none= 0"));
    writes(BR_SHAPE(0, 2), BR_CHUNKS(1, 1), all, "none", WRITES("none= 0"));
    br_array *x = br_zeros(ctx, BR_SHAPE(2, 0));
    br_array *y = br_reduction(x, BR_AXES(0), .state_bytes = 500, .accumulate = diary_run,
                               .merge = diary_merge, .finish = diary_close, .name = "nothing");
    ck_assert_int_eq(br_nelem(y), 0);
    ck_assert_int_eq(br_dtype_of(y), BR_FLOAT64);
    ck_assert_int_eq(br_compute(y, diaries, 0), BR_OK);
}
END_TEST

/* ---- states of any size ---- */

typedef struct big {
    int64_t sum[BR_MAX_STATE_BYTES / 8];
} big;

static int big_of(void *state, const void *elements, br_dtype dtype, int64_t n, const void *data)
{
    big *b = state;
    (void)dtype;
    (void)data;
    for (int64_t i = 0; i < n; i++)
        b->sum[((const int64_t *)elements)[i] % 8192] += 1;
    return 0;
}

static int big_merge(void *left, const void *right, const void *data)
{
    (void)data;
    for (int i = 0; i < 8192; i++)
        ((big *)left)->sum[i] += ((const big *)right)->sum[i];
    return 0;
}

static int big_finish(const void *state, int64_t n, void *result, const void *data)
{
    int64_t total = 0;
    (void)data;
    for (int i = 0; i < 8192; i++)
        total += ((const big *)state)->sum[i] * i;
    *(double *)result = (double)total / (double)n;
    return 0;
}

static int byte_of(void *state, const void *elements, br_dtype dtype, int64_t n, const void *data)
{
    (void)dtype;
    (void)data;
    for (int64_t i = 0; i < n; i++)
        *(uint8_t *)state ^= (uint8_t)((const int64_t *)elements)[i];
    return 0;
}

static int byte_merge(void *left, const void *right, const void *data)
{
    (void)data;
    *(uint8_t *)left ^= *(const uint8_t *)right;
    return 0;
}

static int byte_finish(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(uint8_t *)result = *(const uint8_t *)state;
    return 0;
}

START_TEST(small_and_large_states)
{
    double mean[40];
    uint8_t parity[3];
    br_array *x = br_reshape(br_arange(ctx, BR_NUM(0), BR_NUM(40000)), BR_SHAPE(40, 1000));
    x = br_rechunk(x, BR_CHUNKS(7, 300));
    br_array *y =
        br_reduction(x, BR_AXES(1), .state_bytes = BR_MAX_STATE_BYTES, .accumulate = big_of,
                     .merge = big_merge, .finish = big_finish, .dtype = BR_FLOAT64);
    ck_assert_int_eq(br_compute(y, mean, sizeof mean), BR_OK);
    for (int i = 0; i < 40; i++) {
        int64_t sum = 0;
        for (int k = 0; k < 1000; k++)
            sum += (1000 * i + k) % 8192;
        ck_assert(mean[i] == (double)sum / 1000);
    }
    y = br_reduction(br_index(x, ":, :3"), BR_AXES(0), false, 1, NULL, byte_of, byte_merge,
                     byte_finish, BR_UINT8);
    ck_assert_int_eq(br_compute(y, parity, sizeof parity), BR_OK);
    for (int k = 0; k < 3; k++) {
        uint8_t want = 0;
        for (int i = 0; i < 40; i++)
            want ^= (uint8_t)(1000 * i + k);
        ck_assert_int_eq(parity[k], want);
    }
}
END_TEST

/* ---- the same bits from files, which are read in slabs ---- */

typedef struct rough {
    float sum;
} rough;

/* Grouping shows in the last bits. */
static int rough_of(void *state, const void *elements, br_dtype dtype, int64_t n, const void *data)
{
    rough *r = state;
    float part = 0;
    (void)dtype;
    (void)data;
    for (int64_t i = 0; i < n; i++)
        part += ((const float *)elements)[i];
    r->sum = r->sum * 0.999f + part;
    return 0;
}

static int rough_merge(void *left, const void *right, const void *data)
{
    (void)data;
    ((rough *)left)->sum += ((const rough *)right)->sum;
    return 0;
}

static int rough_finish(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(float *)result = ((const rough *)state)->sum;
    return 0;
}

/* A contiguous dataset, which the library reads by pieces of rows. */
static void write_file(const char *path, int ndim, const int64_t *shape, const float *x)
{
    hsize_t n[3];
    for (int a = 0; a < ndim; a++)
        n[a] = (hsize_t)shape[a];
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(ndim, n, NULL);
    hid_t set = H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
}

static br_array *rough_sum(br_array *x, br_axes axes)
{
    return br_reduction(br_mul(x, 1.5), axes, .state_bytes = sizeof(rough), .accumulate = rough_of,
                        .merge = rough_merge, .finish = rough_finish);
}

static void compare_with_file(const char *path, br_extents shape)
{
    int64_t n = 1;
    for (int a = 0; a < shape.ndim; a++)
        n *= shape.extent[a];
    float *values = malloc((size_t)n * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)sin((double)i * 0.7);
    write_file(path, shape.ndim, shape.extent, values);
    br_array *memory = br_from_memory(ctx, values, BR_FLOAT32, shape, .chunks = shape);
    br_array *file = br_from_hdf5(ctx, path, "x", .chunks = shape);
    for (uint32_t mask = 1; mask < 1u << shape.ndim; mask++) {
        br_axes axes = {0, {0}};
        for (int a = 0; a < shape.ndim; a++)
            if (mask >> a & 1)
                axes.axis[axes.n++] = a;
        void *a = NULL;
        void *b = NULL;
        br_array *x = rough_sum(memory, axes);
        ck_assert_int_eq(br_compute_alloc(x, &a), BR_OK);
        ck_assert_int_eq(br_compute_alloc(rough_sum(file, axes), &b), BR_OK);
        ck_assert_msg(memcmp(a, b, br_nbytes(x)) == 0, "%d axes, mask %u", shape.ndim, mask);
        free(a);
        free(b);
    }
    free(values);
    remove(path);
}

START_TEST(slabs_of_files)
{
    char path[200];
    const char *top = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/test_user.%d.h5", top != NULL ? top : "/tmp", (int)getpid());
    compare_with_file(path, BR_SHAPE(700000));
    compare_with_file(path, BR_SHAPE(700, 1000));
    /* Slabs would be of 16 and 32 rows, but runs along the first axis are of 77 and 128. */
    compare_with_file(path, BR_SHAPE(77, 20000));
    compare_with_file(path, BR_SHAPE(1100, 3000));
    compare_with_file(path, BR_SHAPE(70000, 11));
    compare_with_file(path, BR_SHAPE(130, 1000, 7));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("user_reductions");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, runs_and_merges);
    tcase_add_test(tcase, of_no_elements);
    tcase_add_test(tcase, small_and_large_states);
    tcase_add_test(tcase, slabs_of_files);
    return run_case("user_reductions", tcase);
}
