/* SPDX-License-Identifier: BSD-3-Clause
 * fingerprint.c - what tells whether a store goes on with what an earlier one has begun: the
 * expression as it travels to other ranks, with its functions, grids and files, and the elements of
 * the caller's memory.
 */
#include <bramble/submit.h>
#include <string.h>

#include "array/expr/wire.h"
#include "array/plan/store.h"
#include "runtime/alloc.h"

typedef struct hash {
    uint64_t a, b;
} hash;

/* Two independent multiplicative hashes over words. */
static void add(hash *h, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        uint64_t word = 0;
        size_t part = n < 8 ? n : 8;
        memcpy(&word, at, part);
        h->a = (h->a ^ word) * 0x9e3779b97f4a7c15u;
        h->a ^= h->a >> 32;
        h->b = (h->b + word + part) * 0xbf58476d1ce4e5b9u;
        h->b ^= h->b >> 29;
        at += part;
        n -= part;
    }
}

/* Rows of the last axis, in C order. */
static void add_memory(hash *h, const bri_memory_params *p)
{
    int ndim = p->layout.ndim;
    int64_t at[BR_MAX_NDIM] = {0};
    size_t size = br_dtype_size((br_dtype)p->layout.dtype);
    for (int a = 0; a < ndim; a++)
        if (p->layout.extent[a] == 0)
            return;
    for (int a = 0; a >= 0;) {
        const char *from = p->data;
        for (int k = 0; k < ndim; k++)
            from += at[k] * p->stride[k];
        bool dense = ndim > 0 && p->stride[ndim - 1] == (int64_t)size;
        add(h, from, dense ? size * (size_t)p->layout.extent[ndim - 1] : size);
        if (dense)
            at[ndim - 1] = p->layout.extent[ndim - 1] - 1;
        for (a = ndim - 1; a >= 0 && ++at[a] == p->layout.extent[a]; a--)
            at[a] = 0;
    }
}

static void add_results(hash *h, const bri_node *node)
{
    const bri_results *r = node->resource;
    for (size_t i = 0; i < r->n; i++) {
        size_t bytes = 0;
        const void *data = br_future_view(r->chunk[i].future, &bytes);
        add(h, data, bytes);
    }
}

static br_status add_sources(hash *h, bri_node *const *nodes, int n)
{
    for (int i = 0; i < n; i++) {
        if (nodes[i]->op == &bri_op_persisted)
            return bri_error(BR_EUNSUPPORTED, "what is made of persisted arrays cannot be resumed: "
                                              "another program does not have them");
        if (nodes[i]->op == &bri_op_results)
            add_results(h, nodes[i]);
        if (nodes[i]->op == &bri_op_memory)
            add_memory(h, nodes[i]->params);
    }
    return BR_OK;
}

static br_status add_nodes(hash *h, br_context *ctx, bri_node *const *outputs, int n)
{
    bri_writer w = {0};
    bri_node **nodes = NULL;
    int nnodes = 0;
    br_status st = bri_node_sort(ctx, outputs, n, &nodes, &nnodes);
    if (st == BR_OK)
        st = add_sources(h, nodes, nnodes);
    bri_free(nodes);
    if (st == BR_OK)
        st = bri_pack_nodes(ctx, &w, outputs, n);
    if (st == BR_OK)
        add(h, w.bytes, w.n);
    bri_free(w.bytes);
    return st;
}

static void add_text(hash *h, const char *text)
{
    add(h, text, strlen(text) + 1);
}

/* Bad ones are refused later. */
static void add_attributes(hash *h, const br_store_attribute *list)
{
    enum { MOST = 1 << 16 };
    for (const br_store_attribute *a = list; a != NULL && a->name != NULL; a++) {
        const br_number *v = &a->number;
        bool values = a->values != NULL && bri_dtype_ok(a->dtype) && a->n > 0 && a->n <= MOST;
        const int64_t what[] = {a->text != NULL, v->kind, v->i, (int64_t)v->u, a->dtype, a->n};
        const double parts[] = {v->re, v->im};
        add_text(h, a->name);
        add(h, what, sizeof what);
        add(h, parts, sizeof parts);
        if (a->text != NULL)
            add_text(h, a->text);
        if (values)
            add(h, a->values, (size_t)a->n * br_dtype_size(a->dtype));
    }
}

/* The dataset, as the file was when it was opened. */
static br_status add_like(hash *h, const br_array *like)
{
    bri_node **nodes = NULL;
    bri_writer w = {0};
    int n = 0;
    br_status st = BR_OK;
    if (like == NULL)
        return BR_OK;
    BRI_TRY(bri_check(like));
    BRI_TRY(bri_node_sort(like->ctx, &like->node, 1, &nodes, &n));
    for (int i = 0; i < n && st == BR_OK; i++)
        if (nodes[i]->op == &bri_op_hdf5)
            st = nodes[i]->op->pack(nodes[i], &w);
    if (st == BR_OK)
        add(h, w.bytes, w.n);
    bri_free(w.bytes);
    bri_free(nodes);
    const int64_t itself = n == 1;
    add(h, &itself, sizeof itself);
    return st;
}

/* Options that decide what the file has. */
static void add_options(hash *h, const br_store_hdf5_args *args)
{
    const int64_t options[] = {args->contiguous, args->deflate,    args->shuffle,
                               args->no_shuffle, args->fletcher32, args->dims.n};
    add(h, options, sizeof options);
    add(h, args->dataset, strlen(args->dataset));
    add(h, &args->chunks, sizeof args->chunks);
    add(h, &args->unlimited, sizeof args->unlimited);
    for (int a = 0; a < args->dims.n; a++)
        if (args->dims.name[a] != NULL)
            add(h, args->dims.name[a], strlen(args->dims.name[a]));
    add_attributes(h, args->attributes);
    add_text(h, "/");
    add_attributes(h, args->file_attributes);
}

br_status bri_store_fingerprint(br_context *ctx, bri_node *const *nodes,
                                const br_store_hdf5_args *stores, int n, uint64_t fingerprint[2])
{
    hash h = {1, 2};
    const int64_t cut = BRI_STORE_CUT;
    add(&h, BR_VERSION_TEXT, strlen(BR_VERSION_TEXT));
    add(&h, &cut, sizeof cut);
    for (int i = 0; i < n; i++) {
        add_options(&h, &stores[i]);
        BRI_TRY(add_like(&h, stores[i].like));
    }
    BRI_TRY(add_nodes(&h, ctx, nodes, n));
    fingerprint[0] = h.a;
    fingerprint[1] = h.b;
    return BR_OK;
}
