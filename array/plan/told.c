/* SPDX-License-Identifier: BSD-3-Clause
 * told.c - telling and hearing, and dealing out the points of takes.
 */
#include "array/plan/told.h"

#include <string.h>

#include "array/expr/apart.h"
#include "array/expr/hash.h"
#include "array/plan/points.h"
#include "runtime/alloc.h"

/* ---- plans ---- */

br_status bri_tell_later(bri_plan *plan, int *place)
{
    if (plan->told == NULL)
        plan->told = bri_calloc(1, sizeof *plan->told);
    bri_tellings *t = plan->told;
    if (t == NULL)
        return BR_ENOMEM;
    BRI_TRY(bri_grow(&t->told, &t->room, (size_t)t->n, sizeof *t->told));
    t->told[t->n] = (bri_told){.lists = NULL};
    *place = t->n++;
    return BR_OK;
}

void bri_tell(bri_plan *plan, int place, const bri_told *told)
{
    plan->told->told[place] = *told;
    bri_table_retain(told->lists);
    bri_table_retain(told->extents);
}

br_status bri_hear(bri_plan *plan, const bri_told **told)
{
    if (plan->heard == NULL || plan->nheard == plan->heard->n)
        return bri_error(BR_EINTERNAL, "rank 0 has planned a run otherwise than this rank");
    *told = &plan->heard->told[plan->nheard++];
    return BR_OK;
}

br_status bri_heard_all(bri_plan *plan)
{
    const int n = plan->heard != NULL ? plan->heard->n : 0;
    plan->heard = NULL;
    if (plan->nheard != n)
        return bri_error(BR_EINTERNAL, "rank 0 has planned a run otherwise than this rank");
    return BR_OK;
}

void bri_tellings_free(bri_tellings *tellings)
{
    if (tellings == NULL)
        return;
    for (int i = 0; i < tellings->n; i++) {
        bri_table_release(tellings->told[i].lists);
        bri_table_release(tellings->told[i].extents);
        bri_table_release(tellings->told[i].part);
    }
    bri_free(tellings->told);
    bri_free(tellings);
}

/* ---- dealing ---- */

/* How points are cut: what they are, and a bit for each block of each rank. */
typedef struct cut {
    uint64_t points; /* hash */
    unsigned char blocks[];
} cut;

static size_t bits_of_rank(const bri_gather *g)
{
    return (size_t)g->nblocks / 8 + 1;
}

static uint64_t hash_points(const bri_gather *g)
{
    const size_t n = (size_t)g->npoints;
    uint64_t h = bri_hash_bytes(n, g->index, n * (size_t)g->picked * sizeof *g->index);
    h = bri_hash_bytes(h, g->block_first, (size_t)(g->nblocks + 1) * sizeof *g->block_first);
    h = bri_hash_bytes(h, g->order, n * sizeof *g->order);
    return bri_hash_bytes(h, g->run_start, (size_t)g->nruns * sizeof *g->run_start);
}

/* The blocks of the chunks that each rank makes. */
static br_status cut_points(const bri_told *told, bri_table **out)
{
    const bri_stage *stage = told->stage;
    const bri_gather *g = told->gather;
    const size_t each = bits_of_rank(g);
    const size_t bytes = sizeof(cut) + each * (size_t)stage->plan->nranks;
    int64_t coord[BR_MAX_NDIM];
    *out = bri_table_new(bytes);
    if (*out == NULL)
        return BR_ENOMEM;
    cut *c = (cut *)(void *)(*out)->data;
    memset(c, 0, bytes);
    c->points = hash_points(g);
    for (int64_t chunk = 0; chunk < stage->nchunks; chunk++) {
        if (!bri_is_demanded(stage, chunk))
            continue;
        bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
        int64_t b = bri_grid_linear(g->index_ndim, stage->axis + g->first, coord + g->first);
        c->blocks[(size_t)bri_stage_owner(stage, chunk, 0) * each + (size_t)(b >> 3)] |=
            (unsigned char)(1 << (b & 7));
    }
    bri_table_seal(*out);
    return BR_OK;
}

static br_status hand_out(br_context *ctx, const bri_gather *g, const bri_table *how, int64_t first)
{
    const cut *c = (const cut *)(const void *)how->data;
    for (int r = 1; r < ctx->nranks; r++) {
        bri_table *part = bri_points_pack(g, c->blocks + (size_t)r * bits_of_rank(g));
        br_status st = part != NULL ? bri_apart_hand(ctx, first, r, part) : BR_ENOMEM;
        bri_table_release(part);
        BRI_TRY(st);
    }
    return BR_OK;
}

/* What has been dealt for an earlier run is there still. A stage that nobody wants, as the whole of
 * a take of which a slice is read, has no parts: 0. */
static br_status deal(br_context *ctx, const bri_told *told, int64_t *first)
{
    *first = 0;
    if (!told->stage->wanted)
        return BR_OK;
    bri_deal d = {.of = told->root, .with = {told->lists, told->extents}};
    br_status st = cut_points(told, &d.cut);
    if (st == BR_OK)
        *first = bri_apart_find_deal(ctx, &d);
    if (st == BR_OK && *first == 0) {
        st = bri_apart_deal(ctx, &d, first);
        if (st == BR_OK)
            st = hand_out(ctx, told->gather, d.cut, *first);
        if (st != BR_OK)
            bri_apart_renew(ctx); /* some ranks have no part */
    }
    bri_table_release(d.cut);
    return st;
}

/* ---- messages ---- */

br_status bri_tellings_pack(bri_plan *plan, bri_writer *w)
{
    const int n = plan->told != NULL ? plan->told->n : 0;
    BRI_TRY(bri_write(w, &n, sizeof n));
    for (int i = 0; i < n; i++) {
        const bri_told *told = &plan->told->told[i];
        int64_t first = 0;
        BRI_TRY(deal(plan->ctx, told, &first));
        BRI_TRY(bri_write(w, &first, sizeof first));
        BRI_TRY(bri_write_table(w, told->lists));
        BRI_TRY(bri_write_table(w, told->extents));
    }
    return BR_OK;
}

static br_status unpack(br_context *ctx, bri_reader *r, bri_told *told)
{
    int64_t first = 0;
    BRI_TRY(bri_read(r, &first, sizeof first));
    BRI_TRY(bri_read_table(ctx, r, &told->lists));
    BRI_TRY(bri_read_table(ctx, r, &told->extents));
    if (told->lists == NULL)
        return bri_error(BR_EINTERNAL, "lists of indices from rank 0 are missing");
    return first != 0 ? bri_apart_find(ctx, first + ctx->rank, &told->part) : BR_OK;
}

br_status bri_tellings_unpack(br_context *ctx, bri_reader *r, bri_tellings **out)
{
    int n = 0;
    BRI_TRY(bri_read(r, &n, sizeof n));
    *out = bri_calloc(1, sizeof **out);
    if (*out == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < n; i++) {
        bri_tellings *t = *out;
        BRI_TRY(bri_grow(&t->told, &t->room, (size_t)t->n, sizeof *t->told));
        t->told[t->n] = (bri_told){.lists = NULL};
        BRI_TRY(unpack(ctx, r, &t->told[t->n++]));
    }
    return BR_OK;
}
