/* SPDX-License-Identifier: BSD-3-Clause
 * work_memory.c - workloads whose inputs are in memory; chunks are left to bramble.
 */
#include "bench/data.h"
#include "bench/sizes.h"
#include "bench/workloads.h"

static br_array *over(bench *b, const void *data, br_dtype dtype, br_extents shape)
{
    return br_from_memory(b->ctx, data, dtype, shape);
}

bool set_up_sum(bench *b)
{
    b->x = data_doubles(b->threads, SUM_N, 1);
    b->ax = over(b, b->x, BR_FLOAT64, BR_SHAPE(SUM_N));
    return b->x != NULL;
}

bool ours_sum(bench *b)
{
    return br_compute_f64(br_sum(b->ax), &b->value) == BR_OK;
}

bool set_up_pair(bench *b)
{
    b->x = data_doubles(b->threads, PAIR_N, 1);
    b->y = data_doubles(b->threads, PAIR_N, 2);
    b->ax = over(b, b->x, BR_FLOAT64, BR_SHAPE(PAIR_N));
    b->ay = over(b, b->y, BR_FLOAT64, BR_SHAPE(PAIR_N));
    return b->x && b->y;
}

bool set_up_small(bench *b)
{
    b->x = data_doubles(1, SMALL_N, 1);
    b->y = data_doubles(1, SMALL_N, 2);
    b->ax = over(b, b->x, BR_FLOAT64, BR_SHAPE(SMALL_N));
    b->ay = over(b, b->y, BR_FLOAT64, BR_SHAPE(SMALL_N));
    return b->x && b->y;
}

/* What it takes beyond the limit is what a compute costs beside its kernels. */
bool ours_small(bench *b)
{
    br_array *square = br_add(br_mul(b->ax, b->ax), br_mul(b->ay, b->ay));
    br_array *mean = br_mean(br_sqrt(square));
    for (int i = 0; i < SMALL_RUNS; i++)
        if (br_compute_f64(mean, &b->value) != BR_OK)
            return false;
    return true;
}

bool ours_hypot(bench *b)
{
    br_array *square = br_add(br_mul(b->ax, b->ax), br_mul(b->ay, b->ay));
    return br_compute_f64(br_mean(br_sqrt(square)), &b->value) == BR_OK;
}

static bool set_up_table(bench *b)
{
    b->x = data_floats(b->threads, (int64_t)STD_ROWS * STD_COLUMNS, 3);
    b->ax = over(b, b->x, BR_FLOAT32, BR_SHAPE(STD_ROWS, STD_COLUMNS));
    return b->x != NULL;
}

bool set_up_std_columns(bench *b)
{
    return set_up_table(b) && data_output(b, STD_COLUMNS, BR_FLOAT32);
}

bool ours_std_columns(bench *b)
{
    return br_compute(br_std(b->ax, .axis = BR_AXIS(0)), b->out, b->out_bytes) == BR_OK;
}

bool set_up_std_rows(bench *b)
{
    return set_up_table(b) && data_output(b, STD_ROWS, BR_FLOAT32);
}

bool ours_std_rows(bench *b)
{
    return br_compute(br_std(b->ax, .axis = BR_AXIS(1)), b->out, b->out_bytes) == BR_OK;
}

bool set_up_pair_out(bench *b)
{
    return set_up_pair(b) && data_output(b, PAIR_N, BR_FLOAT64);
}

bool ours_transcendental(bench *b)
{
    br_array *x = b->ax, *y = b->ay;
    br_array *bell = br_mul(br_exp(br_mul(br_negative(x), x)), br_sin(y));
    br_array *z = br_add(bell, br_div(br_cos(x), br_add(1, br_mul(y, y))));
    return br_compute(z, b->out, b->out_bytes) == BR_OK;
}

static bool square_matrix(bench *b, int64_t n, uint32_t seed, void **data, br_array **array)
{
    *data = data_doubles(b->threads, n * n, seed);
    *array = over(b, *data, BR_FLOAT64, BR_SHAPE(n, n));
    return *data != NULL;
}

bool set_up_matmul(bench *b)
{
    return square_matrix(b, MATMUL_N, 5, &b->x, &b->ax) &&
           square_matrix(b, MATMUL_N, 6, &b->y, &b->ay) &&
           data_output(b, (int64_t)MATMUL_N * MATMUL_N, BR_FLOAT64);
}

bool ours_matmul(bench *b)
{
    return br_compute(br_matmul(b->ax, b->ay), b->out, b->out_bytes) == BR_OK;
}

bool set_up_square(bench *b)
{
    return square_matrix(b, SQUARE_N, 8, &b->x, &b->ax);
}

bool ours_transpose(bench *b)
{
    br_array *turned = br_permute_dims(b->ax, BR_AXES(1, 0));
    return br_compute_f64(br_mean(br_add(b->ax, turned)), &b->value) == BR_OK;
}

bool set_up_panels(bench *b)
{
    enum { N = PANELS_N };
    b->x = data_doubles(b->threads, (int64_t)N * N, 9);
    b->y = data_block((size_t)N * N * sizeof(double)); /* the limit's copy */
    b->ax = br_from_memory(b->ctx, b->x, BR_FLOAT64, BR_SHAPE(N, N),
                           .chunks = BR_CHUNKS(PANEL_WIDTH, N));
    return b->x && b->y;
}

bool ours_rechunk(bench *b)
{
    enum { PANELS = PANELS_N / PANEL_WIDTH };
    double sums[PANELS];
    br_result results[PANELS];
    br_array *columns = br_rechunk(b->ax, BR_CHUNKS(-1, PANEL_WIDTH));
    for (int k = 0; k < PANELS; k++) {
        int from = k * PANEL_WIDTH;
        br_array *panel = br_indexf(columns, ":, %d:%d", from, from + PANEL_WIDTH);
        results[k] = (br_result){br_sum(panel), &sums[k], sizeof sums[k]};
    }
    if (br_compute_many(results, PANELS) != BR_OK)
        return false;
    b->value = 0;
    for (int k = 0; k < PANELS; k++)
        b->value += (k + 1) * sums[k];
    return true;
}
