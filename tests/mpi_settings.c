/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_settings.c - prints, for each rank, its host and the settings that reached it, and who it is
 * that a function runs on once a host; started by test_mpi_hosts.sh.
 */
#include <bramble/bramble.h>
#include <stdlib.h>

/* The settings as the rank that computes this chunk has them. */
static int settings(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in;
    (void)nin;
    (void)data;
    const char *timeout = getenv("BRAMBLE_PEER_TIMEOUT");
    const char *threads = getenv("BRAMBLE_NUM_THREADS");
    double *value = out->data;
    value[0] = timeout != NULL ? atof(timeout) : -1;
    value[1] = threads != NULL ? atof(threads) : -1;
    return 0;
}

static int which(br_task *task, const void *args, size_t bytes)
{
    int rank = br_task_rank(task);
    (void)args, (void)bytes;
    return br_task_return(task, &rank, sizeof rank);
}

static void print_one_a_host(br_context *ctx)
{
    int *ranks = malloc((size_t)br_num_ranks(ctx) * sizeof *ranks);
    size_t n = br_worker_ranks(ctx, .per_host = true);
    if (br_run_on(ctx, NULL, which, .per_host = true, .results = ranks, .each = sizeof *ranks) ==
        BR_OK) {
        printf("one a host:");
        for (size_t i = 0; i < n; i++)
            printf(" %d", ranks[i]);
        printf("\n");
    }
    free(ranks);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int nranks = br_num_ranks(ctx);
    br_array *x = br_zeros(ctx, BR_SHAPE(nranks, 2), .chunks = BR_CHUNKS(1, 2));
    br_array *y = br_map_blocks(x, settings);
    double *values;
    if (br_compute_alloc(y, (void **)&values) == BR_OK) {
        for (int rank = 0; rank < nranks; rank++) {
            br_rank_info info;
            br_rank(ctx, rank, &info);
            printf("rank %d on %s: timeout %g, threads setting %g, threads %d\n", rank, info.host,
                   values[2 * rank], values[2 * rank + 1], info.threads);
        }
        free(values);
    }
    print_one_a_host(ctx);
    return br_close(ctx);
}
