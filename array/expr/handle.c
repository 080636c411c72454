/* SPDX-License-Identifier: BSD-3-Clause
 * handle.c - handles in scopes, and the errors they carry.
 */
#include "array/expr/handle.h"

#include <string.h>

#include "runtime/alloc.h"

/* Stands for every array that could not even be allocated. */
static br_array nil = {.status = BR_ENOMEM, .why = "no memory for an array"};

/* Stands for what was made from nothing: there is no scope that it could live in. */
static br_array stray = {.status = BR_EARG, .why = "neither an array nor a context is given"};

static void link_into(br_scope *scope, br_array *x)
{
    x->scope = scope;
    x->previous = NULL;
    x->next = scope->first;
    if (x->next != NULL)
        x->next->previous = x;
    scope->first = x;
}

static void unlink_from_scope(br_array *x)
{
    if (x->previous != NULL)
        x->previous->next = x->next;
    else
        x->scope->first = x->next;
    if (x->next != NULL)
        x->next->previous = x->previous;
}

static void free_handle(br_array *x)
{
    if (x->node != NULL)
        bri_node_release(x->node);
    bri_free(x->why);
    bri_free(x);
}

static br_array *new_handle(br_context *ctx, br_place at, int ndim)
{
    if (ctx == NULL || ctx->scope == NULL)
        return NULL;
    br_array *x = bri_calloc(1, sizeof *x + (size_t)ndim * sizeof x->shape[0]);
    if (x == NULL) {
        /* Nothing that is done with the stand-in can tell which context it belongs to. */
        bri_context_fail(ctx, BR_ENOMEM, nil.why);
        return NULL;
    }
    x->ctx = ctx;
    x->at = at;
    x->count = 1;
    link_into(ctx->scope, x);
    return x;
}

br_array *bri_handle(const bri_call *call, bri_node *node)
{
    br_array *x = new_handle(call->ctx, call->at, node->ndim);
    if (x == NULL) {
        bri_node_release(node);
        return &nil;
    }
    x->node = node;
    for (int a = 0; a < node->ndim; a++)
        x->shape[a] = node->axis[a].extent;
    return x;
}

br_array *bri_handle_error(const bri_call *call, br_status status)
{
    if (call->ctx == NULL)
        return &stray;
    br_array *x = new_handle(call->ctx, call->at, 0);
    if (x == NULL)
        return &nil;
    bri_error_context(status, "%s (%s:%d)", call->what, bri_file_name(call->at.file),
                      call->at.line);
    x->status = status;
    x->why = bri_strdup(bri_last_error());
    return x;
}

br_array *bri_handle_same_error(const br_array *x, br_context *ctx)
{
    br_array *copy = new_handle(ctx, x->at, 0);
    if (copy == NULL)
        return &nil;
    copy->status = x->status;
    copy->why = bri_strdup(x->why != NULL ? x->why : "");
    return copy;
}

/* The inputs' common context, the first error among them, or a mix of contexts. */
static br_array *check_inputs(bri_call *call, br_array *const *inputs, int n)
{
    for (int i = 0; i < n; i++) {
        if (inputs[i] == NULL) {
            bri_error(BR_EARG, "array number %d is NULL", i + 1);
            return bri_handle_error(call, BR_EARG);
        }
        if (call->ctx == NULL)
            call->ctx = inputs[i]->ctx;
        if (inputs[i]->status != BR_OK)
            return inputs[i]->ctx == NULL ? inputs[i]
                                          : bri_handle_same_error(inputs[i], inputs[i]->ctx);
        if (inputs[i]->ctx != call->ctx) {
            bri_error(BR_EARG, "arrays of two contexts cannot be combined");
            return bri_handle_error(call, BR_EARG);
        }
    }
    return NULL;
}

/* NULL when the call may go on. */
br_array *bri_check_call(bri_call *call, br_array *const *inputs, int n)
{
    br_array *failed = check_inputs(call, inputs, n);
    if (failed != NULL)
        return failed;
    if (call->ctx == NULL)
        return &stray;
    if (call->ctx->status == BR_OK)
        return NULL;
    bri_error(call->ctx->status, "%s", call->ctx->message);
    return bri_handle_error(call, call->ctx->status);
}

br_array *bri_build_recipe(bri_call *call, bri_recipe *recipe, br_array *const *inputs, int ninputs)
{
    bri_node *few[BRI_MAX_INPUTS];
    bri_node **nodes = few;
    bri_node *node = NULL;
    br_array *failed = bri_check_call(call, inputs, ninputs);
    if (failed == NULL && ninputs > BRI_MAX_INPUTS) {
        nodes = bri_calloc((size_t)ninputs, sizeof *nodes);
        failed = nodes == NULL ? bri_handle_error(call, BR_ENOMEM) : NULL;
    }
    if (failed != NULL) {
        bri_recipe_drop(recipe);
        return failed;
    }
    for (int i = 0; i < ninputs; i++)
        nodes[i] = inputs[i]->node;
    recipe->inputs = nodes;
    recipe->ninputs = ninputs;
    recipe->at = call->at;
    br_status st = bri_node_make(call->ctx, recipe, &node);
    if (nodes != few)
        bri_free(nodes);
    return st == BR_OK ? bri_handle(call, node) : bri_handle_error(call, st);
}

br_array *bri_build(bri_call *call, const bri_op *op, const void *params, size_t params_bytes,
                    br_array *const *inputs, int ninputs)
{
    bri_recipe recipe = {.op = op, .params = params, .params_bytes = params_bytes};
    return bri_build_recipe(call, &recipe, inputs, ninputs);
}

br_status bri_check(const br_array *x)
{
    if (x == NULL)
        return bri_error(BR_EARG, "the array is NULL");
    if (x->status == BR_OK)
        return BR_OK;
    return x->ctx != NULL ? bri_context_fail(x->ctx, x->status, x->why != NULL ? x->why : "")
                          : x->status;
}

const char *br_error(const br_array *x)
{
    return x == NULL ? "the array is NULL" : x->status == BR_OK || x->why == NULL ? "" : x->why;
}

br_status br_status_of(const br_array *x)
{
    return x == NULL ? BR_EARG : x->status;
}

/* ---- scopes ---- */

br_scope *br_scope_open(br_context *ctx)
{
    if (ctx == NULL || ctx->scope == NULL)
        return NULL;
    br_scope *scope = bri_calloc(1, sizeof *scope);
    if (scope == NULL)
        return NULL;
    scope->ctx = ctx;
    scope->outer = ctx->scope;
    ctx->scope = scope;
    return scope;
}

void bri_scope_free_arrays(br_scope *scope)
{
    for (br_array *x = scope->first, *next; x != NULL; x = next) {
        next = x->next;
        free_handle(x);
    }
    scope->first = NULL;
}

/* Takes the scope's count off its arrays; retained ones live on in the outermost scope. */
static void leave_arrays(br_scope *scope)
{
    br_scope *root = &scope->ctx->root;
    for (br_array *x = scope->first, *next; x != NULL; x = next) {
        next = x->next;
        if (--x->count > 0)
            link_into(root, x);
        else
            free_handle(x);
    }
    scope->first = NULL;
}

void br_retain(br_array *x)
{
    if (x != NULL && x->scope != NULL)
        x->count++;
}

void br_release(br_array *x)
{
    if (x == NULL || x->scope == NULL || --x->count > 0)
        return;
    unlink_from_scope(x);
    free_handle(x);
}

void br_scope_close(br_scope *scope)
{
    if (scope == NULL)
        return;
    br_context *ctx = scope->ctx;
    br_scope *outer = scope->outer;
    while (ctx->scope != outer) {
        br_scope *inner = ctx->scope;
        leave_arrays(inner);
        ctx->scope = inner->outer;
        bri_free(inner);
    }
}

br_array *br_keep(br_array *x)
{
    if (x == NULL || x->scope == NULL || x->scope->outer == NULL)
        return x;
    br_scope *outer = x->scope->outer;
    unlink_from_scope(x);
    link_into(outer, x);
    return x;
}

static bool within(const br_scope *inner, const br_scope *scope)
{
    while (inner != NULL && inner != scope)
        inner = inner->outer;
    return inner != NULL;
}

/* Only what closing would free is moved: an array of an outer scope stays where it is. */
br_array *br_scope_return(br_scope *scope, br_array *x)
{
    if (scope == NULL)
        return x;
    if (x != NULL && x->scope != NULL && within(x->scope, scope)) {
        br_scope *outer = scope->outer;
        unlink_from_scope(x);
        link_into(outer, x);
    }
    br_scope_close(scope);
    return x;
}
