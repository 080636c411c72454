/* SPDX-License-Identifier: BSD-3-Clause
 * limits_store.c - what writing a compressed HDF5 file is compared with: shuffling and libdeflate
 * alone, without a file, and the HDF5 library itself.
 */
#include <hdf5.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/crew.h"
#include "bench/limits.h"
#include "bench/sizes.h"

enum {
    CHUNK = STORE_CHUNK_ROWS * STORE_CHUNK_COLUMNS,
    CHUNK_BYTES = CHUNK * (int)sizeof(float),
    ACROSS = STORE_COLUMNS / STORE_CHUNK_COLUMNS
};

typedef struct job {
    const bench *b;
    crew_range range;
    _Atomic double bytes;
} job;

/* ---- compression alone ---- */

static void take_chunk(const float *x, int64_t i, float *chunk)
{
    const float *from =
        x + i / ACROSS * STORE_CHUNK_ROWS * STORE_COLUMNS + i % ACROSS * STORE_CHUNK_COLUMNS;
    for (int r = 0; r < STORE_CHUNK_ROWS; r++, from += STORE_COLUMNS)
        memcpy(chunk + (size_t)r * STORE_CHUNK_COLUMNS, from, STORE_CHUNK_COLUMNS * sizeof *from);
}

static void shuffle(const unsigned char *from, unsigned char *restrict planes)
{
    for (size_t plane = 0; plane < sizeof(float); plane++)
        for (size_t k = 0; k < CHUNK; k++)
            planes[plane * CHUNK + k] = from[sizeof(float) * k + plane];
}

static bool compress_chunks(void *arg)
{
    job *j = arg;
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(STORE_LEVEL);
    unsigned char *memory = malloc(3 * (size_t)CHUNK_BYTES);
    bool good = deflater != NULL && memory != NULL;
    double bytes = 0;
    for (int64_t i; good && crew_take(&j->range, &i);) {
        unsigned char *planes = memory + CHUNK_BYTES, *out = planes + CHUNK_BYTES;
        take_chunk(j->b->x, i, (float *)memory);
        shuffle(memory, planes);
        size_t n = libdeflate_zlib_compress(deflater, planes, CHUNK_BYTES, out, CHUNK_BYTES);
        good = n > 0;
        bytes += (double)n;
    }
    crew_add(&j->bytes, bytes);
    free(memory);
    libdeflate_free_compressor(deflater);
    return good;
}

bool limit_store(bench *b)
{
    job j = {.b = b, .range.n = (int64_t)STORE_ROWS / STORE_CHUNK_ROWS * ACROSS};
    bool good = crew_run(b->threads, compress_chunks, &j);
    b->value = j.bytes;
    return good || bench_fail("chunks could not be compressed");
}

/* ---- the library ---- */

static bool write_dataset(const bench *b, hid_t file, hsize_t *stored)
{
    const hsize_t shape[] = {STORE_ROWS, STORE_COLUMNS};
    const hsize_t chunk[] = {STORE_CHUNK_ROWS, STORE_CHUNK_COLUMNS};
    hid_t space = H5Screate_simple(2, shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    bool good = H5Pset_chunk(list, 2, chunk) >= 0 && H5Pset_shuffle(list) >= 0 &&
                H5Pset_deflate(list, STORE_LEVEL) >= 0;
    hid_t x =
        good ? H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT) : -1;
    good = x >= 0 && H5Dwrite(x, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, b->x) >= 0;
    if (good)
        good = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0;
    *stored = good ? H5Dget_storage_size(x) : 0;
    if (x >= 0)
        H5Dclose(x);
    H5Pclose(list);
    H5Sclose(space);
    return good;
}

bool limit_store_library(bench *b)
{
    hsize_t stored = 0;
    hid_t file = H5Fcreate(b->file.path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    bool good = file >= 0 && write_dataset(b, file, &stored);
    if (file >= 0)
        good = H5Fclose(file) >= 0 && good;
    unlink(b->file.path);
    b->value = (double)stored;
    return good || bench_fail("%s could not be written", b->file.path);
}
