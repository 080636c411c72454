/* SPDX-License-Identifier: BSD-3-Clause
 * work_random.c - workloads over random arrays, which are made as they are read.
 */
#include <math.h>

#include "bench/sizes.h"
#include "bench/workloads.h"

/* Limits draw other numbers: three digits agree. */
bool set_up_normal(bench *b)
{
    b->tolerance = 1e-3;
    return true;
}

bool ours_normal(bench *b)
{
    double mean, deviation;
    br_array *z = br_random_normal(b->ctx, BR_SHAPE(NORMAL_N));
    br_result results[] = {
        {br_mean(z), &mean, sizeof mean},
        {br_std(z), &deviation, sizeof deviation},
    };
    if (br_compute_many(results, 2) != BR_OK)
        return false;
    b->value = fabs(mean) + deviation;
    return true;
}

bool set_up_darts(bench *b)
{
    b->tolerance = 1e-3;
    return true;
}

bool ours_darts(bench *b)
{
    br_array *x = br_random_uniform(b->ctx, BR_SHAPE(DARTS_N));
    br_array *y = br_random_uniform(b->ctx, BR_SHAPE(DARTS_N));
    br_array *hit = br_less_equal(br_add(br_mul(x, x), br_mul(y, y)), 1);
    return br_compute_f64(br_mul(br_mean(hit), 4), &b->value) == BR_OK;
}
