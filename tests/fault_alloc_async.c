/* SPDX-License-Identifier: BSD-3-Clause
 * fault_alloc_async.c - computes in flight, for fault_alloc_async.sh to run with
 * BRAMBLE_FAIL_ALLOC=n.
 */
#include "tests/lacking.h"

enum { SIDE = 12, N = SIDE * SIDE, FLIGHTS = 3 };

/* NULL is a future that failed for want of memory. */
static void land(br_context *ctx, br_future *f, const double *out, double want, const char *what)
{
    br_status st = br_wait(f);
    bool told = strstr(br_future_message(f), "memory") != NULL;
    lacking |= st == BR_ENOMEM;
    if (st == BR_OK ? out[0] != want || out[N - 1] != want : st != BR_ENOMEM || !told) {
        fprintf(stderr, "%s: status %d \"%s\", %.17g and %.17g instead of %.17g\n", what, (int)st,
                br_future_message(f), out[0], out[N - 1], want);
        wrong = true;
    }
    br_future_free(f);
    br_clear_error(ctx);
}

static void compute(br_context *ctx, const char *folder)
{
    static double out[FLIGHTS][N];
    br_future *f[FLIGHTS];
    (void)folder;
    for (int round = 0; round < 2; round++) {
        br_scope *scope = br_scope_open(ctx);
        br_array *x = br_ones(ctx, BR_SHAPE(SIDE, SIDE), .chunks = BR_CHUNKS(5, 5));
        br_array *y = br_matmul(x, br_add(x, round));
        for (int i = 0; i < FLIGHTS; i++)
            f[i] = br_compute_async(br_add(y, i), out[i], sizeof out[i]);
        br_scope_close(scope);
        for (int i = FLIGHTS - 1; i >= 0; i--)
            land(ctx, f[i], out[i], SIDE * (1 + round) + i, "in flight");
    }
    br_array *x = br_full(ctx, BR_SHAPE(SIDE, SIDE), BR_NUM(3.0));
    static double more[2][N];
    br_result results[] = {{x, more[0], sizeof more[0]}, {br_mul(x, 2), more[1], sizeof more[1]}};
    land(ctx, br_compute_many_async(results, 2), more[1], 6, "two results");
    br_future_free(br_compute_async(br_mul(x, 3), more[0], sizeof more[0]));
    if (br_error_status(ctx) == BR_OK) /* what is cancelled here is of no use to anybody */
        return;
    worked(ctx, x, br_error_status(ctx), "freed in flight");
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
