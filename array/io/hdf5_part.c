/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_part.c - datasets that exist, to be written in part or to grow.
 */
#include <string.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

static br_status cannot_open(const bri_h5_writer *w)
{
    return bri_h5_error(BR_EIO, "%s:%s: cannot be written", w->output->path, w->name);
}

/* ---- layout ---- */

static bool read_extents(bri_h5_writer *w)
{
    bri_h5_spec *spec = &w->spec;
    hsize_t extent[BR_MAX_NDIM], most[BR_MAX_NDIM];
    hid_t space = H5Dget_space(w->dataset);
    spec->ndim = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool good = spec->ndim >= 0 && H5Sget_simple_extent_dims(space, extent, most) >= 0;
    for (int a = 0; a < spec->ndim && good; a++) {
        spec->shape[a] = w->form.shape[a] = (int64_t)extent[a];
        if (most[a] == H5S_UNLIMITED)
            spec->unlimited |= 1u << a;
    }
    w->form.ndim = spec->ndim;
    if (space >= 0)
        H5Sclose(space);
    return good;
}

/* Filters that we apply as the library would; false when there are others. */
static bool read_filters(bri_h5_form *form, hid_t list)
{
    int n = H5Pget_nfilters(list);
    for (int k = 0; k < n; k++) {
        unsigned flags, config, values[8] = {0};
        size_t nvalues = 8;
        H5Z_filter_t id =
            H5Pget_filter2(list, (unsigned)k, &flags, &nvalues, values, 0, NULL, &config);
        bool ours =
            id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_FLETCHER32;
        for (int before = 0; before < k; before++)
            ours = ours && form->filter[before] != id;
        if (!ours || k == BRI_H5_FORM_FILTERS)
            return false;
        if (id == H5Z_FILTER_DEFLATE)
            form->level = values[0] > 0 ? (int)values[0] : 1;
        form->filter[form->nfilters++] = id;
    }
    return n >= 0;
}

/* Chunks are written whole when we can make them as they are stored. */
static void read_chunks(bri_h5_writer *w, hid_t stored, hid_t list)
{
    hsize_t chunk[BR_MAX_NDIM];
    unsigned options = 0;
    int ndim = w->spec.ndim;
    H5Pget_fill_value(list, w->type, w->form.fill);
    if (H5Pget_layout(list) != H5D_CHUNKED || H5Pget_chunk(list, ndim, chunk) != ndim)
        return;
    for (int a = 0; a < ndim; a++) {
        w->spec.chunk[a] = w->form.chunk[a] = (int64_t)chunk[a];
        w->form.chunk_bytes *= chunk[a];
    }
    w->form.direct = H5Tequal(stored, w->type) > 0 && read_filters(&w->form, list) &&
                     H5Pget_chunk_opts(list, &options) >= 0 &&
                     (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) == 0;
}

static br_status read_type(bri_h5_writer *w, hid_t stored)
{
    bri_h5_type type;
    if (!bri_h5_type_of(stored, "", &type))
        return bri_file_error(BR_ETYPE, "%s:%s: cannot be written, it has %s", w->output->path,
                              w->name, type.name);
    w->type = bri_h5_type_to_write(stored, &type);
    H5Tclose(type.memory);
    if (w->type < 0)
        return bri_h5_error(BR_EIO, "%s:%s: its type cannot be copied", w->output->path, w->name);
    w->spec.dtype = type.dtype;
    w->form.element = w->form.chunk_bytes = br_dtype_size(type.dtype);
    return BR_OK;
}

static br_status read_layout(bri_h5_writer *w)
{
    hid_t stored = H5Dget_type(w->dataset), list = H5Dget_create_plist(w->dataset);
    br_status status = stored >= 0 && list >= 0 && read_extents(w) ? BR_OK : cannot_open(w);
    if (status == BR_OK)
        status = read_type(w, stored);
    if (status == BR_OK)
        read_chunks(w, stored, list);
    if (list >= 0)
        H5Pclose(list);
    if (stored >= 0)
        H5Tclose(stored);
    return status;
}

/* ---- opening ---- */

static br_status open_dataset(bri_h5_writer *w)
{
    bri_h5_output *o = w->output;
    for (const bri_h5_writer *other = o->writers; other != NULL; other = other->next)
        if (strcmp(other->name + strspn(other->name, "/"), w->name + strspn(w->name, "/")) == 0)
            return bri_file_error(BR_EARG, "%s: \"%s\" is stored twice", o->path, w->name);
    w->next = o->writers;
    o->writers = w;
    BRI_TRY(bri_h5_find(o->file, o->path, w->name, &w->dataset));
    BRI_TRY(read_layout(w));
    o->changes_data = true;
    bri_h5_in_place(o->file);
    return BR_OK;
}

br_status bri_h5_open_to_write(bri_h5_output *o, const char *dataset, bri_h5_writer **out)
{
    *out = NULL;
    bri_h5_writer *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    w->output = o;
    w->dataset = w->type = -1;
    w->name = bri_strdup(dataset);
    br_status status = BR_ENOMEM;
    if (w->name != NULL) {
        bri_h5_lock();
        status = open_dataset(w);
        bri_h5_unlock();
    }
    if (o->writers != w) {
        bri_free(w->name);
        bri_free(w);
    } else if (status == BR_OK) {
        *out = w;
    }
    return status;
}

bool bri_h5_has_dataset(bri_h5_output *o, const char *dataset)
{
    bri_h5_lock();
    bool there = dataset[0] != '\0' && bri_h5_exists(o->file, dataset);
    bri_h5_unlock();
    return there;
}

const bri_h5_spec *bri_h5_spec_of(const bri_h5_writer *w)
{
    return &w->spec;
}

const bri_h5_form *bri_h5_form_of(const bri_h5_writer *w)
{
    return &w->form;
}

void bri_h5_place(bri_h5_writer *w, const bri_h5_place_axis *axis)
{
    w->form.placed = true;
    memcpy(w->form.place, axis, (size_t)w->spec.ndim * sizeof *axis);
}

/* ---- growing ---- */

/* A dimension without coordinates is as long as the arrays that have it. */
static bool grow_dimension(const bri_h5_writer *w, int axis)
{
    hid_t scale = bri_h5_scale_at(w->dataset, axis);
    hsize_t extent = (hsize_t)w->spec.shape[axis], most = 0, has = 0;
    if (scale < 0)
        return true;
    bool good = true;
    hid_t space = H5Dget_space(scale);
    bool line = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                H5Sget_simple_extent_dims(space, &has, &most) == 1;
    if (line && most == H5S_UNLIMITED && has < extent && !bri_h5_is_coordinate(scale))
        good = H5Dset_extent(scale, &extent) >= 0;
    if (space >= 0)
        H5Sclose(space);
    H5Dclose(scale);
    return good;
}

static br_status grow(bri_h5_writer *w, int axis, int64_t more)
{
    hsize_t extent[BR_MAX_NDIM];
    for (int a = 0; a < w->spec.ndim; a++)
        extent[a] = (hsize_t)w->spec.shape[a];
    if (__builtin_add_overflow(w->spec.shape[axis], more, &w->spec.shape[axis]))
        return bri_file_error(BR_EARG, "%s:%s: too long", w->output->path, w->name);
    w->form.shape[axis] = w->spec.shape[axis];
    extent[axis] = (hsize_t)w->spec.shape[axis];
    return H5Dset_extent(w->dataset, extent) >= 0 && grow_dimension(w, axis) && bri_h5_errno() == 0
               ? BR_OK
               : cannot_open(w);
}

br_status bri_h5_grow(bri_h5_writer *w, int axis, int64_t more)
{
    bri_h5_lock();
    br_status status = grow(w, axis, more);
    bri_h5_unlock();
    return status;
}
