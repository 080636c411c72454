/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_async.c - computes in flight: many at a time, beside computes that block, while arrays are
 * built and scopes close; those that fail and those that are cancelled.
 */
#include "tests/sweep.h"

enum { ROWS = 60, COLUMNS = 90, FLIGHTS = 9, ROUNDS = 6, KINDS = 5 };

static int64_t element(int64_t i, int64_t j, int64_t salt)
{
    return (i * 31 + j * 17 + salt * 7) % 101;
}

static double index_function(const int64_t *index, int ndim, const void *data)
{
    (void)ndim;
    return (double)element(index[0], index[1], *(const int64_t *)data);
}

/* Its chunks are made on all ranks. */
static br_array *table(int64_t salt, int64_t rows, int64_t columns)
{
    return br_fromfunction(sweep.ctx, index_function, BR_SHAPE(ROWS, COLUMNS), .data = &salt,
                           .data_bytes = sizeof salt, .chunks = BR_CHUNKS(rows, columns));
}

typedef struct flight {
    int kind;
    int64_t salt, n;
    double *buffer;
    br_future *future;
} flight;

/* Expressions with many tasks, whose values go from rank to rank; all numbers are whole and
 * exact. */
static br_array *expression(int kind, int64_t salt)
{
    br_array *x = table(salt, 7 + salt % 5, 13);
    switch (kind) {
    case 0:
        return br_add(br_mul(x, 3), 1);
    case 1:
        return br_sum(x, .axis = BR_AXES(0));
    case 2:
        return br_permute_dims(br_rechunk(x, BR_CHUNKS(30, 8)), BR_AXES(1, 0));
    case 3:
        return br_matmul(x, br_permute_dims(table(salt + 1, 9, 11), BR_AXES(1, 0)));
    default:
        return br_subtract(x, br_max(x));
    }
}

static int64_t extent(int kind)
{
    const int64_t n[KINDS] = {ROWS * COLUMNS, COLUMNS, ROWS * COLUMNS, ROWS * ROWS, ROWS * COLUMNS};
    return n[kind];
}

static double wanted(int kind, int64_t salt, int64_t at)
{
    int64_t sum = 0;
    switch (kind) {
    case 0:
        return (double)(element(at / COLUMNS, at % COLUMNS, salt) * 3 + 1);
    case 1:
        for (int64_t i = 0; i < ROWS; i++)
            sum += element(i, at, salt);
        return (double)sum;
    case 2:
        return (double)element(at % ROWS, at / ROWS, salt);
    case 3:
        for (int64_t k = 0; k < COLUMNS; k++)
            sum += element(at / ROWS, k, salt) * element(at % ROWS, k, salt + 1);
        return (double)sum;
    default:
        return (double)(element(at / COLUMNS, at % COLUMNS, salt) - 100); /* 101 is prime */
    }
}

static void begin(flight *f, int kind, int64_t salt)
{
    *f = (flight){.kind = kind, .salt = salt, .n = extent(kind)};
    size_t bytes = (size_t)f->n * sizeof *f->buffer;
    f->buffer = malloc(bytes);
    br_scope *scope = br_scope_open(sweep.ctx);
    f->future = br_compute_async(expression(kind, salt), f->buffer, bytes);
    br_scope_close(scope); /* what is in flight needs none of it */
}

static void end(flight *f)
{
    char name[60];
    bool right = br_wait(f->future) == BR_OK;
    for (int64_t i = 0; right && i < f->n; i++)
        right = f->buffer[i] == wanted(f->kind, f->salt, i);
    snprintf(name, sizeof name, "kind %d salt %d %016" PRIx64, f->kind, (int)f->salt,
             right ? digest(f->buffer, (size_t)f->n * sizeof *f->buffer) : 0);
    check(right, name);
    br_future_free(f->future);
    free(f->buffer);
}

/* Waited for in another order than they began in; one that blocks in between. */
static void many_in_flight(void)
{
    flight f[FLIGHTS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < FLIGHTS; i++)
            begin(&f[i], (i + round) % KINDS, i * 10 + round);
        double sum = 0;
        br_status st = br_compute_f64(br_sum(table(round, 6, 90)), &sum);
        double want = 0;
        for (int64_t k = 0; k < ROWS * COLUMNS; k++)
            want += (double)element(k / COLUMNS, k % COLUMNS, round);
        check(st == BR_OK && sum == want, "a sum meanwhile");
        for (int i = 0; i < FLIGHTS; i++)
            end(&f[i * 5 % FLIGHTS]);
    }
}

static void polled(void)
{
    flight f;
    begin(&f, 3, 5);
    while (!br_test(f.future))
        ;
    end(&f);
}

/* The same array twice at a time, and again. */
static void one_array_often(void)
{
    static double a[3][ROWS * ROWS];
    br_array *x = expression(3, 4);
    for (int round = 0; round < 3; round++) {
        br_future *f[3];
        for (int i = 0; i < 3; i++)
            f[i] = br_compute_async(x, a[i], sizeof a[i]);
        bool right = br_wait_all(f, 3) == BR_OK;
        for (int i = 0; i < 3; i++) {
            for (int64_t k = 0; right && k < ROWS * ROWS; k++)
                right = a[i][k] == wanted(3, 4, k);
            br_future_free(f[i]);
        }
        check(right, "one array often");
    }
}

static void several_results(void)
{
    static double a[ROWS * COLUMNS];
    static double b[COLUMNS];
    br_result results[] = {{expression(0, 3), a, sizeof a}, {expression(1, 3), b, sizeof b}};
    br_future *f = br_compute_many_async(results, 2);
    bool right = br_wait(f) == BR_OK;
    for (int64_t i = 0; right && i < ROWS * COLUMNS; i++)
        right = a[i] == wanted(0, 3, i);
    for (int64_t i = 0; right && i < COLUMNS; i++)
        right = b[i] == wanted(1, 3, i);
    check(right, "several results");
    br_future_free(f);
    check(br_wait(br_compute_many_async(NULL, 0)) == BR_OK, "no results");
}

/* What is persisted meanwhile is read by what is in flight after it. */
static void persisted(void)
{
    flight f[2];
    static double c[ROWS * COLUMNS];
    begin(&f[0], 3, 8);
    br_array *p = br_persist(table(9, 10, 10));
    br_future *again = br_compute_async(br_add(p, p), c, sizeof c);
    br_release(p);
    begin(&f[1], 2, 8);
    bool right = br_wait(again) == BR_OK;
    for (int64_t i = 0; right && i < ROWS * COLUMNS; i++)
        right = c[i] == 2 * (double)element(i / COLUMNS, i % COLUMNS, 9);
    check(right, "persisted meanwhile");
    br_future_free(again);
    end(&f[1]);
    end(&f[0]);
}

/* A mask's count is found in the call. */
static void picked(void)
{
    static double c[ROWS * COLUMNS];
    flight f;
    br_array *x = table(2, 9, 40);
    size_t n = 0;
    double want = 0;
    for (int64_t i = 0; i < ROWS * COLUMNS; i++)
        if (element(i / COLUMNS, i % COLUMNS, 2) > 50) {
            n++;
            want += (double)element(i / COLUMNS, i % COLUMNS, 2);
        }
    begin(&f, 1, 3);
    br_future *future = br_compute_async(br_boolean_index(x, br_greater(x, 50)), c, n * sizeof *c);
    bool right = br_wait(future) == BR_OK;
    for (size_t i = 0; i < n; i++)
        want -= c[i];
    check(right && want == 0, "picked");
    br_future_free(future);
    end(&f);
}

static int break_late(const br_block *inputs, int ninputs, const br_block *output, const void *data)
{
    (void)inputs, (void)ninputs, (void)data;
    memset(output->data, 0, 8);
    return output->chunk[0] == 5 ? 3 : 0;
}

/* One that fails among others, which it does not disturb. */
static void failing(void)
{
    flight f[FLIGHTS];
    static double lost[ROWS * COLUMNS];
    for (int i = 0; i < FLIGHTS / 2; i++)
        begin(&f[i], i % KINDS, i);
    br_array *bad = br_map_blocks(table(1, 6, 9), break_late);
    br_future *future = br_compute_async(bad, lost, sizeof lost);
    for (int i = FLIGHTS / 2; i < FLIGHTS; i++)
        begin(&f[i], i % KINDS, i);
    check(br_wait(future) == BR_EUSER && br_error_status(sweep.ctx) == BR_EUSER &&
              strstr(br_future_message(future), "break_late") != NULL &&
              strcmp(br_future_message(future), br_message(sweep.ctx)) == 0,
          "a failure");
    check(br_wait(future) == BR_EUSER, "the failure once more");
    br_future_free(future);
    for (int i = FLIGHTS - 1; i >= 0; i--)
        end(&f[i]);
    future = br_compute_async(bad, lost, sizeof lost - 8);
    check(br_test(future) && br_wait(future) == BR_EARG && br_error_status(sweep.ctx) == BR_EARG,
          "a bad call");
    br_future_free(future);
}

/* Whether a cancel comes in time is a matter of luck; what must not be is another outcome, or harm
 * to others. */
static void cancelled(void)
{
    static double lost[ROWS * COLUMNS];
    for (int round = 0; round < ROUNDS; round++) {
        flight f[3];
        begin(&f[0], 3, round);
        br_future *future = br_compute_async(expression(round % KINDS, 77), lost,
                                             (size_t)extent(round % KINDS) * 8);
        begin(&f[1], 1, round);
        br_cancel(future);
        begin(&f[2], 2, round);
        br_status st = br_wait(future);
        bool clean = br_error_status(sweep.ctx) == BR_OK;
        check(st == BR_OK || st == BR_ECANCELLED, "a cancel");
        check(clean, "which is no failure");
        br_future_free(future);
        for (int i = 0; i < 3; i++)
            end(&f[i]);
        br_future_free(br_compute_async(expression(0, 5), lost, sizeof lost)); /* cancels, too */
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    many_in_flight();
    polled();
    one_array_often();
    several_results();
    persisted();
    picked();
    failing();
    cancelled();
    return sweep_close();
}
