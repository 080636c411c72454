/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_layouts.c - reading every kind of dataset, and files with something wrong.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "array/io/hdf5_internal.h"
#include "tests/hdf5_samples.h"

#define PREAD           "pread"
#define DECODE(filters) "pread + decode (" filters ")"
#define SLOW(why)       "H5Dread (" why ")"

// clang-format off
static const layout layouts[] = {
    {"scalar", &H5T_IEEE_F64LE_g, BR_FLOAT64, "", PREAD, 0, 0, {0}, {0}},
    {"empty", &H5T_IEEE_F64LE_g, BR_FLOAT64, "", PREAD, 0, 2, {0, 5}, {0}},
    {"empty chunked", &H5T_IEEE_F64LE_g, BR_FLOAT64, "sd", DECODE("shuffle, deflate"), GROWS_0, 2, {0, 5}, {4, 5}},
    {"contiguous", &H5T_IEEE_F32LE_g, BR_FLOAT32, "", PREAD, 0, 3, {20, 31, 57}, {0}},
    {"contiguous, long rows", &H5T_STD_I8LE_g, BR_INT8, "", PREAD, 0, 2, {5, 300000}, {0}},
    {"big-endian", &H5T_IEEE_F64BE_g, BR_FLOAT64, "", PREAD, USER_BLOCK, 2, {41, 83}, {0}},
    {"big-endian chunks", &H5T_STD_U16BE_g, BR_UINT16, "sd", DECODE("shuffle, deflate"), USER_BLOCK, 2, {41, 83}, {7, 20}},
    {"unfiltered", &H5T_STD_I64LE_g, BR_INT64, "", PREAD, 0, 3, {9, 20, 30}, {4, 6, 8}},
    {"deflate", &H5T_STD_I32LE_g, BR_INT32, "d", DECODE("deflate"), 0, 2, {50, 60}, {16, 60}},
    {"shuffle", &H5T_STD_I32BE_g, BR_INT32, "s", DECODE("shuffle"), 0, 2, {50, 60}, {16, 16}},
    {"netCDF order", &H5T_IEEE_F32LE_g, BR_FLOAT32, "fsd", DECODE("fletcher32, shuffle, deflate"), 0, 3, {10, 20, 30}, {4, 8, 16}},
    {"h5py order", &H5T_IEEE_F64LE_g, BR_FLOAT64, "sdf", DECODE("shuffle, deflate, fletcher32"), 0, 2, {50, 60}, {16, 16}},
    {"odd order", &H5T_STD_I16LE_g, BR_INT16, "dsf", DECODE("deflate, shuffle, fletcher32"), 0, 2, {50, 60}, {15, 16}},
    {"odder order", &H5T_STD_I16LE_g, BR_INT16, "dfs", DECODE("deflate, fletcher32, shuffle"), 0, 2, {50, 60}, {15, 16}},
    {"checksum", &H5T_STD_U8LE_g, BR_UINT8, "f", DECODE("fletcher32"), 0, 2, {51, 61}, {15, 17}},
    {"checksum, bytes", &H5T_STD_I8LE_g, BR_INT8, "fsd", DECODE("fletcher32, shuffle, deflate"), 0, 1, {5000}, {1001}},
    {"single chunk", &H5T_STD_U32LE_g, BR_UINT32, "sd", DECODE("shuffle, deflate"), LATEST, 2, {20, 30}, {20, 30}},
    {"plain single chunk", &H5T_STD_U32LE_g, BR_UINT32, "", PREAD, LATEST, 2, {20, 30}, {20, 30}},
    {"implicit index", &H5T_STD_U64LE_g, BR_UINT64, "", PREAD, LATEST | EARLY, 2, {25, 30}, {4, 7}},
    {"fixed array", &H5T_STD_U64BE_g, BR_UINT64, "sd", DECODE("shuffle, deflate"), LATEST | USER_BLOCK, 2, {25, 30}, {4, 7}},
    {"extensible array", &H5T_STD_I64BE_g, BR_INT64, "sd", DECODE("shuffle, deflate"), LATEST | GROWS_0, 2, {25, 30}, {4, 7}},
    {"second B-tree", &H5T_STD_U32BE_g, BR_UINT32, "sdf", DECODE("shuffle, deflate, fletcher32"), LATEST | GROWS_0 | GROWS_1, 2, {25, 30}, {4, 7}},
    {"unlimited", &H5T_IEEE_F32BE_g, BR_FLOAT32, "sd", DECODE("shuffle, deflate"), GROWS_0, 4, {5, 6, 7, 8}, {2, 4, 3, 8}},
    {"raw edges", &H5T_IEEE_F32LE_g, BR_FLOAT32, "sd", DECODE("shuffle, deflate"), LATEST | RAW_EDGES, 2, {25, 30}, {4, 7}},
    {"holes", &H5T_STD_I16BE_g, BR_INT16, "sd", DECODE("shuffle, deflate"), HOLES | USER_BLOCK, 2, {25, 30}, {4, 7}},
    {"holes, unfiltered", &H5T_IEEE_F64BE_g, BR_FLOAT64, "", PREAD, HOLES | LATEST, 2, {25, 30}, {4, 7}},
    {"compact", &H5T_STD_I32BE_g, BR_INT32, "", SLOW("compact layout"), COMPACT, 2, {20, 30}, {0}},
    {"external", &H5T_STD_I32LE_g, BR_INT32, "", SLOW("external files"), EXTERNAL, 2, {20, 30}, {0}},
    {"nbit", &int12, BR_INT16, "n", SLOW("type conversion"), 0, 2, {20, 30}, {8, 8}},
    {"nbit, int32", &H5T_STD_I32LE_g, BR_INT32, "n", SLOW("filter nbit"), 0, 2, {20, 30}, {8, 8}},
    {"scale-offset", &H5T_STD_I32LE_g, BR_INT32, "o", SLOW("filter scaleoffset"), 0, 2, {400, 500}, {80, 80}},
    {"float16, compact", &float16, BR_FLOAT32, "", SLOW("compact layout"), COMPACT, 2, {50, 60}, {0}},
    {"float16, holes", &float16, BR_FLOAT32, "sd", DECODE("shuffle, deflate"), HOLES, 2, {50, 60}, {16, 16}},
    {"float16, contiguous", &float16, BR_FLOAT32, "", PREAD, 0, 3, {5, 6, 7}, {0}},
    {"float16", &float16, BR_FLOAT32, "sd", DECODE("shuffle, deflate"), 0, 2, {50, 60}, {16, 16}},
    {"bool", &truth, BR_BOOL, "d", DECODE("deflate"), 0, 2, {50, 60}, {16, 16}},
    {"bool, contiguous", &truth, BR_BOOL, "", PREAD, 0, 2, {50, 60}, {0}},
    {"enum", &colour, BR_INT16, "", PREAD, 0, 2, {50, 60}, {0}},
    {"enum, compact", &colour, BR_INT16, "", SLOW("compact layout"), COMPACT, 2, {50, 60}, {0}},
    {"complex, big-endian", &complex64be, BR_COMPLEX64, "sd", DECODE("shuffle, deflate"), 0, 2, {50, 60}, {16, 16}},
    {"complex", &complex128le, BR_COMPLEX128, "sdf", DECODE("shuffle, deflate, fletcher32"), 0, 2, {50, 60}, {16, 16}},
    {"complex, contiguous", &complex128le, BR_COMPLEX128, "", PREAD, 0, 2, {50, 60}, {0}},
};
// clang-format on
enum { NLAYOUTS = sizeof layouts / sizeof layouts[0] };

static pthread_barrier_t both;

static void *hold_the_lock(void *none)
{
    bri_h5_lock();
    pthread_barrier_wait(&both); /* it is held, */
    pthread_barrier_wait(&both); /*  and not needed any more */
    bri_h5_unlock();
    return none;
}

/* Reads make no calls of HDF5's: one that took its lock would hang here. */
static void read_beside_the_lock(bri_h5_dataset *d, const layout *l)
{
    pthread_t holder;
    ck_assert_int_eq(pthread_barrier_init(&both, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&holder, NULL, hold_the_lock, NULL), 0);
    pthread_barrier_wait(&both);
    for (int i = 0; i < 5; i++) {
        choice c = choose(l, i == 0);
        read_ok(d, l, &c);
    }
    pthread_barrier_wait(&both);
    ck_assert_int_eq(pthread_join(holder, NULL), 0);
    pthread_barrier_destroy(&both);
}

START_TEST(reads_every_layout)
{
    const layout *l = &layouts[_i];
    make_types();
    make_file(in_folder("in.h5"), l);
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "g/x");
    const bri_h5_info *info = bri_h5_about(d);
    ck_assert_msg(strcmp(info->path_kind, l->kind) == 0, "%s: %s", l->name, info->path_kind);
    ck_assert_int_eq(info->dtype, l->dtype);
    ck_assert_int_eq(info->ndim, l->ndim);
    struct stat st;
    ck_assert_int_eq(stat(in_folder("in.h5"), &st), 0);
    ck_assert(info->inode == st.st_ino && info->bytes == (uint64_t)st.st_size);
    for (int i = 0; i < 60; i++) {
        choice c = choose(l, i == 0);
        read_ok(d, l, &c);
    }
    if (strncmp(l->kind, PREAD, strlen(PREAD)) == 0)
        read_beside_the_lock(d, l);
    bri_h5_close(d);
}
END_TEST

/* Filters that some chunks were stored without, as HDF5 does when they do not shrink the data. */
START_TEST(reads_chunks_without_filters)
{
    static const layout l = {"masked", &H5T_IEEE_F32LE_g, BR_FLOAT32, "sd", "", 0,
                             2,        {50, 60},          {16, 20}};
    make_file(in_folder("in.h5"), &l);
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t data = H5Dopen2(file, "g/x", H5P_DEFAULT);
    for (hsize_t i = 0; i < 2; i++) {
        float raw[16 * 20], planes[16 * 20];
        hsize_t origin[2] = {16 * i, 20 * i};
        for (hsize_t k = 0; k < 16 * 20; k++)
            raw[k] = (float)value((int64_t)((origin[0] + k / 20) * 60 + origin[1] + k % 20));
        for (size_t k = 0; k < sizeof raw; k++)
            ((char *)planes)[k % 4 * 320 + k / 4] = ((char *)raw)[k];
        ck_assert_int_ge(H5Dwrite_chunk(data, H5P_DEFAULT, i == 0 ? 3 : 2, origin, sizeof raw,
                                        i == 0 ? raw : planes),
                         0);
    }
    ck_assert_int_ge(H5Dclose(data) | H5Fclose(file), 0);
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "g/x");
    for (int i = 0; i < 60; i++) {
        choice c = choose(&l, i == 0);
        read_ok(d, &l, &c);
    }
    bri_h5_close(d);
}
END_TEST

START_TEST(reads_a_virtual_dataset)
{
    static const layout l = {"virtual", &H5T_IEEE_F64LE_g, BR_FLOAT64, "sd", "", 0,
                             2,         {50, 60},          {16, 20}};
    make_file(in_folder("in.h5"), &l);
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, l.shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(list, space, ".", "g/x", space);
    hid_t part = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(part, space, "gone.h5", "g/x", space);
    H5Dclose(H5Dcreate2(file, "w", H5T_IEEE_F64LE, space, H5P_DEFAULT, part, H5P_DEFAULT));
    H5Pclose(part);
    hid_t data = H5Dcreate2(file, "v", H5T_IEEE_F64LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    ck_assert_int_ge(H5Dclose(data) | H5Sclose(space) | H5Pclose(list) | H5Fclose(file), 0);
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "v");
    ck_assert_str_eq(bri_h5_about(d)->path_kind, "H5Dread (virtual dataset)");
    for (int i = 0; i < 60; i++) {
        choice c = choose(&l, i == 0);
        read_ok(d, &l, &c);
    }
    bri_h5_close(d);
    d = open_ok(in_folder("in.h5"), "w");
    ck_assert_str_eq(bri_h5_about(d)->path_kind,
                     "H5Dread (virtual dataset, fill values for 1 of 1 sources: no such files)");
    bri_h5_close(d);
}
END_TEST

/* The sanitizers' allocation takes most of the time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOST_SECONDS 10
#else
#define MOST_SECONDS 1
#endif

/* A grid of chunks of one element. All are stored, or when space is allocated bit by bit, the first
 * and the last. */
typedef struct grid {
    hsize_t places;
    H5D_alloc_time_t when;
    hsize_t most, columns;
    H5F_libver_t least;
    H5D_chunk_index_t index; /* that the library makes of these */
    unsigned deflate;        /* and shuffle; 0 for no filters */
} grid;

static void expect_index(hid_t data, H5D_chunk_index_t want)
{
    H5D_chunk_index_t index;
    ck_assert_int_ge(H5Dget_chunk_index_type(data, &index), 0);
    ck_assert_int_eq(index, want);
}

static void make_grid(const grid *g)
{
    hsize_t shape[] = {g->places / g->columns, g->columns}, one[] = {1, 1};
    hsize_t limit[] = {g->most, g->columns > 1 ? g->most : 1};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_libver_bounds(access, g->least, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(in_folder("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    hid_t space = H5Screate_simple(2, shape, g->most > 0 ? limit : NULL);
    H5Pset_chunk(list, 2, one);
    H5Pset_alloc_time(list, g->when);
    if (g->deflate > 0)
        ck_assert_int_ge(H5Pset_shuffle(list) | H5Pset_deflate(list, g->deflate), 0);
    hid_t data = H5Dcreate2(file, "x", H5T_STD_I8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    for (int end = 0; end < 2 && g->when != H5D_ALLOC_TIME_EARLY; end++) {
        hsize_t at[] = {end * (shape[0] - 1), end * (shape[1] - 1)};
        ck_assert_int_ge(H5Dwrite_chunk(data, H5P_DEFAULT, 0, at, 1, "\5"), 0);
    }
    expect_index(data, g->index);
    ck_assert_int_ge(H5Dclose(data) | H5Sclose(space) | H5Pclose(list) | H5Pclose(access), 0);
    ck_assert_int_ge(H5Fclose(file), 0);
}

static int64_t count_stored(const bri_h5_dataset *d, int64_t places)
{
    int64_t stored = 0;
    for (int64_t i = 0; i < places; i++)
        stored += bri_h5_chunk_at(d, i)->address != BRI_H5_HOLE;
    return stored;
}

// clang-format off
static const grid grids[] = {
    {100000, H5D_ALLOC_TIME_EARLY, 0, 1, H5F_LIBVER_EARLIEST, H5D_CHUNK_IDX_BTREE, 0},
    {100000, H5D_ALLOC_TIME_EARLY, 0, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_NONE, 0},
    {100000, H5D_ALLOC_TIME_LATE, 0, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_FARRAY, 0},
    {100000, H5D_ALLOC_TIME_EARLY, H5S_UNLIMITED, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_EARRAY, 0},
    {100000, H5D_ALLOC_TIME_EARLY, H5S_UNLIMITED, 100, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_BT2, 0},
    {100000, H5D_ALLOC_TIME_EARLY, 0, 1, H5F_LIBVER_EARLIEST, H5D_CHUNK_IDX_BTREE, 1},
    {100000, H5D_ALLOC_TIME_EARLY, 0, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_FARRAY, 1},
    {100000, H5D_ALLOC_TIME_EARLY, H5S_UNLIMITED, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_EARRAY, 1},
    {100000, H5D_ALLOC_TIME_EARLY, H5S_UNLIMITED, 100, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_BT2, 1},
    {2000000, H5D_ALLOC_TIME_INCR, 0, 1, H5F_LIBVER_EARLIEST, H5D_CHUNK_IDX_BTREE, 0},
    {2000000, H5D_ALLOC_TIME_INCR, 0, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_FARRAY, 0},
    {2000000, H5D_ALLOC_TIME_INCR, H5S_UNLIMITED, 1, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_EARRAY, 0},
    {2000000, H5D_ALLOC_TIME_INCR, H5S_UNLIMITED, 100, H5F_LIBVER_LATEST, H5D_CHUNK_IDX_BT2, 0},
};
// clang-format on
enum { NGRIDS = sizeof grids / sizeof grids[0] };

/* In seconds of the processor, of which others do not take away. */
START_TEST(indexes_many_chunks)
{
    const grid *g = &grids[_i];
    bool sparse = g->when == H5D_ALLOC_TIME_INCR;
    make_grid(g);
    clock_t before = clock();
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "x");
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    ck_assert_int_eq(count_stored(d, (int64_t)g->places), sparse ? 2 : (int64_t)g->places);
    ck_assert_uint_eq(d->nplaces, sparse ? 2 : 0); /* of holes nothing is kept */
    ck_assert_int_eq(bri_h5_chunk_at(d, 0)->bytes > 1, g->deflate > 0);
    ck_assert_msg(seconds < MOST_SECONDS, "grid %d takes %g s", _i, seconds);
    bri_h5_close(d);
}
END_TEST

/* Some of the chunks of a sparse grid are not named by their number. */
static hsize_t nameless;

herr_t H5Dget_chunk_info(hid_t dataset, hid_t space, hsize_t k, hsize_t *origin, unsigned *mask,
                         haddr_t *address, hsize_t *bytes)
{
    herr_t (*real)(hid_t, hid_t, hsize_t, hsize_t *, unsigned *, haddr_t *, hsize_t *);
    void *found = dlsym(RTLD_NEXT, "H5Dget_chunk_info");
    memcpy(&real, &found, sizeof real);
    return k < nameless ? -1 : real(dataset, space, k, origin, mask, address, bytes);
}

/* They are looked for at every place of the grid then. */
START_TEST(finds_chunks_without_numbers)
{
    static const grid g = {
        200000, H5D_ALLOC_TIME_INCR, 0, 1, H5F_LIBVER_EARLIEST, H5D_CHUNK_IDX_BTREE, 0};
    for (nameless = 0; nameless <= 2; nameless++) {
        make_grid(&g);
        bri_h5_dataset *d = open_ok(in_folder("in.h5"), "x");
        ck_assert_int_eq(count_stored(d, (int64_t)g.places), 2);
        ck_assert_uint_eq(d->nplaces, 2);
        bri_h5_close(d);
    }
    nameless = 0;
}
END_TEST

/* Too many to be asked for one by one, too few for a walk through the grid. */
START_TEST(leaves_sparse_grids_to_the_library)
{
    enum { STORED = 3000, APART = 2999 };
    const hsize_t shape = (hsize_t)STORED * APART, chunk = 1;
    hid_t file = H5Fcreate(in_folder("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &chunk);
    hid_t data = H5Dcreate2(file, "x", H5T_STD_I8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    for (hsize_t at = 0; at < shape; at += APART)
        ck_assert_int_ge(H5Dwrite_chunk(data, H5P_DEFAULT, 0, &at, 1, "\5"), 0);
    ck_assert_int_ge(H5Dclose(data) | H5Sclose(space) | H5Pclose(list) | H5Fclose(file), 0);
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "x");
    ck_assert_int_eq(d->kind, BRI_H5_SLOW);
    ck_assert_ptr_nonnull(strstr(bri_h5_about(d)->path_kind, "sparse"));
    signed char found[2] = {9, 9};
    const int64_t start = (int64_t)APART * 2, count = 2, step = 1, stride = 1;
    void *scratch = malloc(bri_h5_scratch(d));
    ck_assert_int_eq(bri_h5_read(d, &start, &step, &count, (char *)found, &stride, scratch, NULL),
                     BR_OK);
    ck_assert(found[0] == 5 && found[1] == 0);
    free(scratch);
    bri_h5_close(d);
}
END_TEST

START_TEST(names_what_is_wrong_with_a_file)
{
    const char *path = in_folder("in.h5");
    expect_error(path, "x", BR_ENOTFOUND, "No such file");
    expect_error("missing.h5", "x", BR_ENOTFOUND, "missing.h5: No such file or directory (looked");
    char here[400], text[440];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "(looked for from %s)", here);
    expect_error("./gone/missing.h5", "x", BR_ENOTFOUND, text);
    expect_error(folder, "x", BR_EIO, "directory");
    spoil(in_folder("text"), "hello, world", 12, 0);
    expect_error(in_folder("text"), "x", BR_EFORMAT, "not an HDF5 file");
    spoil(in_folder("nothing"), "", 0, 0);
    expect_error(in_folder("nothing"), "x", BR_EFORMAT, "empty");
    make_file(path, &plain);
    expect_error(path, "g", BR_ENOTFOUND, "is a group");
    expect_error(path, "/", BR_ENOTFOUND, "is a group");
    expect_error(path, "", BR_ENOTFOUND, "has: g/x");
    expect_error(path, "g/x/y", BR_ENOTFOUND, "has: g/x");
    expect_error(path, "h/x", BR_ENOTFOUND, "has: g/x");
}
END_TEST

/* Of each of its formats: classic, with 64-bit offsets, and with 64-bit data. */
START_TEST(says_how_to_convert_netcdf_3)
{
    static const char formats[] = {1, 2, 5};
    const char *path = in_folder("classic.nc");
    char magic[8] = "CDF\1....", text[500];
    magic[3] = formats[_i];
    spoil(path, magic, sizeof magic, 0);
    snprintf(text, sizeof text, "a netCDF-3 file, not HDF5; convert it by: nccopy -k nc4 %s ",
             path);
    expect_error(path, "x", BR_EFORMAT, text);
}
END_TEST

START_TEST(lists_near_names)
{
    static const char *const names[] = {"salinity", "temperature", "pressure", "wind_u",
                                        "wind_v",   "lat",         "lon",      "time",
                                        "depth",    "humidity"};
    hid_t file = H5Fcreate(in_folder("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1),
          pair = H5Tcreate(H5T_COMPOUND, 8);
    H5Tset_size(text, H5T_VARIABLE);
    H5Tinsert(pair, "a", 0, H5T_NATIVE_INT);
    H5Tinsert(pair, "b", 4, H5T_NATIVE_INT);
    for (int i = 0; i < 10; i++)
        H5Dclose(H5Dcreate2(file, names[i],
                            i == 5   ? text
                            : i == 6 ? pair
                                     : H5T_NATIVE_INT,
                            space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_hard(file, "/", file, "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file, "broken", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("gone.h5", "/x", file, "far", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file), H5Sclose(space), H5Tclose(text), H5Tclose(pair);
    expect_error(in_folder("in.h5"), "Temprature", BR_ENOTFOUND, "has: temperature, ");
    expect_error(in_folder("in.h5"), "Temprature", BR_ENOTFOUND, " more");
    expect_error(in_folder("in.h5"), "lat", BR_ETYPE, "variable-length strings");
    expect_error(in_folder("in.h5"), "lon", BR_ETYPE, "compounds with the members a, b");
    expect_error(in_folder("in.h5"), "broken", BR_ENOTFOUND,
                 "is a link to \"/nowhere\", which cannot be opened");
    expect_error(in_folder("in.h5"), "far", BR_ENOTFOUND,
                 "is a link to \"/x\" of the file gone.h5, which cannot be opened");
}
END_TEST

START_TEST(notices_damage)
{
    static const char *const filters[] = {"sd", "fsd", "sdf", "f"};
    for (int i = 0; i < 4; i++) {
        layout l = plain;
        hsize_t origin[2] = {32, 16}, bytes;
        haddr_t address;
        unsigned mask;
        l.filters = filters[i];
        make_file(in_folder("in.h5"), &l);
        hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
        hid_t set = H5Dopen2(file, "g/x", H5P_DEFAULT);
        H5Dget_chunk_info_by_coord(set, origin, &mask, &address, &bytes);
        H5Dclose(set), H5Fclose(file);
        spoil(in_folder("in.h5"), "\x5a\xa5\x5a", 3, (off_t)(address + bytes / 2));
        ck_assert_int_eq(read_all(in_folder("in.h5"), &l, NULL), BR_EFORMAT);
        ck_assert_ptr_nonnull(strstr(bri_last_error(), "g/x, chunk (2, 1) is corrupt"));
    }
}
END_TEST

START_TEST(notices_truncation)
{
    struct stat st;
    layout l = plain;
    for (int chunked = 0; chunked < 2; chunked++) {
        l.chunk[0] = l.chunk[1] = chunked ? 16 : 0;
        l.filters = chunked ? "sd" : "";
        make_file(in_folder("in.h5"), &l);
        bri_h5_dataset *d = open_ok(in_folder("in.h5"), "g/x");
        ck_assert_int_eq(stat(in_folder("in.h5"), &st), 0);
        ck_assert_int_eq(truncate(in_folder("in.h5"), st.st_size / 2), 0);
        ck_assert_int_eq(read_all(NULL, &l, d), BR_EIO);
        ck_assert_ptr_nonnull(strstr(bri_last_error(), "truncated"));
        bri_h5_close(d);
        expect_error(in_folder("in.h5"), "g/x", BR_EFORMAT, "truncated file");
    }
}
END_TEST

static size_t leave(unsigned flags, size_t n, const unsigned *values, size_t bytes, size_t *room,
                    void **buffer)
{
    (void)flags, (void)n, (void)values, (void)room, (void)buffer;
    return bytes;
}

/* A file has the name of a filter that was there when the dataset was made, and then that of one
 * that never was. */
START_TEST(names_a_missing_filter)
{
    static const H5Z_class2_t known = {H5Z_CLASS_T_VERS, 32100, 1, 1, "squeeze", NULL, NULL, leave};
    hsize_t n = 100;
    if (_i == 1)
        ck_assert_int_ge(H5Zregister(&known), 0);
    hid_t file = H5Fcreate(in_folder("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &n, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &n);
    H5Pset_filter(list, 32100, H5Z_FLAG_OPTIONAL, 0, NULL);
    H5Dclose(H5Dcreate2(file, "x", H5T_NATIVE_INT, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Fclose(file), H5Sclose(space), H5Pclose(list);
    if (_i == 1)
        ck_assert_int_ge(H5Zunregister(32100), 0);
    expect_error(in_folder("in.h5"), "x", BR_EUNSUPPORTED,
                 _i == 1 ? "in.h5:x: compressed by filter 32100 (squeeze), for which this HDF5 "
                         : "in.h5:x: compressed by filter 32100 (without a name), for which this ");
}
END_TEST

/* A copy of a file that is open for writing in the newest format, as one that was killed leaves. */
START_TEST(names_a_writer_that_was_killed)
{
    char command[1000];
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(in_folder("open.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    snprintf(command, sizeof command, "cp %s/open.h5 %s/in.h5", folder, folder);
    ck_assert_int_eq(system(command), 0);
    H5Fclose(file), H5Pclose(access);
    expect_error(in_folder("in.h5"), "x", BR_EIO, "if it was killed, h5clear -s ");
}
END_TEST

START_TEST(names_a_writer_in_the_way)
{
    make_file(in_folder("in.h5"), &plain);
    hid_t file = H5Fopen(in_folder("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    expect_error(in_folder("in.h5"), "g/x", BR_EIO, "HDF5_USE_FILE_LOCKING");
    H5Fclose(file);
    bri_h5_close(open_ok(in_folder("in.h5"), "g/x"));
}
END_TEST

static bool no_locks;

/* Stands before the C library's, in this program. */
int flock(int fd, int how)
{
    if (no_locks) {
        errno = ENOLCK;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, how);
}

START_TEST(names_what_file_systems_lack)
{
    make_file(in_folder("in.h5"), &plain);
    no_locks = true;
    expect_error(in_folder("in.h5"), "g/x", BR_EIO, "No locks available");
    expect_error(in_folder("in.h5"), "g/x", BR_EIO, "HDF5_USE_FILE_LOCKING=FALSE");
    no_locks = false;
    bri_h5_close(open_ok(in_folder("in.h5"), "g/x"));
}
END_TEST

START_TEST(names_a_newer_format)
{
    const char *path = in_folder("in.h5");
    char text[500];
    make_file(path, &plain);
    spoil(path, "\4", 1, 8);
    expect_error(path, "g/x", BR_EFORMAT, "superblock has version 4");
    snprintf(text, sizeof text, "converts it: h5repack --high=2 %s out.h5", path);
    expect_error(path, "g/x", BR_EFORMAT, text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_layouts");
    TCase *t = new_case(suite, "read");
    tcase_add_loop_test(t, reads_every_layout, 0, NLAYOUTS);
    tcase_add_test(t, reads_chunks_without_filters);
    tcase_add_test(t, reads_a_virtual_dataset);
    tcase_add_loop_test(t, indexes_many_chunks, 0, NGRIDS);
    tcase_add_test(t, finds_chunks_without_numbers);
    tcase_add_test(t, leaves_sparse_grids_to_the_library);
    t = new_case(suite, "wrong");
    tcase_add_test(t, names_what_is_wrong_with_a_file);
    tcase_add_loop_test(t, says_how_to_convert_netcdf_3, 0, 3);
    tcase_add_test(t, lists_near_names);
    tcase_add_test(t, notices_damage);
    tcase_add_test(t, notices_truncation);
    tcase_add_loop_test(t, names_a_missing_filter, 0, 2);
    tcase_add_test(t, names_a_writer_in_the_way);
    tcase_add_test(t, names_a_writer_that_was_killed);
    tcase_add_test(t, names_what_file_systems_lack);
    tcase_add_test(t, names_a_newer_format);
    return run_suite(suite);
}
