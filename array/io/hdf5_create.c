/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_create.c - datasets that are written: their layout, and their names.
 *
 * In a file that has others a dataset has a hidden name until it is complete.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { MAX_NAME = 1000 };

static br_status check_chunks(const bri_h5_spec *spec, const char *path)
{
    uint64_t bytes = br_dtype_size(spec->dtype);
    int chunked = 0;
    for (int a = 0; a < spec->ndim; a++) {
        int64_t chunk = spec->chunk[a];
        if (spec->shape[a] < 0 || chunk < 0)
            return bri_file_error(BR_EARG, "%s: negative extent on axis %d", path, a);
        chunked += chunk > 0;
        if (chunk > 0 && __builtin_mul_overflow(bytes, (uint64_t)chunk, &bytes))
            bytes = UINT64_MAX;
    }
    if (chunked != 0 && chunked != spec->ndim)
        return bri_file_error(BR_EARG, "%s: chunk extents must be all 0 or all positive", path);
    if (chunked == 0 && spec->unlimited != 0)
        return bri_file_error(BR_EARG, "%s: only chunked datasets can grow", path);
    if (chunked != 0 && bytes > UINT32_MAX)
        return bri_file_error(BR_EARG, "%s: HDF5 chunks must be smaller than 4 GiB", path);
    return BR_OK;
}

static br_status check_spec(const bri_h5_spec *spec, const char *path, const char *dataset)
{
    size_t n = strlen(dataset);
    if (n == 0 || n > MAX_NAME || dataset[n - 1] == '/')
        return bri_file_error(BR_EARG, "%s: \"%s\" cannot be a dataset's name", path, dataset);
    if (!bri_dtype_ok(spec->dtype))
        return bri_file_error(BR_EARG, "%s:%s: no dtype given", path, dataset);
    if (spec->ndim < 0 || spec->ndim > BR_MAX_NDIM)
        return bri_file_error(BR_EARG, "%s:%s: %d axes, 0 to %d are possible", path, dataset,
                              spec->ndim, BR_MAX_NDIM);
    if (spec->deflate < 0 || spec->deflate > 9)
        return bri_file_error(BR_EARG, "%s:%s: deflate level %d, 0 to 9 are possible", path,
                              dataset, spec->deflate);
    BRI_TRY(check_chunks(spec, path));
    BRI_TRY(bri_h5_check_attributes(spec->attributes, dataset));
    BRI_TRY(bri_h5_check_attributes(spec->file_attributes, path));
    BRI_TRY(bri_h5_check_dims(spec, dataset));
    bool filtered = spec->deflate > 0 || spec->shuffle || spec->fletcher32;
    if (filtered && spec->ndim > 0 && spec->chunk[0] == 0)
        return bri_file_error(BR_EARG,
                              "%s:%s: only chunked datasets can be compressed or have checksums",
                              path, dataset);
    return BR_OK;
}

/* HDF5 refuses chunks larger than an array that cannot grow; arrays without elements that cannot
 * grow either are stored contiguously. */
static void set_chunks(bri_h5_spec *spec)
{
    bool empty = spec->ndim == 0;
    for (int a = 0; a < spec->ndim; a++)
        empty |= spec->shape[a] == 0;
    for (int a = 0; a < spec->ndim; a++) {
        bool grows = spec->unlimited >> a & 1;
        if (empty && spec->unlimited == 0)
            spec->chunk[a] = 0;
        else if (spec->chunk[a] > spec->shape[a] && !grows)
            spec->chunk[a] = spec->shape[a] > 0 ? spec->shape[a] : 1;
    }
}

static void add_filter(bri_h5_form *form, int id)
{
    form->filter[form->nfilters++] = id;
}

static void set_layout(bri_h5_writer *w)
{
    const bri_h5_spec *spec = &w->spec;
    bri_h5_form *form = &w->form;
    set_chunks(&w->spec);
    form->ndim = spec->ndim;
    form->element = form->chunk_bytes = br_dtype_size(spec->dtype);
    for (int a = 0; a < spec->ndim; a++) {
        form->shape[a] = spec->shape[a];
        form->chunk[a] = spec->chunk[a];
        form->chunk_bytes *= (size_t)spec->chunk[a];
    }
    if (spec->ndim == 0 || form->chunk_bytes == 0)
        return;
    form->direct = true;
    form->level = spec->deflate;
    if (spec->shuffle)
        add_filter(form, H5Z_FILTER_SHUFFLE);
    if (spec->deflate > 0)
        add_filter(form, H5Z_FILTER_DEFLATE);
    if (spec->fletcher32)
        add_filter(form, H5Z_FILTER_FLETCHER32);
}

static bool set_filter(hid_t list, const bri_h5_form *form, int k)
{
    switch (form->filter[k]) {
    case H5Z_FILTER_SHUFFLE:
        return H5Pset_shuffle(list) >= 0;
    case H5Z_FILTER_DEFLATE:
        return H5Pset_deflate(list, (unsigned)form->level) >= 0;
    default:
        return H5Pset_fletcher32(list) >= 0;
    }
}

/* Other processes are told where its elements are. */
static bool is_laid_out(const bri_h5_writer *w)
{
    bool empty = w->spec.ndim == 0 || !bri_h5_is_apart(w->output);
    for (int a = 0; a < w->spec.ndim; a++)
        empty = empty || w->spec.shape[a] == 0;
    return w->output->shared != 0 && !empty && w->spec.chunk[0] == 0;
}

static hid_t creation_list(const bri_h5_writer *w)
{
    hsize_t chunk[BR_MAX_NDIM];
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = list >= 0;
    for (int a = 0; a < w->spec.ndim; a++)
        chunk[a] = (hsize_t)w->spec.chunk[a];
    if (ok && w->spec.ndim > 0 && chunk[0] > 0)
        ok = H5Pset_chunk(list, w->spec.ndim, chunk) >= 0;
    for (int k = 0; ok && k < w->form.nfilters; k++)
        ok = set_filter(list, &w->form, k);
    if (ok && is_laid_out(w)) /* all elements will be written, and others do it */
        ok = H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0 &&
             H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) >= 0;
    /* netCDF-4 wants to know the order of attributes to change them. */
    ok = ok && H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0;
    if (ok)
        return list;
    if (list >= 0)
        H5Pclose(list);
    return -1;
}

hid_t bri_h5_link_list(void)
{
    hid_t list = H5Pcreate(H5P_LINK_CREATE);
    if (list >= 0 && H5Pset_create_intermediate_group(list, 1) >= 0 &&
        H5Pset_char_encoding(list, H5T_CSET_UTF8) >= 0)
        return list;
    return -1;
}

static hid_t new_space(const bri_h5_spec *spec)
{
    hsize_t extent[BR_MAX_NDIM], most[BR_MAX_NDIM];
    for (int a = 0; a < spec->ndim; a++) {
        extent[a] = (hsize_t)spec->shape[a];
        most[a] = spec->unlimited >> a & 1 ? H5S_UNLIMITED : extent[a];
    }
    return spec->ndim == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(spec->ndim, extent, most);
}

static void lay_out(bri_h5_writer *w)
{
    haddr_t address = is_laid_out(w) ? H5Dget_offset(w->dataset) : HADDR_UNDEF;
    w->form.laid_out = address != HADDR_UNDEF && bri_h5_others_may_write(w->output->file, address);
    if (w->form.laid_out)
        w->form.address = address;
}

static br_status create_dataset(bri_h5_writer *w)
{
    br_status status = BR_OK;
    bri_h5_output *o = w->output;
    hid_t space = new_space(&w->spec), creation = creation_list(w), links = bri_h5_link_list();
    const char *name = w->hidden[0] != '\0' ? w->hidden : w->name;
    w->type = bri_h5_type_for(w->spec.dtype);
    bool good = space >= 0 && creation >= 0 && links >= 0 && w->type >= 0;
    if (good)
        status = bri_h5_set_fill(w, creation);
    if (good && status == BR_OK)
        H5Pget_fill_value(creation, w->type, w->form.fill);
    if (good && status == BR_OK)
        w->dataset = H5Dcreate2(o->file, name, w->type, space, links, creation, H5P_DEFAULT);
    if (status == BR_OK && (w->dataset < 0 || bri_h5_errno() != 0))
        status = bri_h5_error(bri_h5_errno() != 0 ? BR_EIO : BR_EARG,
                              "%s: dataset \"%s\" cannot be created", o->path, w->name);
    if (status == BR_OK)
        lay_out(w);
    if (links >= 0)
        H5Pclose(links);
    if (creation >= 0)
        H5Pclose(creation);
    if (space >= 0)
        H5Sclose(space);
    return status;
}

/* ---- names ---- */

static H5I_type_t kind_of(hid_t file, const char *name)
{
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    H5I_type_t kind = object >= 0 ? H5Iget_type(object) : H5I_BADID;
    if (object >= 0)
        H5Oclose(object);
    return kind;
}

/* What is on the way to the name must be groups: it is moved there only at the end. */
static br_status check_way(const bri_h5_writer *w)
{
    char part[MAX_NAME + 1];
    hid_t file = w->output->file;
    strcpy(part, w->name);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!bri_h5_exists(file, part))
            return BR_OK;
        if (kind_of(file, part) != H5I_GROUP)
            return bri_file_error(BR_EARG,
                                  "%s: dataset \"%s\" cannot be created, \"%s\" is no group",
                                  w->output->path, w->name, part);
        *slash = '/';
    }
    return BR_OK;
}

static const char *without_slash(const char *name)
{
    return name + strspn(name, "/");
}

static bool is_dimension(hid_t file, const char *name)
{
    return H5Aexists_by_name(file, name, "REFERENCE_LIST", H5P_DEFAULT) > 0;
}

static br_status check_name(bri_h5_writer *w)
{
    const bri_h5_output *o = w->output;
    for (const bri_h5_writer *other = o->writers; other != NULL; other = other->next)
        if (strcmp(without_slash(other->name), without_slash(w->name)) == 0)
            return bri_file_error(BR_EARG, "%s: \"%s\" is stored twice", o->path, w->name);
    BRI_TRY(check_way(w));
    if (!bri_h5_exists(o->file, w->name))
        return BR_OK;
    if (o->mode != BRI_H5_OVERWRITE)
        return bri_file_error(BR_EARG, "%s: has a dataset or group \"%s\" already", o->path,
                              w->name);
    if (kind_of(o->file, w->name) != H5I_DATASET)
        return bri_file_error(BR_EARG, "%s: \"%s\" is no dataset and is not overwritten", o->path,
                              w->name);
    if (is_dimension(o->file, w->name))
        return bri_file_error(BR_EARG,
                              "%s: \"%s\" is a dimension of other datasets and is not overwritten",
                              o->path, w->name);
    w->replaces = true;
    return BR_OK;
}

static void hide(bri_h5_writer *w)
{
    int n = 0;
    do
        snprintf(w->hidden, sizeof w->hidden, "/.bramble-%ld-%d", (long)getpid(), n++);
    while (H5Lexists(w->output->file, w->hidden, H5P_DEFAULT) > 0);
}

static br_status name_dataset(const bri_h5_writer *w)
{
    hid_t file = w->output->file, links = bri_h5_link_list();
    bool good = links >= 0;
    if (w->replaces)
        good = good && H5Ldelete(file, w->name, H5P_DEFAULT) >= 0;
    good = good && H5Lmove(file, w->hidden, file, w->name, links, H5P_DEFAULT) >= 0;
    if (links >= 0)
        H5Pclose(links);
    return good && bri_h5_errno() == 0
               ? BR_OK
               : bri_h5_error(BR_EIO, "%s: \"%s\" cannot get its name", w->output->path, w->name);
}

br_status bri_h5_name_datasets(bri_h5_output *o)
{
    for (const bri_h5_writer *w = o->writers; w != NULL; w = w->next)
        if (w->hidden[0] != '\0')
            BRI_TRY(name_dataset(w));
    return BR_OK;
}

/* ---- beginning and ending ---- */

void bri_h5_close_datasets(bri_h5_output *o)
{
    for (bri_h5_writer *w = o->writers; w != NULL; w = w->next) {
        if (w->type >= 0)
            H5Tclose(w->type);
        if (w->dataset >= 0)
            H5Dclose(w->dataset);
        w->type = w->dataset = -1;
    }
}

/* An earlier store has made it. */
static br_status open_again(bri_h5_writer *w)
{
    bri_h5_output *o = w->output;
    w->next = o->writers;
    o->writers = w;
    w->type = bri_h5_type_for(w->spec.dtype);
    w->dataset = H5Dopen2(o->file, w->name, H5P_DEFAULT);
    if (w->type < 0 || w->dataset < 0)
        return bri_h5_error(BR_EFORMAT, "%s: has no dataset \"%s\"", o->temporary, w->name);
    lay_out(w);
    return BR_OK;
}

static br_status begin(bri_h5_writer *w)
{
    bri_h5_output *o = w->output;
    if (bri_h5_goes_on(o))
        return open_again(w);
    BRI_TRY(check_name(w));
    if (!o->fresh && o->mode != BRI_H5_TRUNCATE)
        hide(w);
    o->changes_data |= w->replaces;
    w->next = o->writers;
    o->writers = w;
    BRI_TRY(create_dataset(w));
    BRI_TRY(bri_h5_write_like(w));
    BRI_TRY(bri_h5_write_dims(w));
    return bri_h5_write_attributes(w);
}

/* Also of a writer that the output does not know yet. */
static void drop(bri_h5_writer *w)
{
    bri_free(w->name);
    bri_free(w);
}

br_status bri_h5_create(bri_h5_output *o, const char *dataset, const bri_h5_spec *spec,
                        bri_h5_writer **out)
{
    *out = NULL;
    BRI_TRY(check_spec(spec, o->path, dataset));
    bri_h5_writer *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    w->output = o;
    w->spec = *spec;
    w->dataset = w->type = -1;
    w->name = bri_strdup(dataset);
    set_layout(w);
    br_status status = BR_ENOMEM;
    if (w->name != NULL) {
        bri_h5_lock();
        status = begin(w);
        bri_h5_unlock();
    }
    if (o->writers != w)
        drop(w);
    else if (status == BR_OK)
        *out = w;
    return status;
}
