/* SPDX-License-Identifier: BSD-3-Clause
 * store_part.c - arrays that become a region of a dataset, or more of it.
 */
#include <string.h>

#include "array/plan/store.h"

static const char *shape_text(int ndim, const int64_t *extent, char text[128])
{
    size_t n = 0;
    text[0] = '\0';
    for (int a = 0; a < ndim && n < 100; a++)
        n += (size_t)snprintf(text + n, 128 - n, "%s%lld", a > 0 ? ", " : "", (long long)extent[a]);
    return text;
}

static br_status open_there(bri_h5_output *o, const br_store_hdf5_args *args, br_dtype x,
                            bri_h5_writer **writer)
{
    BRI_TRY(bri_h5_open_to_write(o, args->dataset, writer));
    br_dtype has = bri_h5_spec_of(*writer)->dtype;
    if (has != x)
        return bri_error(BR_ETYPE, "%s has dtype %s, the array %s: br_astype converts it",
                         args->dataset, br_dtype_name(has), br_dtype_name(x));
    return BR_OK;
}

/* ---- regions ---- */

static br_status check_region(const br_store_hdf5_args *args, const bri_node *x, const bri_map *map,
                              const br_extents *result)
{
    char here[128], there[128];
    int64_t shape[BR_MAX_NDIM];
    bool same = x->ndim == result->ndim;
    for (int a = 0; a < map->ndim; a++)
        if (map->from[a].step < 0)
            return bri_error(BR_EUNSUPPORTED, "region \"%s\": a step is negative", args->region);
    for (int a = 0; a < x->ndim; a++) {
        shape[a] = x->axis[a].extent;
        same = same && shape[a] == result->extent[a];
    }
    return same ? BR_OK
                : bri_error(BR_ESHAPE, "region \"%s\" has the shape (%s), the array (%s)",
                            args->region, shape_text(result->ndim, result->extent, there),
                            shape_text(x->ndim, shape, here));
}

static br_status check_options(const br_store_hdf5_args *args)
{
    bool layout = args->chunks.ndim != 0 || args->contiguous || args->deflate != 0 ||
                  args->shuffle || args->fletcher32 || args->unlimited.n != 0;
    if (args->mode != BR_STORE_ADD || layout || args->attributes != NULL ||
        args->file_attributes != NULL || args->dims.n != 0 || args->like != NULL)
        return bri_error(BR_EARG, "a region is written into a dataset as it is: no other options "
                                  "than .safe_copy");
    return BR_OK;
}

br_status bri_store_region(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                           bri_h5_writer **writer)
{
    bri_map map;
    br_extents result;
    bri_h5_place_axis place[BR_MAX_NDIM];
    BRI_TRY(check_options(args));
    BRI_TRY(open_there(o, args, x->dtype, writer));
    const bri_h5_spec *spec = bri_h5_spec_of(*writer);
    BRI_TRY(bri_index_resolve(args->region, spec->ndim, spec->shape, &map, &result));
    BRI_TRY(check_region(args, x, &map, &result));
    for (int a = 0; a < spec->ndim; a++) {
        const bri_map_axis *m = &map.from[a];
        place[a] = (bri_h5_place_axis){m->axis, m->start, m->axis >= 0 ? m->step : 1};
    }
    bri_h5_place(*writer, place);
    return BR_OK;
}

/* ---- appending ---- */

static int growing_axis(const bri_h5_spec *spec)
{
    int a = 0;
    while (a < spec->ndim && (spec->unlimited >> a & 1) == 0)
        a++;
    return a;
}

/* The array has the dataset's axes, or all but the one that grows. */
static br_status check_append(const br_store_hdf5_args *args, const bri_node *x,
                              const bri_h5_spec *spec, int axis)
{
    int64_t shape[BR_MAX_NDIM];
    char here[128], there[128];
    bool fits = x->ndim == spec->ndim || x->ndim == spec->ndim - 1;
    for (int a = 0; a < x->ndim; a++)
        shape[a] = x->axis[a].extent;
    for (int a = 0, k = 0; a < spec->ndim && fits; a++) {
        if (a != axis)
            fits = shape[k] == spec->shape[a];
        k += a != axis || x->ndim == spec->ndim;
    }
    return fits ? BR_OK
                : bri_error(BR_ESHAPE,
                            "the shape (%s) does not continue %s, (%s), along its axis %d",
                            shape_text(x->ndim, shape, here), args->dataset,
                            shape_text(spec->ndim, spec->shape, there), axis);
}

static br_status append(const br_store_hdf5_args *args, const bri_node *x, bri_h5_writer *writer)
{
    const bri_h5_spec *spec = bri_h5_spec_of(writer);
    bri_h5_place_axis place[BR_MAX_NDIM];
    int axis = growing_axis(spec);
    if (axis == spec->ndim)
        return bri_error(BR_ESHAPE, "%s has no unlimited axis to append along", args->dataset);
    BRI_TRY(check_append(args, x, spec, axis));
    bool whole = x->ndim == spec->ndim;
    int64_t before = spec->shape[axis];
    for (int a = 0, k = 0; a < spec->ndim; a++) {
        bool along = a != axis || whole;
        place[a] = (bri_h5_place_axis){along ? k : -1, a == axis ? before : 0, 1};
        k += along;
    }
    bri_h5_place(writer, place);
    return bri_h5_grow(writer, axis, whole ? x->axis[axis].extent : 1);
}

br_status bri_store_append(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                           bri_h5_writer **writer)
{
    if (!bri_h5_has_dataset(o, args->dataset))
        return bri_store_new(o, args, x, writer);
    BRI_TRY(open_there(o, args, x->dtype, writer));
    return append(args, x, *writer);
}
