/* SPDX-License-Identifier: BSD-3-Clause
 * test_user.c - users' functions: what calls of them see and in which order, what they report, bad
 * arguments.
 */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/refused.h"
#include "tests/suite.h"

static br_context *ctx;

static void open_with(const char *scheduler)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
    br_set_log(ctx, NULL, NULL);
}

static void set_up(void)
{
    open_with("sync");
}

static void tear_down(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), 0);
}

/* ---- br_map2 ---- */

static double weigh(double a, double b, const void *data)
{
    return a + 10 * b + (data != NULL ? *(const double *)data : 0);
}

static double increment(double x, const void *data)
{
    (void)data;
    return x + 1;
}

START_TEST(pairs_of_elements)
{
    static const float a[] = {1, 2, 3};
    static const uint8_t b[] = {4, 5};
    double data = 100;
    double got[6];
    float narrow[3];
    br_array *x = br_from_memory(ctx, a, BR_FLOAT32, BR_SHAPE(3, 1), .chunks = BR_CHUNKS(2, 1));
    br_array *y = br_from_memory(ctx, b, BR_UINT8, BR_SHAPE(2), .chunks = BR_CHUNKS(1));
    br_array *z = br_map2(x, y, weigh, &data, sizeof data);
    data = 0; /* has been copied */
    ck_assert_int_eq(br_dtype_of(z), BR_FLOAT64);
    ck_assert_int_eq(br_compute(z, got, sizeof got), BR_OK);
    for (int i = 0; i < 6; i++)
        ck_assert(got[i] == a[i / 2] + 10 * b[i % 2] + 100);
    data = 7; /* has not */
    ck_assert_int_eq(
        br_compute(br_map2(2, br_squeeze(x, BR_AXES(1)), weigh, &data, .dtype = BR_FLOAT32), narrow,
                   sizeof narrow),
        BR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert(narrow[i] == 2 + 10 * a[i] + 7);
    ck_assert_int_eq(br_compute(br_map2(y, true, weigh), got, 2 * sizeof *got), BR_OK);
    ck_assert(got[0] == 14 && got[1] == 15);
}
END_TEST

static void check_all(br_array *x, double want)
{
    double got[1500];
    ck_assert_int_eq(br_nelem(x), 1500);
    ck_assert_int_eq(br_compute(x, got, sizeof got), BR_OK);
    for (int i = 0; i < 1500; i++)
        ck_assert_msg(got[i] == want, "element %d is %g, not %g", i, got[i], want);
}

/* An operand that is one value for all of a block may share its register with the result. */
START_TEST(functions_of_scalars)
{
    const double one = 1;
    br_array *s = br_from_memory(ctx, &one, BR_FLOAT64, BR_SHAPE(1));
    br_array *wide = br_add(br_broadcast_to(s, BR_SHAPE(1500)), 1);
    check_all(br_mul(br_map(br_full(ctx, BR_SHAPE(1500), BR_NUM(3)), increment), 1.0), 4);
    check_all(br_mul(br_map(wide, increment), 2), 6);
    check_all(br_mul(br_map2(wide, wide, weigh), 1.0), 22);
    check_all(br_mul(br_map2(wide, br_zeros(ctx, BR_SHAPE(1500)), weigh), 1.0), 2);
    check_all(br_mul(br_map2(br_arange(ctx, BR_NUM(0.0), BR_NUM(1500)), wide, weigh), 0), 0);
}
END_TEST

static int calls;

static double count_calls(double a, double b, const void *data)
{
    (void)a;
    (void)b;
    (void)data;
    return ++calls;
}

START_TEST(impure_pairs)
{
    double got[2][10];
    br_array *x = br_zeros(ctx, BR_SHAPE(10));
    for (int impure = 0; impure < 2; impure++) {
        br_result both[2];
        for (int i = 0; i < 2; i++)
            both[i] =
                (br_result){br_map2(x, 0, count_calls, .impure = impure), got[i], sizeof got[i]};
        calls = 0;
        ck_assert_int_eq(br_compute_many(both, 2), BR_OK);
        ck_assert_int_eq(calls, impure ? 20 : 10);
    }
}
END_TEST

START_TEST(bad_pairs)
{
    const double number = 1;
    br_array *x = br_ones(ctx, BR_SHAPE(3));
    br_array *z = br_astype(x, BR_COMPLEX64);
    br_array *none = NULL;
    refused(br_map2(x, x, NULL), BR_EARG, "map2");
    refused(br_map2(x, x, NULL), BR_EARG, "NULL");
    refused(br_map2(x, none, weigh), BR_EARG, "NULL array");
    refused(br_map2(none, x, weigh), BR_EARG, "NULL array");
    refused(br_map2(x, z, weigh), BR_ETYPE, "complex");
    refused(br_map2(z, 1, weigh), BR_ETYPE, "complex");
    refused(br_map2(x, br_number_complex(1, 1), weigh), BR_ETYPE, "complex");
    refused(br_map2(x, br_ones(ctx, BR_SHAPE(4)), weigh), BR_ESHAPE, "(3,) and (4,)");
    refused(br_map2(x, 1, weigh, .dtype = (br_dtype)99), BR_ETYPE, "99");
    refused(br_map2(x, 1, weigh, NULL, 8), BR_EARG, ".data is NULL");
    refused(br_map2(x, 1, weigh, &number, SIZE_MAX), BR_EARG, ".data_bytes");
    refused(br_map(x, increment, &number, SIZE_MAX - 8), BR_EARG, ".data_bytes");
    br_array *first = br_sum(x, .axis = BR_AXES(5));
    ck_assert_str_eq(br_error(br_map2(x, first, weigh)), br_error(first));
    ck_assert_str_eq(br_error(br_map2(first, z, weigh)), br_error(first));
    ck_assert_int_eq(br_status_of(br_map2(1, 2, weigh)), BR_EARG);
}
END_TEST

static int copies(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)out->extent[0] * sizeof(double));
    return 0;
}

/* A sum with the other scratch that wraps round would pass the memory limit. */
START_TEST(scratch_beyond_the_limit)
{
    double got[3];
    br_array *x = br_ones(ctx, BR_SHAPE(3));
    br_array *y = br_map_blocks(x, copies, .scratch_bytes = (size_t)1 << 60);
    ck_assert_int_eq(br_compute(y, got, sizeof got), BR_EMEMLIMIT);
    br_clear_error(ctx);
    refused(br_map_blocks(x, copies, .scratch_bytes = SIZE_MAX), BR_EARG, ".scratch_bytes");
    refused(br_map_blocks(x, copies, .data = got, .data_bytes = SIZE_MAX), BR_EARG, ".data_bytes");
    ck_assert_int_eq(br_compute(br_map_blocks(x, copies, .scratch_bytes = 4096), got, sizeof got),
                     BR_OK);
}
END_TEST

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

/* ---- errors ---- */

typedef struct failing {
    int accumulate, merge, finish;
} failing;

static int fails_to_take(void *state, const void *elements, br_dtype dtype, int64_t n,
                         const void *data)
{
    (void)state;
    (void)dtype;
    (void)n;
    return ((const double *)elements)[0] == 2 ? ((const failing *)data)->accumulate : 0;
}

static int fails_to_merge(void *left, const void *right, const void *data)
{
    (void)left;
    (void)right;
    return ((const failing *)data)->merge;
}

static int fails_to_end(const void *state, int64_t n, void *result, const void *data)
{
    (void)state;
    (void)n;
    *(double *)result = 1;
    return ((const failing *)data)->finish;
}

static br_array *failing_reduction(const failing *data, br_axes axes)
{
    br_array *x = br_reshape(br_arange(ctx, BR_NUM(0.0), BR_NUM(16)), BR_SHAPE(8, 2));
    return br_reduction(br_rechunk(x, BR_CHUNKS(1, 2)), axes, .state_bytes = 8,
                        .accumulate = fails_to_take, .merge = fails_to_merge,
                        .finish = fails_to_end, .data = data, .data_bytes = sizeof *data,
                        .name = "trouble");
}

static void fails(failing data, br_axes axes, const char *function, const char *code,
                  const char *chunk)
{
    double got[8];
    br_array *x = failing_reduction(&data, axes);
    ck_assert_int_eq(br_compute(x, got, br_nbytes(x)), BR_EUSER);
    says(br_message(ctx), function);
    says(br_message(ctx), code);
    says(br_message(ctx), chunk);
    says(br_message(ctx), "trouble (test_user.c:");
    br_clear_error(ctx);
}

START_TEST(functions_that_fail)
{
    br_axes all = {0, {0}};
    double got[8];
    for (int threads = 0; threads < 2; threads++) {
        fails((failing){.accumulate = 5}, BR_AXES(1), "fails_to_take", "returned 5", "chunk (1,)");
        fails((failing){.accumulate = 6}, all, "fails_to_take", "returned 6 in chunk (1, 0) of its",
              "chunk ():");
        fails((failing){.merge = -3}, all, "fails_to_merge", "returned -3", "chunk ()");
        fails((failing){.finish = 9}, all, "fails_to_end", "returned 9", "chunk ()");
        fails((failing){.finish = 9}, BR_AXES(1), "fails_to_end", "returned 9", "chunk (");
        br_array *fine = failing_reduction(&(failing){.merge = 1}, BR_AXES(1));
        ck_assert_int_eq(br_compute(fine, got, sizeof got), BR_OK);
        ck_assert(got[7] == 1);
        ck_assert_int_eq(br_close(ctx), 0);
        open_with("threads");
    }
}
END_TEST

/* A good call with one argument made bad. */
static br_array *reduction_with(br_reduction_args change, size_t state_bytes)
{
    static const failing none;
    br_reduction_args a = {.at = {__FILE__, __LINE__},
                           .x = change.x != NULL ? change.x : br_ones(ctx, BR_SHAPE(3, 4)),
                           .axis = change.axis,
                           .state_bytes = state_bytes,
                           .accumulate = fails_to_take,
                           .merge = fails_to_merge,
                           .finish = fails_to_end,
                           .dtype = change.dtype,
                           .data = &none,
                           .data_bytes = change.data_bytes,
                           .name = change.name,
                           .width = change.width};
    if (change.accumulate != NULL)
        a.accumulate = NULL;
    if (change.merge != NULL)
        a.merge = NULL;
    if (change.finish != NULL)
        a.finish = NULL;
    if (change.data != NULL)
        a.data = NULL;
    return br_reduction_(a);
}

static br_array *wide(br_array *x, br_axes axes, int64_t width)
{
    return br_reduction(x, axes, true, 8, NULL, fails_to_take, fails_to_merge, fails_to_end,
                        .width = width);
}

START_TEST(widths_without_room)
{
    br_extents shape = {BR_MAX_NDIM, {0}};
    for (int a = 0; a < BR_MAX_NDIM; a++)
        shape.extent[a] = 1;
    br_axes all = {0, {0}};
    br_array *x = br_ones(ctx, shape);
    ck_assert_int_eq(br_status_of(wide(x, all, 0)), BR_OK);
    refused(wide(x, all, 1), BR_EAXIS, "no axis is left");
    br_array *large = br_broadcast_to(br_ones(ctx, BR_SHAPE(1)), BR_SHAPE((int64_t)1 << 50));
    ck_assert_int_eq(br_status_of(wide(large, BR_NO_AXES, 1)), BR_OK);
    refused(wide(large, BR_NO_AXES, BR_MAX_RESULT_WIDTH), BR_ESHAPE, ".width 65536");
}
END_TEST

START_TEST(bad_reductions)
{
    const struct {
        br_reduction_args args;
        size_t state_bytes;
        br_status status;
        const char *text;
    } bad[] = {
        {{.accumulate = fails_to_take}, 8, BR_EARG, ".accumulate is NULL"},
        {{.merge = fails_to_merge}, 8, BR_EARG, ".merge is NULL"},
        {{.finish = fails_to_end}, 8, BR_EARG, ".finish is NULL"},
        {{.axis = {0, {0}}}, 0, BR_EARG, ".state_bytes is 0"},
        {{.axis = {0, {0}}}, BR_MAX_STATE_BYTES + 1, BR_EARG, ".state_bytes is 65537"},
        {{.axis = {0, {0}}}, SIZE_MAX, BR_EARG, ".state_bytes"},
        {{.axis = {1, {2}}}, 8, BR_EAXIS, "axis 2 is out of range for 2 dimensions"},
        {{.axis = {1, {-3}}}, 8, BR_EAXIS, "axis -3"},
        {{.axis = {2, {1, -1}}}, 8, BR_EAXIS, "twice"},
        {{.width = -1}, 8, BR_EARG, ".width is -1"},
        {{.width = BR_MAX_RESULT_WIDTH + 1}, 8, BR_EARG, ".width is 65537"},
        {{.dtype = (br_dtype)77}, 8, BR_ETYPE, "77"},
        {{.data_bytes = SIZE_MAX}, 8, BR_EARG, ".data_bytes"},
        {{.data = "", .data_bytes = 8}, 8, BR_EARG, ".data is NULL"},
        {{.name = "a name of more than thirty-one b"}, 8, BR_EARG, ".name has 32 bytes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(reduction_with(bad[i].args, bad[i].state_bytes), bad[i].status, bad[i].text);
    br_array *first = br_sum(br_ones(ctx, BR_SHAPE(3)), .axis = BR_AXES(5));
    ck_assert_str_eq(br_error(reduction_with((br_reduction_args){.x = first}, 0)), br_error(first));
    ck_assert_int_eq(br_status_of(br_reduction_((br_reduction_args){.state_bytes = 8})), BR_EARG);
    ck_assert_int_eq(br_status_of(reduction_with((br_reduction_args){.dtype = BR_INT8}, 8)), BR_OK);
}
END_TEST

/* ---- names ---- */

static char *text_of(br_array *x, br_status (*print)(br_array *x, FILE *to))
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    ck_assert_int_eq(print(x, to), BR_OK);
    fclose(to);
    return text;
}

START_TEST(names_in_plans)
{
    br_array *x = br_ones(ctx, BR_SHAPE(30, 40), .chunks = BR_CHUNKS(10, 40));
    br_array *named =
        br_reduction(x, BR_AXES(0), .state_bytes = 8, .accumulate = fails_to_take,
                     .merge = fails_to_merge, .finish = fails_to_end, .name = "spread");
    char *text = text_of(named, br_explain);
    says(text, "reduction spread (test_user.c:");
    says(text, "3 leaves each");
    free(text);
    text = text_of(reduction_with((br_reduction_args){.x = x}, 8), br_explain);
    says(text, "reduction fails_to_take (test_user.c:");
    free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("user");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, pairs_of_elements);
    tcase_add_test(tcase, functions_of_scalars);
    tcase_add_test(tcase, impure_pairs);
    tcase_add_test(tcase, bad_pairs);
    tcase_add_test(tcase, scratch_beyond_the_limit);
    tcase_add_test(tcase, runs_and_merges);
    tcase_add_test(tcase, of_no_elements);
    tcase_add_test(tcase, small_and_large_states);
    tcase_add_test(tcase, slabs_of_files);
    tcase_add_test(tcase, functions_that_fail);
    tcase_add_test(tcase, bad_reductions);
    tcase_add_test(tcase, widths_without_room);
    tcase_add_test(tcase, names_in_plans);
    return run_case("user", tcase);
}
