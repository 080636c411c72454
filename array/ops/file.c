/* SPDX-License-Identifier: BSD-3-Clause
 * file.c - datasets of HDF5 files and the arrays of .npy files as sources.
 */
#include <string.h>
#include <sys/stat.h>

#include <bramble/io.h>

#include "array/expr/wire.h"
#include "array/io/hdf5.h"
#include "array/io/npy.h"
#include "array/ops/packing.h"
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

/* Other ranks open the path themselves; what they find must be the same file. Modification times
 * may differ: copying changes them. */
static br_status open_here(bri_node *node)
{
    const bri_hdf5_params *p = node->params;
    bri_h5_dataset *d = NULL;
    bool fortran;
    BRI_TRY(node->op == &bri_op_npy ? bri_npy_open(p->names, &d, &fortran)
                                    : bri_h5_open_field(p->names, dataset_of(p), field_of(p), &d));
    node->resource = d;
    const bri_h5_info *info = bri_h5_about(d);
    bool same = info->dtype == (br_dtype)p->layout.dtype && info->ndim == p->layout.ndim &&
                info->bytes == p->bytes;
    for (int a = 0; same && a < info->ndim; a++)
        same = info->shape[a] == p->layout.extent[a];
    if (!same)
        return bri_error(BR_EIO, "%s on %s is not the file rank 0 has: copy it to every host",
                         p->names, node->ctx->host);
    return BR_OK;
}

static br_status infer(bri_node *node)
{
    if (node->resource == NULL)
        BRI_TRY(open_here(node));
    return bri_layout_infer(node, node->params);
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_file(fuse, node, map);
}

/* The file may have grown since it was opened, by datasets that we added (bri_h5_unchanged sees to
 * others): ranks that open it now must expect its present size. */
static br_status pack(const bri_node *node, bri_writer *w)
{
    const bri_hdf5_params *p = node->params;
    size_t after = offsetof(bri_hdf5_params, bytes) + sizeof p->bytes;
    struct stat st;
    uint64_t bytes = stat(p->names, &st) == 0 ? (uint64_t)st.st_size : p->bytes;
    BRI_TRY(bri_write(w, p, offsetof(bri_hdf5_params, bytes)));
    BRI_TRY(bri_write(w, &bytes, sizeof bytes));
    return bri_write(w, (const char *)p + after, node->params_bytes - after);
}

static void print(const bri_node *node, FILE *to)
{
    const bri_hdf5_params *p = node->params;
    fprintf(to, "%s%s%s%s%s by %s", p->names, dataset_of(p)[0] != '\0' ? ":" : "", dataset_of(p),
            field_of(p)[0] != '\0' ? "." : "", field_of(p),
            bri_h5_about(node->resource)->path_kind);
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
        .name = op_name, .infer = infer, .emit = emit, .print = print, .pack = pack,               \
        .destroy = destroy                                                                         \
    }
const bri_op bri_op_hdf5 = FILE_OP("from_hdf5");
const bri_op bri_op_npy = FILE_OP("from_npy");

/* Chunks that the user did not give: multiples of the stored ones. */
static br_status set_layout(const bri_h5_info *info, const br_extents *chunks, bri_layout *layout)
{
    br_extents shape = {info->ndim > 0 ? info->ndim : -1, {0}};
    memcpy(shape.extent, info->shape, (size_t)info->ndim * sizeof info->shape[0]);
    BRI_TRY(bri_layout_set(layout, info->dtype, &shape, chunks));
    bool stored = info->ndim > 0 && info->chunk[0] > 0;
    if (chunks->ndim == 0)
        bri_auto_chunks(info->ndim, info->shape, br_dtype_size(info->dtype),
                        stored ? info->chunk : NULL, !stored, layout->chunk);
    return BR_OK;
}

static br_status fill_params(const br_from_hdf5_args *args, const bri_h5_dataset *d,
                             bri_hdf5_params *p)
{
    const bri_h5_info *info = bri_h5_about(d);
    BRI_TRY(set_layout(info, &args->chunks, &p->layout));
    if (bri_h5_packing_of(d)->any)
        p->unpacked = args->raw ? BRI_LEFT_PACKED : BRI_UNPACKED;
    p->device = info->device;
    p->inode = info->inode;
    p->bytes = info->bytes;
    p->mtime_ns = info->mtime_ns;
    p->dataset_at = (int32_t)strlen(args->path) + 1;
    strcpy(p->names, args->path);
    strcpy(p->names + p->dataset_at, args->dataset);
    p->field_at = p->dataset_at + (int32_t)strlen(args->dataset) + 1;
    strcpy(p->names + p->field_at, args->field != NULL ? args->field : "");
    return BR_OK;
}

static br_array *build_from(bri_call *call, const bri_op *op, const br_from_hdf5_args *args,
                            bri_h5_dataset *d)
{
    size_t bytes = sizeof(bri_hdf5_params) + strlen(args->path) + strlen(args->dataset) +
                   (args->field != NULL ? strlen(args->field) : 0) + 3;
    bri_hdf5_params *p = bri_calloc(1, bytes);
    br_status st = p != NULL ? fill_params(args, d, p) : BR_ENOMEM;
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

static br_status check_packing(const br_from_hdf5_args *args, const bri_h5_packing *packing)
{
    if (args->raw || packing->wrong[0] == '\0')
        return BR_OK;
    return bri_error(BR_EFORMAT, "%s:%s: %s; .raw = true takes the elements as they are stored",
                     args->path, args->dataset, packing->wrong);
}

static br_array *build_hdf5(bri_call *call, const br_from_hdf5_args *args, bri_h5_dataset *d)
{
    const bri_h5_packing packing = *bri_h5_packing_of(d);
    br_status st = check_packing(args, &packing);
    if (st != BR_OK) {
        bri_h5_close(d);
        return bri_handle_error(call, st);
    }
    br_array *x = build_from(call, &bri_op_hdf5, args, d);
    if (!packing.any || x->status != BR_OK)
        return x;
    br_array *y = args->raw ? x : bri_unpacked(call, x, &packing);
    bri_log_info(call->ctx, "%s:%s: %s is %s as %s (%s)", args->path, args->dataset,
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
    br_status st = bri_h5_open_field(args.path, args.dataset, args.field, &d);
    return st == BR_OK ? build_hdf5(&call, &args, d) : bri_handle_error(&call, st);
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
    br_from_hdf5_args dataset = {args.at, args.ctx, args.path, "", args.chunks, NULL, true};
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
        reverse(&dataset.chunks);
    br_array *x = build_from(&call, &bri_op_npy, &dataset, d);
    if (!fortran || x->status != BR_OK)
        return x;
    br_axes axes = {x->node->ndim, {0}};
    for (int a = 0; a < axes.n; a++)
        axes.axis[a] = axes.n - 1 - a;
    return br_permute_dims_(x, axes, args.at);
}
