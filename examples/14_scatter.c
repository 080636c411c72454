/* SPDX-License-Identifier: BSD-3-Clause
 * 14_scatter.c - one element for each worker: the k-th gets the k-th, and sends back what it made
 * of it.
 */
#include <bramble/bramble.h>
#include <stdlib.h>

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
    int n = br_num_ranks(ctx), right = 0;
    int *elements = calloc((size_t)n, sizeof *elements);
    answer *answers = calloc((size_t)n, sizeof *answers);
    for (int i = 0; elements && i < n; i++)
        elements[i] = 10 + i;

    /* As many elements as workers, so each part is one. */
    br_scatter(ctx, ":", "element", elements, (size_t)n, sizeof *elements);
    br_run_on(ctx, ":", square, .results = answers, .each = sizeof *answers);
    for (int i = 0; answers && br_error_status(ctx) == BR_OK && i < n; i++) {
        printf("worker %d got %d, its square is %d\n", answers[i].rank, answers[i].element,
               answers[i].square);
        right += answers[i].rank == i && answers[i].square == (10 + i) * (10 + i);
    }
    printf("%d of %d got their own\n", right, n);
    free(elements);
    free(answers);
    return br_close(ctx);
}
