/* SPDX-License-Identifier: BSD-3-Clause
 * file.c - datasets of HDF5 files and the arrays of .npy files as sources.
 */
#include <string.h>
#include <sys/stat.h>

#include <bramble/io.h>

#include "array/expr/wire.h"
#include "array/io/hdf5.h"
#include "array/io/npy.h"
#include "array/ops/file.h"
#include "array/ops/fits.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"

static const char *dataset_of(const bri_hdf5_params *p)
{
    return p->names + p->dataset_at;
}

static const char *field_of(const bri_hdf5_params *p)
{
    return p->names + p->field_at;
}

bri_h5_probe bri_probe_of(const br_context *ctx)
{
    return (bri_h5_probe){ctx->config.probe, ctx->config.probe_timeout};
}

static br_status open_many(const bri_hdf5_params *p, const bri_h5_probe *probe, bri_h5_dataset **d)
{
    const char **paths = bri_calloc((size_t)p->nfiles, sizeof *paths);
    if (paths == NULL)
        return BR_ENOMEM;
    const char *path = p->names;
    for (int i = 0; i < p->nfiles; i++, path += strlen(path) + 1)
        paths[i] = path;
    bri_h5_set set = {paths, p->nfiles, p->axis, dataset_of(p), field_of(p), probe};
    br_status st = bri_h5_open_many(&set, d);
    bri_free(paths);
    return st;
}

static br_status open_one(const bri_hdf5_params *p, const bri_h5_probe *probe, bri_h5_dataset **d)
{
    BRI_TRY(bri_h5_open_probed(p->names, dataset_of(p), field_of(p), probe, d));
    return p->parked ? bri_h5_park(*d) : BR_OK;
}

const char *bri_file_paths(const bri_node *node, int *n)
{
    const bri_hdf5_params *p = node->params;
    *n = node->op == &bri_op_raw || p->nfiles < 1 ? 1 : p->nfiles;
    return node->op == &bri_op_raw ? bri_raw_path(node) : p->names;
}

/* HDF5 gives the fill value where it finds a source not, and says nothing. */
static br_status check_sources(const bri_hdf5_params *p, const bri_h5_info *info)
{
    if (info->absent == p->absent)
        return BR_OK;
    if (info->missing == p->missing)
        return bri_file_error(BR_EIO,
                              "%s: other files that have its elements are missing here than where "
                              "rank 0 opened it: copy them to every host",
                              p->names);
    return bri_file_error(BR_EIO,
                          "%s: %lld of the files that have its elements are missing here, %lld "
                          "where rank 0 opened it: copy them to every host",
                          p->names, (long long)info->missing, (long long)p->missing);
}

/* Ranks that have the file open the path themselves, and probe it themselves where it is not
 * trusted: it may be another copy. What they find must be the same file. Modification times may
 * differ: copying changes them. */
static br_status open_here(bri_node *node)
{
    const bri_hdf5_params *p = node->params;
    bri_h5_dataset *d = NULL;
    bool fortran;
    const bri_h5_probe settings = bri_probe_of(node->ctx), *probe = p->untrusted ? &settings : NULL;
    br_status st = node->op == &bri_op_npy ? bri_npy_open(p->names, &d, &fortran)
                   : p->nfiles > 1         ? open_many(p, probe, &d)
                                           : open_one(p, probe, &d);
    node->resource = d;
    BRI_TRY(st);
    const bri_h5_info *info = bri_h5_about(d);
    bool same = info->dtype == (br_dtype)p->layout.dtype && info->ndim == p->layout.ndim &&
                info->bytes == p->bytes;
    for (int a = 0; same && a < info->ndim; a++)
        same = info->shape[a] == p->layout.extent[a];
    if (!same)
        return bri_file_error(BR_EIO, "%s: not the file rank 0 has: copy it to every host",
                              p->names);
    return check_sources(p, info);
}

/* Extents along the axis of all files when they are equal, else 0. */
static int64_t common_extent(const bri_h5_dataset *d, int axis)
{
    int64_t extent = bri_h5_about(bri_h5_part(d, 0))->shape[axis];
    for (int i = 1; i < bri_h5_parts(d); i++)
        if (bri_h5_about(bri_h5_part(d, i))->shape[axis] != extent)
            return 0;
    return extent;
}

static int64_t extent_of_file(const bri_hdf5_params *p, int i)
{
    int64_t extent;
    memcpy(&extent, p->names + p->extents_at + (size_t)i * sizeof extent, sizeof extent);
    return extent;
}

/* Pieces of each file as long as a chunk; what is left of it is shorter. */
static br_status cut_files(const bri_hdf5_params *p, int64_t chunk, bri_axis *out)
{
    int64_t n = 0, k = 0;
    for (int i = 0; i < p->nfiles; i++)
        n += (extent_of_file(p, i) + chunk - 1) / chunk;
    BRI_TRY(bri_check_listed(n));
    int64_t *extents = bri_calloc((size_t)n + 1, sizeof *extents);
    if (extents == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < p->nfiles; i++) {
        int64_t left = extent_of_file(p, i);
        for (; left > 0; left -= chunk)
            extents[k++] = left < chunk ? left : chunk;
    }
    br_status st = bri_axis_listed(extents, n, out);
    bri_free(extents);
    return st;
}

static br_status infer(bri_node *node)
{
    const bri_hdf5_params *p = node->params;
    BRI_TRY(bri_layout_infer(node, &p->layout));
    if (p->nfiles <= 1)
        return BR_OK;
    int64_t chunk = p->layout.chunk[p->axis], extent = extent_of_file(p, 0);
    for (int i = 1; i < p->nfiles; i++)
        extent = extent_of_file(p, i) == extent ? extent : 0;
    if (chunk >= p->layout.extent[p->axis] ||
        (extent > 0 && (chunk % extent == 0 || extent % chunk == 0)))
        return BR_OK;
    return cut_files(p, chunk, &node->axis[p->axis]);
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_file(fuse, node, map);
}

/* The file may have grown since it was opened, by datasets that we added (bri_h5_unchanged sees to
 * others): ranks that open it now must expect its present size. The device's number says nothing to
 * them, nor to a store that goes on after this host was started again. */
static br_status pack(const bri_node *node, bri_writer *w)
{
    const bri_hdf5_params *p = node->params;
    const size_t names = offsetof(bri_hdf5_params, names);
    struct stat st;
    bri_hdf5_params packed;
    memcpy(&packed, p, names);
    packed.device = 0;
    if (p->nfiles <= 1 && stat(p->names, &st) == 0)
        packed.bytes = (uint64_t)st.st_size;
    BRI_TRY(bri_write(w, &packed, names));
    return bri_write(w, p->names, node->params_bytes - names);
}

static void print(const bri_node *node, FILE *to)
{
    const bri_hdf5_params *p = node->params;
    fprintf(to, "%s", p->names);
    if (p->nfiles > 1)
        fprintf(to, " and %d more along axis %d", p->nfiles - 1, p->axis);
    fprintf(to, "%s%s%s%s by %s", dataset_of(p)[0] != '\0' ? ":" : "", dataset_of(p),
            field_of(p)[0] != '\0' ? "." : "", field_of(p),
            bri_h5_about(node->resource)->path_kind);
    if (bri_h5_shares_chunks(node->resource))
        fprintf(to, ", decoded chunks kept for the next tasks");
    if (p->unpacked != BRI_NOT_PACKED)
        fprintf(to, ", %s (%s)", p->unpacked == BRI_UNPACKED ? "unpacked" : "left packed",
                bri_h5_packing_of(node->resource)->text);
}

static void destroy(bri_node *node)
{
    bri_h5_close(node->resource);
}

#define FILE_OP(op_name)                                                                           \
    {                                                                                              \
        .name = op_name, .infer = infer, .form = {0, 0, sizeof(bri_hdf5_params), true},            \
        .fits = bri_fits_hdf5, .emit = emit, .print = print, .pack = pack, .open = open_here,      \
        .destroy = destroy                                                                         \
    }
const bri_op bri_op_hdf5 = FILE_OP("from_hdf5");
const bri_op bri_op_npy = FILE_OP("from_npy");

static void auto_chunks(const bri_h5_info *info, const int64_t *shape, const int64_t *unit,
                        int64_t *chunk)
{
    bool stored = info->ndim > 0 && info->chunk[0] > 0;
    bri_auto_chunks(info->ndim, shape, br_dtype_size(info->dtype),
                    unit != NULL ? unit
                    : stored     ? info->chunk
                                 : NULL,
                    !stored, chunk);
}

/* Chunks within a file are as those of one file; small files of one size are put together. */
static void auto_chunks_of_many(const bri_h5_dataset *d, int axis, int64_t *chunk)
{
    const bri_h5_info *first = bri_h5_about(bri_h5_part(d, 0));
    int64_t extent = common_extent(d, axis);
    auto_chunks(first, first->shape, NULL, chunk);
    for (int a = 0; a < first->ndim; a++)
        if (extent == 0 || chunk[a] < first->shape[a])
            return;
    auto_chunks(first, bri_h5_about(d)->shape, first->shape, chunk);
}

/* Chunks that the user did not give: multiples of the stored ones. */
static br_status set_layout(const bri_h5_dataset *d, const br_extents *chunks, int axis,
                            bri_layout *layout)
{
    const bri_h5_info *info = bri_h5_about(d);
    br_extents shape = {info->ndim > 0 ? info->ndim : -1, {0}};
    memcpy(shape.extent, info->shape, (size_t)info->ndim * sizeof info->shape[0]);
    BRI_TRY(bri_layout_set(layout, info->dtype, &shape, chunks));
    bool automatic = chunks->ndim == 0 || chunks->ndim == BR_AUTO;
    if (automatic && bri_h5_parts(d) > 1)
        auto_chunks_of_many(d, axis, layout->chunk);
    else if (automatic)
        auto_chunks(info, info->shape, NULL, layout->chunk);
    return BR_OK;
}

static int32_t add_name(bri_hdf5_params *p, int32_t at, const char *name)
{
    strcpy(p->names + at, name);
    return at + (int32_t)strlen(name) + 1;
}

static br_status fill_params(const bri_file_call *args, const bri_h5_dataset *d, bri_hdf5_params *p)
{
    const bri_h5_info *info = bri_h5_about(d);
    if (args->n > 1)
        p->axis = bri_h5_many_axis(d);
    BRI_TRY(set_layout(d, args->chunks, p->axis, &p->layout));
    if (bri_h5_packing_of(d)->any)
        p->unpacked = args->raw ? BRI_LEFT_PACKED : BRI_UNPACKED;
    p->device = info->device;
    p->inode = info->inode;
    p->bytes = info->bytes;
    p->mtime_ns = info->mtime_ns;
    p->missing = info->missing;
    p->absent = info->absent;
    p->nfiles = args->n;
    p->parked = args->parked;
    p->untrusted = args->untrusted;
    for (int i = 0; i < args->n; i++)
        p->dataset_at = add_name(p, p->dataset_at, args->paths[i]);
    p->field_at = add_name(p, p->dataset_at, args->dataset);
    p->extents_at = add_name(p, p->field_at, args->field != NULL ? args->field : "");
    for (int i = 0; args->n > 1 && i < args->n; i++)
        memcpy(p->names + p->extents_at + (size_t)i * sizeof(int64_t),
               &bri_h5_about(bri_h5_part(d, i))->shape[p->axis], sizeof(int64_t));
    return BR_OK;
}

/* Lengths on the wire and in the parameters have 32 bits. */
static br_status params_size(const bri_file_call *args, size_t *bytes)
{
    *bytes = sizeof(bri_hdf5_params) + strlen(args->dataset) + 2 +
             (args->field != NULL ? strlen(args->field) : 0);
    for (int i = 0; i < args->n; i++)
        *bytes += strlen(args->paths[i]) + 1 + (args->n > 1 ? sizeof(int64_t) : 0);
    return *bytes <= 1 << 30 ? BR_OK : bri_error(BR_EARG, "paths of more than 1 GiB");
}

static br_array *build_from(bri_call *call, const bri_op *op, const bri_file_call *args,
                            bri_h5_dataset *d)
{
    size_t bytes;
    bri_hdf5_params *p = NULL;
    br_status st = params_size(args, &bytes);
    if (st == BR_OK) {
        p = bri_calloc(1, bytes);
        st = p != NULL ? fill_params(args, d, p) : BR_ENOMEM;
    }
    if (st != BR_OK) {
        bri_free(p);
        bri_h5_close(d);
        return bri_handle_error(call, st);
    }
    bri_recipe recipe = {.op = op, .params = p, .params_bytes = bytes, .resource = d};
    br_array *x = bri_build_recipe(call, &recipe, NULL, 0);
    bri_free(p);
    return x;
}

static br_status check_packing(const bri_file_call *args, const bri_h5_packing *packing)
{
    if (args->raw || packing->wrong[0] == '\0')
        return BR_OK;
    return bri_file_error(BR_EFORMAT,
                          "%s:%s: %s; .raw = true takes the elements as they are stored",
                          args->paths[0], args->dataset, packing->wrong);
}

static void log_path(const bri_call *call, const bri_file_call *args, const br_array *x)
{
    char more[32] = "";
    if (args->n > 1)
        snprintf(more, sizeof more, " and %d more files", args->n - 1);
    bri_log_info(call->ctx, "%s:%s%s: read by %s", args->paths[0], args->dataset, more,
                 bri_h5_about(x->node->resource)->path_kind);
}

br_array *bri_build_hdf5(bri_call *call, const bri_file_call *args, bri_h5_dataset *d)
{
    const bri_h5_packing packing = *bri_h5_packing_of(d);
    br_status st = check_packing(args, &packing);
    if (st != BR_OK) {
        bri_h5_close(d);
        return bri_handle_error(call, st);
    }
    br_array *x = build_from(call, &bri_op_hdf5, args, d);
    if (x->status != BR_OK)
        return x;
    log_path(call, args, x);
    if (!packing.any)
        return x;
    br_array *y = args->raw ? x : bri_unpacked(call, x, &packing);
    bri_log_info(call->ctx, "%s:%s: %s is %s as %s (%s)", args->paths[0], args->dataset,
                 br_dtype_name(x->node->dtype), args->raw ? "left" : "unpacked",
                 br_dtype_name(br_dtype_of(y)), packing.text);
    return y;
}

br_array *br_from_hdf5_(br_from_hdf5_args args)
{
    bri_call call = {args.ctx, "from_hdf5", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    if (args.path == NULL || args.dataset == NULL)
        return bri_handle_error(&call, bri_error(BR_EARG, "the path or the dataset is NULL"));
    bri_h5_dataset *d = NULL;
    const bri_h5_probe probe = bri_probe_of(args.ctx);
    br_status st =
        bri_h5_open_probed(args.path, args.dataset, args.field, args.untrusted ? &probe : NULL, &d);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    bri_file_call file = {&args.path,
                          1,
                          args.dataset,
                          args.field,
                          &args.chunks,
                          .raw = args.raw,
                          .untrusted = args.untrusted};
    return bri_build_hdf5(&call, &file, d);
}

/* The axes the other way round. */
static void reverse(br_extents *e)
{
    for (int a = 0; a < e->ndim / 2; a++) {
        int64_t extent = e->extent[a];
        e->extent[a] = e->extent[e->ndim - 1 - a];
        e->extent[e->ndim - 1 - a] = extent;
    }
}

/* An array in Fortran order is a view of that in C order with the axes the other way round. */
br_array *br_from_npy_(br_from_npy_args args)
{
    bri_call call = {args.ctx, "from_npy", args.at};
    bri_file_call file = {&args.path, 1, "", NULL, &args.chunks, .raw = true};
    bri_h5_dataset *d = NULL;
    bool fortran;
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    br_status st = args.path != NULL ? bri_npy_open(args.path, &d, &fortran)
                                     : bri_error(BR_EARG, "the path is NULL");
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    if (fortran)
        reverse(&args.chunks);
    br_array *x = build_from(&call, &bri_op_npy, &file, d);
    if (!fortran || x->status != BR_OK)
        return x;
    br_axes axes = {x->node->ndim, {0}};
    for (int a = 0; a < axes.n; a++)
        axes.axis[a] = axes.n - 1 - a;
    return br_permute_dims_(x, axes, args.at);
}
