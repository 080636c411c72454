/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_store_peaks.c - stores over several ranks hold what the memory limit allows, each rank, by
 * its own account and by the kernel's: chunks that are written where they are made, and chunks that
 * travel to rank 0, compressed and not.
 *
 * usage: mpi_store_peaks LIMIT    of BRAMBLE_MEMORY_LIMIT, in MiB. Ends with 1 when a rank held
 * more.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/sanitized.h"

enum { SIDE = 3072, CHUNK = 256 }; /* 72 MiB, in chunks of 512 KiB */
enum { BESIDE = 24 };              /* MiB: HDF5's, MPI's and the allocator's own, compressors */

static atomic_long before; /* KiB that this process had when its first chunk was made */
static long limit, failures;

/* A line of /proc/self/status, KiB. */
static long status_of(const char *key)
{
    char line[200];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key), NULL, 10);
    if (f != NULL)
        fclose(f);
    return kib;
}

/* Runs on every rank when it ends. */
static void check_resident(void)
{
    long more = status_of("VmHWM:") - atomic_load(&before);
    /* A sanitizer keeps what is freed. */
    bool good = SANITIZED || atomic_load(&before) == 0 || more <= (limit + BESIDE) << 10;
    printf("%s: process %ld held %ld KiB more than at its first chunk\n", good ? "good" : "WRONG",
           (long)getpid(), more);
    fflush(stdout);
    if (!good)
        _exit(1);
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    double *v = out->data;
    long none = 0;
    (void)in, (void)n, (void)data;
    atomic_compare_exchange_strong(&before, &none, status_of("VmRSS:"));
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++) {
        uint32_t place = (uint32_t)((out->origin[0] + i / out->extent[1]) * SIDE + out->origin[1] +
                                    i % out->extent[1]);
        v[i] = (double)(place * 2654435761u >> 12);
    }
    return 0;
}

static void stored(br_context *ctx, const char *what, br_status st)
{
    br_run_info info;
    br_last_run(ctx, &info);
    bool good = st == BR_OK && info.peak_bytes <= (int64_t)limit << 20 && info.peak_bytes > 0;
    printf("%s: %s: a rank accounts for at most %lld KiB, %lld KiB travelled: %s\n",
           good ? "good" : "WRONG", what, (long long)info.peak_bytes >> 10,
           (long long)info.bytes_sent >> 10, st == BR_OK ? "stored" : br_message(ctx));
    failures += !good;
    br_clear_error(ctx);
}

int main(int argc, char **argv)
{
    limit = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    atexit(check_resident);
    br_context *ctx = br_open(&argc, &argv);
    if (br_error_status(ctx) != BR_OK)
        return 2;
    br_array *x = br_from_blocks(ctx, fill, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                                 .chunks = BR_CHUNKS(CHUNK, CHUNK));
    stored(ctx, "new, compressed", br_store_hdf5(x, "peaks.h5", "a", .deflate = 1));
    stored(ctx, "added", br_store_hdf5(x, "peaks.h5", "b", .chunks = BR_CHUNKS(CHUNK, CHUNK)));
    stored(ctx, "replaced, compressed", br_store_hdf5(x, "peaks.h5", "a", .region = "..."));
    stored(ctx, "replaced", br_store_hdf5(x, "peaks.h5", "b", .region = "..."));
    stored(ctx, "across", br_store_hdf5(x, "peaks.h5", "c", .chunks = BR_CHUNKS(100, 1000)));
    stored(ctx, "npy", br_store_npy(x, "peaks.npy"));
    return br_close(ctx) != 0 || failures > 0;
}
