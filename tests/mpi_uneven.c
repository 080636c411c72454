/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_uneven.c - tasks of uneven length, for test_mpi_uneven.sh: how long some rank had nothing to
 * do while a task had not begun. They sleep, so that it does not matter how many cores there are.
 * Argument: free, any rank takes any of them; or pinned, each rank has its share from the start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bramble/bramble.h>

enum { TASKS = 40, RANKS = 3, MOST_ROUNDS = 10, LONG = 80, MOST_IDLE = 150 };

/* The clock is the same for all processes of a host. */
typedef struct slept {
    int rank;
    double begin, end; /* ms */
} slept;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int sleeps(br_task *task, const void *args, size_t bytes)
{
    slept s = {.rank = br_task_rank(task), .begin = now_ms()};
    if (bytes != sizeof(int))
        return 1;
    nanosleep(&(struct timespec){.tv_nsec = *(const int *)args * 1000000L}, NULL);
    s.end = now_ms();
    return br_task_return(task, &s, sizeof s);
}

/* The long ones are in the second half, and each third one there: parts of 40 / 3 consecutive tasks
 * differ by 0.3 s at least, and so do those of every third one. */
static int length_of(int i)
{
    return i >= TASKS / 2 && i % RANKS == 2 ? LONG : 5 + i * 7 % 11;
}

static void hand_in(br_context *ctx, bool pinned, br_future *f[TASKS])
{
    int ms[TASKS];
    for (int i = 0; i < TASKS; i++)
        ms[i] = length_of(i);
    if (!pinned)
        br_submit_many(ctx, sleeps, ms, sizeof ms[0], TASKS, f);
    for (int i = 0; pinned && i < TASKS; i++)
        f[i] = br_submit(ctx, sleeps, &ms[i], sizeof ms[i], .on = BR_RANK(i % RANKS));
}

/* From the end of what a rank ran last, or from the start, to where the last task began; of all
 * ranks the longest. Below 0: a task failed. */
static double idle_ms(br_context *ctx, bool pinned)
{
    br_future *f[TASKS];
    double end[RANKS], begin = 0, idle = 0;
    bool good = true;
    for (int r = 0; r < RANKS; r++)
        end[r] = now_ms();
    hand_in(ctx, pinned, f);
    for (int i = 0; i < TASKS; i++) {
        slept s;
        good = br_future_result(f[i], &s, sizeof s) == BR_OK && good;
        br_future_free(f[i]);
        if (!good)
            continue;
        begin = s.begin > begin ? s.begin : begin;
        end[s.rank] = s.end > end[s.rank] ? s.end : end[s.rank];
    }
    for (int r = 0; r < RANKS; r++)
        idle = begin - end[r] > idle ? begin - end[r] : idle;
    return good ? idle : -1;
}

/* A host with much else to do may stop a process for a while, which spoils a round: it makes a rank
 * idle, or hides that one is. Of shares from the start one round that shows it is enough. */
int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    bool pinned = argc > 1 && strcmp(argv[1], "pinned") == 0;
    double least = 0; /* or, when they are pinned, most */
    if (br_num_ranks(ctx) != RANKS) {
        fprintf(stderr, "mpi_uneven: %d ranks are needed\n", RANKS);
        return 2;
    }
    bool seen = false;
    for (int i = 0; i < MOST_ROUNDS && !seen; i++) {
        double idle = idle_ms(ctx, pinned);
        least = i == 0 || (idle < least) != pinned ? idle : least;
        seen = (least < MOST_IDLE) != pinned;
    }
    printf("idle for %.1f ms\n", least);
    if (least >= 0)
        puts(least < MOST_IDLE ? "busy to the end" : "idle while others had work");
    return br_close(ctx);
}
