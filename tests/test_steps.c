/* SPDX-License-Identifier: BSD-3-Clause
 * test_steps.c - long iterations: a thousand steps of x = persist(f(x)) in constant memory and
 * constant time a step; and what is resident when nothing runs.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/expr/node.h"
#include "runtime/context.h"
#include "runtime/spill.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

enum { STEPS = 1000, SIDE = 128, CHUNK = 64 };

static long resident_kib(void)
{
    char line[256];
    long value = 0;
    FILE *from = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(from);
    while (fgets(line, sizeof line, from) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            value = strtol(line + 6, NULL, 10);
    fclose(from);
    return value;
}

/* Of the processor, which others do not take away. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static br_context *open_with(const char *scheduler, const char *limit)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    br_context *ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
    return ctx;
}

/* Each element becomes the mean of two neighbours, plus a number; cut as before, since rolls
 * cut. */
static br_array *step(br_context *ctx, br_array *x, int64_t chunk)
{
    br_scope *s = br_scope_open(ctx);
    br_array *around = br_add(br_roll(x, BR_SHIFTS(1), .axis = BR_AXIS(0)),
                              br_roll(x, BR_SHIFTS(-1), .axis = BR_AXIS(1)));
    br_array *next =
        br_persist(br_rechunk(br_add(br_mul(around, 0.5), 1.0), BR_CHUNKS(chunk, chunk)));
    ck_assert_msg(br_error(next)[0] == '\0', "%s", br_error(next));
    return br_scope_return(s, next);
}

/* Of some steps; whatever else the machine does only adds to what one takes. */
static double least(const double *seconds, int n)
{
    double found = seconds[0];
    for (int i = 1; i < n; i++)
        found = seconds[i] < found ? seconds[i] : found;
    return found;
}

/* What there is after a step. */
typedef struct size {
    size_t promised, nodes;
    int64_t spilled;
} size;

static size size_of(br_context *ctx)
{
    bri_memory_stats memory;
    bri_spill_stats spill;
    bri_memory_about(ctx->memory, &memory);
    bri_spill_about(ctx->spill, &spill);
    return (size){memory.promised, bri_array_data_of(ctx)->nnodes, spill.kept};
}

/* Each step's arrays die with its scope, the array before with br_release. */
static void iterate(br_context *ctx, int64_t side, int64_t chunk, int steps)
{
    static double seconds[STEPS];
    br_array *x = br_zeros(ctx, BR_SHAPE(side, side), .chunks = BR_CHUNKS(chunk, chunk));
    size early = {0};
    long rss = 0;
    double first;
    for (int i = 0; i < steps; i++) {
        double begin = now();
        br_array *next = step(ctx, x, chunk);
        br_release(x);
        x = next;
        seconds[i] = now() - begin;
        if (i == steps / 10) {
            early = size_of(ctx);
            rss = resident_kib();
        }
    }
    size late = size_of(ctx);
    ck_assert_uint_eq(late.promised, early.promised);
    ck_assert_uint_eq(late.nodes, early.nodes);
    ck_assert_int_eq(late.spilled, early.spilled);
    ck_assert(SANITIZED || resident_kib() <= rss + 4096);
    double before = least(seconds + steps / 10, steps / 5);
    double after = least(seconds + steps - steps / 5, steps / 5);
    ck_assert_msg(after < 5 * before, "a step takes %g s instead of %g", after, before);
    ck_assert_int_eq(br_compute_f64(br_index(x, "0, 0"), &first), BR_OK);
    ck_assert(first == steps);
}

START_TEST(in_memory)
{
    br_context *ctx = open_with(_i == 0 ? "sync" : "threads", "64M");
    iterate(ctx, SIDE, CHUNK, STEPS);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Two of 2 MiB are there at a time. */
START_TEST(on_disk)
{
    br_context *ctx = open_with("threads", "1536K");
    iterate(ctx, 4 * SIDE, 2 * CHUNK, 100);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* What nobody uses goes back to the system after a moment, but for 64 MiB. */
START_TEST(rests)
{
    br_context *ctx = open_with("threads", "512M");
    long before = resident_kib();
    br_array *x = br_persist(br_ones(ctx, BR_SHAPE(200, 1 << 17), .dtype = BR_FLOAT64));
    ck_assert_int_ge(resident_kib() - before, 200 << 10);
    time_t released = time(NULL);
    br_release(x);
    long kept = resident_kib() - before;
    if (time(NULL) - released < 1) /* they go after a second without use, not at once */
        ck_assert_int_ge(kept, 200 << 10);
    long most = before + (72 << 10);
    for (int i = 0; i < 400 && resident_kib() > most; i++)
        usleep(100000);
    ck_assert_int_le(resident_kib(), most);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("steps");
    tcase_add_loop_test(tests, in_memory, 0, 2);
    tcase_add_test(tests, on_disk);
    if (!SANITIZED)
        tcase_add_test(tests, rests);
    return run_case("steps", tests);
}
