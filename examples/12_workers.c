/* SPDX-License-Identifier: BSD-3-Clause
 * 12_workers.c - the same function on every worker: hello, from wherever it runs.
 *
 * A worker is a rank with its threads. What is asked of workers is asked by their numbers, as
 * Python's brackets have them: ":" are all, "::2" every other one, "-1" is the last.
 */
#include <bramble/bramble.h>
#include <math.h>
#include <unistd.h>

enum { MOST = 256 };

/* Runs on each of the workers; what it returns goes to rank 0. */
static int hello(br_task *task, const void *args, size_t bytes)
{
    const int *workers = args;
    char host[64] = "?", text[128] = "";
    (void)bytes;
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "hello from worker %d of %d on %s", br_task_rank(task), *workers,
             host);
    return br_task_return(task, text, sizeof text);
}

static void print_worker(const br_worker *w)
{
    printf("worker %d: %d thread%s, %.1f GB for chunks, ", w->rank, w->threads,
           w->threads == 1 ? "" : "s", (double)w->memory_limit / 1e9);
    if (isnan(w->celsius))
        printf("no thermometer\n");
    else
        printf("%.1f degrees\n", w->celsius);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int n = br_num_ranks(ctx);
    char text[MOST][128];
    if (n <= MOST &&
        br_run_on(ctx, ":", hello, &n, sizeof n, .results = text, .each = sizeof text[0]) == BR_OK)
        for (int i = 0; i < n; i++)
            printf("%s\n", text[i]);

    /* Not all of them: the one that is meant by "-1". */
    if (br_run_on(ctx, "-1", hello, &n, sizeof n, .results = text, .each = sizeof text[0]) == BR_OK)
        printf("the last one again: %s\n", text[0]);

    br_worker worker[MOST];
    if (n <= MOST && br_workers(ctx, worker) == BR_OK)
        for (int i = 0; i < n; i++)
            print_worker(&worker[i]);
    return br_close(ctx);
}
