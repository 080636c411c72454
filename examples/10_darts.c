/* SPDX-License-Identifier: BSD-3-Clause
 * 10_darts.c - what travels decides: pi by darts, with all points sent home, and with their counts.
 *
 * 10_darts [DARTS]
 *
 * Both ways throw the same darts, on 1, 2, ... threads of all ranks. One sends every dart to rank
 * 0, which counts those that hit: the more threads throw, the longer they wait for it. The other
 * counts where the darts fall and sends one number. Draws the first darts (darts.svg), and how
 * much faster either way gets with more threads (speedup.svg).
 */
#include "svg.h"

#include <bramble/bramble.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { PIECES = 64, MOST = 64, DRAWN = 5000, REPEATS = 5 };

typedef struct dart {
    double x, y;
} dart;

/* ---- on any thread of any rank ---- */

/* The darts are 64 pieces with random numbers of their own; a thrower throws every n-th piece. So
 * the darts are the same whoever throws them. */
typedef struct thrower {
    int first, step;
    int64_t darts; /* of a piece */
} thrower;

/* splitmix64 (Steele, Lea and Flood 2014): a number from 0 to 1. */
static double next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static bool hits(dart d)
{
    return d.x * d.x + d.y * d.y <= 1;
}

static int all_points(br_task *task, const void *args, size_t bytes)
{
    const thrower *t = args;
    int64_t pieces = (PIECES - t->first + t->step - 1) / t->step;
    dart *out = br_task_result(task, (size_t)(pieces * t->darts) * sizeof *out);
    (void)bytes;
    if (out == NULL)
        return -1;
    for (int piece = t->first; piece < PIECES; piece += t->step) {
        uint64_t state = (uint64_t)piece << 32;
        for (int64_t i = 0; i < t->darts; i++, out++) {
            out->x = next(&state);
            out->y = next(&state);
        }
    }
    return 0;
}

static int only_the_count(br_task *task, const void *args, size_t bytes)
{
    const thrower *t = args;
    int64_t inside = 0;
    (void)bytes;
    for (int piece = t->first; piece < PIECES; piece += t->step) {
        uint64_t state = (uint64_t)piece << 32;
        for (int64_t i = 0; i < t->darts; i++) {
            double x = next(&state); /* x first: C leaves open what {next(), next()} does first */
            inside += hits((dart){x, next(&state)});
        }
    }
    return br_task_return(task, &inside, sizeof inside);
}

/* ---- on rank 0 ---- */

static int64_t count(const dart *darts, size_t n)
{
    int64_t inside = 0;
    for (size_t i = 0; i < n; i++)
        inside += hits(darts[i]);
    return inside;
}

/* The rank of each thread that there is: 0 0 1 1 for two ranks of two threads. */
static int list_threads(br_context *ctx, int rank_of[MOST])
{
    int n = 0;
    br_rank_info info;
    for (int rank = 0; rank < br_num_ranks(ctx); rank++)
        for (int i = 0; br_rank(ctx, rank, &info) == BR_OK && i < info.threads && n < MOST; i++)
            rank_of[n++] = rank;
    return n;
}

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Throws with n threads, in one way or the other, and returns how many darts hit. */
static int64_t throw_all(br_context *ctx, bool points, int n, const int rank_of[], int64_t darts)
{
    br_future *futures[MOST];
    for (int i = 0; i < n; i++) {
        thrower t = {i, n, darts};
        futures[i] = br_submit(ctx, points ? all_points : only_the_count, &t, sizeof t,
                               .on = BR_RANK(rank_of[i]));
    }
    int64_t inside = 0;
    for (int i = 0; i < n; i++) {
        size_t bytes = 0;
        const void *result = br_future_view(futures[i], &bytes); /* waits for it */
        if (result != NULL)
            inside += points ? count(result, bytes / sizeof(dart)) : *(const int64_t *)result;
        br_future_free(futures[i]);
    }
    return inside;
}

/* The shortest of a few times. */
static double measure(br_context *ctx, bool points, int n, const int rank_of[], int64_t darts)
{
    double best = INFINITY;
    for (int i = 0; i < REPEATS; i++) {
        double begin = seconds();
        throw_all(ctx, points, n, rank_of, darts);
        best = fmin(best, seconds() - begin);
    }
    return best;
}

/* The first darts of piece 0, those that hit in a colour of their own. */
static int draw_darts(br_context *ctx, int64_t darts)
{
    thrower t = {0, PIECES, darts < DRAWN ? darts : DRAWN};
    br_future *future = br_submit(ctx, all_points, &t, sizeof t);
    const dart *d = br_future_view(future, NULL);
    double x[2][DRAWN], y[2][DRAWN];
    size_t n[2] = {0, 0};
    for (int64_t i = 0; d != NULL && i < t.darts; i++) {
        bool hit = hits(d[i]);
        x[hit][n[hit]] = d[i].x;
        y[hit][n[hit]++] = d[i].y;
    }
    const svg_line points[] = {{"hit", x[1], y[1], n[1], SVG_POINTS},
                               {"missed", x[0], y[0], n[0], SVG_POINTS}};
    const svg_paper paper = {.title = "Darts at a quarter of a disc",
                             .x_range = {0, 1},
                             .y_range = {0, 1},
                             .square = true};
    return svg_plot("darts.svg", &paper, points, 2);
}

static int draw_speedup(int n, const double points[], const double counts[])
{
    double threads[MOST], faster[2][MOST], ideal[2] = {0, n};
    for (int i = 0; i < n; i++) {
        threads[i] = i + 1;
        faster[0][i] = points[0] / points[i];
        faster[1][i] = counts[0] / counts[i];
    }
    const svg_line lines[] = {{"counts only", threads, faster[1], (size_t)n, SVG_MARKED},
                              {"all points sent home", threads, faster[0], (size_t)n, SVG_MARKED},
                              {"ideal", ideal, ideal, 2, SVG_DASHED}};
    const svg_paper paper = {.title = "Pi by darts: speed-up",
                             .x = "threads that throw, on all ranks",
                             .y = "times as fast as one of them"};
    return svg_plot("speedup.svg", &paper, lines, 3);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int64_t darts = (argc > 1 ? atoll(argv[1]) : 10000000) / PIECES; /* of a piece */
    darts = darts < 1 ? 1 : darts;
    int rank_of[MOST];
    int n = list_threads(ctx, rank_of);

    double all = (double)(darts * PIECES);
    for (int points = 1; points >= 0; points--) {
        double pi = 4 * (double)throw_all(ctx, points, n, rank_of, darts) / all;
        if (br_error_status(ctx) == BR_OK)
            printf("pi by %.0f darts, %s: %.6f\n", all, points ? "sent home" : "counted there", pi);
    }

    double points[MOST] = {0}, counts[MOST] = {0};
    printf("\nthreads  points sent home       counts only\n");
    for (int i = 0; i < n && br_error_status(ctx) == BR_OK; i++) {
        points[i] = measure(ctx, true, i + 1, rank_of, darts);
        counts[i] = measure(ctx, false, i + 1, rank_of, darts);
        printf("%7d  %8.3f s, x %4.2f  %8.3f s, x %4.2f\n", i + 1, points[i], points[0] / points[i],
               counts[i], counts[0] / counts[i]);
    }
    printf("rank 0 gets %.0f MB and looks at all of it, or %d bytes\n", all * sizeof(dart) / 1e6,
           8 * n);
    int failed = draw_darts(ctx, darts) != 0 || draw_speedup(n, points, counts) != 0;
    if (failed)
        fprintf(stderr, "10_darts: cannot write darts.svg or speedup.svg\n");
    int status = br_close(ctx);
    return status ? status : failed;
}
