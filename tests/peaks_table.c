/* SPDX-License-Identifier: BSD-3-Clause
 * peaks_table.c - what a run holds of an array that is larger than the memory limit, for
 * peaks_table.sh.
 *
 * peaks_table make FILE N                 an .npy file of N x N elements
 * peaks_table run WORKLOAD FILE N ROWS    one workload; the product has ROWS rows
 *
 * A run prints a line for the script: the status, the peak of what was promised and of resident
 * memory (of the rank that has most) beside what the program had before, bytes read, seconds. It
 * fails when a result is wrong or bramble's own peak exceeds the limit.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/resident.h"

enum { ACROSS = 101, DOWN = 97, MOST_RESULTS = 4 };

static br_context *ctx;
static int64_t n, product_rows;
static atomic_llong doubles;    /* elements that the function has made */
static br_prediction predicted; /* where the workload is one array */
static br_run_info run;         /* of the workload itself */

/* Element (i, j) is across(i) + down(j): sums along each axis follow, and all are exact. */
static double across(int64_t i)
{
    return (double)(i * 37 % ACROSS);
}

static double down(int64_t j)
{
    return (double)(j * 53 % DOWN);
}

static double sum_of(double (*f)(int64_t), int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += f(i);
    return sum;
}

static double total(void)
{
    return (double)n * (sum_of(across, n) + sum_of(down, n));
}

/* ---- the file ---- */

static int make(const char *path)
{
    double *row = malloc((size_t)n * sizeof *row);
    FILE *to = fopen(path, "wb");
    char header[128];
    if (row == NULL || to == NULL)
        return 1;
    int used = snprintf(header, sizeof header,
                        "\x93NUMPY\x01%cv%c{'descr': '<f8', 'fortran_order': False, 'shape': "
                        "(%lld, %lld), }",
                        0, 0, (long long)n, (long long)n);
    header[8] = sizeof header - 10;
    memset(header + used, ' ', sizeof header - (size_t)used - 1);
    header[sizeof header - 1] = '\n';
    fwrite(header, sizeof header, 1, to);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++)
            row[j] = across(i) + down(j);
        fwrite(row, sizeof *row, (size_t)n, to);
    }
    bool bad = ferror(to) != 0;
    free(row);
    return fclose(to) != 0 || bad;
}

/* ---- workloads ---- */

typedef struct answers {
    int n;
    double got[MOST_RESULTS], want[MOST_RESULTS], within[MOST_RESULTS];
} answers;

static br_status one(br_array *x, double want, double within, answers *a)
{
    if (br_predict(x, &predicted) != BR_OK)
        br_clear_error(ctx); /* the compute says it, too */
    a->n = 1;
    a->want[0] = want;
    a->within[0] = within;
    return br_compute_f64(x, &a->got[0]);
}

static br_status centred(br_array *x, answers *a)
{
    return one(br_sum(br_sub(x, br_mean(x))), 0, 1e-6 * total(), a);
}

static br_status normalised(br_array *x, answers *a)
{
    br_array *z = br_div(br_sub(x, br_mean(x, .axis = BR_AXIS(0))), br_std(x, .axis = BR_AXIS(0)));
    return one(br_sum(br_mul(z, z)), (double)n * (double)n, 1e-6 * (double)n * (double)n, a);
}

static br_status mirrored(br_array *x, answers *a)
{
    double want = 2 * total() / (double)n / (double)n;
    return one(br_mean(br_add(x, br_permute_dims(x, BR_AXES(1, 0)))), want, 1e-9 * want, a);
}

/* With PEAKS_SLOW the first chunk takes far longer than all the others. */
static void rest(const br_block *block)
{
    if (block->origin[0] == 0 && getenv("PEAKS_SLOW") != NULL)
        usleep(700000);
}

/* The rows before and after. */
static int add_neighbours(const br_block *in, int nin, const br_block *out, const void *data)
{
    int64_t width = out->extent[1];
    const double *v = in->data;
    double *to = out->data;
    (void)nin;
    (void)data;
    rest(out);
    for (int64_t i = 0; i < out->extent[0] * width; i++)
        to[i] = v[i] + v[i + 2 * width];
    return 0;
}

static br_status overlapping(br_array *x, answers *a)
{
    br_array *y = br_map_overlap(x, add_neighbours, .depth = BR_SHAPE(1, 0),
                                 .boundary = BR_BOUNDARIES(BR_CONSTANT(0)), .dtype = BR_FLOAT64,
                                 .inner = true);
    double ends = 2 * sum_of(down, n) + (double)n * (across(0) + across(n - 1));
    return one(br_sum(y), 2 * total() - ends, 0, a);
}

static br_status stored(br_array *x, answers *a)
{
    char path[64];
    int64_t at = n - 7;
    snprintf(path, sizeof path, "peaks-%ld.h5", (long)getpid());
    int64_t width = (n + 199) / 200;
    br_array *columns = br_rechunk(x, BR_CHUNKS(-1, width));
    br_status st = br_store_hdf5(columns, path, "x");
    if (st == BR_OK) {
        br_last_run(ctx, &run);
        br_array *y = br_from_hdf5(ctx, path, "x");
        st = one(br_indexf(y, "%lld, %lld", (long long)at, (long long)at / 2),
                 across(at) + down(at / 2), 0, a);
        predicted = (br_prediction){0}; /* that was of reading one element back */
        a->n = 2;
        a->got[1] = (double)run.bytes_written / 8;
        a->want[1] = (double)n * (double)((n + width - 1) / width * width); /* whole chunks */
        a->within[1] = 0;
    }
    unlink(path);
    return st;
}

static br_status several_means(br_array *x, answers *a)
{
    double m = total() / (double)n / (double)n;
    br_array *y = br_add(br_mul(x, 2.0), 1.0);
    br_result results[] = {
        {br_mean(x), &a->got[0], sizeof a->got[0]},
        {br_mean(y), &a->got[1], sizeof a->got[1]},
        {br_mean(br_mean(x, .axis = BR_AXIS(0))), &a->got[2], sizeof a->got[2]},
        {br_mean(br_sub(y, x)), &a->got[3], sizeof a->got[3]},
    };
    *a = (answers){.n = 4, .want = {m, 2 * m + 1, m, m + 1}};
    for (int i = 0; i < 4; i++)
        a->within[i] = 1e-9 * m;
    return br_compute_many(results, 4);
}

/* sum of a b = sums of a's columns times sums of b's rows. */
static br_status product(br_array *x, answers *a)
{
    double want = 0;
    double top = sum_of(across, product_rows);
    double row = sum_of(down, n);
    for (int64_t k = 0; k < n; k++)
        want += (top + (double)product_rows * down(k)) * ((double)n * across(k) + row);
    br_array *some = br_indexf(x, ":%lld", (long long)product_rows);
    return one(br_sum(br_matmul(some, x)), want, 1e-9 * want, a);
}

/* A function that is told to be expensive: it must run once for each element. */
static int doubled(const br_block *in, int nin, const br_block *out, const void *data)
{
    const double *v = in->data;
    double *to = out->data;
    (void)nin;
    (void)data;
    rest(out);
    atomic_fetch_add(&doubles, out->extent[0] * out->extent[1]);
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = 2 * v[i];
    return 0;
}

static br_status held(br_array *x, answers *a)
{
    br_array *y = br_map_blocks(x, doubled, .dtype = BR_FLOAT64);
    br_status st = one(br_sum(br_abs(br_sub(y, br_mean(y)))), 0, 4 * total(), a);
    a->n = br_num_ranks(ctx) > 1 ? 1 : 2; /* this rank's */
    a->got[1] = (double)atomic_load(&doubles);
    a->want[1] = (double)n * (double)n;
    a->within[1] = 0;
    return st;
}

static const struct workload {
    const char *name;
    br_status (*run)(br_array *x, answers *a);
} workloads[] = {
    {"centred", centred},      {"normalised", normalised},
    {"mirrored", mirrored},    {"overlap", overlapping},
    {"rechunk_store", stored}, {"means", several_means},
    {"matmul", product},       {"held", held},
};

/* ---- running ---- */

/* KiB that a rank has had at most. */
static double most_of_ranks(void)
{
    double kib = -1;
    br_compute_f64(br_max(resident_by_rank(ctx)), &kib);
    return kib;
}

static int check(const answers *a)
{
    int wrong = 0;
    for (int i = 0; i < a->n; i++) {
        if (fabs(a->got[i] - a->want[i]) <= a->within[i])
            continue;
        wrong++;
        printf("wrong: result %d is %.17g instead of %.17g\n", i, a->got[i], a->want[i]);
    }
    return wrong;
}

/* The peak is enforced; the disk's part is what one thread would do. */
static int check_prediction(void)
{
    const br_prediction *p = &predicted;
    if (p->tasks == 0 || br_num_ranks(ctx) > 1) /* it is rank 0's */
        return 0;
    printf("predicted: peak %lld KiB, %lld tasks, %.3g passes, read %lld, spilled %lld and %lld "
           "back\n",
           (long long)p->peak_bytes >> 10, (long long)p->tasks, p->passes, (long long)p->bytes_read,
           (long long)p->bytes_spilled, (long long)p->bytes_fetched);
    return run.peak_bytes > p->peak_bytes || run.tasks != p->tasks ||
           run.bytes_read != p->bytes_read || (run.bytes_spilled > 0) != (p->bytes_spilled > 0);
}

static int run_workload(const char *name, const char *path)
{
    const struct workload *w = workloads;
    while (w < workloads + sizeof workloads / sizeof *workloads && strcmp(w->name, name) != 0)
        w++;
    ctx = br_open(NULL, NULL);
    if (w == workloads + sizeof workloads / sizeof *workloads || br_error_status(ctx) != BR_OK)
        return 2;
    br_array *x = br_from_npy(ctx, path);
    double before = status_kib("VmRSS:");
    answers a = {0};
    br_status st = w->run(x, &a);
    if (run.tasks == 0)
        br_last_run(ctx, &run);
    printf("%s: %s, peak %lld KiB, resident %.0f KiB of which %.0f before, read %lld, "
           "spilled %lld and %lld back, %.2f s\n",
           name, st == BR_OK ? "done" : br_status_text(st), (long long)run.peak_bytes >> 10,
           st == BR_OK ? most_of_ranks() : status_kib("VmHWM:"), before, (long long)run.bytes_read,
           (long long)run.bytes_spilled, (long long)run.bytes_fetched, run.seconds);
    int wrong = st == BR_OK ? check(&a) + check_prediction() : 0;
    if (st != BR_OK)
        printf("%s\n", br_message(ctx));
    br_clear_error(ctx);
    br_close(ctx);
    return wrong > 0 ? 2 : st == BR_EMEMLIMIT ? 3 : st != BR_OK;
}

int main(int argc, char **argv)
{
    n = argc > 2 ? strtoll(argv[argc - 1], NULL, 10) : 0;
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2]);
    if (argc != 6 || strcmp(argv[1], "run") != 0)
        return 2;
    n = strtoll(argv[4], NULL, 10);
    product_rows = strtoll(argv[5], NULL, 10);
    return run_workload(argv[2], argv[3]);
}
