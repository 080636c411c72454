/* SPDX-License-Identifier: BSD-3-Clause
 * 13_powers.c - values that workers keep: powers of numbers by broadcast, scatter, gather.
 *
 * Each worker has values of its own under names. main gives all of them the power (broadcast) and
 * each its part of the numbers (scatter), calls a function everywhere that makes a third value of
 * both, and fetches that, in order (gather). The numbers need not be as many as workers, nor a
 * multiple: parts are as even as can be.
 */
#include <bramble/bramble.h>

enum { NUMBERS = 10, POWERS = 4 };

/* On each worker: powers = numbers to the power of power. */
static int raise_numbers(br_task *task, const void *args, size_t bytes)
{
    size_t size;
    const int *power = br_task_get(task, "power", NULL);
    const int64_t *numbers = br_task_get(task, "numbers", &size);
    int64_t powers[NUMBERS];
    (void)args;
    (void)bytes;
    if (power == NULL || numbers == NULL)
        return -1; /* br_message says which one was not there */
    for (size_t i = 0; i < size / sizeof *numbers; i++) {
        powers[i] = 1;
        for (int k = 0; k < *power; k++)
            powers[i] *= numbers[i];
    }
    return br_task_put(task, "powers", powers, size);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int64_t numbers[NUMBERS], powers[NUMBERS] = {0};
    for (int i = 0; i < NUMBERS; i++)
        numbers[i] = i + 1;

    br_scatter(ctx, ":", "numbers", numbers, NUMBERS, sizeof numbers[0]);
    for (int power = 1; power <= POWERS; power++) {
        br_broadcast(ctx, "power", &power, sizeof power);
        br_run_on(ctx, ":", raise_numbers);
        if (br_gather(ctx, ":", "powers", powers, sizeof powers) != BR_OK)
            break; /* a call that failed before has said why, too: the first error is kept */
        for (int i = 0; i < NUMBERS; i++)
            printf("%6lld%s", (long long)powers[i], i == NUMBERS - 1 ? "\n" : " ");
    }
    return br_close(ctx);
}
