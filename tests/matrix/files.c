/* SPDX-License-Identifier: BSD-3-Clause
 * files.c - files with given elements, written without the library: .npy by its description, HDF5
 * by the HDF5 library as h5py writes it.
 */
#include <hdf5.h>

#include "tests/matrix/matrix.h"

/* ---- .npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html ---- */

static const char *npy_type(br_dtype dtype)
{
    static const char *const types[] = {"",    "|b1", "|i1", "<i2", "<i4", "<i8", "|u1",
                                        "<u2", "<u4", "<u8", "<f4", "<f8", "<c8", "<c16"};
    return types[dtype];
}

void write_npy(const char *path, const nd *v)
{
    char header[400];
    int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     npy_type(v->dtype));
    for (int k = 0; k < v->ndim; k++)
        n += snprintf(header + n, sizeof header - (size_t)n, "%" PRId64 ", ", v->shape[k]);
    n += snprintf(header + n, sizeof header - (size_t)n, "), }");
    while ((n + 11) % 64 != 0)
        header[n++] = ' ';
    header[n++] = '\n';
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        abort();
    fwrite("\x93NUMPY\1\0", 1, 8, f);
    fputc(n % 256, f);
    fputc(n / 256, f);
    fwrite(header, 1, (size_t)n, f);
    fwrite(v->data, 1, nd_bytes(v), f);
    fclose(f);
}

/* ---- HDF5 ---- */

static hid_t number_type(br_dtype dtype)
{
    const hid_t types[] = {0,
                           0,
                           H5T_STD_I8LE,
                           H5T_STD_I16LE,
                           H5T_STD_I32LE,
                           H5T_STD_I64LE,
                           H5T_STD_U8LE,
                           H5T_STD_U16LE,
                           H5T_STD_U32LE,
                           H5T_STD_U64LE,
                           H5T_IEEE_F32LE,
                           H5T_IEEE_F64LE};
    return H5Tcopy(types[dtype]);
}

/* As h5py has it: an enumeration of FALSE and TRUE, a compound of r and i. */
static hid_t type_of(br_dtype dtype)
{
    int8_t no = 0, yes = 1;
    hid_t type;
    if (dtype == BR_BOOL) {
        type = H5Tenum_create(H5T_STD_I8LE);
        H5Tenum_insert(type, "FALSE", &no);
        H5Tenum_insert(type, "TRUE", &yes);
        return type;
    }
    if (kind_of(dtype) != 'c')
        return number_type(dtype);
    hid_t part = number_type(real_of(dtype));
    size_t size = br_dtype_size(dtype);
    type = H5Tcreate(H5T_COMPOUND, size);
    H5Tinsert(type, "r", 0, part);
    H5Tinsert(type, "i", size / 2, part);
    H5Tclose(part);
    return type;
}

/* Contiguous, or in chunks that may be shuffled and compressed. */
static hid_t draw_layout(const nd *v)
{
    hsize_t chunk[ND_AXES];
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    if (v->n == 0 || v->ndim == 0 || chance(40))
        return layout;
    for (int k = 0; k < v->ndim; k++)
        chunk[k] = (hsize_t)draw((v->shape[k] + 3) / 4, v->shape[k]);
    H5Pset_chunk(layout, v->ndim, chunk);
    if (chance(50))
        H5Pset_shuffle(layout);
    if (chance(50))
        H5Pset_deflate(layout, 1);
    return layout;
}

void write_hdf5(const char *path, const nd *v)
{
    hsize_t shape[ND_AXES] = {0};
    for (int k = 0; k < v->ndim; k++)
        shape[k] = (hsize_t)v->shape[k];
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = v->ndim == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(v->ndim, shape, NULL);
    hid_t type = type_of(v->dtype), layout = draw_layout(v);
    hid_t set = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v->data) < 0)
        abort();
    H5Dclose(set);
    H5Pclose(layout);
    H5Tclose(type);
    H5Sclose(space);
    H5Fclose(file);
}

/* ---- reading what the library wrote ---- */

void read_npy(const char *path, const nd *want)
{
    char head[10] = "";
    size_t bytes = nd_bytes(want);
    char *elements = calloc(bytes + 1, 1);
    FILE *f = fopen(path, "rb");
    check(f != NULL && fread(head, 1, 10, f) == 10 && memcmp(head, "\x93NUMPY", 6) == 0,
          "no .npy file");
    if (f != NULL) {
        fseek(f, (unsigned char)head[8] + 256 * (unsigned char)head[9], SEEK_CUR);
        check(fread(elements, 1, bytes + 1, f) == bytes, "the length is another");
        fclose(f);
    }
    compare(want, elements);
    free(elements);
}

static bool same_shape_in_file(hid_t set, const nd *want)
{
    hsize_t shape[ND_AXES] = {0};
    hid_t space = H5Dget_space(set);
    bool same = H5Sget_simple_extent_ndims(space) == want->ndim;
    if (same)
        H5Sget_simple_extent_dims(space, shape, NULL);
    for (int k = 0; k < want->ndim; k++)
        same = same && (int64_t)shape[k] == want->shape[k];
    H5Sclose(space);
    return same;
}

void read_hdf5(const char *path, const char *dataset, const nd *want)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = file < 0 ? -1 : H5Dopen2(file, dataset, H5P_DEFAULT);
    hid_t type = type_of(want->dtype);
    char *elements = calloc(nd_bytes(want) + 1, 1);
    check(set >= 0 && same_shape_in_file(set, want), "no dataset of that shape");
    if (set >= 0 && same_shape_in_file(set, want))
        check(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0, "unreadable");
    compare(want, elements);
    free(elements);
    H5Tclose(type);
    if (set >= 0)
        H5Dclose(set);
    if (file >= 0)
        H5Fclose(file);
}
