/* SPDX-License-Identifier: BSD-3-Clause
 * handle.h - br_array: what users hold. A counted node or a sticky error, in a scope.
 */
#ifndef BRI_HANDLE_H
#define BRI_HANDLE_H

#include <bramble/array.h>

#include "array/expr/node.h"

struct br_array {
    br_context *ctx; /* NULL only for the static handle that stands for "no memory" */
    bri_node *node;  /* NULL for a failed array */
    br_status status;
    char *why; /* the first error's text, of a failed array */
    br_place at;
    int count; /* one of the scope, and those of br_retain */
    br_scope *scope;
    br_array *previous, *next;
    int64_t shape[]; /* of node, for br_shape() */
};

/* A call that builds: `what` is its name in messages. */
typedef struct bri_call {
    br_context *ctx;
    const char *what;
    br_place at;
} bri_call;

/* A new handle in ctx's innermost scope: takes the caller's count of node over. */
br_array *bri_handle(const bri_call *call, bri_node *node);
/* A failed array with the calling thread's last error, "what (file:line): text". */
br_array *bri_handle_error(const bri_call *call, br_status status);
/* A failed array with x's error, unchanged. */
br_array *bri_handle_same_error(const br_array *x, br_context *ctx);

/* NULL when the call may go on; else the failed array to return: an input's error, a mix of
 * contexts, or a context that did not open. */
br_array *bri_check_call(bri_call *call, br_array *const *inputs, int ninputs);
/* Makes a node and its handle. Inputs are arrays; the first failed one is passed on. All must be
 * of call->ctx (which may be NULL when there are inputs). */
br_array *bri_build(bri_call *call, const bri_op *op, const void *params, size_t params_bytes,
                    br_array *const *inputs, int ninputs);
/* The same with all that a recipe can say; recipe->inputs are ignored. */
br_array *bri_build_recipe(bri_call *call, bri_recipe *recipe, br_array *const *inputs,
                           int ninputs);

/* BR_OK, or the status to return from a doing function on x (stored in its context). */
br_status bri_check(const br_array *x);

void bri_scope_free_arrays(br_scope *scope);

/* Computes the elements within `edge` of both ends of every axis that is longer than shown[a];
 * values is dense, of extents shown[]. */
br_status bri_compute_corners(br_array *x, const int64_t *shown, int64_t edge, char *values);

#endif
