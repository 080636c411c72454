/* SPDX-License-Identifier: BSD-3-Clause
 * store_samples.h - what the tests of br_store_hdf5 share: a folder, arrays, and looks at files.
 */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#include "tests/store_folder.h"
#include "tests/suite.h"

/* 0, 1, 2, ... times a factor, in chunks. */
static inline br_array *numbers(int64_t rows, int64_t columns, double factor)
{
    br_array *n = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)(rows * columns)));
    return br_rechunk(br_mul(br_reshape(n, BR_SHAPE(rows, columns)), factor), BR_CHUNKS(4, 5));
}

static inline void ok(br_status st)
{
    ck_assert_msg(st == BR_OK, "%s", br_message(ctx));
}

/* The call failed, and its message has the text. */
static inline void refused(br_status got, br_status want, const char *text)
{
    ck_assert_msg(got == want, "status %d: %s", (int)got, br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "%s", br_message(ctx));
    br_clear_error(ctx);
}

/* A function on blocks of rows and columns that fails in one of the last. */
static inline int fails_late(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n, (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return out->chunk[0] == 4 && out->chunk[1] == 5;
}

static inline void sums_to(br_array *x, double want)
{
    double sum;
    ok(br_compute_f64(br_sum(x), &sum));
    ck_assert_msg(sum == want, "%.17g instead of %.17g", sum, want);
}

static inline void holds(const char *path, const char *dataset, double want)
{
    sums_to(br_from_hdf5(ctx, path, dataset), want);
}

/* As the library itself reads it. */
static inline void library_reads(const char *path, const char *dataset, int64_t n, double factor)
{
    double *data = calloc((size_t)n, sizeof *data);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT);
    ck_assert_msg(set >= 0, "%s:%s", path, dataset);
    ck_assert_int_ge(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), 0);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(data[i] == factor * (double)i, "%s: element %lld", dataset, (long long)i);
    ck_assert_int_ge(H5Dclose(set) | H5Fclose(file), 0);
    free(data);
}

static inline uint64_t digest(const char *path)
{
    uint64_t sum = 14695981039346656037u;
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    for (int c = fgetc(f); c != EOF; c = fgetc(f))
        sum = (sum ^ (uint64_t)c) * 1099511628211u;
    fclose(f);
    return sum;
}

static inline int run_stores(TCase *t)
{
    tcase_add_checked_fixture(t, set_up, tear_down);
    return run_case("store", t);
}

#endif
