/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_samples.h - datasets for the HDF5 tests, written by the HDF5 library alone, whose values
 * follow from the index, and random selections to read from them.
 */
#ifndef HDF5_SAMPLES_H
#define HDF5_SAMPLES_H

#include <check.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array/io/hdf5.h"
#include "runtime/error.h"
#include "tests/suite.h"

static char folder[256];

static inline const char *in_folder(const char *name)
{
    static char text[4][400];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, sizeof text[0], "%s/%s", folder, name);
    return path;
}

static inline void make_folder(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/test_hdf5_io.XXXXXX", top != NULL ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static inline void remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static inline uint32_t dice(uint32_t n)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* ---- datasets made by the HDF5 library alone ---- */

enum {
    LATEST = 1,     /* file format with the newer chunk indexes */
    USER_BLOCK = 2, /* 1024 foreign bytes before the file */
    GROWS_0 = 4,    /* unlimited extents, by axis */
    GROWS_1 = 8,
    HOLES = 16, /* only the elements with an even first index are written, as far as chunks go */
    EARLY = 32, /* space is allocated beforehand */
    RAW_EDGES = 64, /* overhanging chunks are not filtered */
    COMPACT = 128,
    EXTERNAL = 256,
};

enum { FILL = 77 };

typedef struct layout {
    const char *name;
    hid_t *stored; /* HDF5's type constants are variables */
    br_dtype dtype;
    const char *filters; /* f fletcher32, s shuffle, d deflate, n nbit, o scale-offset; in order */
    const char *kind;    /* what path_kind begins with */
    int flags;
    int ndim;
    hsize_t shape[4], chunk[4];
} layout;

static hid_t float16, int12, truth, colour, complex64be, complex128le;

static inline double value(int64_t index)
{
    return (double)(index * 7919 % 127);
}

static inline hid_t complex_of(hid_t part, size_t bytes)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, 2 * bytes);
    H5Tinsert(type, "r", 0, part);
    H5Tinsert(type, "i", bytes, part);
    return type;
}

static inline void make_types(void)
{
    signed char no = 0, yes = 1;
    short red = 3;
    float16 = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(float16, 15, 10, 5, 0, 10);
    H5Tset_size(float16, 2);
    H5Tset_ebias(float16, 15);
    int12 = H5Tcopy(H5T_STD_I16LE);
    H5Tset_precision(int12, 12);
    truth = H5Tenum_create(H5T_STD_I8LE);
    H5Tenum_insert(truth, "FALSE", &no);
    H5Tenum_insert(truth, "TRUE", &yes);
    colour = H5Tenum_create(H5T_NATIVE_SHORT);
    H5Tenum_insert(colour, "RED", &red);
    complex64be = complex_of(H5T_IEEE_F32BE, 4);
    complex128le = complex_of(H5T_IEEE_F64LE, 8);
}

static inline hid_t creation_of(const layout *l)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    int fill = FILL;
    if (l->chunk[0] > 0)
        H5Pset_chunk(list, l->ndim, l->chunk);
    for (const char *f = l->filters; *f != '\0'; f++)
        ck_assert_int_ge(*f == 'f'   ? H5Pset_fletcher32(list)
                         : *f == 's' ? H5Pset_shuffle(list)
                         : *f == 'd' ? H5Pset_deflate(list, 4)
                         : *f == 'n' ? H5Pset_nbit(list)
                                     : H5Pset_scaleoffset(list, H5Z_SO_INT, 0),
                         0);
    if (l->flags & COMPACT)
        H5Pset_layout(list, H5D_COMPACT);
    if (l->flags & EARLY)
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    if (l->flags & RAW_EDGES)
        H5Pset_chunk_opts(list, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
    if (l->flags & EXTERNAL)
        H5Pset_external(list, in_folder("external.bin"), 0, H5F_UNLIMITED);
    if (l->flags & HOLES)
        H5Pset_fill_value(list, H5T_NATIVE_INT, &fill);
    return list;
}

static inline int64_t nelem_of(const layout *l)
{
    int64_t n = 1;
    for (int a = 0; a < l->ndim; a++)
        n *= (int64_t)l->shape[a];
    return n;
}

/* Values in the form of the memory type that H5Dwrite is to convert. */
static inline void *values_of(const layout *l, hid_t *memory)
{
    int64_t n = nelem_of(l);
    double *v = calloc((size_t)n * 2 + 1, sizeof *v);
    *memory = H5Tcopy(H5T_NATIVE_DOUBLE);
    if (l->dtype == BR_COMPLEX64 || l->dtype == BR_COMPLEX128) {
        *memory = complex_of(H5T_NATIVE_DOUBLE, 8);
        for (int64_t i = 0; i < n; i++) {
            v[2 * i] = value(i);
            v[2 * i + 1] = -value(i);
        }
    } else if (l->stored == &truth || l->stored == &colour) {
        *memory = H5Tcopy(*l->stored);
        for (int64_t i = 0; i < n; i++)
            if (l->stored == &truth)
                ((char *)v)[i] = (int)value(i) % 2;
            else
                ((short *)v)[i] = (short)value(i);
    } else {
        for (int64_t i = 0; i < n; i++)
            v[i] = value(i);
    }
    return v;
}

static inline void make_file(const char *path, const layout *l)
{
    hsize_t most[4], start[4] = {0}, step[4] = {1, 1, 1, 1}, half[4];
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE), memory;
    if (l->flags & LATEST)
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    if (l->flags & USER_BLOCK)
        H5Pset_userblock(create, 1024);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    memcpy(most, l->shape, sizeof most);
    memcpy(half, l->shape, sizeof half);
    if (l->flags & GROWS_0)
        most[0] = H5S_UNLIMITED;
    if (l->flags & GROWS_1)
        most[1] = H5S_UNLIMITED;
    hid_t space = l->ndim > 0 ? H5Screate_simple(l->ndim, l->shape, most) : H5Screate(H5S_SCALAR);
    hid_t list = creation_of(l);
    hid_t set = H5Dcreate2(group, "x", *l->stored, space, H5P_DEFAULT, list, H5P_DEFAULT);
    ck_assert_msg(set >= 0, "%s: not created", l->name);
    if (l->flags & HOLES) {
        step[0] = 2 * l->chunk[0];
        half[0] = (l->shape[0] + step[0] - 1) / step[0];
        for (hsize_t i = 0; i < half[0]; i++) {
            hsize_t block[4] = {0, l->shape[1], l->shape[2], l->shape[3]};
            start[0] = i * step[0];
            block[0] = l->shape[0] - start[0] < l->chunk[0] ? l->shape[0] - start[0] : l->chunk[0];
            hsize_t one[4] = {1, 1, 1, 1};
            H5Sselect_hyperslab(space, i == 0 ? H5S_SELECT_SET : H5S_SELECT_OR, start, NULL, one,
                                block);
        }
    }
    void *values = values_of(l, &memory);
    hid_t from = H5Scopy(space);
    ck_assert_int_ge(H5Dwrite(set, memory, from, space, H5P_DEFAULT, values), 0);
    free(values);
    ck_assert_int_ge(H5Dclose(set) | H5Gclose(group) | H5Fclose(file), 0);
    H5Sclose(space), H5Sclose(from), H5Tclose(memory);
    H5Pclose(list), H5Pclose(access), H5Pclose(create);
}

#define NUMBERS(X)                                                                                 \
    X(BR_BOOL, int8_t)                                                                             \
    X(BR_INT8, int8_t)                                                                             \
    X(BR_INT16, int16_t)                                                                           \
    X(BR_INT32, int32_t)                                                                           \
    X(BR_INT64, int64_t)                                                                           \
    X(BR_UINT8, uint8_t)                                                                           \
    X(BR_UINT16, uint16_t)                                                                         \
    X(BR_UINT32, uint32_t)                                                                         \
    X(BR_UINT64, uint64_t)                                                                         \
    X(BR_FLOAT32, float)                                                                           \
    X(BR_FLOAT64, double)                                                                          \
    X(BR_COMPLEX64, float)                                                                         \
    X(BR_COMPLEX128, double)

/* The real (0) or imaginary (1) part of the element at p. */
static inline double get(br_dtype dtype, const char *p, int part)
{
#define GET(dtype_, type)                                                                          \
    if (dtype == dtype_) {                                                                         \
        type x;                                                                                    \
        memcpy(&x, p + (size_t)part * sizeof x, sizeof x);                                         \
        return (double)x;                                                                          \
    }
    NUMBERS(GET)
#undef GET
    return -1;
}

static inline void set(br_dtype dtype, char *p, int part, double value_)
{
#define SET(dtype_, type)                                                                          \
    if (dtype == dtype_) {                                                                         \
        type x = (type)value_;                                                                     \
        memcpy(p + (size_t)part * sizeof x, &x, sizeof x);                                         \
    }
    NUMBERS(SET)
#undef SET
}

static inline bool is_complex(br_dtype dtype)
{
    return dtype == BR_COMPLEX64 || dtype == BR_COMPLEX128;
}

typedef struct choice {
    int64_t start[4], step[4], count[4], stride[4];
    int64_t origin, bytes; /* of the destination */
} choice;

/* A random selection into a destination whose axes lie in random order and direction, or dense. */
static inline choice choose(const layout *l, bool all)
{
    choice c = {0};
    int64_t bytes = (int64_t)br_dtype_size(l->dtype);
    int order[4] = {0, 1, 2, 3};
    bool dense = all || dice(2) == 0;
    for (int a = 0; a < l->ndim; a++) {
        int64_t n = (int64_t)l->shape[a], i = all || n == 0 ? 0 : dice((uint32_t)n);
        int64_t step = all ? 1 : (int64_t)(1 + dice(1 + dice(40))) * (dice(2) == 0 ? 1 : -1);
        int64_t most = step > 0 ? (n - i + step - 1) / step : i / -step + 1;
        c.start[a] = i;
        c.step[a] = step;
        c.count[a] = all || n == 0 ? n : dice(3) == 0 ? most : 1 + dice((uint32_t)most);
    }
    for (int a = l->ndim - 1; a > 0 && !dense; a--) {
        int b = (int)dice((uint32_t)a + 1), o = order[a];
        order[a] = order[b];
        order[b] = o;
    }
    for (int a = l->ndim - 1; a >= 0; a--) {
        bool back = !dense && dice(2) == 0;
        int64_t n = c.count[order[a]];
        c.stride[order[a]] = back ? -bytes : bytes;
        if (back && n > 0)
            c.origin += (n - 1) * bytes;
        bytes *= dense ? n : n + dice(2);
    }
    c.bytes = bytes;
    return c;
}

/* Says what is wrong on stderr: Check's own reports are not for threads. */
static inline bool is_right(const layout *l, const choice *c, const char *buffer)
{
    int64_t at[4] = {0};
    for (int a = 0; a < l->ndim; a++)
        if (c->count[a] == 0)
            return true;
    for (int a = 0; a >= 0;) {
        int64_t index = 0;
        const char *p = buffer + c->origin;
        for (int i = 0; i < l->ndim; i++) {
            index = index * (int64_t)l->shape[i] + c->start[i] + at[i] * c->step[i];
            p += at[i] * c->stride[i];
        }
        double want = l->dtype == BR_BOOL ? (int)value(index) % 2 : value(index);
        int64_t row = c->start[0] + at[0] * c->step[0];
        if ((l->flags & HOLES) && row / (int64_t)l->chunk[0] % 2 == 1)
            want = FILL;
        if (get(l->dtype, p, 0) != want || (is_complex(l->dtype) && get(l->dtype, p, 1) != -want)) {
            fprintf(stderr, "%s: element %lld is %g, not %g\n", l->name, (long long)index,
                    get(l->dtype, p, 0), want);
            return false;
        }
        for (a = l->ndim - 1; a >= 0 && ++at[a] == c->count[a]; a--)
            at[a] = 0;
    }
    return true;
}

/* Reads the choice; BR_EINTERNAL when the values are not those written. */
static inline br_status read_choice(const bri_h5_dataset *d, const layout *l, const choice *c)
{
    char *buffer = malloc((size_t)c->bytes + 1);
    void *scratch = aligned_alloc(64, (bri_h5_scratch(d) + 63) / 64 * 64);
    uint64_t bytes = 0;
    br_status status =
        bri_h5_read(d, c->start, c->step, c->count, buffer + c->origin, c->stride, scratch, &bytes);
    if (status == BR_OK && !is_right(l, c, buffer))
        status = BR_EINTERNAL;
    free(buffer);
    free(scratch);
    return status;
}

static inline void read_ok(const bri_h5_dataset *d, const layout *l, const choice *c)
{
    br_status status = read_choice(d, l, c);
    ck_assert_msg(status == BR_OK, "%s: %d %s", l->name, status, bri_last_error());
}

static inline bri_h5_dataset *open_ok(const char *path, const char *name)
{
    bri_h5_dataset *d;
    br_status status = bri_h5_open(path, name, &d);
    ck_assert_msg(status == BR_OK, "%s", bri_last_error());
    return d;
}

static inline void spoil(const char *path, const void *bytes, size_t n, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static inline void expect_error(const char *path, const char *name, br_status want,
                                const char *text)
{
    bri_h5_dataset *d;
    br_status status = bri_h5_open(path, name, &d);
    ck_assert_ptr_null(d);
    ck_assert_msg(status == want, "status %d, not %d: %s", status, want, bri_last_error());
    ck_assert_msg(strstr(bri_last_error(), text) != NULL, "\"%s\" lacks \"%s\"", bri_last_error(),
                  text);
}

static const layout plain = {"plain", &H5T_IEEE_F32LE_g, BR_FLOAT32, "sd", "", 0,
                             2,       {50, 60},          {16, 16}};

/* Reads all of g/x, or of a dataset that is open. */
static inline br_status read_all(const char *path, const layout *l, const bri_h5_dataset *d)
{
    choice c = choose(l, true);
    bri_h5_dataset *own = d == NULL ? open_ok(path, "g/x") : NULL;
    br_status status = read_choice(d != NULL ? d : own, l, &c);
    bri_h5_close(own);
    return status;
}

/* Runs the tests in a folder of their own. */
static inline TCase *new_case(Suite *suite, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    suite_add_tcase(suite, t);
    return t;
}

#endif
