/* SPDX-License-Identifier: BSD-3-Clause
 * futures.c - arrays whose chunks are results of futures.
 *
 * Such a node is pending. Before it is planned it waits for its futures, and is resolved into a
 * `results` node, which knows where they lie and holds them.
 */
#include <bramble/delayed.h>
#include <string.h>

#include "array/ops/blocks.h"
#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"
#include "runtime/future.h"
#include "runtime/promise.h"

typedef struct held_futures {
    size_t n;
    br_future *future[];
} held_futures;

/* ---- the chunks, once futures are done ---- */

static const char *place_of_chunk(const bri_node *node, size_t number, char *text, size_t size)
{
    int64_t at[BR_MAX_NDIM];
    bri_grid_coords(node->ndim, node->axis, (int64_t)number, at);
    return bri_shape_text(node->ndim, at, text, size);
}

static size_t chunk_bytes(const bri_node *node, size_t number)
{
    int64_t at[BR_MAX_NDIM];
    size_t bytes = br_dtype_size(node->dtype);
    bri_grid_coords(node->ndim, node->axis, (int64_t)number, at);
    for (int a = 0; a < node->ndim; a++)
        bytes *= (size_t)bri_axis_count(&node->axis[a], at[a]);
    return bytes;
}

static br_status get_result(const bri_node *node, size_t i, br_future *f, const void **data)
{
    char chunk[200];
    char task[400];
    size_t got = 0;
    br_status st = bri_future_get(f, data, &got);
    place_of_chunk(node, i, chunk, sizeof chunk);
    if (st != BR_OK)
        return bri_error_context(st, "chunk %s", chunk);
    if (got == chunk_bytes(node, i))
        return BR_OK;
    bri_future_describe(f, task, sizeof task);
    return bri_error(BR_ESHAPE, "chunk %s has %zu bytes, but %s returned %zu", chunk,
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
    const bri_grid_params *p = node->params;
    const int64_t *w = p->word;
    node->dtype = (br_dtype)p->dtype;
    for (int a = 0; a < p->ndim; a++, node->ndim++)
        BRI_TRY(bri_axis_unpack(&w, &node->axis[a]));
    return BR_OK;
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
                               .form = {0, 0, sizeof(bri_grid_params), true},
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
                               .form = {0, 0, sizeof(bri_grid_params), true},
                               .fits = bri_fits_grid,
                               .emit = emit_results,
                               .destroy = destroy_results};

/* ---- building ---- */

/* The context gets to know by the array, as it does when the task fails later. */
static br_status pass_on_failure(br_future *f, size_t i)
{
    atomic_store_explicit(&f->told, true, memory_order_relaxed);
    return bri_error_context(bri_error(f->status, "%s", br_future_message(f)), "future %zu", i);
}

static br_status check_futures(const br_from_futures_args *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->futures[i] == NULL)
            return bri_error(BR_EARG, "future %zu is NULL", i);
        if (a->futures[i]->ctx != a->ctx)
            return bri_error(BR_EARG, "future %zu is of another context", i);
        if (bri_future_done(a->futures[i]) && a->futures[i]->status != BR_OK)
            return pass_on_failure(a->futures[i], i);
        if (!bri_future_has_bytes(a->futures[i]))
            return bri_error(BR_EARG, "future %zu is of a compute, which has no bytes", i);
    }
    return BR_OK;
}

static bool is_given(const br_extent_list *list)
{
    return list->n != 0 || list->extent != NULL;
}

static bool any_list(const br_from_futures_args *a)
{
    for (int k = 0; k < BR_MAX_NDIM; k++)
        if (is_given(&a->chunk_lists[k]))
            return true;
    return false;
}

/* Axes are whole but for those with a list; without any, axis 0 is cut into n parts when nothing is
 * said. */
static br_extents chunks_of(const br_from_futures_args *a)
{
    br_extents chunks = a->chunks;
    int ndim = bri_extents_ndim(&a->shape);
    if (chunks.ndim != 0 || ndim <= 0 || ndim > BR_MAX_NDIM || a->n == 0)
        return chunks;
    chunks.ndim = ndim;
    memset(chunks.extent, 0, sizeof chunks.extent);
    int64_t n = (int64_t)a->n;
    if (!any_list(a))
        chunks.extent[0] = a->shape.extent[0] / n + (a->shape.extent[0] % n != 0);
    return chunks;
}

static br_status list_axis(const br_from_futures_args *a, int k, bri_axis *axis)
{
    const br_extent_list *list = &a->chunk_lists[k];
    int ndim = bri_extents_ndim(&a->shape);
    BRI_TRY(bri_check_extent_list(k, ndim, list, a->chunks.ndim > k ? a->chunks.extent[k] : 0));
    BRI_TRY(bri_axis_listed(list->extent, list->n, axis));
    return axis->extent == a->shape.extent[k]
               ? BR_OK
               : bri_error(BR_ESHAPE, ".chunk_lists[%d] adds up to %lld, but axis %d has %lld", k,
                           (long long)axis->extent, k, (long long)a->shape.extent[k]);
}

/* Axes that are set are the caller's, also of a call that fails. */
static br_status cut(const br_from_futures_args *a, const bri_layout *layout, bri_axis *axis)
{
    int64_t chunks = 1;
    for (int k = 0; k < BR_MAX_NDIM; k++) {
        if (is_given(&a->chunk_lists[k]))
            BRI_TRY(list_axis(a, k, &axis[k]));
        else if (k < layout->ndim)
            axis[k] = bri_axis_regular(layout->extent[k], layout->chunk[k]);
    }
    for (int k = 0; k < layout->ndim; k++)
        if (__builtin_mul_overflow(chunks, axis[k].nchunks, &chunks))
            chunks = INT64_MAX;
    return (size_t)chunks == a->n
               ? BR_OK
               : bri_error(BR_EARG, "%zu futures for an array of %lld chunks: .chunks cuts it",
                           a->n, (long long)chunks);
}

static br_status params_of(const bri_layout *layout, const bri_axis *axis, bri_recipe *recipe)
{
    size_t words = 0;
    for (int k = 0; k < layout->ndim; k++)
        words += bri_axis_words(&axis[k]);
    recipe->params_bytes = sizeof(bri_grid_params) + words * sizeof(int64_t);
    bri_grid_params *p = bri_calloc(1, recipe->params_bytes);
    recipe->params = p;
    if (p == NULL)
        return BR_ENOMEM;
    p->dtype = layout->dtype;
    p->ndim = layout->ndim;
    int64_t *w = p->word;
    for (int k = 0; k < layout->ndim; k++)
        w = bri_axis_pack(&axis[k], w);
    return BR_OK;
}

/* The parameters are the caller's to free. */
static br_status read_grid(const br_from_futures_args *a, bri_recipe *recipe)
{
    bri_layout layout;
    bri_axis axis[BR_MAX_NDIM] = {{0}};
    br_extents chunks = chunks_of(a);
    BRI_TRY(bri_layout_set(&layout, a->dtype, &a->shape, &chunks));
    br_status st = cut(a, &layout, axis);
    if (st == BR_OK)
        st = params_of(&layout, axis, recipe);
    for (int k = 0; k < BR_MAX_NDIM; k++)
        bri_axis_release(&axis[k]);
    return st;
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
    bri_recipe recipe = {.op = &bri_op_futures, .unique = true};
    br_status st = read_grid(&args, &recipe);
    if (st == BR_OK)
        st = check_futures(&args);
    if (st == BR_OK)
        st = hold_all(&args, &recipe.resource);
    br_array *x =
        st == BR_OK ? bri_build_recipe(&call, &recipe, NULL, 0) : bri_handle_error(&call, st);
    bri_free((void *)(uintptr_t)recipe.params);
    return x;
}
