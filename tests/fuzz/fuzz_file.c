/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_file.c - HDF5 files whose stored chunks are damaged, read by public calls.
 *
 * An input says which file, and then where which bytes are written into its chunks. Metadata stays
 * as it is: damaged, it may crash the HDF5 library, for which there is .untrusted
 * (tests/fault_hostile.sh).
 */
#include <sys/mman.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "array/io/hdf5_internal.h"
#include "tests/fuzz/fuzz.h"

enum { ROWS = 40, COLUMNS = 30, MOST_FILE = 1 << 16 };

typedef struct sample {
    const char *filters; /* s shuffle, d deflate, f fletcher32; in order */
    hid_t *type;
    hsize_t chunk[2]; /* 0: contiguous */
    size_t n;
    char bytes[MOST_FILE];
    bri_h5_chunk *chunks;
    size_t nchunks;
} sample;

static sample samples[] = {
    {.filters = "d", .type = &H5T_IEEE_F64LE_g, .chunk = {16, 16}},
    {.filters = "sd", .type = &H5T_STD_I16BE_g, .chunk = {40, 7}},
    {.filters = "f", .type = &H5T_IEEE_F32LE_g, .chunk = {11, 30}},
    {.filters = "fsd", .type = &H5T_STD_I32LE_g, .chunk = {8, 20}},
    {.filters = "sdf", .type = &H5T_STD_U8LE_g, .chunk = {20, 20}},
    {.filters = "", .type = &H5T_IEEE_F32BE_g, .chunk = {0, 0}},
};

enum { NSAMPLES = sizeof samples / sizeof samples[0] };

static br_context *ctx;

static hid_t creation_of(const sample *s)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (s->chunk[0] > 0)
        H5Pset_chunk(list, 2, s->chunk);
    for (const char *f = s->filters; *f != '\0'; f++)
        if (*f == 's')
            H5Pset_shuffle(list);
        else if (*f == 'd')
            H5Pset_deflate(list, 6);
        else
            H5Pset_fletcher32(list);
    return list;
}

static void fill(const sample *s, const char *path)
{
    double x[ROWS * COLUMNS];
    const hsize_t shape[] = {ROWS, COLUMNS};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = i / 7 % 100;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, NULL), list = creation_of(s);
    hid_t set = H5Dcreate2(file, "x", *s->type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    H5Dclose(set), H5Pclose(list), H5Sclose(space), H5Fclose(file);
}

/* Contiguous elements stand for one chunk. */
static void find_chunks(sample *s, const char *path)
{
    bri_h5_dataset *d;
    FUZZ_CHECK(bri_h5_open(path, "x", &d) == BR_OK);
    s->nchunks = d->kind == BRI_H5_CHUNKED ? (size_t)(d->grid[0] * d->grid[1]) : 1;
    s->chunks = calloc(s->nchunks, sizeof *s->chunks);
    if (d->kind == BRI_H5_CHUNKED)
        memcpy(s->chunks, d->chunks, s->nchunks * sizeof *s->chunks);
    else
        s->chunks[0] = (bri_h5_chunk){d->address, (uint32_t)(ROWS * COLUMNS * d->element), 0};
    bri_h5_close(d);
}

static void begin(void)
{
    char folder[] = "/tmp/fuzz_file.XXXXXX", path[60];
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    ctx = br_open(NULL, NULL);
    FUZZ_CHECK(br_error_status(ctx) == BR_OK && mkdtemp(folder) != NULL && H5open() >= 0);
    snprintf(path, sizeof path, "%s/x.h5", folder);
    for (int i = 0; i < NSAMPLES; i++) {
        fill(&samples[i], path);
        find_chunks(&samples[i], path);
        FILE *f = fopen(path, "rb");
        samples[i].n = fread(samples[i].bytes, 1, MOST_FILE, f);
        fclose(f);
        FUZZ_CHECK(samples[i].n < MOST_FILE);
    }
    remove(path);
    rmdir(folder);
}

/* Each change: which chunk (1 byte), where in it (2), how many bytes (1), the bytes. */
static void damage(const sample *s, fuzz_input *in, char *bytes)
{
    while (in->left > 4) {
        const bri_h5_chunk *c = &s->chunks[fuzz_number(in, 1, (uint32_t)s->nchunks)];
        uint32_t at = fuzz_number(in, 2, c->bytes), n = fuzz_number(in, 1, 256);
        n = n < c->bytes - at ? n : c->bytes - at;
        n = n < in->left ? n : (uint32_t)in->left;
        memcpy(bytes + c->address + at, in->at, n);
        in->at += n;
        in->left -= n;
    }
}

static void check(br_status st)
{
    FUZZ_CHECK(st == BR_OK || st == BR_EFORMAT || st == BR_EIO);
    FUZZ_CHECK(st == BR_OK || strstr(br_message(ctx), ":x") != NULL);
    br_clear_error(ctx);
}

static void read_all(const char *path)
{
    static double x[ROWS * COLUMNS];
    double sum;
    br_scope *scope = br_scope_open(ctx);
    br_array *a = br_from_hdf5(ctx, path, "x");
    FUZZ_CHECK(br_status_of(a) == BR_OK);
    check(br_compute(a, x, br_nbytes(a)));
    check(br_compute_f64(br_sum(br_index(a, "3::5, 2:20:3")), &sum));
    br_scope_close(scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    if (ctx == NULL)
        begin();
    fuzz_input in = {input, n};
    const sample *s = &samples[fuzz_number(&in, 1, NSAMPLES)];
    char *bytes = fuzz_copy(s->bytes, s->n, s->n), path[40];
    damage(s, &in, bytes);
    int fd = memfd_create("x.h5", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, bytes, s->n) == (ssize_t)s->n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_all(path);
    close(fd);
    free(bytes);
    return 0;
}

void fuzz_seeds(fuzz_take *take, void *to)
{
    for (uint8_t i = 0; i < NSAMPLES; i++) {
        char name[16];
        const uint8_t nothing[] = {i}, head[] = {i, 0, 0, 0, 4, 0x78, 0x5e, 0xff, 0xff},
                      tail[] = {i, 1, 0, 40, 6, 1, 2, 3, 4, 5, 6, 0, 0, 9, 2, 0xff, 0};
        snprintf(name, sizeof name, "file%d", i);
        take(to, name, nothing, sizeof nothing);
        snprintf(name, sizeof name, "head%d", i);
        take(to, name, head, sizeof head);
        snprintf(name, sizeof name, "more%d", i);
        take(to, name, tail, sizeof tail);
    }
}
