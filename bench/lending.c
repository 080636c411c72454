/* SPDX-License-Identifier: BSD-3-Clause
 * lending.c - what it takes to even out the costs of blocks of 8 MiB whose mean is wanted, for
 * bench/mpi-costs --lending.
 *
 * What is persisted stays where it is, so rank 0 always has the costly blocks. Tasks sleep, as if
 * each virtual host had a core of its own. Blocks are made of a few numbers, or of as many as they
 * have, which travel to the helper.
 */
#include "bench/lending.h"

#include <math.h>
#include <time.h>

enum { CHUNKS = 8, LARGE = 1 << 20, SMALL = 16, COSTLY_MS = 100, CHEAP_MS = 5 };

static int costly_on_rank_0(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    int ms = out->chunk[0] < *(const int *)data ? COSTLY_MS : CHEAP_MS;
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i % in->extent[0]] + 1;
    return n - 1;
}

static bool measure(br_context *ctx, const char *name, int64_t each, const bench_options *options)
{
    int ranks = br_num_ranks(ctx);
    int costly = CHUNKS;
    double least = INFINITY;
    br_run_info info = {0};
    br_array *x = br_persist(
        br_random_uniform(ctx, BR_SHAPE(ranks * CHUNKS * each), .chunks = BR_CHUNKS(each)));
    for (int run = 0; run <= options->runs; run++) {
        br_run_info now;
        double mean;
        br_array *y =
            br_map_blocks(x, costly_on_rank_0, .data = &costly, .data_bytes = sizeof costly,
                          .chunks = BR_CHUNKS(LARGE), .impure = true);
        if (br_compute_f64(br_mean(y), &mean) != BR_OK || br_last_run(ctx, &now) != BR_OK)
            return bench_fail("%s: %s", name, br_message(ctx));
        br_release(y);
        if (now.seconds < least)
            info = now;
        least = fmin(least, now.seconds);
    }
    br_release(x);
    printf("{\"lending\":\"%s\",\"ranks\":%d,\"seconds\":%.6f,\"loans\":%lld,\"tasks\":%lld,"
           "\"returned\":%lld,\"sent\":%lld,\"runs\":%d}\n",
           name, ranks, least, (long long)info.loans, (long long)info.lent_tasks,
           (long long)info.lent_bytes, (long long)info.bytes_sent, options->runs);
    fflush(stdout);
    return true;
}

bool bench_lending(const bench_options *options)
{
    br_context *ctx = br_open(NULL, NULL);
    bool good = measure(ctx, "of few numbers", SMALL, options) &&
                measure(ctx, "of as many", LARGE, options);
    return br_close(ctx) == 0 && good;
}
