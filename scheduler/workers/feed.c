/* SPDX-License-Identifier: BSD-3-Clause
 * feed.c - values go to workers in pieces.
 *
 * Each piece is the argument of a task. It stays with rank 0 in one of a ring of buffers until the
 * task is done, so no more than the ring is on its way whatever the value has.
 */
#include "runtime/feed.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/workers/values.h"
#include "scheduler/workers/workers.h"

enum { RING_BYTES = 32 << 20, LEAST_SLOTS = 4, MOST_SLOTS = 256 };

/* A piece; then come the name and the bytes, each padded to 16. */
typedef struct piece {
    uint64_t number, total, offset, bytes;
    uint32_t name_bytes, unused[3];
} piece;

/* ---- on the worker ---- */

static br_status put_piece(bri_store *store, const piece *p, const char *name, const char *data)
{
    bri_kept *kept = NULL;
    BRI_TRY(bri_shelf_begin(store->shelf, store->ctx->memory, p->number, p->total, &kept));
    if (p->bytes > 0)
        memcpy((char *)kept->data + p->offset, data, p->bytes);
    if (!bri_shelf_came(store->shelf, p->number, p->bytes))
        return BR_OK;
    br_status st = bri_shelf_put(store->shelf, name, kept);
    bri_shelf_end(store->shelf, p->number);
    return st;
}

static int take_piece(br_task *task, const void *args, size_t bytes)
{
    const piece *p = args;
    const char *name = (const char *)(p + 1);
    char where[96];
    (void)bytes;
    br_status st = put_piece(task->errand->store, p, name, name + p->name_bytes);
    if (st == BR_OK)
        return 0;
    return bri_task_failed(
        task, bri_error_context(st, "value \"%s\"%s", name, bri_task_where(task, where)));
}

static int abandon(br_task *task, const void *args, size_t bytes)
{
    uint64_t number;
    memcpy(&number, args, bytes);
    bri_shelf_end(task->errand->store->shelf, number);
    return 0;
}

/* ---- on rank 0 ---- */

typedef struct slot {
    br_future *future;
    char *buffer;
} slot;

typedef struct feeding {
    const bri_feed *feed;
    bri_choice *choice;
    uint64_t number;
    size_t name_bytes, piece_bytes; /* at most, of a piece */
    int nslots, next;
    char *block;
    size_t block_bytes;
    slot slots[MOST_SLOTS];
} feeding;

static void plan(feeding *f)
{
    const bri_feed *feed = f->feed;
    int n = f->choice->n;
    size_t most = 0, npieces = 0;
    for (int k = 0; k < n; k++) {
        size_t bytes = feed->bytes(feed->data, k, n);
        most = bytes > most ? bytes : most;
        npieces += bytes / BRI_FEED_PIECE + 1;
    }
    f->piece_bytes = most < BRI_FEED_PIECE ? most : BRI_FEED_PIECE;
    size_t fit = RING_BYTES / (f->piece_bytes + 1);
    fit = fit < LEAST_SLOTS ? LEAST_SLOTS : fit;
    fit = fit < npieces ? fit : npieces;
    f->nslots = fit < MOST_SLOTS ? (int)fit : MOST_SLOTS;
}

static br_status make_ring(feeding *f)
{
    size_t each = sizeof(piece) + f->name_bytes + bri_padded(f->piece_bytes);
    f->block_bytes = each * (size_t)f->nslots;
    f->block = bri_memory_get(f->feed->ctx->memory, f->block_bytes);
    if (f->block == NULL)
        return BR_ENOMEM;
    bri_memory_force(f->feed->ctx->memory, f->block_bytes);
    for (int i = 0; i < f->nslots; i++)
        f->slots[i] = (slot){NULL, f->block + (size_t)i * each};
    return BR_OK;
}

static br_status empty(slot *s)
{
    br_future *future = s->future;
    s->future = NULL;
    br_status st = future != NULL ? br_wait(future) : BR_OK;
    br_future_free(future);
    return st;
}

/* All of them, whatever happened: the buffers are free afterwards. */
static br_status empty_ring(feeding *f, br_status first)
{
    for (int i = 0; i < f->nslots; i++) {
        br_status st = empty(&f->slots[(f->next + i) % f->nslots]);
        first = first == BR_OK ? st : first;
    }
    return first;
}

static void free_ring(feeding *f)
{
    if (f->block == NULL)
        return;
    bri_memory_put(f->feed->ctx->memory, f->block, f->block_bytes);
    bri_memory_release(f->feed->ctx->memory, f->block_bytes);
}

static br_status send_piece(feeding *f, int k, size_t offset, size_t total)
{
    const bri_feed *feed = f->feed;
    slot *s = &f->slots[f->next];
    size_t bytes = total - offset < f->piece_bytes ? total - offset : f->piece_bytes;
    BRI_TRY(empty(s));
    f->next = (f->next + 1) % f->nslots;
    piece p = {.number = f->number,
               .total = total,
               .offset = offset,
               .bytes = bytes,
               .name_bytes = (uint32_t)f->name_bytes};
    char *name = s->buffer + sizeof p;
    memcpy(s->buffer, &p, sizeof p);
    memset(name, 0, f->name_bytes);
    memcpy(name, feed->name, strlen(feed->name));
    br_status st = feed->fill(feed->data, k, f->choice->n, offset, name + f->name_bytes, bytes);
    if (st != BR_OK)
        return bri_workers_fail(feed->ctx, bri_workers_place(st, feed->at, feed->function));
    s->future = br_submit_((br_submit_args){.at = feed->at,
                                            .ctx = feed->ctx,
                                            .fn = take_piece,
                                            .args = s->buffer,
                                            .bytes = sizeof p + f->name_bytes + bytes,
                                            .name = feed->function,
                                            .on = {true, f->choice->ranks[k]},
                                            .borrowed = bri_workers_may_borrow()});
    return s->future != NULL ? br_future_status(s->future) : BR_ENOMEM;
}

static br_status send_all(feeding *f)
{
    int n = f->choice->n;
    for (int k = 0; k < n; k++) {
        size_t total = f->feed->bytes(f->feed->data, k, n);
        size_t offset = 0;
        do {
            BRI_TRY(send_piece(f, k, offset, total));
            offset += f->piece_bytes;
        } while (offset < total);
    }
    return BR_OK;
}

/* What has come of the value is nothing without the rest. */
static void abandon_all(feeding *f)
{
    br_submit_args a = {.at = f->feed->at,
                        .ctx = f->feed->ctx,
                        .fn = abandon,
                        .args = &f->number,
                        .bytes = sizeof f->number,
                        .name = f->feed->function};
    bri_workers_run(f->choice, a, NULL, 0);
}

static br_status feed_chosen(const bri_feed *feed, bri_choice *choice)
{
    feeding *f = bri_calloc(1, sizeof *f);
    if (f == NULL)
        return bri_workers_fail(feed->ctx, BR_ENOMEM);
    f->feed = feed;
    f->choice = choice;
    f->number = bri_shelf_number(feed->ctx->rank);
    f->name_bytes = bri_padded(strlen(feed->name) + 1);
    plan(f);
    br_status st = make_ring(f);
    if (st == BR_OK) {
        st = empty_ring(f, send_all(f));
        if (st != BR_OK)
            abandon_all(f);
    } else {
        bri_workers_fail(feed->ctx, st);
    }
    free_ring(f);
    bri_free(f);
    return st;
}

static br_status check(const bri_feed *feed, bri_choice **choice)
{
    if (feed->ctx->status != BR_OK)
        return bri_error(feed->ctx->status, "%s", feed->ctx->message);
    BRI_TRY(bri_name_check(feed->name));
    return bri_workers_choose(feed->ctx, feed->workers, false, choice);
}

br_status bri_feed_workers(const bri_feed *feed)
{
    bri_choice *choice = NULL;
    br_status st = check(feed, &choice);
    if (st != BR_OK)
        return bri_workers_fail(feed->ctx, bri_workers_place(st, feed->at, feed->function));
    st = feed_chosen(feed, choice);
    bri_free(choice);
    return st;
}
