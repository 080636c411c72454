/* SPDX-License-Identifier: BSD-3-Clause
 * work_file.c - workloads whose input is an HDF5 file.
 */
#include <math.h>

#include "bench/data.h"
#include "bench/workloads.h"

bool set_up_file_mean(bench *b)
{
    return data_open_file(b, DATA_CONTIGUOUS);
}

bool ours_file_mean(bench *b)
{
    return br_compute_f64(br_mean(b->ax), &b->value) == BR_OK;
}

bool set_up_file_climate(bench *b)
{
    return data_open_file(b, DATA_CLIMATE) &&
           data_output(b, br_shape(b->ax)[1] * br_shape(b->ax)[2], BR_FLOAT32);
}

/* The limit computes nothing to compare with. */
bool set_up_file_inflate(bench *b)
{
    b->tolerance = INFINITY;
    return set_up_file_climate(b);
}

bool ours_file_climate(bench *b)
{
    float mean, deviation;
    br_result results[] = {
        {br_mean(b->ax, .axis = BR_AXIS(0)), b->out, b->out_bytes},
        {br_mean(b->ax), &mean, sizeof mean},
        {br_std(b->ax), &deviation, sizeof deviation},
    };
    if (br_compute_many(results, 3) != BR_OK)
        return false;
    b->value = (double)mean + (double)deviation;
    return true;
}

bool ours_file_sum(bench *b)
{
    return br_compute_f64(br_sum(b->ax), &b->value) == BR_OK;
}

bool set_up_file_var(bench *b)
{
    return data_open_file(b, DATA_LARGE);
}

bool ours_file_var(bench *b)
{
    br_array *anomaly = br_sub(b->ax, br_mean(b->ax, .axis = BR_AXIS(0)));
    return br_compute_f64(br_mean(br_square(anomaly)), &b->value) == BR_OK;
}

bool set_up_file_slice(bench *b)
{
    return data_open_file(b, DATA_TABLE);
}

bool ours_file_slice(bench *b)
{
    br_array *part = br_index(b->ax, "::2, 100:200");
    return br_compute_f64(br_sum(part, .dtype = BR_FLOAT64), &b->value) == BR_OK;
}
