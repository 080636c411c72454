/* SPDX-License-Identifier: BSD-3-Clause
 * user_stencil.c - W10 as users write it: a function on chunks with halos, and as an expression.
 *
 * Compiled for this CPU, as users compile their functions.
 */
#include "bench/data.h"
#include "bench/sizes.h"
#include "bench/stencil.h"
#include "bench/workloads.h"

bool set_up_stencil(bench *b)
{
    b->x = data_doubles(b->threads, (int64_t)STENCIL_N * STENCIL_N, 10);
    b->ax = br_from_memory(b->ctx, b->x, BR_FLOAT64, BR_SHAPE(STENCIL_N, STENCIL_N),
                           .chunks = BR_CHUNKS(STENCIL_CHUNK, STENCIL_N));
    return b->x && data_output(b, (int64_t)STENCIL_N * STENCIL_N, BR_FLOAT64);
}

/* ---- ten steps in a call ---- */

static int ten_steps(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    const stencil s = {.x = in->data,
                       .rows = in->extent[0],
                       .columns = in->extent[1],
                       .out = out->data,
                       .out_stride = out->extent[1],
                       .first_row = out->origin[0] - in->origin[0],
                       .first_column = out->origin[1] - in->origin[1],
                       .out_rows = out->extent[0],
                       .out_columns = out->extent[1]};
    return n != 1 || !stencil_run(&s);
}

bool ours_stencil(bench *b)
{
    br_array *y = br_map_overlap(b->ax, ten_steps, .depth = BR_SHAPE(STENCIL_STEPS), .inner = true);
    return br_compute(y, b->out, b->out_bytes) == BR_OK;
}

bool ours_stencil_sum(bench *b)
{
    br_array *y = br_map_overlap(b->ax, ten_steps, .depth = BR_SHAPE(STENCIL_STEPS), .inner = true);
    return br_compute_f64(br_sum(y), &b->value) == BR_OK;
}

/* ---- a step in a call ---- */

static int one_step(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    int64_t width = in->extent[1];
    (void)data;
    for (int64_t i = 0; i < out->extent[0]; i++) {
        const double *c = x + (i + 1) * width + 1;
        stencil_row(out->extent[1], c, c - width, c + width, y + i * out->extent[1]);
    }
    return n - 1;
}

bool ours_stencil_steps(bench *b)
{
    br_array *y = b->ax;
    for (int i = 0; i < STENCIL_STEPS; i++)
        y = br_map_overlap(y, one_step, .depth = BR_SHAPE(1), .inner = true,
                           .boundary = BR_BOUNDARIES(BR_CONSTANT(0)));
    return br_compute(y, b->out, b->out_bytes) == BR_OK;
}

/* ---- an expression of slices ---- */

static br_array *part(br_array *x, const char *index)
{
    return br_rechunk(br_index(x, index), BR_CHUNKS(STENCIL_CHUNK, STENCIL_N));
}

bool ours_stencil_slices(bench *b)
{
    br_array *y = b->ax;
    for (int i = 0; i < STENCIL_STEPS; i++) {
        br_array *p = br_pad(y, BR_SHAPE(1));
        br_array *sum =
            br_add(br_add(part(p, "1:-1, 1:-1"), part(p, ":-2, 1:-1")), part(p, "2:, 1:-1"));
        y = br_mul(0.2, br_add(br_add(sum, part(p, "1:-1, :-2")), part(p, "1:-1, 2:")));
    }
    return br_compute(y, b->out, b->out_bytes) == BR_OK;
}
