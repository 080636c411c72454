/* SPDX-License-Identifier: BSD-3-Clause
 * raw.c - files of elements alone as sources.
 */
#include <string.h>

#include <bramble/io.h>

#include "array/expr/wire.h"
#include "array/io/npy.h"
#include "array/ops/file.h"
#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"

typedef struct raw_params {
    bri_layout layout;
    uint64_t device, inode, bytes;
    int64_t mtime_ns;
    uint64_t offset;
    int32_t swapped;
    char path[];
} raw_params;

static bri_npy_header header_of(const raw_params *p)
{
    bri_npy_header h = {
        .dtype = (br_dtype)p->layout.dtype, .swapped = p->swapped != 0, .ndim = p->layout.ndim};
    memcpy(h.shape, p->layout.extent, sizeof h.shape);
    return h;
}

/* Other ranks open the path themselves. Modification times may differ: copying changes them. */
static br_status open_here(bri_node *node)
{
    const raw_params *p = node->params;
    const bri_npy_header h = header_of(p);
    bri_h5_dataset *d = NULL;
    BRI_TRY(bri_raw_open(p->path, &h, p->offset, &d));
    node->resource = d;
    return bri_h5_about(d)->bytes == p->bytes
               ? BR_OK
               : bri_file_error(BR_EIO, "%s: not the file rank 0 has: copy it to every host",
                                p->path);
}

static br_status infer(bri_node *node)
{
    return bri_layout_infer(node, &((const raw_params *)node->params)->layout);
}

static bool fits(const bri_recipe *r)
{
    const raw_params *p = r->params;
    return bri_layout_fits(&p->layout) &&
           bri_text_fits(p->path, r->params_bytes - offsetof(raw_params, path));
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_file(fuse, node, map);
}

/* Without what is of this host alone, as in file.c. */
static br_status pack(const bri_node *node, bri_writer *w)
{
    const raw_params *p = node->params;
    const size_t path = offsetof(raw_params, path);
    raw_params packed;
    memcpy(&packed, p, path);
    packed.device = 0;
    BRI_TRY(bri_write(w, &packed, path));
    return bri_write(w, p->path, node->params_bytes - path);
}

static void print(const bri_node *node, FILE *to)
{
    const raw_params *p = node->params;
    fprintf(to, "%s, from byte %llu on", p->path, (unsigned long long)p->offset);
}

static void destroy(bri_node *node)
{
    bri_h5_close(node->resource);
}

const char *bri_raw_path(const bri_node *node)
{
    return ((const raw_params *)node->params)->path;
}

const bri_op bri_op_raw = {.name = "from_raw",
                           .infer = infer,
                           .form = {0, 0, sizeof(raw_params), true},
                           .fits = fits,
                           .emit = emit,
                           .print = print,
                           .pack = pack,
                           .open = open_here,
                           .destroy = destroy};

bool bri_is_swapped(br_byte_order order)
{
    bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return order == (big ? BR_LITTLE_ENDIAN : BR_BIG_ENDIAN);
}

static br_status check_args(const br_from_raw_args *args)
{
    if (args->path == NULL)
        return bri_error(BR_EARG, "the path is NULL");
    if (!bri_dtype_ok(args->dtype))
        return bri_error(BR_EARG, "no dtype is given");
    if (args->shape.ndim == 0)
        return bri_error(BR_EARG, "no shape is given; one extent may be -1");
    if (args->offset < 0)
        return bri_error(BR_EARG, "the offset is %lld", (long long)args->offset);
    return (unsigned)args->order <= BR_BIG_ENDIAN
               ? BR_OK
               : bri_error(BR_EARG, "byte order %d does not exist", (int)args->order);
}

static br_status fill_params(const br_from_raw_args *args, bri_h5_dataset *d, raw_params *p)
{
    const bri_h5_info *info = bri_h5_about(d);
    br_extents shape = {info->ndim > 0 ? info->ndim : -1, {0}};
    memcpy(shape.extent, info->shape, (size_t)info->ndim * sizeof info->shape[0]);
    BRI_TRY(bri_layout_set(&p->layout, info->dtype, &shape, &args->chunks));
    if (args->chunks.ndim == 0)
        bri_auto_chunks(info->ndim, info->shape, br_dtype_size(info->dtype), NULL, true,
                        p->layout.chunk);
    p->device = info->device;
    p->inode = info->inode;
    p->bytes = info->bytes;
    p->mtime_ns = info->mtime_ns;
    p->offset = (uint64_t)args->offset;
    p->swapped = bri_is_swapped(args->order);
    strcpy(p->path, args->path);
    return BR_OK;
}

static br_status open_file(const br_from_raw_args *args, bri_h5_dataset **d)
{
    BRI_TRY(check_args(args));
    int ndim = bri_extents_ndim(&args->shape);
    bri_npy_header h = {.dtype = args->dtype, .swapped = bri_is_swapped(args->order), .ndim = ndim};
    memcpy(h.shape, args->shape.extent, (size_t)ndim * sizeof h.shape[0]);
    return bri_raw_open(args->path, &h, (uint64_t)args->offset, d);
}

br_array *br_from_raw_(br_from_raw_args args)
{
    bri_call call = {args.ctx, "from_raw", args.at};
    bri_h5_dataset *d = NULL;
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    br_status st = open_file(&args, &d);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    size_t bytes = sizeof(raw_params) + strlen(args.path) + 1;
    raw_params *p = bri_calloc(1, bytes);
    st = p != NULL ? fill_params(&args, d, p) : BR_ENOMEM;
    if (st != BR_OK) {
        bri_free(p);
        bri_h5_close(d);
        return bri_handle_error(&call, st);
    }
    bri_recipe recipe = {.op = &bri_op_raw, .params = p, .params_bytes = bytes, .resource = d};
    br_array *x = bri_build_recipe(&call, &recipe, NULL, 0);
    bri_free(p);
    return x;
}
