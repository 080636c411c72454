/* SPDX-License-Identifier: BSD-3-Clause
 * 07_pi_slices.c - tasks that are no arrays: pi by Leibniz's series, in slices that go to whoever
 * is free.
 *
 * Each slice is a plain C function. The same program runs them on one thread, all cores and all
 * ranks: threads that are done take the next slice, ranks ask for more. The slices are added up in
 * their order, so the digits do not depend on who was first.
 */
#include <bramble/bramble.h>

enum { SLICES = 50, TERMS = 1000000 };

/* The terms of slice *args: runs on any thread of any rank. */
static int leibniz(br_task *task, const void *args, size_t bytes)
{
    (void)bytes;
    const int64_t first = *(const int64_t *)args * TERMS;
    double sum = 0;
    for (int64_t k = first + TERMS - 1; k >= first; k--) /* the small ones first */
        sum += (k % 2 == 0 ? 1.0 : -1.0) / (double)(2 * k + 1);
    return br_task_return(task, &sum, sizeof sum);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);

    int64_t slice[SLICES];
    br_future *futures[SLICES];
    for (int i = 0; i < SLICES; i++)
        slice[i] = i;
    br_submit_many(ctx, leibniz, slice, sizeof slice[0], SLICES, futures);

    double pi = 0;
    for (int i = 0; i < SLICES; i++) {
        double sum = 0;
        br_future_result(futures[i], &sum, sizeof sum); /* waits for it */
        br_future_free(futures[i]);
        pi += 4 * sum;
    }
    printf("pi by %d million terms: %.12f\n", SLICES * (TERMS / 1000000), pi);

    return br_close(ctx); /* if a slice failed, says which and where */
}
