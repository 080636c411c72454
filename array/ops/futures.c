/* SPDX-License-Identifier: BSD-3-Clause
 * futures.c - arrays whose chunks are results of futures.
 *
 * Such a node is pending. Before it is planned it waits for its futures, and is resolved into a
 * `results` node, which knows where they lie and holds them.
 */
#include <bramble/delayed.h>
#include <string.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "runtime/alloc.h"
#include "runtime/future.h"
#include "runtime/promise.h"

typedef struct held_futures {
    size_t n;
    br_future *future[];
} held_futures;

/* ---- the chunks, once futures are done ---- */

static void text_of_chunk(const bri_node *node, size_t number, char *text, size_t size)
{
    long long at[BR_MAX_NDIM];
    for (int a = node->ndim - 1; a >= 0; a--) {
        at[a] = (long long)(number % (size_t)node->axis[a].nchunks);
        number /= (size_t)node->axis[a].nchunks;
    }
    size_t n = (size_t)snprintf(text, size, "chunk (");
    for (int a = 0; a < node->ndim && n < size; a++)
        n += (size_t)snprintf(text + n, size - n, a > 0 ? ", %lld" : "%lld", at[a]);
    if (n < size)
        snprintf(text + n, size - n, node->ndim == 1 ? ",)" : ")");
}

static size_t chunk_bytes(const bri_node *node, size_t number)
{
    const bri_layout *layout = node->params;
    int64_t bytes = (int64_t)br_dtype_size(node->dtype);
    for (int a = node->ndim - 1; a >= 0; a--) {
        int64_t at = (int64_t)(number % (size_t)node->axis[a].nchunks);
        int64_t left = layout->extent[a] - at * layout->chunk[a];
        bytes *= left < layout->chunk[a] ? left : layout->chunk[a];
        number /= (size_t)node->axis[a].nchunks;
    }
    return (size_t)bytes;
}

static br_status get_result(const bri_node *node, size_t i, br_future *f, const void **data)
{
    char chunk[200];
    char task[400];
    size_t got = 0;
    br_status st = bri_future_get(f, data, &got);
    text_of_chunk(node, i, chunk, sizeof chunk);
    if (st != BR_OK)
        return bri_error_context(st, "%s", chunk);
    if (got == chunk_bytes(node, i))
        return BR_OK;
    bri_future_describe(f, task, sizeof task);
    return bri_error(BR_ESHAPE, "%s has %zu bytes, but %s returned %zu", chunk,
                     chunk_bytes(node, i), task, got);
}

static void free_results(bri_results *r)
{
    for (size_t i = 0; r != NULL && i < r->n; i++)
        bri_future_let_go(r->chunk[i].future);
    bri_free(r);
}

static br_status get_results(const bri_node *node, bri_results **out)
{
    const held_futures *held = node->resource;
    bri_results *r = bri_malloc(sizeof *r + held->n * sizeof r->chunk[0]);
    if (r == NULL)
        return BR_ENOMEM;
    for (r->n = 0; r->n < held->n; r->n++) {
        br_future *f = held->future[r->n];
        br_status st = get_result(node, r->n, f, &r->chunk[r->n].data);
        if (st != BR_OK) {
            free_results(r);
            return st;
        }
        bri_future_hold(f);
        r->chunk[r->n].future = f;
    }
    *out = r;
    return BR_OK;
}

static br_status resolve(const bri_node *node, bri_node *const *inputs, bri_table *const *tables,
                         bri_node **out)
{
    bri_results *r = NULL;
    (void)inputs, (void)tables;
    BRI_TRY(get_results(node, &r));
    bri_recipe recipe = {.op = &bri_op_results,
                         .params = node->params,
                         .params_bytes = node->params_bytes,
                         .unique = true,
                         .resource = r,
                         .at = node->at};
    return bri_node_make(node->ctx, &recipe, out);
}

/* ---- the node ---- */

static br_status infer(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

static void let_go(held_futures *held)
{
    for (size_t i = 0; held != NULL && i < held->n; i++)
        bri_future_let_go(held->future[i]);
    bri_free(held);
}

static void destroy(bri_node *node)
{
    let_go(node->resource);
}

static void print(const bri_node *node, FILE *to)
{
    fprintf(to, "%zu futures", ((const held_futures *)node->resource)->n);
}

const bri_op bri_op_futures = {.name = "from_futures",
                               .infer = infer,
                               .form = {0, 0, sizeof(bri_layout), false},
                               .fits = bri_fits_never,
                               .waits_for = 1,
                               .resolve = resolve,
                               .any_extent = true,
                               .print = print,
                               .destroy = destroy};

static void destroy_results(bri_node *node)
{
    free_results(node->resource);
}

static int emit_results(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    return bri_fuse_memory(fuse, node, map);
}

const bri_op bri_op_results = {.name = "from_futures",
                               .infer = infer,
                               .form = {0, 0, sizeof(bri_layout), false},
                               .fits = bri_fits_layout,
                               .emit = emit_results,
                               .destroy = destroy_results};

/* ---- building ---- */

static br_status check_futures(const br_from_futures_args *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->futures[i] == NULL)
            return bri_error(BR_EARG, "future %zu is NULL", i);
        if (a->futures[i]->ctx != a->ctx)
            return bri_error(BR_EARG, "future %zu is of another context", i);
        if (bri_future_done(a->futures[i]) && a->futures[i]->status != BR_OK)
            return bri_error_context(
                bri_error(a->futures[i]->status, "%s", br_future_message(a->futures[i])),
                "future %zu", i);
        if (!bri_future_has_bytes(a->futures[i]))
            return bri_error(BR_EARG, "future %zu is of a compute, which has no bytes", i);
    }
    return BR_OK;
}

/* Axis 0 is cut into n parts when nothing is said. */
static br_extents chunks_of(const br_from_futures_args *a)
{
    br_extents chunks = a->chunks;
    int ndim = bri_extents_ndim(&a->shape);
    if (chunks.ndim != 0 || ndim <= 0 || ndim > BR_MAX_NDIM || a->n == 0)
        return chunks;
    chunks.ndim = ndim;
    memset(chunks.extent, 0, sizeof chunks.extent);
    int64_t n = (int64_t)a->n;
    chunks.extent[0] = a->shape.extent[0] / n + (a->shape.extent[0] % n != 0);
    return chunks;
}

static br_status check_count(const bri_layout *layout, size_t n)
{
    int64_t chunks = 1;
    for (int a = 0; a < layout->ndim; a++) {
        int64_t along = (layout->extent[a] + layout->chunk[a] - 1) / layout->chunk[a];
        chunks *= along > 0 ? along : 1;
    }
    return (size_t)chunks == n
               ? BR_OK
               : bri_error(BR_EARG, "%zu futures for an array of %lld chunks: .chunks cuts it", n,
                           (long long)chunks);
}

static br_status hold_all(const br_from_futures_args *a, void **out)
{
    held_futures *held = bri_malloc(sizeof *held + a->n * sizeof held->future[0]);
    if (held == NULL)
        return BR_ENOMEM;
    held->n = a->n;
    for (size_t i = 0; i < a->n; i++) {
        held->future[i] = a->futures[i];
        bri_future_hold(a->futures[i]);
    }
    *out = held;
    return BR_OK;
}

br_array *br_from_futures_(br_from_futures_args args)
{
    bri_call call = {args.ctx, "from_futures", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_layout layout;
    br_extents chunks = chunks_of(&args);
    bri_recipe recipe = {
        .op = &bri_op_futures, .params = &layout, .params_bytes = sizeof layout, .unique = true};
    br_status st = bri_layout_set(&layout, args.dtype, &args.shape, &chunks);
    if (st == BR_OK)
        st = check_count(&layout, args.n);
    if (st == BR_OK)
        st = check_futures(&args);
    if (st == BR_OK)
        st = hold_all(&args, &recipe.resource);
    return st == BR_OK ? bri_build_recipe(&call, &recipe, NULL, 0) : bri_handle_error(&call, st);
}
