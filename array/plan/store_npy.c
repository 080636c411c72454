/* SPDX-License-Identifier: BSD-3-Clause
 * store_npy.c - br_store_npy and br_store_raw.
 */
#include <bramble/store.h>

#include "array/expr/handle.h"
#include "array/io/npy.h"
#include "array/ops/ops.h"
#include "array/plan/resolve.h"
#include "array/plan/run.h"
#include "array/plan/store_shared.h"

static br_status create(const br_store_raw_args *args, const bri_node *x, bool header,
                        bri_npy_writer **writer)
{
    int64_t shape[BR_MAX_NDIM];
    if (args->path == NULL)
        return bri_error(BR_EARG, "the path is NULL");
    if ((unsigned)args->order > BR_BIG_ENDIAN)
        return bri_error(BR_EARG, "byte order %d does not exist", (int)args->order);
    for (int a = 0; a < x->ndim; a++)
        shape[a] = x->axis[a].extent;
    return header ? bri_npy_create(args->path, x->dtype, x->ndim, shape, writer)
                  : bri_raw_create(args->path, x->dtype, x->ndim, shape,
                                   bri_is_swapped(args->order), writer);
}

/* ---- ranks that write ---- */

static br_status share(bri_joining *joining, br_context *ctx, const char *path, bri_sink *sink)
{
    if (ctx->nranks == 1)
        return BR_OK;
    bri_joining_begin(joining, ctx, path);
    BRI_TRY(bri_npy_share(sink->writer, &joining->meeting));
    bri_joining_tell(joining, false);
    if (bri_npy_shared_id(sink->writer) == 0)
        return bri_joining_end(joining, false);
    sink->form = bri_npy_form_of(sink->writer);
    sink->sharing = joining->sharing;
    return BR_OK;
}

/* ---- all of it ---- */

static br_status compute(const br_store_raw_args *args, bri_node *x, bri_npy_writer *writer)
{
    bri_joining joining = {0};
    bri_sink sink = {.kind = BRI_SINK_NPY, .writer = writer};
    br_status st = share(&joining, x->ctx, args->path, &sink);
    if (st != BR_OK)
        bri_context_fail(x->ctx, st, bri_last_error());
    else
        st = bri_run(x->ctx, &(bri_outputs){.node = &x, .sink = &sink, .n = 1});
    br_status ended = bri_joining_end(&joining, st == BR_OK);
    if (st != BR_OK || ended == BR_OK)
        return st;
    return bri_context_fail(x->ctx, ended, bri_last_error());
}

static br_status run(const br_store_raw_args *args, bri_node *x, const char *name, bool header)
{
    bri_npy_writer *writer = NULL;
    br_status st = create(args, x, header, &writer);
    if (st != BR_OK) {
        bri_error_context(st, "%s (%s:%d)", name, bri_file_name(args->at.file), args->at.line);
        return bri_context_fail(x->ctx, st, bri_last_error());
    }
    st = compute(args, x, writer);
    if (st != BR_OK) {
        bri_npy_abort(writer);
        return st;
    }
    st = bri_npy_commit(writer);
    return st == BR_OK ? BR_OK : bri_context_fail(x->ctx, st, bri_last_error());
}

static br_status store(const br_store_raw_args *args, const char *name, bool header)
{
    bri_node *node = NULL;
    BRI_TRY(bri_check(args->x));
    BRI_TRY(bri_resolve_nodes(args->x->ctx, &args->x->node, 1, &node));
    br_status st = run(args, node, name, header);
    bri_node_release(node);
    return st;
}

br_status br_store_npy_(br_store_npy_args args)
{
    return store(&(br_store_raw_args){args.at, args.x, args.path, BR_NATIVE_ENDIAN}, "store_npy",
                 true);
}

br_status br_store_raw_(br_store_raw_args args)
{
    return store(&args, "store_raw", false);
}
