/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_workers.c - the ranks as a pool of workers, under every scheduler. How many there are
 * differs, so each case is checked here and what is printed is the same everywhere.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sweep.h"

enum { MOST = 8 };

static int nworkers;

static void check(bool good, const char *what)
{
    sweep.cases++;
    sweep.failures += !good;
    printf("%s %s\n", what, good ? "ok" : "FAILED");
    if (!good)
        fprintf(stderr, "FAILED %s: %s\n", what, br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
}

/* ---- who is there ---- */

static void about_workers(void)
{
    br_worker w[MOST];
    bool good = br_workers(sweep.ctx, w) == BR_OK;
    for (int r = 0; r < nworkers && good; r++)
        good = w[r].rank == r && w[r].threads > 0 && w[r].memory_limit > 0 &&
               strlen(w[r].host) > 0 &&
               (isnan(w[r].celsius) || (w[r].celsius > -50 && w[r].celsius < 200));
    check(good, "workers");
}

/* ---- the choice ---- */

/* What Python's range(n)[start:stop:step] has, written out another way. */
static size_t python_slice(int start, int stop, int step, int *ranks)
{
    size_t n = 0;
    for (int i = start; step > 0 ? i < stop : i > stop; i += step)
        if (i >= 0 && i < nworkers)
            ranks[n++] = i;
    return n;
}

static bool chooses(const char *text, size_t n, const int *want)
{
    int got[MOST];
    size_t ngot = br_worker_ranks(sweep.ctx, text, got);
    br_clear_error(sweep.ctx);
    return ngot == n && memcmp(got, want, n * sizeof *got) == 0;
}

static void choices(void)
{
    static const struct {
        const char *text;
        int start, stop, step;
    } rows[] = {
        {":", 0, MOST, 1},
        {"::", 0, MOST, 1},
        {"0:2", 0, 2, 1},
        {" 0 : 2 ", 0, 2, 1},
        {"::2", 0, MOST, 2},
        {"1:", 1, MOST, 1},
        {"0", 0, 1, 1},
        {"1", 1, 2, 1},
        {"::-1", MOST, -1, -1},
        {":1", 0, 1, 1},
        {"-100:100:3", 0, MOST, 3},
        {"100:-100:-1", MOST, -1, -1},
    };
    int want[MOST];
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = python_slice(rows[i].start, rows[i].stop, rows[i].step, want);
        bool same = chooses(rows[i].text, n, want);
        if (!same)
            fprintf(stderr, "\"%s\"\n", rows[i].text);
        good = good && same;
    }
    good = good && chooses("-1", 1, &(int){nworkers - 1}) &&
           (nworkers < 3 || chooses("2::-2", 2, (int[]){2, 0})) &&
           chooses("-1,0", nworkers > 1 ? 2 : 0, (int[]){nworkers - 1, 0}) &&
           chooses(NULL, python_slice(0, MOST, 1, want), want);
    check(good, "choices");
    size_t one = br_worker_ranks(sweep.ctx, NULL, want, .per_host = true);
    check(one == 1 && want[0] == 0, "one a host"); /* the sweep runs on one */
}

/* ---- functions ---- */

typedef struct seen {
    int rank;
    double power;
} seen;

static int power(br_task *task, const void *args, size_t bytes)
{
    double x;
    memcpy(&x, args, sizeof x);
    seen s = {.rank = br_task_rank(task), .power = pow(x, br_task_rank(task))};
    return bytes == sizeof x ? br_task_return(task, &s, sizeof s) : 1;
}

static void run_on_all(void)
{
    seen s[MOST];
    double x = 1.5;
    bool good =
        br_run_on(sweep.ctx, NULL, power, &x, sizeof x, .results = s, .each = sizeof *s) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && s[r].rank == r && s[r].power == pow(x, r);
    check(good, "run_on all");
    good =
        br_run_on(sweep.ctx, "::-1", power, &x, sizeof x, .results = s, .each = sizeof *s) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && s[r].rank == nworkers - 1 - r;
    check(good, "run_on backwards");
}

static void run_on_some(void)
{
    seen s[MOST] = {{-1, 0}, {-1, 0}};
    double x = 2;
    bool good = br_run_on(sweep.ctx, "-1", power, &x, sizeof x, .results = s, .each = sizeof *s,
                          .name = "the last") == BR_OK;
    check(good && s[0].rank == nworkers - 1 && s[1].rank == -1, "run_on the last");
    good = br_run_on(sweep.ctx, NULL, power, &x, sizeof x, .results = s, .each = sizeof *s,
                     .per_host = true) == BR_OK;
    check(good && s[0].rank == 0 && s[1].rank == -1, "run_on per host");
}

/* As many bytes as the rank and one. */
static int long_one(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    size_t n = (size_t)br_task_rank(task) * 50000 + 1;
    char *out = br_task_result(task, n);
    if (out != NULL)
        memset(out, 'a' + br_task_rank(task), n);
    return out != NULL ? 0 : -1;
}

static void run_on_async(void)
{
    br_future *f[MOST];
    size_t n = br_run_on_async(sweep.ctx, ":", long_one, NULL, 0, f);
    bool good = n == (size_t)nworkers && br_wait_all(f, n) == BR_OK;
    for (size_t k = 0; k < n; k++) {
        size_t bytes = 0;
        const char *text = br_future_view(f[k], &bytes);
        good = good && bytes == k * 50000 + 1 && text[bytes - 1] == 'a' + (char)k;
        br_future_free(f[k]);
    }
    check(good, "run_on_async");
}

/* nworkers is main's alone. */
static int last_fails(br_task *task, const void *args, size_t bytes)
{
    int rank = br_task_rank(task);
    int last;
    memcpy(&last, args, bytes);
    return rank == last ? br_task_fail(task, "no luck") : br_task_return(task, &rank, sizeof rank);
}

static void failures(void)
{
    int got[MOST], last = nworkers - 1;
    for (int r = 0; r < MOST; r++)
        got[r] = -1;
    br_status st = br_run_on(sweep.ctx, NULL, last_fails, &last, sizeof last, .results = got,
                             .each = sizeof *got);
    bool good = st == BR_EUSER && strstr(br_message(sweep.ctx), "no luck") != NULL;
    for (int r = 0; r < last; r++)
        good = good && got[r] == r;
    check(good && got[last] == -1, "one of them fails");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    nworkers = br_num_ranks(sweep.ctx);
    about_workers();
    choices();
    run_on_all();
    run_on_some();
    run_on_async();
    failures();
    return sweep_close();
}
