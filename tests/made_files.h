/* SPDX-License-Identifier: BSD-3-Clause
 * made_files.h - small files for tests, made by the HDF5 library alone: chunked and deflated
 * numbers with attributes, and compounds.
 */
#ifndef MADE_FILES_H
#define MADE_FILES_H

#include <hdf5.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct made_attribute {
    const char *name;
    double number;
} made_attribute;

/* path:x of int16, rows x columns, filled by the function; a NULL name ends the attributes. */
static inline void make_numbers(const char *path, int rows, int columns,
                                int16_t (*number)(int row, int column),
                                const made_attribute *attributes)
{
    hsize_t shape[2] = {(hsize_t)rows, (hsize_t)columns}, chunk[2] = {4, 5};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, (hsize_t[]){H5S_UNLIMITED, shape[1]});
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), one = H5Screate(H5S_SCALAR);
    H5Pset_chunk(list, 2, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 1);
    hid_t set = H5Dcreate2(file, "x", H5T_STD_I16BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    int16_t *x = calloc((size_t)(rows * columns) + 1, sizeof *x);
    for (int i = 0; i < rows * columns; i++)
        x[i] = number(i / columns, i % columns);
    H5Dwrite(set, H5T_NATIVE_SHORT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    free(x);
    for (const made_attribute *a = attributes; a->name != NULL; a++) {
        hid_t made = H5Acreate2(set, a->name, H5T_IEEE_F64LE, one, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(made, H5T_NATIVE_DOUBLE, &a->number);
        H5Aclose(made);
    }
    H5Dclose(set), H5Pclose(list), H5Sclose(one), H5Sclose(space), H5Fclose(file);
}

/* path:pairs of compounds {int8 a; float64 b}: a = row, b = column / 2. */
static inline void make_pairs(const char *path, int rows, int columns)
{
    struct pair {
        signed char a;
        double b;
    } *x = calloc((size_t)(rows * columns), sizeof *x);
    hsize_t shape[2] = {(hsize_t)rows, (hsize_t)columns}, chunk[2] = {4, 5};
    for (int i = 0; i < rows * columns; i++)
        x[i] = (struct pair){(signed char)(i / columns), i % columns / 2.0};
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof *x), packed = H5Tcreate(H5T_COMPOUND, 9);
    H5Tinsert(type, "a", 0, H5T_NATIVE_SCHAR);
    H5Tinsert(type, "b", offsetof(struct pair, b), H5T_NATIVE_DOUBLE);
    H5Tinsert(packed, "a", 0, H5T_STD_I8LE);
    H5Tinsert(packed, "b", 1, H5T_IEEE_F64LE);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 2, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 1);
    hid_t set = H5Dcreate2(file, "pairs", packed, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    free(x);
    H5Dclose(set), H5Pclose(list), H5Sclose(space), H5Tclose(type), H5Tclose(packed);
    H5Fclose(file);
}

#endif
