/* SPDX-License-Identifier: BSD-3-Clause
 * limits_stencil.c - the limit of W10: all ten steps while a strip of columns is in the cache.
 */
#include "bench/crew.h"
#include "bench/limits.h"
#include "bench/sizes.h"
#include "bench/stencil.h"

typedef struct strips {
    const bench *b;
    crew_range range;
} strips;

static bool run_strips(void *arg)
{
    strips *all = arg;
    int64_t i;
    while (crew_take(&all->range, &i)) {
        stencil s = {.x = all->b->x,
                     .rows = STENCIL_N,
                     .columns = STENCIL_N,
                     .out = (double *)all->b->out + i * STENCIL_STRIP,
                     .out_stride = STENCIL_N,
                     .first_column = i * STENCIL_STRIP,
                     .out_rows = STENCIL_N,
                     .out_columns = STENCIL_STRIP,
                     .streams = true};
        if (!stencil_run(&s))
            return false;
    }
    return true;
}

bool limit_stencil(bench *b)
{
    strips all = {.b = b, .range = {.n = STENCIL_N / STENCIL_STRIP}};
    return crew_run(b->threads, run_strips, &all);
}
