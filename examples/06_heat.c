/* SPDX-License-Identifier: BSD-3-Clause
 * 06_heat.c - neighbours: heat that spreads on a plate, by a function on chunks with halos.
 *
 * Each chunk is computed with `STEPS` elements around it, so a call goes on by as many steps, and
 * what is exchanged between chunks are a few rows and columns. The program looks the same on one
 * thread and on many ranks, and so does what it prints.
 */
#include <bramble/bramble.h>

#include <stdlib.h>
#include <string.h>

enum { N = 480, STEPS = 4, CALLS = 25 };

/* One explicit step of du/dt = k (d2u/dx2 + d2u/dy2), of the elements that have four neighbours. */
static void step(const double *u, double *v, int64_t rows, int64_t columns, double k)
{
    memcpy(v, u, (size_t)(rows * columns) * sizeof *v);
    for (int64_t i = 1; i + 1 < rows; i++)
        for (int64_t j = 1; j + 1 < columns; j++) {
            const double *c = u + i * columns + j;
            v[i * columns + j] = *c + k * (c[-columns] + c[columns] + c[-1] + c[1] - 4 * *c);
        }
}

/* A chunk STEPS steps later. The outermost elements of its halo are wrong by then, one ring more
 * with each step; they are cut off. Where the plate ends there is no halo, and its edge keeps its
 * temperature. */
static int several_steps(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *k = data;
    size_t bytes = (size_t)(in->extent[0] * in->extent[1]) * sizeof(double);
    double *u = malloc(bytes);
    double *v = out->data; /* as large as the input, with its halo */
    if (u == NULL || n != 1)
        return 1;
    memcpy(v, in->data, bytes);
    for (int s = 0; s < STEPS; s++) {
        memcpy(u, v, bytes);
        step(u, v, in->extent[0], in->extent[1], *k);
    }
    free(u);
    return 0;
}

/* 0 but for a square of 100 degrees. */
static br_array *plate(br_context *ctx)
{
    br_array *at = br_arange(ctx, BR_NUM(0), BR_NUM(N), .chunks = BR_CHUNKS(160));
    br_array *inside = br_logical_and(br_greater_equal(at, 180), br_less(at, 300));
    br_array *square = br_logical_and(br_index(inside, ":, None"), inside);
    return br_where(square, 100.0, 0.0);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    const double k = 0.2;

    br_array *u = plate(ctx);
    for (int i = 0; i < CALLS; i++)
        u = br_map_overlap(u, several_steps, .depth = BR_SHAPE(STEPS), .data = &k,
                           .data_bytes = sizeof k,
                           .scratch_bytes = (160 + 2 * STEPS) * (160 + 2 * STEPS) * 8);

    /* Along the middle of the plate, and over the whole of it: two results of one run. */
    double middle[12];
    double mean = 0;
    const br_result results[] = {{br_index(u, "240, ::40"), middle, sizeof middle},
                                 {br_mean(u), &mean, sizeof mean}};
    if (br_compute_many(results, 2) == BR_OK) {
        printf("after %d steps, along the middle:\n", CALLS * STEPS);
        for (int i = 0; i < 12; i++)
            printf("%8.4f%s", middle[i], i % 6 == 5 ? "\n" : " ");
        printf("mean %.9f\n", mean);
    }

    /* The same smoothed: the mean of each 9 x 9 elements, which are read once. */
    br_array *window = br_sliding_window_view(u, BR_SHAPE(9, 9));
    br_array *smooth = br_mean(window, .axis = BR_AXES(-2, -1));
    double warmest = 0;
    if (br_compute_f64(br_max(smooth), &warmest) == BR_OK)
        printf("warmest 9 x 9 elements %.6f\n", warmest);

    return br_close(ctx);
}
