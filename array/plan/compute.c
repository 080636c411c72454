/* SPDX-License-Identifier: BSD-3-Clause
 * compute.c - the public functions that run graphs.
 */
#include <bramble/compute.h>
#include <stdlib.h>
#include <string.h>

#include "array/expr/handle.h"
#include "array/ops/ops.h"
#include "array/plan/flight.h"
#include "array/plan/message.h"
#include "array/plan/resolve.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"
#include "runtime/future.h"

/* A failure of the call itself, stored in the context with the operation and the array's place. */
static br_status fail(const br_array *x, br_status st, const char *what)
{
    bri_error_context(st, "%s of the array of %s:%d", what, bri_file_name(x->at.file), x->at.line);
    return bri_context_fail(x->ctx, st, bri_last_error());
}

static size_t bytes_of(const bri_node *node)
{
    return (size_t)bri_node_nelem(node) * br_dtype_size(node->dtype);
}

/* node: what x has been resolved to. */
static br_status check_buffer(const br_result *r, const bri_node *node)
{
    char shape[160];
    size_t bytes = bytes_of(node);
    if (r->bytes != bytes)
        return fail(
            r->x,
            bri_error(BR_EARG, "the buffer has %zu bytes, the array %zu%s%s", r->bytes, bytes,
                      node != r->x->node ? ": its shape is " : "",
                      node != r->x->node ? bri_node_shape_text(node, shape, sizeof shape) : ""),
            "compute");
    if (r->buffer == NULL && bytes > 0)
        return fail(r->x, bri_error(BR_EARG, "the buffer is NULL"), "compute");
    return BR_OK;
}

static br_status check_results(const br_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        BRI_TRY(bri_check(results[i].x));
        if (results[i].x->ctx != results[0].x->ctx)
            return fail(results[0].x, bri_error(BR_EARG, "results of two contexts"), "compute");
    }
    if (n > BRI_MAX_OUTPUTS)
        return fail(
            results[0].x,
            bri_error(BR_EARG, "%zu results; %d at a time are possible", n, BRI_MAX_OUTPUTS),
            "compute");
    return BR_OK;
}

/* The nodes of the results, resolved, and where they go. */
static br_status settle(const br_result *results, int n, bri_node **wanted, bri_node **nodes,
                        bri_sink *sinks)
{
    for (int i = 0; i < n; i++) {
        wanted[i] = results[i].x->node;
        sinks[i] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = results[i].buffer};
    }
    BRI_TRY(bri_resolve_nodes(results[0].x->ctx, wanted, n, nodes));
    br_status st = BR_OK;
    for (int i = 0; i < n && st == BR_OK; i++)
        st = check_buffer(&results[i], nodes[i]);
    for (int i = 0; i < n && st != BR_OK; i++)
        bri_node_release(nodes[i]);
    return st;
}

static br_status compute_settled(const br_result *results, int n, bri_node **nodes, bri_sink *sinks)
{
    br_context *ctx = results[0].x->ctx;
    BRI_TRY(settle(results, n, nodes + n, nodes, sinks));
    br_status st = bri_run(ctx, &(bri_outputs){.node = nodes, .sink = sinks, .n = n});
    for (int i = 0; i < n; i++)
        bri_node_release(nodes[i]);
    return st;
}

br_status br_compute_many(const br_result *results, size_t n)
{
    if (n == 0)
        return BR_OK;
    BRI_TRY(check_results(results, n));
    bri_node **nodes = bri_calloc(2 * n, sizeof *nodes);
    bri_sink *sinks = bri_calloc(n, sizeof *sinks);
    br_status st = nodes != NULL && sinks != NULL
                       ? compute_settled(results, (int)n, nodes, sinks)
                       : bri_context_fail(results[0].x->ctx, BR_ENOMEM, bri_last_error());
    bri_free(nodes);
    bri_free(sinks);
    return st;
}

static br_future *launch_settled(const br_result *results, int n, bri_node **nodes, bri_sink *sinks)
{
    br_context *ctx = results[0].x->ctx;
    br_status st = settle(results, n, nodes + n, nodes, sinks);
    if (st != BR_OK)
        return bri_future_failed(ctx, st, bri_last_error());
    br_future *future = bri_launch(ctx, &(bri_outputs){.node = nodes, .sink = sinks, .n = n});
    for (int i = 0; i < n; i++)
        bri_node_release(nodes[i]);
    return future;
}

br_future *br_compute_many_async(const br_result *results, size_t n)
{
    if (n == 0)
        return bri_future_nothing();
    br_status st = check_results(results, n);
    if (st != BR_OK) {
        br_context *ctx = results[0].x != NULL ? results[0].x->ctx : NULL;
        return ctx != NULL ? bri_future_failed(ctx, st, bri_last_error()) : NULL;
    }
    br_context *ctx = results[0].x->ctx;
    bri_node **nodes = bri_calloc(2 * n, sizeof *nodes);
    bri_sink *sinks = bri_calloc(n, sizeof *sinks);
    br_future *future = NULL;
    if (nodes != NULL && sinks != NULL)
        future = launch_settled(results, (int)n, nodes, sinks);
    else
        bri_context_fail(ctx, BR_ENOMEM, bri_last_error());
    bri_free(nodes);
    bri_free(sinks);
    return future;
}

br_future *br_compute_async(br_array *x, void *buffer, size_t bytes)
{
    return br_compute_many_async(&(br_result){x, buffer, bytes}, 1);
}

br_status br_compute(br_array *x, void *buffer, size_t bytes)
{
    return br_compute_many(&(br_result){x, buffer, bytes}, 1);
}

static br_status resolved(br_array *x, bri_node **node)
{
    BRI_TRY(bri_check(x));
    return bri_resolve_nodes(x->ctx, &x->node, 1, node);
}

static br_status run_into(bri_node *node, void *buffer)
{
    bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = buffer};
    return bri_run(node->ctx, &(bri_outputs){.node = &node, .sink = &sink, .n = 1});
}

br_status br_compute_alloc(br_array *x, void **buffer)
{
    bri_node *node = NULL;
    *buffer = NULL;
    BRI_TRY(resolved(x, &node));
    size_t bytes = bytes_of(node);
    void *block = bri_alloc_should_fail() ? NULL : malloc(bytes > 0 ? bytes : 1);
    br_status st =
        block != NULL ? run_into(node, block) : fail(x, bri_no_memory(bytes, "result"), "compute");
    bri_node_release(node);
    if (st != BR_OK) {
        free(block);
        return st;
    }
    *buffer = block;
    return BR_OK;
}

static br_status check_scalar(const bri_node *node, br_dtype to, const char *kinds)
{
    char shape[160];
    if (bri_node_nelem(node) != 1)
        return bri_error(BR_ESHAPE, "shape %s is not one element",
                         bri_node_shape_text(node, shape, sizeof shape));
    if (strchr(kinds, bri_kind(node->dtype)) == NULL)
        return bri_error(BR_ETYPE, "%s does not convert to %s", br_dtype_name(node->dtype),
                         br_dtype_name(to));
    return BR_OK;
}

/* One element, converted; `kinds` are those that convert without loss of meaning. */
static br_status compute_scalar(br_array *x, br_dtype to, const char *kinds, void *value)
{
    unsigned char element[16];
    bri_node *node = NULL;
    BRI_TRY(resolved(x, &node));
    br_status st = check_scalar(node, to, kinds);
    st = st == BR_OK ? run_into(node, element) : fail(x, st, "compute");
    if (st == BR_OK)
        bri_convert(to, value, node->dtype, element, 1);
    bri_node_release(node);
    return st;
}

br_status br_compute_f64(br_array *x, double *value)
{
    return compute_scalar(x, BR_FLOAT64, "biuf", value);
}

br_status br_compute_i64(br_array *x, int64_t *value)
{
    return compute_scalar(x, BR_INT64, "biu", value);
}

br_status br_compute_c128(br_array *x, double value[2])
{
    return compute_scalar(x, BR_COMPLEX128, "biufc", value);
}

/* ---- resolve and persist ---- */

br_array *br_resolve_(br_array *x, br_place at)
{
    bri_call call = {NULL, "resolve", at};
    bri_node *node = NULL;
    br_array *failed = bri_check_call(&call, &x, 1);
    if (failed != NULL)
        return failed;
    br_status st = bri_resolve_nodes(x->ctx, &x->node, 1, &node);
    return st == BR_OK ? bri_handle(&call, node) : bri_handle_error(&call, st);
}

br_array *br_persist_(br_array *x, br_place at)
{
    bri_call call = {x != NULL ? x->ctx : NULL, "persist", at};
    if (x == NULL || x->status != BR_OK)
        return bri_build(&call, &bri_op_persisted, NULL, 0, &x, 1);
    bri_array_data *data = bri_array_data_of(x->ctx);
    bri_node *node = NULL;
    br_status st = bri_resolve_nodes(x->ctx, &x->node, 1, &node);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    bri_persisted_params params = {++data->next_persisted};
    bri_sink sink = {.kind = BRI_SINK_KEEP, .id = params.id};
    st = bri_run(x->ctx, &(bri_outputs){.node = &node, .sink = &sink, .n = 1});
    bri_node_release(node);
    return st == BR_OK ? bri_build(&call, &bri_op_persisted, &params, sizeof params, NULL, 0)
                       : bri_handle_error(&call, st);
}

br_status br_last_run(br_context *ctx, br_run_info *info)
{
    if (ctx == NULL || ctx->array_data == NULL)
        return BR_EARG;
    bri_flights_tidy(ctx);
    *info = bri_array_data_of(ctx)->last_run;
    return BR_OK;
}
