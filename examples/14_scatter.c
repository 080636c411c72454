/* SPDX-License-Identifier: BSD-3-Clause
 * 14_scatter.c - one element for each worker: the k-th gets the k-th, and sends back what it made
 * of it.
 */
#include <bramble/bramble.h>

enum { MOST = 256 };

typedef struct answer {
    int rank, element, square;
} answer;

static int square(br_task *task, const void *args, size_t bytes)
{
    const int *element = br_task_get(task, "element", NULL);
    (void)args;
    (void)bytes;
    if (element == NULL)
        return -1;
    answer a = {br_task_rank(task), *element, *element * *element};
    return br_task_return(task, &a, sizeof a);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    static const char workers[] = "0:256"; /* all, up to MOST of them */
    int elements[MOST], right = 0;
    answer answers[MOST];
    size_t n = br_worker_ranks(ctx, workers);
    for (size_t i = 0; i < n; i++)
        elements[i] = 10 + (int)i;

    /* As many elements as workers, so each part is one. */
    br_scatter(ctx, workers, "element", elements, n, sizeof elements[0]);
    br_run_on(ctx, workers, square, .results = answers, .each = sizeof answers[0]);
    for (size_t i = 0; i < n && br_error_status(ctx) == BR_OK; i++) {
        printf("worker %d got %d, its square is %d\n", answers[i].rank, answers[i].element,
               answers[i].square);
        right += answers[i].rank == (int)i && answers[i].element == elements[i];
    }
    if (br_error_status(ctx) == BR_OK)
        printf("%d of %zu got their own\n", right, n);
    return br_close(ctx);
}
