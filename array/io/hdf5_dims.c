/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_dims.c - names of axes, as dimension scales: what netCDF-4 takes for its dimensions.
 *
 * A dimension is a dataset of one axis, its coordinates, or a dataset that was never written where
 * there are none. Arrays name the scales of their axes (DIMENSION_LIST), scales the arrays that use
 * them (REFERENCE_LIST). https://docs.hdfgroup.org/hdf5/v1_10/group___h5_d_s.html
 */
#include <stdlib.h>
#include <string.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

static const char not_a_variable[] = "This is a netCDF dimension but not a netCDF variable.";

static br_status cannot(const bri_h5_writer *w, const char *dim)
{
    return bri_h5_error(bri_h5_errno() != 0 ? BR_EIO : BR_EARG,
                        "%s:%s: dimension \"%s\" cannot be made", w->output->path, w->name, dim);
}

/* ---- scales ---- */

static bool write_fixed(hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    bool good = type >= 0 && space >= 0 && H5Tset_size(type, strlen(text) + 1) >= 0 &&
                bri_h5_write_note(object, name, type, space, text);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

static bool is_scale(hid_t dataset)
{
    return H5Aexists(dataset, "CLASS") > 0;
}

bool bri_h5_make_scale(hid_t dataset, const char *name)
{
    return is_scale(dataset) ||
           (write_fixed(dataset, "CLASS", "DIMENSION_SCALE") && write_fixed(dataset, "NAME", name));
}

bool bri_h5_is_coordinate(hid_t scale)
{
    char text[128] = "";
    hid_t note = H5Aopen(scale, "NAME", H5P_DEFAULT);
    hid_t type = note >= 0 ? H5Aget_type(note) : -1;
    if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) <= 0 &&
        H5Tget_size(type) < sizeof text)
        H5Aread(note, type, text);
    if (type >= 0)
        H5Tclose(type);
    if (note >= 0)
        H5Aclose(note);
    return strncmp(text, not_a_variable, strlen(not_a_variable)) != 0;
}

/* A dimension without coordinates. Its elements are never stored. */
static hid_t new_dimension(const bri_h5_writer *w, const char *name, hsize_t extent, bool unlimited)
{
    char text[96];
    const hsize_t most = H5S_UNLIMITED, chunk = 1024;
    hid_t links = bri_h5_link_list(), list = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(1, &extent, unlimited ? &most : NULL), made = -1;
    snprintf(text, sizeof text, "%s%10lld", not_a_variable, (long long)extent);
    if (links >= 0 && list >= 0 && space >= 0 &&
        H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
        (!unlimited || H5Pset_chunk(list, 1, &chunk) >= 0))
        made = H5Dcreate2(w->output->file, name, H5T_IEEE_F32BE, space, links, list, H5P_DEFAULT);
    if (made >= 0 && !bri_h5_make_scale(made, text)) {
        H5Dclose(made);
        made = -1;
    }
    if (space >= 0)
        H5Sclose(space);
    if (list >= 0)
        H5Pclose(list);
    if (links >= 0)
        H5Pclose(links);
    return made;
}

/* ---- which scale a name stands for ---- */

/* The extent of a dataset of one axis, else -1. */
static int64_t length_of(hid_t dataset)
{
    hsize_t extent = 0;
    hid_t space = H5Dget_space(dataset);
    bool line = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                H5Sget_simple_extent_dims(space, &extent, NULL) == 1;
    if (space >= 0)
        H5Sclose(space);
    return line ? (int64_t)extent : -1;
}

/* The dataset of a name, also one that is being written; the caller closes it. -1 when there is
 * none. */
static hid_t open_named(const bri_h5_output *o, const char *name)
{
    const char *bare = name + strspn(name, "/");
    for (const bri_h5_writer *w = o->writers; w != NULL; w = w->next)
        if (strcmp(w->name + strspn(w->name, "/"), bare) == 0) {
            H5Iinc_ref(w->dataset);
            return w->dataset;
        }
    if (!bri_h5_exists(o->file, bare))
        return -1;
    hid_t object = H5Oopen(o->file, bare, H5P_DEFAULT);
    if (object >= 0 && H5Iget_type(object) == H5I_DATASET)
        return object;
    if (object >= 0)
        H5Oclose(object);
    return -1;
}

/* "group/of/x" of "group/of/x/name": its length. */
static size_t group_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? (size_t)(slash - name) : 0;
}

/* Looks for the scale in the dataset's group and in those around it, as netCDF-4 does; full becomes
 * its name, or the one it should get. */
static hid_t find_scale(const bri_h5_writer *w, const char *dim, int64_t extent,
                        char full[BRI_H5_MAX_NAME])
{
    char around[BRI_H5_MAX_NAME];
    size_t n = group_length(w->name);
    snprintf(full, BRI_H5_MAX_NAME, "%.*s/%s", (int)n, w->name, dim);
    for (;;) {
        snprintf(around, BRI_H5_MAX_NAME, "%.*s/%s", (int)n, w->name, dim);
        hid_t scale = open_named(w->output, around);
        if (scale >= 0 && length_of(scale) == extent)
            return scale;
        if (scale >= 0)
            H5Dclose(scale);
        if (n == 0)
            return -1;
        char group[BRI_H5_MAX_NAME];
        snprintf(group, BRI_H5_MAX_NAME, "%.*s", (int)n, w->name);
        n = group_length(group);
    }
}

bool bri_h5_has_scale(const bri_h5_writer *w, const char *dim, int64_t extent,
                      char full[BRI_H5_MAX_NAME])
{
    hid_t scale = find_scale(w, dim, extent, full);
    if (scale >= 0)
        H5Dclose(scale);
    return scale >= 0;
}

static br_status scale_of(const bri_h5_writer *w, int axis, const char *dim, hid_t *scale)
{
    char full[BRI_H5_MAX_NAME];
    int64_t extent = w->spec.shape[axis];
    *scale = find_scale(w, dim, extent, full);
    if (*scale >= 0 && bri_h5_make_scale(*scale, dim))
        return BR_OK;
    if (*scale >= 0) {
        H5Dclose(*scale);
        return cannot(w, dim);
    }
    if (bri_h5_exists(w->output->file, full + strspn(full, "/")))
        return bri_file_error(
            BR_EARG,
            "%s:%s: \"%s\", its dimension of %lld, is something else or has another "
            "extent in this file",
            w->output->path, w->name, dim, (long long)extent);
    *scale = new_dimension(w, full, (hsize_t)extent, w->spec.unlimited >> axis & 1);
    return *scale >= 0 ? BR_OK : cannot(w, dim);
}

/* ---- attaching ---- */

typedef struct user {
    hobj_ref_t dataset;
    int axis;
} user;

static hid_t user_type(void)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(user));
    if (type >= 0 && H5Tinsert(type, "dataset", HOFFSET(user, dataset), H5T_STD_REF_OBJ) >= 0 &&
        H5Tinsert(type, "dimension", HOFFSET(user, axis), H5T_NATIVE_INT) >= 0)
        return type;
    return -1;
}

static user *room_for_users(size_t n)
{
    user *list = bri_calloc(n, sizeof *list);
    if (list == NULL)
        bri_h5_note_no_memory();
    return list;
}

/* The users a scale has, with room for one more. */
static user *read_users(hid_t scale, hid_t type, hsize_t *n)
{
    *n = 0;
    if (H5Aexists(scale, "REFERENCE_LIST") <= 0)
        return room_for_users(1);
    hid_t note = H5Aopen(scale, "REFERENCE_LIST", H5P_DEFAULT);
    hid_t space = note >= 0 ? H5Aget_space(note) : -1;
    hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    user *list = count >= 0 ? room_for_users((size_t)count + 1) : NULL;
    if (list != NULL && H5Aread(note, type, list) < 0) {
        bri_free(list);
        list = NULL;
    }
    *n = count > 0 ? (hsize_t)count : 0;
    if (space >= 0)
        H5Sclose(space);
    if (note >= 0)
        H5Aclose(note);
    return list;
}

static bool add_user(hid_t scale, hid_t dataset, int axis)
{
    hsize_t n;
    hid_t type = user_type(), space = -1;
    user *list = type >= 0 ? read_users(scale, type, &n) : NULL;
    bool good = list != NULL && H5Rcreate(&list[n].dataset, dataset, ".", H5R_OBJECT, -1) >= 0;
    if (good) {
        list[n++].axis = axis;
        space = H5Screate_simple(1, &n, NULL);
        good = space >= 0 && bri_h5_write_note(scale, "REFERENCE_LIST", type, space, list);
    }
    if (space >= 0)
        H5Sclose(space);
    bri_free(list);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

static bool write_list(hid_t dataset, int ndim, const hid_t *scale)
{
    hobj_ref_t reference[BR_MAX_NDIM];
    hvl_t list[BR_MAX_NDIM];
    hsize_t n = (hsize_t)ndim;
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ), space = H5Screate_simple(1, &n, NULL);
    bool good = type >= 0 && space >= 0;
    for (int a = 0; a < ndim && good; a++) {
        list[a] = (hvl_t){1, &reference[a]};
        good = H5Rcreate(&reference[a], scale[a], ".", H5R_OBJECT, -1) >= 0;
    }
    good = good && bri_h5_write_note(dataset, "DIMENSION_LIST", type, space, list);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

bool bri_h5_attach(hid_t dataset, int ndim, const hid_t *scale)
{
    bool good = ndim == 0 || write_list(dataset, ndim, scale);
    for (int a = 0; a < ndim && good; a++)
        good = add_user(scale[a], dataset, a);
    return good;
}

hid_t bri_h5_scale_at(hid_t dataset, int axis)
{
    hvl_t list[BR_MAX_NDIM] = {{0}};
    hid_t scale = -1;
    if (H5Aexists(dataset, "DIMENSION_LIST") <= 0)
        return -1;
    hid_t note = H5Aopen(dataset, "DIMENSION_LIST", H5P_DEFAULT);
    hid_t space = note >= 0 ? H5Aget_space(note) : -1;
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    if (type >= 0 && n > axis && n <= BR_MAX_NDIM && H5Aread(note, type, list) >= 0) {
        if (list[axis].len > 0)
            scale = H5Rdereference2(note, H5P_DEFAULT, H5R_OBJECT, list[axis].p);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, list);
    }
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    if (note >= 0)
        H5Aclose(note);
    return scale;
}

/* ---- the dimensions of a dataset ---- */

br_status bri_h5_check_dims(const bri_h5_spec *spec, const char *dataset)
{
    const char *slash = strrchr(dataset, '/'), *last = slash != NULL ? slash + 1 : dataset;
    for (int a = 0; a < spec->ndim && spec->dims != NULL; a++) {
        const char *dim = spec->dims[a];
        if (dim == NULL || dim[0] == '\0' || strchr(dim, '/') != NULL || strlen(dim) > 255)
            return bri_error(BR_EARG, "%s: \"%s\" cannot be the name of axis %d", dataset,
                             dim != NULL ? dim : "", a);
        for (int b = 0; b < a; b++)
            if (strcmp(dim, spec->dims[b]) == 0)
                return bri_error(BR_EARG, "%s: axes %d and %d are both called \"%s\"", dataset, b,
                                 a, dim);
        if (strcmp(dim, last) == 0 && spec->ndim > 1)
            return bri_error(BR_EARG,
                             "%s: a dimension has the dataset's own name, but only arrays of one "
                             "axis can be coordinates",
                             dataset);
    }
    return BR_OK;
}

br_status bri_h5_write_dims(const bri_h5_writer *w)
{
    const bri_h5_spec *spec = &w->spec;
    hid_t scale[BR_MAX_NDIM];
    br_status status = BR_OK;
    int n = 0;
    if (spec->dims == NULL || spec->ndim == 0)
        return BR_OK;
    const char *last = w->name + group_length(w->name);
    if (spec->ndim == 1 && strcmp(last + (last[0] == '/'), spec->dims[0]) == 0)
        return bri_h5_make_scale(w->dataset, spec->dims[0]) && bri_h5_errno() == 0
                   ? BR_OK
                   : cannot(w, spec->dims[0]);
    while (n < spec->ndim && status == BR_OK) {
        status = scale_of(w, n, spec->dims[n], &scale[n]);
        n += status == BR_OK;
    }
    if (status == BR_OK && (!bri_h5_attach(w->dataset, n, scale) || bri_h5_errno() != 0))
        status = cannot(w, spec->dims[0]);
    while (n > 0)
        H5Dclose(scale[--n]);
    return status;
}
