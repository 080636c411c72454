/* SPDX-License-Identifier: BSD-3-Clause
 * chunk_futures.c - br_to_futures: a run in flight, whose sink ends a future for each chunk.
 *
 * The run's own future is kept beside them, so that br_close and cancelling all chunks end it.
 */
#include "array/plan/chunk_futures.h"

#include <bramble/delayed.h>
#include <string.h>

#include "array/expr/handle.h"
#include "array/plan/fetch.h"
#include "array/plan/resolve.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"
#include "runtime/future.h"
#include "runtime/promise.h"

/* Each promise is ended once: by the task of its chunk, or at the run's end. */
struct bri_chunk_futures {
    size_t n;
    struct {
        br_future *promise;
        atomic_bool ended;
    } chunk[];
};

static void end_chunk(bri_chunk_futures *c, size_t i, br_status status, const char *text)
{
    if (!atomic_exchange(&c->chunk[i].ended, true))
        bri_promise_end(c->chunk[i].promise, status, text);
}

/* ---- the sink ---- */

static br_status no_build(bri_plan *plan, bri_stage *stage)
{
    (void)plan, (void)stage;
    return BR_OK;
}

static int on_rank_zero(const bri_stage *stage, int64_t chunk, int64_t step)
{
    (void)stage, (void)chunk, (void)step;
    return 0;
}

static void sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes)
{
    bri_leaf leaf;
    bri_bump bump = {0};
    bri_leaf_box(stage, chunk, step, &leaf);
    bri_load_sizes(stage, 0, &leaf, &bump);
    sizes->output = 0;
    sizes->scratch = bump.used;
}

static br_status bring(bri_work *work)
{
    const bri_stage *stage = work->stage;
    size_t size = br_dtype_size(stage->dtype);
    bri_chunk_futures *c = stage->data;
    bri_leaf leaf;
    bri_view view;
    int64_t to[BR_MAX_NDIM];
    bri_bump bump = {work->scratch, 0};
    bri_leaf_box(stage, work->chunk, work->step, &leaf);
    BRI_TRY(bri_load(work, 0, &leaf, &bump, &view));
    void *room = bri_promise_room(c->chunk[work->chunk].promise, (size_t)leaf.nelem * size);
    if (room == NULL)
        return BR_ENOMEM;
    int64_t stride = (int64_t)size;
    for (int a = stage->ndim - 1; a >= 0; a--) {
        to[a] = stride;
        stride *= leaf.extent[a];
    }
    if (leaf.nelem > 0)
        bri_copy_box(stage->ndim, leaf.extent, size, room, to, view.base, view.stride);
    end_chunk(c, (size_t)work->chunk, BR_OK, NULL);
    return BR_OK;
}

const bri_stage_kind bri_stage_futures = {.name = "to_futures",
                                          .build = no_build,
                                          .sizes = sizes,
                                          .execute = bring,
                                          .owner = on_rank_zero};

void bri_chunk_futures_end(bri_chunk_futures *c, br_status status, const char *text)
{
    for (size_t i = 0; i < c->n; i++)
        end_chunk(c, i, status != BR_OK ? status : BR_EINTERNAL,
                  status != BR_OK ? text : "the run made no such chunk");
    bri_free(c);
}

/* ---- the call ---- */

static size_t count_chunks(const bri_node *node)
{
    size_t n = 1;
    for (int a = 0; a < node->ndim; a++)
        n *= (size_t)node->axis[a].nchunks;
    return n;
}

static void name_chunk(const bri_node *node, size_t number, char *text, size_t size)
{
    char place[200];
    int64_t at[BR_MAX_NDIM];
    bri_grid_coords(node->ndim, node->axis, (int64_t)number, at);
    snprintf(text, size, "chunk %s", bri_shape_text(node->ndim, at, place, sizeof place));
}

static br_status make_promises(const br_to_futures_args *a, const bri_node *node,
                               bri_chunk_futures **out)
{
    char name[208];
    bri_chunk_futures *c = bri_calloc(1, sizeof *c + a->n * sizeof c->chunk[0]);
    if (c == NULL)
        return BR_ENOMEM;
    for (; c->n < a->n; c->n++) {
        name_chunk(node, c->n, name, sizeof name);
        br_future *p = bri_promise_new(a->x->ctx, name, a->at);
        if (p == NULL) {
            bri_chunk_futures_end(c, BR_ENOMEM, "no memory for a future");
            return BR_ENOMEM;
        }
        a->futures[c->n] = c->chunk[c->n].promise = p;
    }
    *out = c;
    return BR_OK;
}

static br_status launch(const br_to_futures_args *a, bri_node *node)
{
    bri_chunk_futures *c = NULL;
    uint64_t job = 0;
    if (count_chunks(node) != a->n)
        return bri_error(BR_EARG,
                         "to_futures (%s:%d): room for %zu futures, the array has %zu chunks",
                         bri_file_name(a->at.file), a->at.line, a->n, count_chunks(node));
    BRI_TRY(make_promises(a, node, &c));
    bri_sink sink = {.kind = BRI_SINK_FUTURES, .writer = c};
    br_status st =
        bri_launch_hidden(a->x->ctx, &(bri_outputs){.node = &node, .sink = &sink, .n = 1}, &job);
    if (st != BR_OK)
        bri_chunk_futures_end(c, st, bri_last_error());
    for (size_t i = 0; i < a->n; i++)
        bri_promise_of_job(a->futures[i], job);
    return st;
}

/* Also those that were made have the error by now. */
static br_status fail(const br_to_futures_args *a, br_status st)
{
    br_context *ctx = a->x != NULL ? a->x->ctx : NULL;
    char text[BRI_ERROR_TEXT];
    snprintf(text, sizeof text, "%s", bri_last_error());
    for (size_t i = 0; i < a->n; i++)
        if (a->futures[i] == NULL && ctx != NULL)
            a->futures[i] = bri_future_failed(ctx, st, text);
    return ctx != NULL ? bri_context_fail(ctx, st, text) : st;
}

br_status br_to_futures_(br_to_futures_args args)
{
    bri_node *node = NULL;
    for (size_t i = 0; i < args.n; i++)
        args.futures[i] = NULL;
    br_status st = bri_check(args.x);
    if (st == BR_OK)
        st = bri_resolve_nodes(args.x->ctx, &args.x->node, 1, &node);
    if (st == BR_OK)
        st = launch(&args, node);
    if (node != NULL)
        bri_node_release(node);
    return st == BR_OK ? BR_OK : fail(&args, st);
}
