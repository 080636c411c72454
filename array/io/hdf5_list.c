/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_list.c - walks through a file and notes its groups, datasets and attributes.
 *
 * What cannot be read (a broken link, a damaged attribute) is left out or said to be so; one bad
 * object must not hide the others. Runs under the HDF5 lock.
 */
#include <stdlib.h>
#include <string.h>

#include "array/io/hdf5_attribute.h"
#include "array/io/hdf5_list.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum {
    MAX_NAME = 1024,
    MAX_DEPTH = 64,
    MAX_ITEMS = 100000, /* a list for people; and hard links can make many paths of few objects */
    MAX_ATTRIBUTES = 1000,
};

typedef struct walk {
    br_file *file;
    char path[MAX_NAME];
    hobj_ref_t above[MAX_DEPTH]; /* the groups around: hard links can close a circle */
    int depth;
} walk;

/* ---- attributes ---- */

static bool is_storage(const char *name, bool scale)
{
    static const char *const names[] = {"DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS",
                                        "_NCProperties", "_nc3_strict"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strcmp(name, names[k]) == 0)
            return true;
    return strncmp(name, "_Netcdf4", 8) == 0 ||
           (scale && (strcmp(name, "CLASS") == 0 || strcmp(name, "NAME") == 0));
}

/* An attribute that cannot be read is listed, with what is wrong. */
static br_status read_attribute(hid_t object, const char *name, br_attribute *out)
{
    bri_h5_attribute a;
    br_status st = bri_h5_attribute_read(object, name, &a);
    if (st == BR_ENOMEM)
        return st;
    if (st != BR_OK)
        a = (bri_h5_attribute){.name = bri_strdup(name), .other = "unreadable"};
    *out = (br_attribute){a.name, a.n, a.dtype, a.data, (const char *const *)a.text, NULL};
    out->other = bri_strdup(a.other);
    return out->name != NULL && out->other != NULL ? BR_OK : BR_ENOMEM;
}

static br_status add_attribute(br_item *item, size_t *room, hid_t object, const char *name)
{
    br_attribute *list = (br_attribute *)(uintptr_t)item->attributes;
    br_status st = bri_grow(&list, room, (size_t)item->nattributes, sizeof *list);
    item->attributes = list;
    BRI_TRY(st);
    item->nattributes++;
    return read_attribute(object, name, &list[item->nattributes - 1]);
}

static br_status add_attributes(br_item *item, hid_t object, bool scale)
{
    size_t room = 0;
    for (hsize_t i = 0; i < MAX_ATTRIBUTES; i++) {
        char name[MAX_NAME];
        if (H5Aget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name,
                               H5P_DEFAULT) < 0)
            break;
        if (!is_storage(name, scale))
            BRI_TRY(add_attribute(item, &room, object, name));
    }
    return BR_OK;
}

/* ---- dimensions ---- */

static bool text_attribute(hid_t object, const char *name, char *text, size_t size)
{
    bri_h5_attribute a;
    if (H5Aexists(object, name) <= 0 || bri_h5_attribute_read(object, name, &a) != BR_OK)
        return false;
    bool ok = a.text != NULL && a.n >= 1;
    if (ok)
        snprintf(text, size, "%s", a.text[0]);
    bri_h5_attribute_free(&a);
    return ok;
}

static bool is_scale(hid_t dataset)
{
    char class[32];
    return text_attribute(dataset, "CLASS", class, sizeof class) &&
           strcmp(class, "DIMENSION_SCALE") == 0;
}

/* netCDF stores a dimension without a variable as a dataset that says so. */
static bool is_bare_dimension(hid_t dataset)
{
    char name[MAX_NAME];
    return text_attribute(dataset, "NAME", name, sizeof name) &&
           strncmp(name, "This is a netCDF dimension but not a netCDF variable", 52) == 0;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void name_of_reference(hid_t dataset, const hobj_ref_t *reference, char name[MAX_NAME])
{
    hid_t scale = H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, reference);
    name[0] = '\0';
    if (scale < 0)
        return;
    if (H5Iget_name(scale, name, MAX_NAME) < 0)
        name[0] = '\0';
    H5Oclose(scale);
}

/* DIMENSION_LIST has a list of references to dimension scales for each axis; the first one counts.
 */
static void names_of_scales(hid_t dataset, hid_t list, int ndim, char (*names)[MAX_NAME])
{
    hvl_t lists[BR_MAX_NDIM] = {{0}};
    hid_t space = H5Aget_space(list), memory = H5Tvlen_create(H5T_STD_REF_OBJ);
    bool ok = space >= 0 && memory >= 0 && H5Sget_simple_extent_npoints(space) == ndim &&
              H5Aread(list, memory, lists) >= 0;
    for (int a = 0; a < ndim && ok; a++)
        if (lists[a].len > 0)
            name_of_reference(dataset, lists[a].p, names[a]);
    if (ok)
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, lists);
    if (memory >= 0)
        H5Tclose(memory);
    if (space >= 0)
        H5Sclose(space);
}

static void names_of_labels(hid_t dataset, int ndim, char (*names)[MAX_NAME])
{
    bri_h5_attribute a;
    if (H5Aexists(dataset, "DIMENSION_LABELS") <= 0 ||
        bri_h5_attribute_read(dataset, "DIMENSION_LABELS", &a) != BR_OK)
        return;
    for (int i = 0; i < ndim && i < a.n && a.text != NULL; i++)
        snprintf(names[i], MAX_NAME, "%s", a.text[i]);
    bri_h5_attribute_free(&a);
}

static br_status add_dimensions(br_item *item, hid_t dataset, bool scale)
{
    char names[BR_MAX_NDIM][MAX_NAME] = {{0}};
    names_of_labels(dataset, item->ndim, names);
    hid_t list = H5Aexists(dataset, "DIMENSION_LIST") > 0
                     ? H5Aopen(dataset, "DIMENSION_LIST", H5P_DEFAULT)
                     : -1;
    if (list >= 0) {
        names_of_scales(dataset, list, item->ndim, names);
        H5Aclose(list);
    } else if (scale && item->ndim > 0) {
        snprintf(names[0], MAX_NAME, "%s", item->path);
    }
    for (int a = 0; a < item->ndim; a++) {
        item->dim[a] = bri_strdup(last_part(names[a]));
        if (item->dim[a] == NULL)
            return BR_ENOMEM;
    }
    return BR_OK;
}

/* ---- datasets ---- */

static br_status add_type(br_item *item, hid_t dataset)
{
    bri_h5_type type;
    hid_t stored = H5Dget_type(dataset);
    bool known = stored >= 0 && bri_h5_type_of(stored, "", &type);
    if (known)
        item->dtype = type.dtype;
    item->type = bri_strdup(known         ? br_dtype_name(type.dtype)
                            : stored >= 0 ? type.name
                                          : "unreadable");
    if (stored >= 0 && type.memory >= 0)
        H5Tclose(type.memory);
    if (stored >= 0)
        H5Tclose(stored);
    return item->type != NULL ? BR_OK : BR_ENOMEM;
}

static void add_shape(br_item *item, hid_t dataset)
{
    hsize_t extent[BR_MAX_NDIM], most[BR_MAX_NDIM];
    hid_t space = H5Dget_space(dataset);
    int ndim = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (ndim > 0 && ndim <= BR_MAX_NDIM && H5Sget_simple_extent_dims(space, extent, most) == ndim) {
        item->ndim = ndim;
        for (int a = 0; a < ndim; a++) {
            item->shape[a] = (int64_t)extent[a];
            item->unlimited |= most[a] == H5S_UNLIMITED ? 1u << a : 0;
        }
    }
    if (space >= 0)
        H5Sclose(space);
}

static void add_chunks(br_item *item, hid_t creation)
{
    hsize_t chunk[BR_MAX_NDIM];
    if (H5Pget_layout(creation) == H5D_CHUNKED &&
        H5Pget_chunk(creation, BR_MAX_NDIM, chunk) == item->ndim)
        for (int a = 0; a < item->ndim; a++)
            item->chunk[a] = (int64_t)chunk[a];
}

static br_status add_filters(br_item *item, hid_t creation)
{
    char text[256] = "";
    size_t used = 0;
    int n = creation >= 0 ? H5Pget_nfilters(creation) : 0;
    for (int k = 0; k < n && used < sizeof text; k++) {
        char name[64] = "";
        unsigned flags, config;
        size_t none = 0;
        H5Z_filter_t id =
            H5Pget_filter2(creation, (unsigned)k, &flags, &none, NULL, sizeof name, name, &config);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", k > 0 ? ", " : "",
                                 bri_h5_filter_name(id, name));
    }
    item->filters = bri_strdup(text);
    return item->filters != NULL ? BR_OK : BR_ENOMEM;
}

static br_status describe_dataset(br_item *item, hid_t dataset, bool scale)
{
    hid_t creation = H5Dget_create_plist(dataset);
    add_shape(item, dataset);
    if (creation >= 0)
        add_chunks(item, creation);
    br_status st = add_filters(item, creation);
    if (creation >= 0)
        H5Pclose(creation);
    BRI_TRY(st);
    BRI_TRY(add_type(item, dataset));
    return add_dimensions(item, dataset, scale);
}

/* ---- the walk ---- */

static br_status add_item(br_file *file, hid_t object, bool is_group, const char *path)
{
    bool scale = !is_group && is_scale(object);
    if (scale && is_bare_dimension(object))
        return BR_OK;
    BRI_TRY(bri_grow(&file->items, &file->room, file->n, sizeof *file->items));
    br_item *item = &file->items[file->n++];
    *item = (br_item){.path = bri_strdup(path), .is_group = is_group};
    if (item->path == NULL)
        return BR_ENOMEM;
    if (is_group) {
        item->type = bri_strdup("group");
        item->filters = bri_strdup("");
        if (item->type == NULL || item->filters == NULL)
            return BR_ENOMEM;
    } else {
        BRI_TRY(describe_dataset(item, object, scale));
    }
    return add_attributes(item, object, scale);
}

static br_status walk_group(walk *w, hid_t group);

static br_status walk_object(walk *w, hid_t object)
{
    H5I_type_t type = H5Iget_type(object);
    if (type == H5I_DATASET)
        return add_item(w->file, object, false, w->path);
    if (type != H5I_GROUP || w->depth == MAX_DEPTH)
        return BR_OK;
    hobj_ref_t here;
    if (H5Rcreate(&here, object, ".", H5R_OBJECT, -1) < 0)
        return BR_OK;
    for (int k = 0; k < w->depth; k++)
        if (w->above[k] == here)
            return BR_OK;
    w->above[w->depth++] = here;
    br_status st = add_item(w->file, object, true, w->path);
    if (st == BR_OK)
        st = walk_group(w, object);
    w->depth--;
    return st;
}

/* As in hdf5_find.c, without the iterators whose callbacks changed between HDF5 versions. */
static br_status walk_group(walk *w, hid_t group)
{
    H5G_info_t info;
    size_t end = strlen(w->path), at = end + (end > 0);
    br_status st = BR_OK;
    if (H5Gget_info(group, &info) < 0 || at + 1 >= MAX_NAME)
        return BR_OK;
    for (hsize_t i = 0; i < info.nlinks && st == BR_OK && w->file->n < MAX_ITEMS; i++) {
        ssize_t n = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, w->path + at,
                                       MAX_NAME - at, H5P_DEFAULT);
        if (n < 0 || (size_t)n >= MAX_NAME - at)
            continue;
        if (end > 0)
            w->path[end] = '/';
        hid_t object = H5Oopen_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT);
        if (object < 0)
            continue; /* a link to nowhere */
        st = walk_object(w, object);
        H5Oclose(object);
    }
    w->path[end] = '\0';
    return st;
}

static br_status list_all(br_file *file, hid_t hdf5)
{
    walk *w = bri_calloc(1, sizeof *w);
    if (w == NULL)
        return BR_ENOMEM;
    w->file = file;
    hid_t root = H5Oopen(hdf5, "/", H5P_DEFAULT);
    br_status st = root >= 0 ? walk_object(w, root)
                             : bri_h5_error(BR_EFORMAT, "%s: has no root group", file->path);
    if (root >= 0)
        H5Oclose(root);
    bri_free(w);
    return st;
}

static br_status list_locked(bri_h5_dataset *d, br_file *file)
{
    bri_h5_lock();
    br_status st = bri_h5_begin_metadata(d);
    if (st == BR_OK)
        st = list_all(file, d->file);
    if (st == BR_OK && d->untrusted)
        st = bri_h5_check_unchanged(d);
    bri_h5_let_go(d);
    bri_h5_unlock();
    return st;
}

br_status bri_h5_list_as(const char *path, const bri_h5_identity *expected, br_file **out)
{
    bri_h5_dataset *d;
    *out = NULL;
    BRI_TRY(bri_h5_begin(path, "", &d));
    br_status st = expected != NULL ? bri_h5_distrust(d, expected) : BR_OK;
    if (st == BR_OK)
        st = bri_h5_check_format(d);
    br_file *file = st == BR_OK ? bri_calloc(1, sizeof *file) : NULL;
    if (file != NULL)
        file->path = bri_strdup(path);
    if (st == BR_OK)
        st = file != NULL && file->path != NULL ? list_locked(d, file) : BR_ENOMEM;
    bri_h5_close(d);
    if (st != BR_OK)
        bri_h5_list_free(file);
    else
        *out = file;
    return st;
}

br_status bri_h5_list(const char *path, const bri_h5_probe *probe, br_file **out)
{
    bri_h5_identity found;
    *out = NULL;
    if (probe != NULL)
        BRI_TRY(bri_h5_ask_probe(probe, (const char *const[]){path, NULL, NULL}, &found));
    return bri_h5_list_as(path, probe != NULL ? &found : NULL, out);
}

static void free_text(const char *text)
{
    bri_free((char *)(uintptr_t)text);
}

static void free_attribute(const br_attribute *a)
{
    for (int64_t i = 0; a->text != NULL && i < a->n; i++)
        free_text(a->text[i]);
    bri_free((void *)(uintptr_t)a->text);
    bri_free((void *)(uintptr_t)a->data);
    free_text(a->name);
    free_text(a->other);
}

void bri_h5_list_free(br_file *file)
{
    if (file == NULL)
        return;
    for (size_t i = 0; i < file->n; i++) {
        br_item *item = &file->items[i];
        for (int k = 0; k < item->nattributes; k++)
            free_attribute(&item->attributes[k]);
        bri_free((void *)(uintptr_t)item->attributes);
        for (int a = 0; a < BR_MAX_NDIM; a++)
            free_text(item->dim[a]);
        free_text(item->path);
        free_text(item->type);
        free_text(item->filters);
    }
    bri_free(file->items);
    bri_free(file->path);
    bri_free(file);
}
