/* SPDX-License-Identifier: BSD-3-Clause
 * workers.c - arrays become values of workers (br_scatter_array, br_broadcast_array), and values
 * arrays.
 *
 * An array goes by slabs of its first axis: one of them is in memory at a time. So that no slab
 * computes again what others need, too, the array is persisted first, unless its elements lie
 * somewhere already; one that is small is computed at once.
 */
#include <string.h>

#include <bramble/compute.h>
#include <bramble/context.h>
#include <bramble/workers.h>

#include "array/expr/handle.h"
#include "array/ops/ops.h"
#include "runtime/alloc.h"
#include "runtime/feed.h"

typedef struct source {
    br_array *x;
    bool whole; /* every worker gets all of it */
    int64_t nrows;
    size_t row_bytes;
    char *slab;
    int64_t first, nslab, room; /* of the rows in the slab */
} source;

/* ---- slabs ---- */

static br_status load(source *s, int64_t row)
{
    br_context *ctx = s->x->ctx;
    int64_t n = s->nrows - row < s->room ? s->nrows - row : s->room;
    br_scope *scope = br_scope_open(ctx);
    if (scope == NULL)
        return BR_ENOMEM;
    br_array *rows = br_indexf_(s->x, s->x->at, "%lld:%lld", (long long)row, (long long)(row + n));
    s->nslab = 0;
    br_status st = br_compute(rows, s->slab, (size_t)n * s->row_bytes);
    if (st == BR_OK) {
        s->first = row;
        s->nslab = n;
    } else {
        bri_error(st, "%s", br_message(ctx));
    }
    br_scope_close(scope);
    return st;
}

static size_t begin_of(const source *s, int k, int n)
{
    return s->whole ? 0 : (size_t)bri_feed_split(s->nrows, k, n) * s->row_bytes;
}

static size_t part_bytes(void *data, int k, int n)
{
    const source *s = data;
    if (s->whole)
        return (size_t)s->nrows * s->row_bytes;
    return begin_of(s, k + 1, n) - begin_of(s, k, n);
}

static br_status fill(void *data, int k, int n, size_t offset, void *buffer, size_t bytes)
{
    source *s = data;
    char *to = buffer;
    size_t at = begin_of(s, k, n) + offset;
    while (bytes > 0) {
        int64_t row = (int64_t)(at / s->row_bytes);
        if (row < s->first || row >= s->first + s->nslab)
            BRI_TRY(load(s, row));
        size_t skip = at - (size_t)s->first * s->row_bytes;
        size_t there = (size_t)s->nslab * s->row_bytes - skip;
        size_t some = bytes < there ? bytes : there;
        memcpy(to, s->slab + skip, some);
        to += some;
        at += some;
        bytes -= some;
    }
    return BR_OK;
}

/* ---- arrays to workers ---- */

static bool lies_somewhere(const br_array *x)
{
    return x->node->op == &bri_op_memory || x->node->op == &bri_op_persisted;
}

static br_status refuse(br_context *ctx, br_status st, const bri_feed *feed)
{
    bri_error_context(st, "%s (%.100s:%d)", feed->function, bri_file_name(feed->at.file),
                      feed->at.line);
    return bri_context_fail(ctx, st, bri_last_error());
}

/* What the slabs are taken from, in the scope that is open. */
static br_status prepare(source *s, const bri_feed *feed)
{
    br_place at = feed->at;
    s->x = br_resolve_(s->x, at);
    BRI_TRY(bri_check(s->x));
    if (s->x->node->ndim == 0 && !s->whole)
        return refuse(s->x->ctx, bri_error(BR_ESHAPE, "an array without axes has no rows"), feed);
    const int64_t nelem = br_nelem(s->x);
    const size_t bytes = (size_t)nelem * br_dtype_size(br_dtype_of(s->x));
    if (s->x->node->ndim == 0)
        s->x = br_index_(s->x, "None", at);
    s->nrows = br_shape(s->x)[0];
    s->row_bytes = s->nrows > 0 ? bytes / (size_t)s->nrows : 0;
    if (s->row_bytes == 0)
        s->nrows = 0;
    s->room = s->row_bytes > 0 ? BRI_FEED_PIECE / (int64_t)s->row_bytes : 1;
    s->room = s->room < 1 ? 1 : s->room < s->nrows ? s->room : s->nrows;
    if (s->room < s->nrows && !lies_somewhere(s->x))
        s->x = br_persist_(s->x, at);
    return bri_check(s->x);
}

static br_status give(source *s, bri_feed *feed)
{
    size_t bytes = (size_t)s->room * s->row_bytes;
    feed->ctx = s->x->ctx;
    feed->bytes = part_bytes;
    feed->fill = fill;
    feed->data = s;
    s->slab = bri_memory_get(feed->ctx->memory, bytes);
    if (s->slab == NULL)
        return bri_context_fail(feed->ctx, BR_ENOMEM, bri_last_error());
    bri_memory_force(feed->ctx->memory, bytes);
    br_status st = bri_feed_workers(feed);
    bri_memory_put(feed->ctx->memory, s->slab, bytes);
    bri_memory_release(feed->ctx->memory, bytes);
    return st;
}

static br_status feed_array(br_array *x, bool whole, bri_feed *feed)
{
    source s = {.x = x, .whole = whole};
    BRI_TRY(bri_check(x));
    br_context *ctx = x->ctx;
    br_scope *scope = br_scope_open(ctx);
    if (scope == NULL)
        return bri_context_fail(ctx, BR_ENOMEM, bri_last_error());
    br_status st = prepare(&s, feed);
    if (st == BR_OK)
        st = give(&s, feed);
    br_scope_close(scope);
    return st;
}

br_status br_scatter_array_(br_scatter_array_args a)
{
    bri_feed feed = {.at = a.at, .function = "scatter_array", .workers = a.workers, .name = a.name};
    return feed_array(a.x, false, &feed);
}

br_status br_broadcast_array_(br_broadcast_array_args a)
{
    bri_feed feed = {.at = a.at, .function = "broadcast_array", .name = a.name};
    return feed_array(a.x, true, &feed);
}

/* ---- values to an array ---- */

typedef struct target {
    const br_gather_array_args *args;
    br_extents shape;
    void *block;
} target;

/* The first extent follows from how many bytes there are. */
static br_status find_shape(target *t, size_t bytes)
{
    const br_gather_array_args *a = t->args;
    size_t row = br_dtype_size(a->dtype);
    t->shape = a->shape.ndim != 0 ? a->shape : (br_extents){1, {BR_UNKNOWN}};
    int ndim = bri_extents_ndim(&t->shape);
    if (ndim > BR_MAX_NDIM)
        return bri_error(BR_ESHAPE, "a shape of %d axes", ndim);
    for (int i = 1; i < ndim; i++)
        if (t->shape.extent[i] < 0 || __builtin_mul_overflow(row, (size_t)t->shape.extent[i], &row))
            return bri_error(BR_ESHAPE, "extent %lld of axis %d", (long long)t->shape.extent[i], i);
    if (ndim > 0 && t->shape.extent[0] == BR_UNKNOWN && row > 0 && bytes % row == 0)
        t->shape.extent[0] = (int64_t)(bytes / row);
    size_t want = row;
    if (ndim > 0 &&
        (t->shape.extent[0] < 0 || __builtin_mul_overflow(row, (size_t)t->shape.extent[0], &want)))
        want = SIZE_MAX;
    if (want == bytes)
        return BR_OK;
    return bri_error(BR_ESHAPE,
                     "the values \"%s\" have %zu bytes together, which are not the %s of the shape "
                     "that is asked for, of %zu bytes a row",
                     a->name, bytes, br_dtype_name(a->dtype), row);
}

static br_status find_room(void *data, size_t bytes, void **to)
{
    target *t = data;
    BRI_TRY(find_shape(t, bytes));
    t->block = bri_malloc(bytes > 0 ? bytes : 1);
    *to = t->block;
    return t->block != NULL ? BR_OK : BR_ENOMEM;
}

br_array *br_gather_array_(br_gather_array_args a)
{
    bri_call call = {a.ctx, "gather_array", a.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    if (!bri_dtype_ok(a.dtype))
        return bri_handle_error(&call, bri_error(BR_ETYPE, "%d is no dtype", (int)a.dtype));
    target t = {.args = &a};
    br_status st = bri_gather_values(&(bri_gathering){.ctx = a.ctx,
                                                      .at = a.at,
                                                      .function = "gather_array",
                                                      .workers = a.workers,
                                                      .name = a.name,
                                                      .room = find_room,
                                                      .data = &t});
    if (st != BR_OK) {
        bri_free(t.block);
        return bri_handle_error(&call, st);
    }
    return bri_adopt_memory(&call, t.block, a.dtype, &t.shape, &a.chunks);
}
