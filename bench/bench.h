/* SPDX-License-Identifier: BSD-3-Clause
 * bench.h - one workload in hand: its inputs, the row it comes from, and what is shared by bench/.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <bramble/bramble.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct bench bench;

/* Every step returns false after saying why on standard error. */
typedef bool bench_step(bench *b);

/* One row of workloads.def. */
typedef struct bench_row {
    const char *name, *what;
    bench_step *set_up;     /* inputs in memory, files opened and warmed: not timed */
    bench_step *ours;       /* expression and compute: timed */
    bench_step *limit;      /* the same result by the fastest means known: timed */
    const char *limit_name; /* what the limit measures */
} bench_row;

/* A stored chunk of an HDF5 file. */
typedef struct bench_chunk {
    uint64_t address, bytes;
} bench_chunk;

typedef struct bench_file {
    char path[4096];
    uint64_t offset;     /* of the elements of a contiguous dataset */
    bench_chunk *chunks; /* of a chunked one, C order of the grid */
    int64_t nchunks;
} bench_file;

typedef struct bench_options {
    const char *data;
    int threads, runs;
    int64_t chunks; /* of arrays whose tasks are measured; 0: as many as is usual */
    bool json;
} bench_options;

struct bench {
    const bench_row *row;
    const bench_options *options;
    br_context *ctx;
    int threads;
    void *x, *y;       /* elements in memory, NULL where the inputs are in a file */
    br_array *ax, *ay; /* the same as arrays */
    bench_file file;   /* what ax reads when x is NULL */
    void *out;         /* for results that are arrays, cleared before each run */
    size_t out_bytes;  /* 0 without one */
    br_dtype out_dtype;
    double value;     /* of the last run; the sum over out is added to it */
    double tolerance; /* by which ours and the limit's value may differ; 0: by 1e-5 */
};

/* What a workload took: medians of interleaved runs. */
typedef struct bench_result {
    double seconds, limit_seconds, peak_rss_mib;
} bench_result;

/* The table. */
extern const bench_row bench_rows[];
extern const int bench_nrows;

/* Seconds of a clock that only goes forward. */
double bench_now(void);
bool bench_measure(bench *b, bench_result *result);
/* Closes the context and frees the inputs; false when something has failed in it. */
bool bench_close(bench *b);
bool bench_fail(const char *format, ...) BR_PRINTF(1, 2);

#endif
