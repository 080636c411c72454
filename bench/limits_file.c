/* SPDX-License-Identifier: BSD-3-Clause
 * limits_file.c - limits of workloads on files: pread and libdeflate with buffers that stay in the
 * cache.
 */
#include <fcntl.h>
#include <libdeflate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/crew.h"
#include "bench/lanes.h"
#include "bench/limits.h"

/* What the threads of one limit share. */
typedef struct job {
    bench *b;
    crew_range range;
    _Atomic double sum, square;
    const double *mean; /* of W16's columns, in the second pass */
    _Atomic double *columns;
} job;

/* What one thread has of its own. */
typedef struct reader {
    int fd;
    struct libdeflate_decompressor *inflater;
    unsigned char *packed, *planes;
    void *elements;
} reader;

static void reader_close(reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    if (r->inflater)
        libdeflate_free_decompressor(r->inflater);
    free(r->packed);
    free(r->planes);
    free(r->elements);
}

/* Buffers for chunks of `bytes` elements; packed ones may be a little larger than that. */
static bool reader_open(reader *r, const bench *b, size_t bytes)
{
    *r = (reader){.fd = open(b->file.path, O_RDONLY | O_CLOEXEC)};
    r->elements = aligned_alloc(4096, bytes);
    if (b->file.chunks) {
        r->inflater = libdeflate_alloc_decompressor();
        r->packed = malloc(2 * bytes);
        r->planes = aligned_alloc(4096, bytes);
    }
    bool good = r->fd >= 0 && r->elements;
    if (good && b->file.chunks)
        good = r->inflater && r->packed && r->planes;
    if (!good)
        reader_close(r);
    return good;
}

static bool read_block(reader *r, const bench *b, int64_t i)
{
    off_t at = (off_t)b->file.offset + (off_t)i * LIMIT_IO_BYTES;
    return pread(r->fd, r->elements, LIMIT_IO_BYTES, at) == LIMIT_IO_BYTES;
}

/* ---- contiguous ---- */

static double sum_floats(const float *x, int n)
{
    enum { RUN = 4096 }; /* summed in float */
    double total = 0;
    for (int at = 0; at < n; at += RUN)
        total += lanes_sum_f32(x + at, RUN);
    return total;
}

static bool mean_blocks(void *arg)
{
    job *j = arg;
    reader r;
    if (!reader_open(&r, j->b, LIMIT_IO_BYTES))
        return false;
    bool good = true;
    double sum = 0;
    for (int64_t i; good && crew_take(&j->range, &i);) {
        good = read_block(&r, j->b, i);
        sum += sum_floats(r.elements, LIMIT_IO_BYTES / sizeof(float));
    }
    crew_add(&j->sum, sum);
    reader_close(&r);
    return good;
}

bool limit_file_mean(bench *b)
{
    size_t bytes = br_nbytes(b->ax);
    job j = {.b = b, .range.n = (int64_t)(bytes / LIMIT_IO_BYTES)};
    bool good = crew_run(b->threads, mean_blocks, &j);
    b->value = j.sum / (double)(bytes / sizeof(float));
    return good || bench_fail("%s could not be read", b->file.path);
}

/* ---- two passes over a file larger than the memory allowed ---- */

enum { VAR_COLUMNS = 512, VAR_ROWS = LIMIT_IO_BYTES / (VAR_COLUMNS * (int)sizeof(double)) };

static void add_block(const double *x, double *sum)
{
    for (int r = 0; r < VAR_ROWS; r++, x += VAR_COLUMNS)
        for (int c = 0; c < VAR_COLUMNS; c++)
            sum[c] += x[c];
}

static double squares_of_block(const double *x, const double *mean)
{
    double square = 0;
    for (int r = 0; r < VAR_ROWS; r++, x += VAR_COLUMNS)
        for (int c = 0; c < VAR_COLUMNS; c++)
            square += (x[c] - mean[c]) * (x[c] - mean[c]);
    return square;
}

static bool var_blocks(void *arg)
{
    job *j = arg;
    reader r;
    if (!reader_open(&r, j->b, LIMIT_IO_BYTES))
        return false;
    bool good = true;
    double sum[VAR_COLUMNS] = {0}, square = 0;
    for (int64_t i; good && crew_take(&j->range, &i);) {
        good = read_block(&r, j->b, i);
        if (j->mean)
            square += squares_of_block(r.elements, j->mean);
        else
            add_block(r.elements, sum);
    }
    for (int c = 0; c < VAR_COLUMNS; c++)
        crew_add(&j->columns[c], sum[c]);
    crew_add(&j->square, square);
    reader_close(&r);
    return good;
}

bool limit_file_var(bench *b)
{
    size_t bytes = br_nbytes(b->ax);
    double n = (double)(bytes / sizeof(double)), mean[VAR_COLUMNS];
    _Atomic double columns[VAR_COLUMNS] = {0};
    job first = {.b = b, .range.n = (int64_t)(bytes / LIMIT_IO_BYTES), .columns = columns};
    job second = {.b = b, .range.n = first.range.n, .columns = columns, .mean = mean};
    bool good = crew_run(b->threads, var_blocks, &first);
    for (int c = 0; c < VAR_COLUMNS; c++)
        mean[c] = columns[c] / (n / VAR_COLUMNS);
    good = good && crew_run(b->threads, var_blocks, &second);
    b->value = second.square / n;
    return good || bench_fail("%s could not be read", b->file.path);
}

/* ---- shuffled and compressed ---- */

/* Chunk i of n elements, which come out as planes of bytes. */
static bool inflate_chunk(reader *r, const bench *b, int64_t i, size_t n)
{
    const bench_chunk *chunk = &b->file.chunks[i];
    size_t bytes = n * sizeof(float);
    return chunk->bytes <= 2 * bytes &&
           pread(r->fd, r->packed, chunk->bytes, (off_t)chunk->address) == (ssize_t)chunk->bytes &&
           libdeflate_zlib_decompress(r->inflater, r->packed, chunk->bytes, r->planes, bytes,
                                      NULL) == 0;
}

static bool decode_chunk(reader *r, const bench *b, int64_t i, size_t n)
{
    if (!inflate_chunk(r, b, i, n))
        return false;
    unsigned char *restrict to = r->elements;
    for (size_t k = 0; k < n; k++)
        for (size_t plane = 0; plane < sizeof(float); plane++)
            to[sizeof(float) * k + plane] = r->planes[plane * n + k];
    return true;
}

enum {
    CLIMATE_SIDE = 512, /* grid points along latitude and longitude */
    CLIMATE_CHUNK = 64, /* of a stored chunk along each axis */
    CLIMATE_TIMES = 1024,
    CLIMATE_ACROSS = CLIMATE_SIDE / CLIMATE_CHUNK,
    CLIMATE_POINTS = CLIMATE_CHUNK * CLIMATE_CHUNK
};
static const float climate_shift =
    270; /* near the mean, so that squares in float keep their digits */

/* Adds one chunk to the sums of its grid points; the sum of squares is returned. */
static double add_chunk(const float *x, double *sum)
{
    float points[CLIMATE_POINTS] = {0};
    double square = 0;
    for (int t = 0; t < CLIMATE_CHUNK; t++, x += CLIMATE_POINTS) {
        float q = 0;
        for (int k = 0; k < CLIMATE_POINTS; k++) {
            float d = x[k] - climate_shift;
            points[k] += d;
            q += d * d;
        }
        square += q;
    }
    for (int k = 0; k < CLIMATE_POINTS; k++)
        sum[k] += points[k];
    return square;
}

/* The 16 chunks of one place, so that its mean over time is complete. */
static bool climate_place(job *j, reader *r, int64_t place)
{
    double sum[CLIMATE_POINTS] = {0}, square = 0, all = 0;
    for (int t = 0; t < CLIMATE_TIMES / CLIMATE_CHUNK; t++) {
        int64_t chunk = t * CLIMATE_ACROSS * CLIMATE_ACROSS + place;
        if (!decode_chunk(r, j->b, chunk, (size_t)CLIMATE_CHUNK * CLIMATE_POINTS))
            return false;
        square += add_chunk(r->elements, sum);
    }
    int64_t y = place / CLIMATE_ACROSS * CLIMATE_CHUNK, x = place % CLIMATE_ACROSS * CLIMATE_CHUNK;
    float *corner = (float *)j->b->out + y * CLIMATE_SIDE + x;
    for (int k = 0; k < CLIMATE_POINTS; k++) {
        float mean = climate_shift + (float)(sum[k] / CLIMATE_TIMES);
        corner[k / CLIMATE_CHUNK * CLIMATE_SIDE + k % CLIMATE_CHUNK] = mean;
        all += sum[k];
    }
    crew_add(&j->sum, all);
    crew_add(&j->square, square);
    return true;
}

static bool climate_places(void *arg)
{
    job *j = arg;
    reader r;
    if (!reader_open(&r, j->b, sizeof(float) * CLIMATE_CHUNK * CLIMATE_POINTS))
        return false;
    bool good = true;
    for (int64_t place; good && crew_take(&j->range, &place);)
        good = climate_place(j, &r, place);
    reader_close(&r);
    return good;
}

bool limit_file_climate(bench *b)
{
    job j = {.b = b, .range.n = CLIMATE_ACROSS * CLIMATE_ACROSS};
    bool good = crew_run(b->threads, climate_places, &j);
    double n = (double)CLIMATE_TIMES * CLIMATE_SIDE * CLIMATE_SIDE, mean = j.sum / n;
    b->value = climate_shift + mean + sqrt(j.square / n - mean * mean);
    return good || bench_fail("%s could not be decoded", b->file.path);
}

static bool inflate_chunks(void *arg)
{
    job *j = arg;
    reader r;
    if (!reader_open(&r, j->b, sizeof(float) * CLIMATE_CHUNK * CLIMATE_POINTS))
        return false;
    bool good = true;
    for (int64_t i; good && crew_take(&j->range, &i);)
        good = inflate_chunk(&r, j->b, i, (size_t)CLIMATE_CHUNK * CLIMATE_POINTS);
    reader_close(&r);
    return good;
}

/* Decompresses what W7 needs, and does nothing with it. */
bool limit_file_inflate(bench *b)
{
    job j = {.b = b, .range.n = b->file.nchunks};
    b->value = 1;
    return crew_run(b->threads, inflate_chunks, &j) ||
           bench_fail("%s could not be decoded", b->file.path);
}

enum { SLICE_FROM = 100, SLICE_TO = 200, SLICE_ROWS = 1024, SLICE_WIDTH = 128, SLICE_ACROSS = 16 };

/* Chunks 2i and 2i + 1 hold columns 0 to 255 of 1024 rows; every second row counts. */
static double slice_chunk(const float *x, int column)
{
    int from = column ? 0 : SLICE_FROM, to = column ? SLICE_TO - SLICE_WIDTH : SLICE_WIDTH;
    double total = 0;
    for (int r = 0; r < SLICE_ROWS; r += 2) {
        float sum = 0;
        for (int c = from; c < to; c++)
            sum += x[r * SLICE_WIDTH + c];
        total += sum;
    }
    return total;
}

static bool slice_chunks(void *arg)
{
    job *j = arg;
    reader r;
    if (!reader_open(&r, j->b, sizeof(float) * SLICE_ROWS * SLICE_WIDTH))
        return false;
    bool good = true;
    double sum = 0;
    for (int64_t i; good && crew_take(&j->range, &i);) {
        int64_t chunk = i / 2 * SLICE_ACROSS + i % 2;
        good = decode_chunk(&r, j->b, chunk, (size_t)SLICE_ROWS * SLICE_WIDTH);
        sum += slice_chunk(r.elements, (int)(i % 2));
    }
    crew_add(&j->sum, sum);
    reader_close(&r);
    return good;
}

bool limit_file_slice(bench *b)
{
    job j = {.b = b, .range.n = b->file.nchunks / SLICE_ACROSS * 2};
    bool good = crew_run(b->threads, slice_chunks, &j);
    b->value = j.sum;
    return good || bench_fail("%s could not be decoded", b->file.path);
}
