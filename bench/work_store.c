/* SPDX-License-Identifier: BSD-3-Clause
 * work_store.c - workloads that write an HDF5 file.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/data.h"
#include "bench/sizes.h"
#include "bench/workloads.h"

/* A smooth field with some noise, rounded to 1/64 as measured ones are, so that it compresses. */
static void fill(float *v)
{
    for (int r = 0; r < STORE_ROWS; r++)
        for (int c = 0; c < STORE_COLUMNS; c++) {
            double wave = 270 + 30 * sin(r * 0.002) + 10 * cos(c * 0.003);
            double noise = 0.5 * data_hash((uint32_t)(r * STORE_COLUMNS + c), 0);
            v[(size_t)r * STORE_COLUMNS + c] = (float)(nearbyint(64 * (wave + noise)) / 64);
        }
}

bool set_up_store(bench *b)
{
    b->x = data_block(sizeof(float) * STORE_ROWS * STORE_COLUMNS);
    if (b->x == NULL || !data_directory(b))
        return false;
    fill(b->x);
    b->ax = br_from_memory(b->ctx, b->x, BR_FLOAT32, BR_SHAPE(STORE_ROWS, STORE_COLUMNS),
                           .chunks = BR_CHUNKS(STORE_CHUNK_ROWS, STORE_CHUNK_COLUMNS));
    snprintf(b->file.path, sizeof b->file.path, "%s/w19.h5", b->options->data);
    return true;
}

/* zlib's deflate finds other matches. */
bool set_up_store_library(bench *b)
{
    b->tolerance = 0.2;
    return set_up_store(b);
}

bool ours_store(bench *b)
{
    br_run_info info;
    if (br_store_hdf5(b->ax, b->file.path, "x", .mode = BR_STORE_TRUNCATE,
                      .deflate = STORE_LEVEL) != BR_OK ||
        br_last_run(b->ctx, &info) != BR_OK)
        return false;
    b->value = (double)info.bytes_written;
    unlink(b->file.path);
    return true;
}
