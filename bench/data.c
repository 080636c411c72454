/* SPDX-License-Identifier: BSD-3-Clause
 * data.c - inputs and outputs in memory.
 */
#include "bench/data.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/crew.h"

enum { HUGE_PAGE = 2 << 20, BLOCK = 1 << 16 };

void *data_block(size_t bytes)
{
    size_t rounded = (bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    void *block = aligned_alloc(HUGE_PAGE, rounded);
    if (!block) {
        bench_fail("no memory for %zu MiB of elements", bytes >> 20);
        return NULL;
    }
    madvise(block, rounded, MADV_HUGEPAGE);
    memset(block, 0, rounded);
    return block;
}

typedef struct filling {
    double *f64;
    float *f32;
    int64_t n;
    uint32_t seed;
} filling;

static double fill_block(const void *arg, int64_t block)
{
    const filling *f = arg;
    int64_t end = (block + 1) * BLOCK < f->n ? (block + 1) * BLOCK : f->n;
    for (int64_t i = block * BLOCK; f->f64 && i < end; i++)
        f->f64[i] = data_hash((uint32_t)i, f->seed);
    for (int64_t i = block * BLOCK; f->f32 && i < end; i++)
        f->f32[i] = (float)data_hash((uint32_t)i, f->seed);
    return 0;
}

static void fill(int threads, filling f)
{
    crew_sum(threads, (f.n + BLOCK - 1) / BLOCK, fill_block, &f);
}

double *data_doubles(int threads, int64_t n, uint32_t seed)
{
    double *block = data_block((size_t)n * sizeof *block);
    if (block)
        fill(threads, (filling){.f64 = block, .n = n, .seed = seed});
    return block;
}

float *data_floats(int threads, int64_t n, uint32_t seed)
{
    float *block = data_block((size_t)n * sizeof *block);
    if (block)
        fill(threads, (filling){.f32 = block, .n = n, .seed = seed});
    return block;
}

bool data_output(bench *b, int64_t n, br_dtype dtype)
{
    b->out_dtype = dtype;
    b->out_bytes = (size_t)n * br_dtype_size(dtype);
    b->out = data_block(b->out_bytes);
    return b->out != NULL;
}
