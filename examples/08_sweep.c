/* SPDX-License-Identifier: BSD-3-Clause
 * 08_sweep.c - a parameter sweep with results as they complete: how often does a random walk come
 * home?
 *
 * Walks on a line, a square grid and a cubic grid, of several lengths. What is done first is looked
 * at first; a task that fails is tried again; the table is in the order of the parameters whatever
 * the order of completion.
 */
#include <bramble/bramble.h>

enum { WALKS = 4000, LENGTHS = 4, DIMENSIONS = 3, CASES = LENGTHS * DIMENSIONS };

typedef struct walk {
    int dimensions, steps;
    uint64_t seed;
} walk;

/* xorshift64*, Vigna 2016: enough for walks. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static bool comes_home(const walk *w, uint64_t *state)
{
    int place[DIMENSIONS] = {0};
    for (int step = 0; step < w->steps; step++) {
        uint64_t random = next(state) >> 32;
        place[random / 2 % (uint64_t)w->dimensions] += random % 2 == 0 ? 1 : -1;
        if (place[0] == 0 && place[1] == 0 && place[2] == 0)
            return true;
    }
    return false;
}

static int share_of_returns(br_task *task, const void *args, size_t bytes)
{
    const walk *w = args;
    uint64_t state = w->seed;
    int home = 0;
    (void)bytes;
    if (br_task_attempt(task) == 0 && w->steps == 10) /* so that retries are seen to work */
        return br_task_fail(task, "a first attempt that fails");
    for (int i = 0; i < WALKS; i++)
        home += comes_home(w, &state);
    double share = (double)home / WALKS;
    return br_task_return(task, &share, sizeof share);
}

static int index_of(br_future *const futures[], const br_future *f)
{
    int i = 0;
    while (futures[i] != f)
        i++;
    return i;
}

int main(int argc, char **argv)
{
    static const int steps[LENGTHS] = {10, 100, 1000, 10000};
    br_context *ctx = br_open(&argc, &argv);

    br_future *futures[CASES];
    for (int i = 0; i < CASES; i++) {
        walk w = {i / LENGTHS + 1, steps[i % LENGTHS], 88172645463325252u + (uint64_t)i};
        /* Long walks first: then nobody is left with one when the others are done. */
        futures[i] = br_submit(ctx, share_of_returns, &w, sizeof w, .name = "walk",
                               .priority = w.steps, .retries = 1);
    }

    double share[CASES] = {0};
    int attempts = 0;
    br_completed *completed = br_as_completed(ctx, futures, CASES);
    for (br_future *f; (f = br_next_completed(completed)) != NULL;) {
        br_future_result(f, &share[index_of(futures, f)], sizeof share[0]);
        attempts += br_future_attempts(f);
    }
    br_completed_free(completed);

    printf("share of %d walks that came home\nsteps", WALKS);
    for (int l = 0; l < LENGTHS; l++)
        printf("%10d", steps[l]);
    for (int i = 0; i < CASES; i++)
        i % LENGTHS == 0 ? printf("\n%d-d  %10.4f", i / LENGTHS + 1, share[i])
                         : printf("%10.4f", share[i]);
    printf("\n%d tasks, %d calls\n", CASES, attempts);

    return br_close(ctx);
}
