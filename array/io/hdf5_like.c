/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_like.c - dimensions, coordinates and attributes of a dataset for one that was made of it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

typedef struct like {
    const bri_h5_writer *w;
    hid_t file, dataset; /* the source */
    char group[BRI_H5_MAX_NAME];
    int ndim;
    int64_t shape[BR_MAX_NDIM];
    int axis_of[BR_MAX_NDIM];                 /* of the source, by axes of the new dataset */
    char dim[BR_MAX_NDIM][BRI_H5_MAX_NAME];   /* the source's, the last part; empty: it has none */
    char scale[BR_MAX_NDIM][BRI_H5_MAX_NAME]; /* their whole names */
} like;

static br_status failed(const like *l, const char *what)
{
    const bri_h5_spec *spec = &l->w->spec;
    return bri_h5_error(BR_EIO, "%s:%s: the %s cannot be copied", spec->like_path,
                        spec->like_dataset, what);
}

/* ---- axes ---- */

static br_status no_axes(const like *l, const char *why)
{
    char here[200] = "", there[200] = "";
    for (int a = 0; a < l->w->spec.ndim && strlen(here) < 160; a++)
        snprintf(here + strlen(here), 30, "%s%lld", a > 0 ? ", " : "",
                 (long long)l->w->spec.shape[a]);
    for (int a = 0; a < l->ndim && strlen(there) < 160; a++)
        snprintf(there + strlen(there), 30, "%s%lld", a > 0 ? ", " : "", (long long)l->shape[a]);
    return bri_error(BR_ESHAPE,
                     "%s: axes of (%s) %s those of %s, (%s): give .dims instead of .like",
                     l->w->name, here, why, l->w->spec.like_dataset, there);
}

/* The number of ways, at most 2, in which axes from `a` on are found among the source's from `s`
 * on, in order; extents must be equal. */
static int ways(const like *l, int a, int s)
{
    int n = 0;
    if (a == l->w->spec.ndim)
        return 1;
    for (; s < l->ndim && n < 2; s++)
        if (l->shape[s] == l->w->spec.shape[a])
            n += ways(l, a + 1, s + 1);
    return n < 2 ? n : 2;
}

static br_status match_axes(like *l)
{
    int ndim = l->w->spec.ndim, s = 0;
    if (ndim > l->ndim)
        return no_axes(l, "are more than");
    if (ndim == l->ndim) {
        for (int a = 0; a < ndim; a++)
            l->axis_of[a] = a;
        return BR_OK;
    }
    int n = ways(l, 0, 0);
    if (n != 1)
        return no_axes(l, n == 0 ? "are none of" : "could be several of");
    for (int a = 0; a < ndim; a++) {
        while (l->shape[s] != l->w->spec.shape[a] || ways(l, a + 1, s + 1) == 0)
            s++;
        l->axis_of[a] = s++;
    }
    return BR_OK;
}

static bool read_shape(like *l)
{
    hsize_t extent[BR_MAX_NDIM];
    hid_t space = H5Dget_space(l->dataset);
    l->ndim = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool good = l->ndim >= 0 && H5Sget_simple_extent_dims(space, extent, NULL) >= 0;
    for (int a = 0; a < l->ndim && good; a++)
        l->shape[a] = (int64_t)extent[a];
    if (space >= 0)
        H5Sclose(space);
    return good;
}

/* ---- the source's dimensions ---- */

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

static void note_scale(like *l, int axis, hid_t scale)
{
    ssize_t n = H5Iget_name(scale, l->scale[axis], BRI_H5_MAX_NAME);
    if (n > 0 && n < BRI_H5_MAX_NAME)
        snprintf(l->dim[axis], BRI_H5_MAX_NAME, "%s", last_part(l->scale[axis]));
}

/* A coordinate is its own dimension. */
static void read_dims(like *l)
{
    for (int a = 0; a < l->ndim; a++) {
        hid_t scale = bri_h5_scale_at(l->dataset, a);
        if (scale < 0)
            continue;
        note_scale(l, a, scale);
        H5Oclose(scale);
    }
    if (l->ndim == 1 && l->dim[0][0] == '\0' && H5Aexists(l->dataset, "CLASS") > 0)
        note_scale(l, 0, l->dataset);
}

/* ---- copying variables ---- */

static void forget(hid_t object, const char *attribute)
{
    if (H5Aexists(object, attribute) > 0)
        H5Adelete(object, attribute);
}

/* Copies a dataset with what it says of itself; what refers to others goes. */
static hid_t copy_variable(const like *l, const char *from, const char *to)
{
    hid_t links = bri_h5_link_list(), copy = -1;
    if (links >= 0 && H5Ocopy(l->file, from, l->w->output->file, to, H5P_DEFAULT, links) >= 0)
        copy = H5Dopen2(l->w->output->file, to, H5P_DEFAULT);
    if (links >= 0)
        H5Pclose(links);
    if (copy < 0)
        return -1;
    static const char *const others[] = {"REFERENCE_LIST", "DIMENSION_LIST", "bounds",
                                         "climatology",    "_Netcdf4Dimid",  "_Netcdf4Coordinates"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        forget(copy, others[i]);
    return copy;
}

/* The coordinates of an axis, where the source has them for all of it and the file does not. */
static br_status copy_coordinate(const like *l, int axis)
{
    char to[BRI_H5_MAX_NAME];
    int from = l->axis_of[axis];
    int64_t extent = l->w->spec.shape[axis];
    if (l->dim[from][0] == '\0' || l->shape[from] != extent ||
        strcmp(last_part(l->w->name), l->dim[from]) == 0)
        return BR_OK;
    if (bri_h5_has_scale(l->w, l->dim[from], extent, to) ||
        bri_h5_exists(l->w->output->file, to + strspn(to, "/")))
        return BR_OK;
    hid_t scale = H5Dopen2(l->file, l->scale[from], H5P_DEFAULT);
    bool coordinate = scale >= 0 && bri_h5_is_coordinate(scale);
    if (scale >= 0)
        H5Dclose(scale);
    if (!coordinate)
        return BR_OK;
    hid_t copy = copy_variable(l, l->scale[from], to);
    if (copy < 0)
        return failed(l, "coordinate");
    H5Dclose(copy);
    return BR_OK;
}

static br_status copy_dims(like *l)
{
    bri_h5_writer named = *l->w;
    const char *dims[BR_MAX_NDIM];
    char made[BR_MAX_NDIM][16];
    bool any = false;
    for (int a = 0; a < named.spec.ndim; a++) {
        BRI_TRY(copy_coordinate(l, a));
        dims[a] = l->dim[l->axis_of[a]];
        any = any || dims[a][0] != '\0';
        snprintf(made[a], sizeof made[a], "dim_%d", a);
        if (dims[a][0] == '\0')
            dims[a] = made[a];
    }
    if (!any)
        return BR_OK;
    named.spec.dims = dims;
    return bri_h5_write_dims(&named);
}

/* ---- variables that attributes name: "lat lon" in coordinates, a grid mapping ---- */

/* The axis of the new dataset that has the source's dimension; -1 when it is gone or cut. */
static int axis_with(const like *l, const char *dim)
{
    for (int a = 0; a < l->w->spec.ndim; a++)
        if (strcmp(l->dim[l->axis_of[a]], dim) == 0 &&
            l->shape[l->axis_of[a]] == l->w->spec.shape[a])
            return a;
    return -1;
}

static br_status attach_like(const like *l, hid_t copy, const like *variable)
{
    hid_t scale[BR_MAX_NDIM];
    char full[BRI_H5_MAX_NAME];
    int n = 0;
    bool good = true;
    for (; n < variable->ndim && good; n += good) {
        int64_t extent = variable->shape[n];
        good = bri_h5_has_scale(l->w, variable->dim[n], extent, full);
        scale[n] = good ? H5Dopen2(l->w->output->file, full, H5P_DEFAULT) : -1;
        good = scale[n] >= 0;
    }
    good = good && bri_h5_attach(copy, n, scale);
    while (n > 0)
        H5Dclose(scale[--n]);
    return good ? BR_OK : failed(l, "coordinates");
}

/* Copies the variable when the new dataset has all its dimensions. */
static br_status copy_companion(const like *l, const char *name)
{
    char from[2 * BRI_H5_MAX_NAME], to[2 * BRI_H5_MAX_NAME];
    const char *slash = strrchr(l->w->name, '/');
    snprintf(from, sizeof from, "%s/%s", l->group, name);
    snprintf(to, sizeof to, "%.*s/%s", slash != NULL ? (int)(slash - l->w->name) : 0, l->w->name,
             name);
    if (strlen(from) >= BRI_H5_MAX_NAME || !bri_h5_exists(l->file, from + strspn(from, "/")) ||
        bri_h5_exists(l->w->output->file, to + strspn(to, "/")))
        return BR_OK;
    like *v = bri_calloc(1, sizeof *v);
    if (v == NULL)
        return BR_ENOMEM;
    br_status status = BR_OK;
    v->w = l->w;
    v->dataset = H5Dopen2(l->file, from, H5P_DEFAULT);
    bool fits = v->dataset >= 0 && read_shape(v);
    if (fits)
        read_dims(v);
    for (int a = 0; a < v->ndim && fits; a++)
        fits = v->dim[a][0] != '\0' && axis_with(l, v->dim[a]) >= 0;
    if (v->dataset >= 0)
        H5Dclose(v->dataset);
    if (fits) {
        hid_t copy = copy_variable(l, from, to);
        status = copy >= 0 ? attach_like(l, copy, v) : failed(l, "coordinates");
        if (copy >= 0)
            H5Dclose(copy);
    }
    bri_free(v);
    return status;
}

/* Text of a fixed length; the caller frees it. NULL for other attributes. */
static char *text_of(hid_t dataset, const char *name)
{
    char *text = NULL, *variable = NULL;
    hid_t note = H5Aexists(dataset, name) > 0 ? H5Aopen(dataset, name, H5P_DEFAULT) : -1;
    hid_t type = note >= 0 ? H5Aget_type(note) : -1;
    hid_t space = note >= 0 ? H5Aget_space(note) : -1;
    bool string = type >= 0 && H5Tget_class(type) == H5T_STRING && space >= 0 &&
                  H5Sget_simple_extent_npoints(space) == 1;
    if (string && H5Tis_variable_str(type) > 0) {
        bool there = H5Aread(note, type, &variable) >= 0 && variable != NULL;
        text = there ? bri_strdup(variable) : NULL;
        if (there && text == NULL)
            bri_h5_note_no_memory();
        H5free_memory(variable);
    } else if (string) {
        text = bri_calloc(1, H5Tget_size(type) + 1);
        if (text == NULL)
            bri_h5_note_no_memory();
        else
            H5Aread(note, type, text);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (note >= 0)
        H5Aclose(note);
    return text;
}

static br_status copy_companions(const like *l, const char *attribute)
{
    char *save = NULL, *text = text_of(l->dataset, attribute);
    br_status status = bri_h5_errno() == 0 ? BR_OK : failed(l, attribute);
    for (char *name = text != NULL ? strtok_r(text, " ", &save) : NULL;
         name != NULL && status == BR_OK; name = strtok_r(NULL, " ", &save))
        status = copy_companion(l, name);
    bri_free(text);
    return status;
}

/* ---- attributes ---- */

static bool says_packing(const char *name)
{
    static const char *const names[] = {"scale_factor", "add_offset", "_FillValue", "missing_value",
                                        "valid_range",  "valid_min",  "valid_max",  "_Unsigned"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Elements of the same type as they are stored are packed as they are stored. */
static bool still_packed(const like *l)
{
    bri_h5_type type;
    hid_t stored = H5Dget_type(l->dataset);
    bool same = l->w->spec.like_raw && stored >= 0 && bri_h5_type_of(stored, "", &type);
    if (same) {
        H5Tclose(type.memory);
        same = type.dtype == l->w->spec.dtype;
    }
    if (stored >= 0)
        H5Tclose(stored);
    return same;
}

static bool copy_value(hid_t to, hid_t note, const char *name)
{
    hid_t type = H5Aget_type(note), space = H5Aget_space(note);
    bool good = type >= 0 && space >= 0;
    if (good && H5Tdetect_class(type, H5T_REFERENCE) > 0) {
        H5Sclose(space);
        H5Tclose(type);
        return true; /* of no use in another file */
    }
    hssize_t n = good ? H5Sget_simple_extent_npoints(space) : 0;
    char *value = good ? bri_calloc((size_t)n + 1, H5Tget_size(type)) : NULL;
    if (good && value == NULL)
        bri_h5_note_no_memory();
    good = value != NULL && (n == 0 || H5Aread(note, type, value) >= 0) &&
           bri_h5_write_note(to, name, type, space, value);
    if (value != NULL && n > 0 && H5Tdetect_class(type, H5T_VLEN) > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, value);
    bri_free(value);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

static br_status copy_attribute(const like *l, hid_t note, bool packed)
{
    char name[256];
    ssize_t n = H5Aget_name(note, sizeof name, name);
    if (n <= 0 || n >= (ssize_t)sizeof name || bri_h5_is_reserved(name) ||
        strncmp(name, "_Netcdf4", 8) == 0 || (!packed && says_packing(name)))
        return BR_OK;
    return copy_value(l->w->dataset, note, name) && bri_h5_errno() == 0 ? BR_OK : failed(l, name);
}

static br_status copy_attributes(const like *l)
{
    H5O_info_t info;
    bool packed = still_packed(l);
    br_status status = BR_OK;
    if (H5Oget_info2(l->dataset, &info, H5O_INFO_NUM_ATTRS) < 0)
        return failed(l, "attributes");
    for (hsize_t i = 0; i < info.num_attrs && status == BR_OK; i++) {
        hid_t note = H5Aopen_by_idx(l->dataset, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT,
                                    H5P_DEFAULT);
        status = note >= 0 ? copy_attribute(l, note, packed) : failed(l, "attributes");
        if (note >= 0)
            H5Aclose(note);
    }
    return status;
}

/* ---- the source ---- */

static br_status copy_all(like *l)
{
    const bri_h5_spec *spec = &l->w->spec;
    const char *slash = strrchr(spec->like_dataset, '/');
    size_t n = slash != NULL ? (size_t)(slash - spec->like_dataset) : 0;
    snprintf(l->group, sizeof l->group, "%.*s", (int)n, spec->like_dataset);
    if (!read_shape(l))
        return failed(l, "shape");
    BRI_TRY(match_axes(l));
    read_dims(l);
    BRI_TRY(copy_dims(l));
    BRI_TRY(copy_attributes(l));
    BRI_TRY(copy_companions(l, "coordinates"));
    return copy_companions(l, "grid_mapping");
}

/* The file that is written can be the source's, too. */
static hid_t open_source(const bri_h5_writer *w)
{
    struct stat st;
    const bri_h5_output *o = w->output;
    if (o->temporary == NULL && stat(w->spec.like_path, &st) == 0 && st.st_ino == o->of.st_ino &&
        st.st_dev == o->of.st_dev) {
        H5Iinc_ref(o->file);
        return o->file;
    }
    hid_t access = bri_h5_access();
    hid_t file = access >= 0 ? H5Fopen(w->spec.like_path, H5F_ACC_RDONLY, access) : -1;
    if (access >= 0)
        H5Pclose(access);
    return file;
}

br_status bri_h5_write_like(const bri_h5_writer *w)
{
    if (w->spec.like_path == NULL)
        return BR_OK;
    like *l = bri_calloc(1, sizeof *l);
    if (l == NULL)
        return BR_ENOMEM;
    l->w = w;
    l->file = open_source(w);
    l->dataset = l->file >= 0 ? H5Dopen2(l->file, w->spec.like_dataset, H5P_DEFAULT) : -1;
    br_status status = l->dataset >= 0 ? copy_all(l) : failed(l, "metadata");
    if (l->dataset >= 0)
        H5Dclose(l->dataset);
    if (l->file >= 0)
        H5Fclose(l->file);
    bri_free(l);
    return status;
}
