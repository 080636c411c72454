/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_places.c - computes with files that not all ranks have; started by test_mpi_places.sh in
 * directories of their own. Files are relative paths.
 *
 * usage: mpi_places make | cases | flights | travel LACKING | store | within | slow |
 * compute | virtual | vanish PATH | explain
 */
#include <bramble/bramble.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 96, COLUMNS = 80, DEPTH = 64, NFILES = 4 };

static br_context *ctx;
static int failures;

static void must(br_status st)
{
    if (st == BR_OK)
        return;
    fprintf(stderr, "mpi_places: %s\n", br_message(ctx));
    failures++;
    br_clear_error(ctx);
}

static double element(int64_t i)
{
    return (double)(i * 2654435761 % 1000003);
}

/* ---- making files, in one process ---- */

static br_array *elements(void)
{
    static double v[ROWS * COLUMNS * DEPTH];
    for (int64_t i = 0; i < ROWS * COLUMNS * DEPTH; i++)
        v[i] = element(i);
    return br_from_memory(ctx, v, BR_FLOAT64, BR_SHAPE(ROWS, COLUMNS, DEPTH),
                          .chunks = BR_CHUNKS(16, 40, 64));
}

/* A dataset that the HDF5 library alone can read; compact ones have at most 64 KiB. */
static void make_slow(hid_t file, const char *name, hid_t list, int columns, int depth)
{
    const hsize_t shape[] = {ROWS, (hsize_t)columns, (hsize_t)depth};
    static double v[ROWS * COLUMNS * DEPTH];
    for (int64_t i = 0; i < ROWS * columns * depth; i++)
        v[i] = element(i);
    hid_t space = H5Screate_simple(3, shape, NULL);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    bool stored = H5Pget_layout(list) == H5D_VIRTUAL || H5Pget_external_count(list) > 0 ||
                  H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0;
    if (set < 0 || !stored || H5Dclose(set) < 0 || H5Sclose(space) < 0 || H5Pclose(list) < 0) {
        fprintf(stderr, "mpi_places: %s cannot be made\n", name);
        failures++;
    }
}

/* The elements of some are in the other files. */
static void make_slow_ones(void)
{
    const hsize_t shape[] = {ROWS, COLUMNS, DEPTH}, chunk[] = {12, 20, 32};
    hid_t file = H5Fcreate("slow.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), list;
    hid_t all = H5Screate_simple(3, shape, NULL);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_COMPACT);
    make_slow(file, "compact", list, 10, 8);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(list, "data.raw", 0, sizeof(double) * ROWS * COLUMNS * DEPTH);
    make_slow(file, "external", list, COLUMNS, DEPTH);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(list, all, "data.h5", "packed", all);
    make_slow(file, "virtual", list, COLUMNS, DEPTH);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 3, chunk);
    H5Pset_nbit(list);
    make_slow(file, "nbit", list, COLUMNS, DEPTH);
    H5Sclose(all), H5Fclose(file);
}

static void make_files(void)
{
    char path[40];
    br_array *x = elements();
    must(br_store_hdf5(x, "data.h5", "packed", .chunks = BR_CHUNKS(12, 20, 32), .deflate = 1));
    must(br_store_hdf5(x, "data.h5", "plain", .contiguous = true));
    must(br_store_npy(x, "data.npy"));
    must(br_store_raw(x, "data.raw"));
    for (int i = 0; i < NFILES; i++) {
        snprintf(path, sizeof path, "part_%d.h5", i);
        must(br_store_hdf5(br_indexf(x, "%d:%d", 24 * i, 24 * (i + 1)), path, "x",
                           .chunks = BR_CHUNKS(10, 40, 64), .deflate = 1));
        snprintf(path, sizeof path, "uneven_%d.h5", i);
        must(br_store_hdf5(br_indexf(x, "%d:%d", 6 * i * i, 6 * (i + 1) * (i + 1)), path, "x",
                           .chunks = BR_CHUNKS(5, 40, 64)));
    }
    make_slow_ones();
}

/* ---- cases whose bits must be those of one process that has the files ---- */

static uint64_t digest(const unsigned char *bytes, size_t n)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 1099511628211u;
    return h;
}

static void show(br_array *x, const char *name, const char *what)
{
    void *buffer = NULL;
    br_status st = br_compute_alloc(x, &buffer);
    must(st);
    if (st == BR_OK)
        printf("%s %s %016" PRIx64 "\n", name, what, digest(buffer, br_nbytes(x)));
    free(buffer);
}

static int sum_of_three(const br_block *in, int nin, const br_block *out, const void *data)
{
    const double *x = in[0].data;
    double *y = out->data;
    int64_t inner = out->extent[1] * out->extent[2];
    (void)nin;
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * inner; i++)
        y[i] = x[i] + x[i + inner] + x[i + 2 * inner];
    return 0;
}

static void run_cases(br_array *x, const char *name)
{
    br_scope *scope = br_scope_open(ctx);
    const int64_t rows[] = {70, 3, 3, 95, 0, 41};
    br_array *taken = br_from_memory(ctx, rows, BR_INT64, BR_SHAPE(6));
    br_array *mean = br_mean(x, .axis = BR_AXES(0), .keepdims = true);
    br_array *flat = br_reshape(x, BR_SHAPE(ROWS, br_shape(x)[1] * br_shape(x)[2]));
    br_array *kept = br_persist(br_mul(x, 0.5));
    show(x, name, "whole");
    show(br_add(br_mul(x, 0.5), 1), name, "elementwise");
    show(br_sum(x), name, "sum");
    show(br_std(x, .axis = BR_AXES(0)), name, "std along rows");
    show(br_var(x, .axis = BR_AXES(1, 2)), name, "var of each row");
    show(br_sub(x, mean), name, "anomaly");
    show(br_std(br_sub(x, mean), .axis = BR_AXES(0)), name, "std of anomaly");
    show(br_index(x, "5:9, ::-7, 3"), name, "slice");
    show(br_sum(br_index(x, "::31, 4:6")), name, "sum of a slice");
    show(br_sub(br_index(x, "1:"), br_index(x, ":-1")), name, "differences");
    show(br_permute_dims(x, BR_AXES(2, 0, 1)), name, "turned");
    show(br_rechunk(br_mul(x, 2), BR_CHUNKS(-1, 7, 11)), name, "rechunked");
    show(br_matmul(flat, br_permute_dims(flat, BR_AXES(1, 0))), name, "product with itself");
    show(br_take(x, taken, .axis = BR_AXES(0)), name, "take");
    show(br_resolve(br_boolean_index(x, br_greater(x, 990000))), name, "masked");
    show(br_map_overlap(x, sum_of_three, .depth = BR_SHAPE(1, 0, 0),
                        .boundary = BR_BOUNDARIES(BR_NEAREST), .inner = true),
         name, "overlap");
    show(br_concat(BR_ARRAYS(x, br_mul(x, 3)), .axis = BR_AXES(1)), name, "joined");
    show(br_sum(br_add(kept, x), .axis = BR_AXES(2)), name, "persisted");
    must(br_store_hdf5(x, "copy.h5", "x", .mode = BR_STORE_TRUNCATE, .deflate = 1));
    show(br_sum(br_from_hdf5(ctx, "copy.h5", "x"), .axis = BR_AXES(1)), name, "copied");
    br_scope_close(scope);
}

static const char *const sources[] = {"packed", "cut",     "plain",    "npy",     "raw", "many",
                                      "uneven", "compact", "external", "virtual", "nbit"};
enum { NSOURCES = sizeof sources / sizeof sources[0] };

static br_array *open_source(int which)
{
    switch (which) {
    case 0:
        return br_from_hdf5(ctx, "data.h5", "packed");
    case 1:
        return br_from_hdf5(ctx, "data.h5", "packed", .chunks = BR_CHUNKS(16, 30, 48));
    case 2:
        return br_from_hdf5(ctx, "data.h5", "plain", .chunks = BR_CHUNKS(20, 80, 64));
    case 3:
        return br_from_npy(ctx, "data.npy", .chunks = BR_CHUNKS(96, 16, 64));
    case 4:
        return br_from_raw(ctx, "data.raw", BR_FLOAT64, BR_SHAPE(ROWS, COLUMNS, DEPTH),
                           .chunks = BR_CHUNKS(7, 80, 64));
    case 5:
        return br_from_hdf5_many(ctx, "part_*.h5", "x", 0, .chunks = BR_CHUNKS(12, 40, 64));
    case 6:
        return br_from_hdf5_many(ctx, "uneven_*.h5", "x", 0, .chunks = BR_CHUNKS(10, 40, 64));
    default:
        return br_from_hdf5(ctx, "slow.h5", sources[which], .chunks = BR_CHUNKS(10, 40, 64));
    }
}

static void cases(void)
{
    for (int i = 0; i < NSOURCES; i++)
        run_cases(open_source(i), sources[i]);
}

/* ---- several in flight ---- */

enum { FLIGHTS = 12 };

/* Each is planned while others run, and has the file's node at another place among its own. */
static void flights(void)
{
    static double result[FLIGHTS][DEPTH];
    br_future *flight[FLIGHTS];
    br_array *x = br_from_hdf5(ctx, "data.h5", "packed", .chunks = BR_CHUNKS(12, 20, 32));
    for (int i = 0; i < FLIGHTS; i++) {
        br_array *y = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)DEPTH));
        for (int k = 0; k < i; k++)
            y = br_sqrt(br_add(y, k));
        flight[i] = br_compute_async(br_sum(br_mul(y, x), .axis = BR_AXES(0, 1)), result[i],
                                     sizeof result[i]);
    }
    for (int i = 0; i < FLIGHTS; i++) {
        must(br_wait(flight[i]));
        br_future_free(flight[i]);
        printf("flight %d %016" PRIx64 "\n", i,
               digest((const unsigned char *)result[i], sizeof result[i]));
    }
}

/* ---- how much travels ---- */

/* At most `times` what the file holds, and a little for messages and states. */
static void travels(br_array *x, const char *what, double times)
{
    br_run_info run;
    double least = times * ROWS * COLUMNS * DEPTH * 8;
    show(x, "packed", what);
    br_last_run(ctx, &run);
    fprintf(stderr, "%s: %lld bytes sent, at most %.0f\n", what, (long long)run.bytes_sent, least);
    if ((double)run.bytes_sent > least + 64 * 1024) {
        fprintf(stderr, "mpi_places: %s: too much travels\n", what);
        failures++;
    }
}

static void travel(int lacking)
{
    br_array *x = br_from_hdf5(ctx, "data.h5", "packed", .chunks = BR_CHUNKS(12, 40, 64));
    const double share = (double)lacking / br_num_ranks(ctx);
    travels(br_sum(x), "sum", share);
    travels(br_std(br_mul(x, 2), .axis = BR_AXES(0)), "std", share + 0.1);
    travels(x, "whole", 0);
    /* Two readers: each chunk at most once to each rank, and the result to rank 0. */
    travels(br_sum(br_sub(x, br_mean(x, .axis = BR_AXES(0), .keepdims = true))), "anomaly",
            lacking + 0.1);
    travels(br_sum(br_index(x, "3, :, 5")), "slice", 0);
    travels(br_sum(br_index(x, "::12, ::8")), "strided", share / 96 + 0.001);
}

/* Numbers made where they are needed: nothing travels but what is stored, a hundredth of it when
 * it is compressed. */
enum { STEPS = 1024, STEPS_CHUNK = 128 };

static br_array *steps(void)
{
    br_array *n =
        br_arange(ctx, BR_NUM(0.0), BR_NUM((double)STEPS), .chunks = BR_CHUNKS(STEPS_CHUNK));
    return br_floor_divide(br_add(br_mul(br_expand_dims(n, 1), STEPS), n), 1000);
}

static void is_stored(const char *name)
{
    double wrong = -1;
    must(br_compute_f64(br_sum(br_abs(br_sub(br_from_hdf5(ctx, "steps.h5", name), steps()))),
                        &wrong));
    if (wrong == 0)
        return;
    fprintf(stderr, "mpi_places: %s: what is stored is off by %g\n", name, wrong);
    failures++;
}

/* Rank 0 alone sees the file. Chunks travel to it as they are stored. */
static void store(void)
{
    static const struct {
        const char *name, *region;
        int deflate;
        bool packed;
    } stores[] = {{"plain", NULL, 0, false}, {"packed", NULL, 1, true}, {"packed", "...", 0, true}};
    const int64_t raw = (int64_t)STEPS * STEPS * 8;
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        const char *name = stores[i].name;
        br_run_info run;
        must(br_store_hdf5(steps(), "steps.h5", name, .deflate = stores[i].deflate,
                           .region = stores[i].region));
        br_last_run(ctx, &run);
        printf("%s: %lld of %lld bytes sent\n", name, (long long)run.bytes_sent, (long long)raw);
        if (stores[i].packed ? run.bytes_sent > raw / 8 : run.bytes_sent < raw / 2) {
            fprintf(stderr, "mpi_places: %s: that is not what is stored\n", name);
            failures++;
        }
        is_stored(name);
    }
}

/* ---- within little memory ---- */

static void within(void)
{
    br_run_info run;
    int64_t peak = 0;
    br_array *x = br_from_hdf5(ctx, "data.h5", "packed", .chunks = BR_CHUNKS(12, 20, 32));
    br_array *plain = br_from_hdf5(ctx, "data.h5", "plain", .chunks = BR_CHUNKS(4, 80, 64));
    br_array *mean = br_mean(x, .axis = BR_AXES(0), .keepdims = true);
    br_array *list[] = {
        br_sum(br_sub(x, br_mean(x))),
        br_std(br_sub(x, mean), .axis = BR_AXES(1, 2)),
        br_sum(br_sub(br_index(x, "1:"), br_index(x, ":-1"))),
        br_sum(br_sub(br_mul(plain, 2), plain), .axis = BR_AXES(1)),
        br_max(br_mul(br_rechunk(plain, BR_CHUNKS(-1, 8, 8)), 3), .axis = BR_AXES(0)),
        br_sum(br_add(plain, br_flip(plain, .axis = BR_AXES(0)))),
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char what[40];
        snprintf(what, sizeof what, "within %zu", i);
        show(list[i], "data", what);
        br_last_run(ctx, &run);
        fprintf(stderr, "%s: %lld bytes at most\n", what, (long long)run.peak_bytes);
        peak = run.peak_bytes > peak ? run.peak_bytes : peak;
    }
    fprintf(stderr, "peak %lld\n", (long long)peak);
}

/* ---- all ranks at a time ---- */

enum { PAUSE_US = 20000 };

static int slow_copy(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)nin;
    (void)data;
    memcpy(out->data, in[0].data, COLUMNS * DEPTH * sizeof(double));
    usleep(PAUSE_US);
    return 0;
}

/* Sources on rank 0 that all read: the ranks work at the same time, not one after the other. */
static void together(br_array *x, const char *what)
{
    br_run_info run;
    br_array *rows = br_map_blocks(br_rechunk(x, BR_CHUNKS(1, COLUMNS, DEPTH)), slow_copy);
    const double alone = 1e-6 * PAUSE_US * ROWS;
    show(br_sum(rows), "data", what);
    br_last_run(ctx, &run);
    /* A busy machine only adds to it. */
    for (int i = 0; i < 9 && br_num_ranks(ctx) > 1 && run.seconds > 0.75 * alone; i++) {
        double sum;
        must(br_compute_f64(br_sum(rows), &sum));
        br_last_run(ctx, &run);
    }
    fprintf(stderr, "%s: %.2f s, %.2f s on one rank\n", what, run.seconds, alone);
    if (br_num_ranks(ctx) > 1 && run.seconds > 0.75 * alone) {
        fprintf(stderr, "mpi_places: %s: ranks wait for each other\n", what);
        failures++;
    }
}

static void slow(void)
{
    together(br_from_hdf5(ctx, "data.h5", "packed", .chunks = BR_CHUNKS(1, COLUMNS, DEPTH)),
             "file");
    together(elements(), "memory");
}

/* ---- one computation, several times ---- */

static void compute(br_array *x)
{
    for (int i = 0; i < 3; i++) {
        double sum;
        br_status st = br_compute_f64(br_sum(x), &sum);
        if (st != BR_OK)
            printf("failed: %s\n", br_message(ctx));
        else
            printf("sum %.17g\n", sum);
        br_clear_error(ctx);
    }
}

/* Its status is the program's, by br_close. */
static void once(void)
{
    double sum;
    if (br_compute_f64(br_sum(br_from_hdf5(ctx, "data.h5", "packed")), &sum) == BR_OK)
        printf("sum %.17g\n", sum);
}

/* A file that goes on some hosts between two computations. */
static void vanish(const char *path)
{
    br_array *x = br_from_hdf5(ctx, "data.h5", "packed");
    show(br_std(x, .axis = BR_AXES(0)), "packed", "std");
    if (remove(path) != 0)
        perror(path);
    show(br_std(x, .axis = BR_AXES(0)), "packed", "std");
}

static void explain(void)
{
    br_array *x = br_from_hdf5(ctx, "data.h5", "packed");
    br_array *m = br_from_hdf5_many(ctx, "part_*.h5", "x", 0);
    must(br_explain(br_sum(br_add(x, m)), stdout));
}

int main(int argc, char **argv)
{
    ctx = br_open(&argc, &argv);
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "make") == 0)
        make_files();
    else if (strcmp(mode, "cases") == 0)
        cases();
    else if (strcmp(mode, "flights") == 0)
        flights();
    else if (strcmp(mode, "travel") == 0 && argc > 2)
        travel(atoi(argv[2]));
    else if (strcmp(mode, "store") == 0)
        store();
    else if (strcmp(mode, "within") == 0)
        within();
    else if (strcmp(mode, "slow") == 0)
        slow();
    else if (strcmp(mode, "compute") == 0)
        compute(br_from_hdf5(ctx, "data.h5", "packed"));
    else if (strcmp(mode, "virtual") == 0)
        compute(br_from_hdf5(ctx, "slow.h5", "virtual", .chunks = BR_CHUNKS(10, 40, 64)));
    else if (strcmp(mode, "once") == 0)
        once();
    else if (strcmp(mode, "vanish") == 0 && argc > 2)
        vanish(argv[2]);
    else if (strcmp(mode, "explain") == 0)
        explain();
    else
        failures++;
    int code = br_close(ctx);
    return failures > 0 ? 1 : code;
}
