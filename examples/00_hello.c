/* SPDX-License-Identifier: BSD-3-Clause
 * 00_hello.c - who computes: scheduler, ranks, hosts and threads.
 *
 * Try it as it is, with BRAMBLE_SCHEDULER=sync, with BRAMBLE_NUM_THREADS=1, and under mpirun -np 2.
 */
#include <bramble/bramble.h>

int main(int argc, char **argv)
{
    /* Under mpirun every rank comes as far as this call. Rank 0 returns from it and runs the rest
     * of main; the others stay inside and compute what rank 0 asks for. So everything below is
     * printed once. */
    br_context *ctx = br_open(&argc, &argv);
    int nranks = br_num_ranks(ctx);

    printf("hello from bramble %s\n", BR_VERSION_TEXT);
    printf("scheduler %s, %d rank%s\n", br_scheduler(ctx), nranks, nranks == 1 ? "" : "s");

    br_rank_info info;
    for (int rank = 0; rank < nranks && br_rank(ctx, rank, &info) == BR_OK; rank++)
        printf("rank %d on %s: %d thread%s (%s)\n", info.rank, info.host, info.threads,
               info.threads == 1 ? "" : "s", info.why);

    return br_close(ctx); /* prints what went wrong, if anything did, and returns the exit code */
}
