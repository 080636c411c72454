/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_spill.c - arrays that do not fit in memory and wait on disk: the same bits as in memory,
 * under every scheduler and on any number of ranks.
 */
#include <stdio.h>
#include <stdlib.h>

#include <bramble/bramble.h>

enum { SIDE = 1024, CHUNK = 128 };

/* Whole numbers: sums of them are exact. */
static double element(int64_t row, int64_t column)
{
    return (double)((row * 7919 + column * 104729) % 10007);
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    double *to = out->data;
    (void)in;
    (void)n;
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = element(out->origin[0] + i / out->extent[1], out->origin[1] + i % out->extent[1]);
    return 0;
}

static br_array *made(br_context *ctx)
{
    return br_from_blocks(ctx, fill, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(CHUNK, CHUNK));
}

/* ---- cases, and their values computed here ---- */

static br_array *centred(br_context *ctx)
{
    br_array *y = made(ctx);
    return br_sum(br_abs(br_sub(y, br_floor(br_mean(y)))));
}

static double want_centred(void)
{
    double sum = 0;
    double apart = 0;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++)
            sum += element(i, j);
    int64_t mean = (int64_t)(sum / SIDE / SIDE);
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            int64_t d = (int64_t)element(i, j) - mean;
            apart += (double)(d < 0 ? -d : d);
        }
    return apart;
}

/* What does not fit is persisted on disk. */
static br_array *persisted(br_context *ctx)
{
    br_array *y = br_persist(made(ctx));
    br_array *x = br_index(y, "::-1");
    return br_sum(br_abs(br_sub(x, br_floor(br_mean(y)))));
}

/* The last chunks first, and each with its mirror image. */
static br_array *turned(br_context *ctx)
{
    br_array *y = made(ctx);
    br_array *m = br_max(y);
    return br_sum(br_mul(br_sub(m, br_index(y, "::-1, ::-1")), br_permute_dims(y, BR_AXES(1, 0))));
}

static double want_turned(void)
{
    double most = 0;
    double sum = 0;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++)
            most = element(i, j) > most ? element(i, j) : most;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++)
            sum += (most - element(SIDE - 1 - i, SIDE - 1 - j)) * element(j, i);
    return sum;
}

/* A function of the user's reads columns of what was made in rows. */
static int weigh(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *v = in->data;
    double *to = out->data;
    (void)n;
    (void)data;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = v[i] * (double)(1 + (out->origin[0] + i / out->extent[1]) % 3);
    return 0;
}

static br_array *recut(br_context *ctx)
{
    br_array *rows = br_from_blocks(ctx, fill, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                                    .chunks = BR_CHUNKS(32, -1));
    br_array *columns = br_rechunk(rows, BR_CHUNKS(-1, 32));
    br_array *z = br_map_blocks(columns, weigh, .dtype = BR_FLOAT64);
    return br_sum(br_mul(br_add(z, columns), rows));
}

static double want_recut(void)
{
    double sum = 0;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++)
            sum += element(i, j) * element(i, j) * (double)(2 + i % 3);
    return sum;
}

static const struct {
    const char *name;
    br_array *(*build)(br_context *ctx);
    double (*want)(void);
} cases[] = {
    {"centred", centred, want_centred},
    {"persisted", persisted, want_centred},
    {"turned", turned, want_turned},
    {"recut", recut, want_recut},
};

static int run(br_context *ctx, size_t i)
{
    double got;
    br_status st = br_compute_f64(cases[i].build(ctx), &got);
    if (st == BR_OK && got == cases[i].want()) {
        printf("%s %.17g\n", cases[i].name, got);
        return 0;
    }
    if (st == BR_OK)
        fprintf(stderr, "%s: %.17g instead of %.17g\n", cases[i].name, got, cases[i].want());
    return 1;
}

/* What is read back from the disk counts, for this rank's tasks and for other ranks: of two, each
 * needs all that it has, and all that the other one has. */
static int reads_back(br_context *ctx)
{
    const int64_t bytes = (int64_t)SIDE * SIDE * (int64_t)sizeof(double);
    const int ranks = br_num_ranks(ctx);
    br_run_info info = {0};
    double want = 0;
    double got = 0;
    br_array *y = br_persist(made(ctx));
    br_status st = br_compute_f64(br_sum(br_mul(y, br_index(y, "::-1"))), &got);
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++)
            want += element(i, j) * element(SIDE - 1 - i, j);
    br_last_run(ctx, &info);
    if (st == BR_OK && got == want && (ranks > 2 || info.bytes_fetched >= ranks * bytes))
        return 0;
    fprintf(stderr, "read back: %.17g instead of %.17g, %lld bytes: %s\n", got, want,
            (long long)info.bytes_fetched, br_message(ctx));
    return 1;
}

/* The arrays have 8 MiB. */
int main(void)
{
    int failures = 0;
    setenv("BRAMBLE_MEMORY_LIMIT", "2M", 1);
    br_context *ctx = br_open(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        failures += run(ctx, i);
    failures += reads_back(ctx);
    return br_close(ctx) != 0 || failures != 0;
}
