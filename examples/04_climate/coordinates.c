/* SPDX-License-Identifier: BSD-3-Clause
 * coordinates.c - the axes of a dataset in HDF5's own calls, so that netCDF, xarray and ncview
 * understand the file.
 */
#include "climate.h"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdlib.h>

typedef struct axis {
    const char *name, *units, *standard_name;
    int64_t extent;
    double first, step;
} axis;

/* A dimension scale: a one-dimensional dataset, attached to an axis of another. */
static int add_axis(hid_t file, hid_t data, unsigned position, const axis *a)
{
    hsize_t n = (hsize_t)a->extent;
    double *values = malloc(n * sizeof *values);
    if (!values)
        return -1;
    for (hsize_t i = 0; i < n; i++)
        values[i] = a->first + a->step * (double)i;

    int failed = H5LTmake_dataset_double(file, a->name, 1, &n, values) < 0 ||
                 H5LTset_attribute_string(file, a->name, "units", a->units) < 0 ||
                 H5LTset_attribute_string(file, a->name, "standard_name", a->standard_name) < 0;
    free(values);
    hid_t scale = failed ? -1 : H5Dopen2(file, a->name, H5P_DEFAULT);
    if (scale < 0)
        return -1;
    failed = H5DSset_scale(scale, a->name) < 0 || H5DSattach_scale(data, scale, position) < 0;
    H5Dclose(scale);
    return failed ? -1 : 0;
}

int coordinates_add(const char *path, const char *dataset, int64_t days)
{
    const axis axes[3] = {
        {"time", "days since 2001-01-01", "time", days, 0, 1},
        {"lat", "degrees_north", "latitude", NLAT, latitude(0), DEGREES},
        {"lon", "degrees_east", "longitude", NLON, longitude(0), DEGREES},
    };
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        return -1;
    hid_t data = H5Dopen2(file, dataset, H5P_DEFAULT);
    int failed = data < 0 || H5LTset_attribute_string(file, "/", "Conventions", "CF-1.8") < 0 ||
                 H5LTset_attribute_string(file, dataset, "units", "K") < 0;
    int skip = days == 0;
    for (int i = skip; i < 3 && !failed; i++)
        failed = add_axis(file, data, (unsigned)(i - skip), &axes[i]) < 0;
    if (data >= 0)
        H5Dclose(data);
    return H5Fclose(file) < 0 || failed ? -1 : 0;
}
