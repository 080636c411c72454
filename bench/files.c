/* SPDX-License-Identifier: BSD-3-Clause
 * files.c - the files of the workloads: made by bramble itself on first use, warmed, and their
 * stored chunks listed.
 */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/data.h"

/* ---- how elements are made: chunk functions that see only the place of their chunk ---- */

static int fill_hash_f32(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)data;
    float *v = out->data;
    int64_t ny = out->extent[1], nx = out->extent[2];
    for (int64_t i = 0; i < out->extent[0] * ny * nx; i++) {
        int64_t t = out->origin[0] + i / (ny * nx), y = out->origin[1] + i / nx % ny;
        v[i] = (float)data_hash((uint32_t)((t * 512 + y) * 512 + out->origin[2] + i % nx), 0);
    }
    return 0;
}

static int fill_hash_f64(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)data;
    double *v = out->data;
    int64_t columns = out->extent[1];
    for (int64_t i = 0; i < out->extent[0] * columns; i++) {
        int64_t row = out->origin[0] + i / columns, column = out->origin[1] + i % columns;
        v[i] = data_hash((uint32_t)(row * 512 + column), 0);
    }
    return 0;
}

/* About normal, of deviation 1: four uniform numbers of 16 bits, cut out of two hashes. */
static double noise(uint32_t index, uint32_t seed)
{
    uint32_t a = (uint32_t)(data_hash(index, seed) * 0x1p32);
    uint32_t b = (uint32_t)(data_hash(index, seed + 1000003u) * 0x1p32);
    return ((a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff) - 0x1.fffep17) * 0x1p-16 * sqrt(3);
}

/* Waves over latitude `la` of day t, in kelvins: smooth, as measured fields are. */
typedef struct wave {
    double zonal, cos_la, sin_4la;
} wave;

static wave wave_at(double t, double la)
{
    double mean = 270 + 30 * cos(la) + 10 * sin(la) * cos(2 * M_PI * t / 365);
    return (wave){mean, cos(la), sin(4 * la)};
}

/* One row of a field along longitude. Rounded to 1/64 K, as packed data is, so that it compresses.
 */
static void fill_row(const wave *w, const double *slow, const double *fast, int64_t nx, float *v)
{
    for (int64_t x = 0; x < nx; x++)
        v[x] = (float)(w->zonal + 5 * slow[x] * w->cos_la + 2 * fast[x] * w->sin_4la);
}

static void roughen(float *v, int64_t nx, uint32_t index, uint32_t seed)
{
    for (int64_t x = 0; x < nx; x++)
        v[x] = (float)(rint((v[x] + 0.05 * noise(index + (uint32_t)x, seed)) * 64) / 64);
}

enum { MAX_LONGITUDES = 2048 };

static void waves_along(double t, int64_t origin, int64_t nx, int64_t around, double *slow,
                        double *fast)
{
    for (int64_t x = 0; x < nx; x++) {
        double lo = 2 * M_PI * (double)(origin + x) / (double)around;
        slow[x] = sin(3 * lo + t / 5);
        fast[x] = sin(7 * lo - t / 3);
    }
}

static double latitude(int64_t y, int64_t ny)
{
    return M_PI * ((double)y / (double)(ny - 1) - 0.5);
}

static int fill_climate(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)data;
    double slow[MAX_LONGITUDES], fast[MAX_LONGITUDES];
    int64_t ny = out->extent[1], nx = out->extent[2];
    float *v = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++) {
        int64_t t = out->origin[0] + i;
        waves_along((double)t, out->origin[2], nx, 512, slow, fast);
        for (int64_t j = 0; j < ny; j++, v += nx) {
            int64_t y = out->origin[1] + j;
            wave w = wave_at((double)t, latitude(y, 512));
            fill_row(&w, slow, fast, nx, v);
            roughen(v, nx, (uint32_t)((t * 512 + y) * 512 + out->origin[2]), 7);
        }
    }
    return 0;
}

/* Fields of 8192 latitudes below one another. */
static int fill_table(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)data;
    double slow[MAX_LONGITUDES], fast[MAX_LONGITUDES];
    int64_t nx = out->extent[1], t_before = -1;
    float *v = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++, v += nx) {
        int64_t row = out->origin[0] + i, t = row / 8192 * 8192;
        if (t != t_before)
            waves_along((double)t, out->origin[1], nx, 2048, slow, fast);
        t_before = t;
        wave w = wave_at((double)t, latitude(row % 8192, 8192));
        fill_row(&w, slow, fast, nx, v);
        roughen(v, nx, (uint32_t)(row * 2048 + out->origin[1]), 17);
    }
    return 0;
}

/* ---- making, warming, listing ---- */

typedef struct file_row {
    const char *name;
    br_dtype dtype;
    br_extents shape, chunks;
    int deflate;
    br_block_function fill;
} file_row;

static const file_row file_rows[] = {
#define DATA_FILE(id, name, dtype, shape, chunks, deflate, fill)                                   \
    {name, dtype, shape, chunks, deflate, fill},
#include "bench/files.def"
#undef DATA_FILE
};

bool data_directory(const bench *b)
{
    if (mkdir(b->options->data, 0777) != 0 && errno != EEXIST)
        return bench_fail("%s: %s", b->options->data, strerror(errno));
    return true;
}

static bool make_file(bench *b, const file_row *row)
{
    struct stat about;
    if (stat(b->file.path, &about) == 0)
        return true;
    if (!data_directory(b))
        return false;
    fprintf(stderr, "bramble-bench: making %s, once\n", b->file.path);
    br_scope *scope = br_scope_open(b->ctx);
    br_array *empty = br_zeros(b->ctx, row->shape, .dtype = row->dtype, .chunks = row->chunks);
    br_array *x = br_map_blocks(empty, row->fill, .dtype = row->dtype);
    br_status status = br_store_hdf5(x, b->file.path, "v", .chunks = row->chunks,
                                     .contiguous = row->chunks.ndim == 0, .deflate = row->deflate);
    br_scope_close(scope);
    return status == BR_OK;
}

static bool warm_file(const char *path)
{
    enum { PIECE = 1 << 20 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return bench_fail("%s: %s", path, strerror(errno));
    char *piece = malloc(PIECE);
    ssize_t got = piece ? 1 : -1;
    while (got > 0)
        got = read(fd, piece, PIECE);
    free(piece);
    close(fd);
    return got == 0 || bench_fail("%s could not be read", path);
}

/* Chunk by chunk through HDF5, which is slow and needs none of our code. */
static bool list_chunks(bench_file *file, hid_t dataset, const file_row *row)
{
    const br_extents *shape = &row->shape, *chunks = &row->chunks;
    file->nchunks = 1;
    for (int d = 0; d < shape->ndim; d++)
        file->nchunks *= shape->extent[d] / chunks->extent[d];
    file->chunks = calloc((size_t)file->nchunks, sizeof *file->chunks);
    for (int64_t i = 0; file->chunks && i < file->nchunks; i++) {
        hsize_t at[BR_MAX_NDIM], bytes;
        haddr_t address;
        unsigned skipped_filters;
        int64_t rest = i;
        for (int d = shape->ndim - 1; d >= 0; d--) {
            int64_t along = shape->extent[d] / chunks->extent[d];
            at[d] = (hsize_t)(rest % along * chunks->extent[d]);
            rest /= along;
        }
        if (H5Dget_chunk_info_by_coord(dataset, at, &skipped_filters, &address, &bytes) < 0)
            return false;
        file->chunks[i] = (bench_chunk){address, bytes};
    }
    return file->chunks != NULL;
}

static bool find_elements(bench_file *file, const file_row *row)
{
    hid_t h5 = H5Fopen(file->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t dataset = h5 < 0 ? -1 : H5Dopen2(h5, "v", H5P_DEFAULT);
    bool found = dataset >= 0;
    if (found && row->chunks.ndim != 0)
        found = list_chunks(file, dataset, row);
    else if (found)
        file->offset = H5Dget_offset(dataset);
    if (dataset >= 0)
        H5Dclose(dataset);
    if (h5 >= 0)
        H5Fclose(h5);
    return (found && file->offset != HADDR_UNDEF) ||
           bench_fail("%s is not as expected", file->path);
}

bool data_open_file(bench *b, data_file which)
{
    const file_row *row = &file_rows[which];
    int length = snprintf(b->file.path, sizeof b->file.path, "%s/%s", b->options->data, row->name);
    if (length >= (int)sizeof b->file.path)
        return bench_fail("the path of the data is too long");
    if (!make_file(b, row) || !find_elements(&b->file, row) || !warm_file(b->file.path))
        return false;
    b->ax = br_from_hdf5(b->ctx, b->file.path, "v");
    return br_status_of(b->ax) == BR_OK || bench_fail("%s", br_error(b->ax));
}
