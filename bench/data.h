/* SPDX-License-Identifier: BSD-3-Clause
 * data.h - the inputs: elements that are a hash of their index, in memory and in files.
 */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "bench/bench.h"

/* A number in [0, 1) for each index and seed, the same in bench/peers. */
static inline double data_hash(uint32_t index, uint32_t seed)
{
    uint32_t k = (index + seed) * 2654435761u;
    k ^= k >> 15;
    k *= 2246822519u;
    k ^= k >> 13;
    return k * 0x1p-32;
}

/* data_block - memory on huge pages where there are any, with every page touched; freed by free().
 */
void *data_block(size_t bytes);

/* data_doubles, data_floats - n elements data_hash(i, seed). NULL without memory. */
double *data_doubles(int threads, int64_t n, uint32_t seed);
float *data_floats(int threads, int64_t n, uint32_t seed);

/* data_output - gives b an output array of n elements. */
bool data_output(bench *b, int64_t n, br_dtype dtype);

/* data_directory - makes the directory of --data unless it is there. */
bool data_directory(const bench *b);

/* data_open_file - makes the file of the given row of files.def on first use, reads it once so that
 * the page cache has it, opens it as b->ax and finds its elements for the limit. */
typedef enum data_file {
#define DATA_FILE(id, ...) DATA_##id,
#include "bench/files.def"
#undef DATA_FILE
} data_file;
bool data_open_file(bench *b, data_file which);

#endif
