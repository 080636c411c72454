/* SPDX-License-Identifier: BSD-3-Clause
 * apart.c - the numbered tables of a context, the same on every rank.
 */
#include "array/expr/apart.h"

#include <string.h>

#include "array/expr/node.h"
#include "runtime/alloc.h"
#include "runtime/scheduler.h"

static bri_apart *apart_of(const br_context *ctx)
{
    return &bri_array_data_of(ctx)->apart;
}

static br_status add(bri_apart *apart, const bri_apart_entry *entry)
{
    BRI_TRY(bri_grow(&apart->entry, &apart->room, apart->n, sizeof *apart->entry));
    apart->entry[apart->n++] = *entry;
    return BR_OK;
}

typedef struct share_head {
    int64_t id;
    uint64_t hash;
} share_head;

/* ---- rank 0 ---- */

static br_status send(br_context *ctx, int rank, int64_t id, const bri_table *table)
{
    const share_head head = {id, table->hash};
    size_t n = sizeof head + table->bytes;
    unsigned char *message = bri_malloc(n);
    if (message == NULL)
        return BR_ENOMEM;
    memcpy(message, &head, sizeof head);
    if (table->bytes > 0)
        memcpy(message + sizeof head, table->data, table->bytes);
    br_status st = ctx->scheduler->share(ctx, rank, message, n);
    bri_free(message);
    return st;
}

br_status bri_apart_number(br_context *ctx, bri_table *table, int64_t *id)
{
    bri_apart *apart = apart_of(ctx);
    for (size_t i = 0; i < apart->n; i++)
        if (bri_table_equal(apart->entry[i].table, table)) {
            *id = apart->entry[i].id;
            return BR_OK;
        }
    bri_apart_entry e = {apart->last + 1, bri_table_retain(table), table->bytes, false};
    br_status st = add(apart, &e);
    if (st != BR_OK) {
        bri_table_release(table);
        return st;
    }
    st = send(ctx, BRI_ALL_RANKS, e.id, table);
    if (st != BR_OK) {
        apart->n--;
        bri_table_release(table);
        return st;
    }
    *id = ++apart->last;
    apart->sent += (int64_t)e.bytes;
    return BR_OK;
}

/* ---- rank 0: tables that are dealt ---- */

static bool is_like(const bri_deal *a, const bri_deal *b)
{
    return bri_table_equal(a->cut, b->cut) && bri_table_equal(a->of, b->of) &&
           bri_table_equal(a->with[0], b->with[0]) && bri_table_equal(a->with[1], b->with[1]);
}

/* It becomes the last one. */
int64_t bri_apart_find_deal(br_context *ctx, const bri_deal *like)
{
    bri_apart *apart = apart_of(ctx);
    for (size_t i = 0; i < apart->ndeals; i++) {
        const bri_deal d = apart->deal[i];
        if (!is_like(&d, like))
            continue;
        memmove(&apart->deal[i], &apart->deal[i + 1], (apart->ndeals - 1 - i) * sizeof d);
        apart->deal[apart->ndeals - 1] = d;
        return d.first;
    }
    return 0;
}

br_status bri_apart_deal(br_context *ctx, const bri_deal *deal, int64_t *first)
{
    bri_apart *apart = apart_of(ctx);
    BRI_TRY(bri_grow(&apart->deal, &apart->deals_room, apart->ndeals, sizeof *apart->deal));
    bri_deal *d = &apart->deal[apart->ndeals++];
    *d = *deal;
    d->first = *first = apart->last + 1;
    apart->last += ctx->nranks;
    bri_table_retain(d->of);
    bri_table_retain(d->cut);
    bri_table_retain(d->with[0]);
    bri_table_retain(d->with[1]);
    return BR_OK;
}

br_status bri_apart_hand(br_context *ctx, int64_t first, int rank, const bri_table *part)
{
    apart_of(ctx)->dealt += (int64_t)part->bytes;
    return send(ctx, rank, first + rank, part);
}

static void release_deal(const bri_deal *d)
{
    bri_table_release(d->of);
    bri_table_release(d->cut);
    bri_table_release(d->with[0]);
    bri_table_release(d->with[1]);
}

/* ---- rank 0: what is gone ---- */

/* Nobody else counts it, so nobody else can begin to. */
static bool is_gone(const bri_table *table, int own)
{
    return atomic_load_explicit(&table->refs, memory_order_acquire) == own;
}

static int count_deals(const bri_apart *apart, size_t from, const bri_table *of)
{
    int n = 0;
    for (size_t i = from; i < apart->ndeals; i++)
        n += apart->deal[i].of == of;
    return n;
}

/* Slices of a take, and ranks of other speeds, have deals of their own; a take in two parts has two
 * in one message (gather_pick.h). */
enum { MOST_DEALS = 4 };

static bool stays(const bri_apart *apart, size_t i)
{
    const bri_deal *d = &apart->deal[i];
    return !is_gone(d->of, count_deals(apart, 0, d->of)) &&
           count_deals(apart, i + 1, d->of) < MOST_DEALS;
}

/* From the last one on; where a table has nothing but deals, all of them go one after the other. */
static void sweep_deals(const br_context *ctx, bri_apart *apart, bool all)
{
    for (size_t i = apart->ndeals; i-- > 0;) {
        const bri_deal d = apart->deal[i];
        if (!all && stays(apart, i))
            continue;
        for (int r = 0; r < ctx->nranks; r++)
            apart->gone[apart->ngone++] = d.first + r;
        apart->ndeals--;
        memmove(&apart->deal[i], &apart->deal[i + 1], (apart->ndeals - i) * sizeof d);
        release_deal(&d);
    }
}

static void sweep_entries(bri_apart *apart, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < apart->n; i++) {
        bri_apart_entry *e = &apart->entry[i];
        if (all || is_gone(e->table, 1)) {
            apart->gone[apart->ngone++] = e->id;
            bri_table_release(e->table);
        } else {
            apart->entry[kept++] = *e;
        }
    }
    apart->n = kept;
}

void bri_apart_renew(br_context *ctx)
{
    atomic_store_explicit(&apart_of(ctx)->renewed, true, memory_order_relaxed);
}

br_status bri_apart_sweep(br_context *ctx)
{
    bri_apart *apart = apart_of(ctx);
    size_t most = apart->ngone + apart->n + apart->ndeals * (size_t)ctx->nranks;
    while (apart->gone_room < most)
        BRI_TRY(bri_grow(&apart->gone, &apart->gone_room, apart->gone_room, sizeof *apart->gone));
    bool all = atomic_exchange_explicit(&apart->renewed, false, memory_order_relaxed);
    sweep_deals(ctx, apart, all);
    sweep_entries(apart, all);
    return BR_OK;
}

void bri_apart_gone_told(br_context *ctx)
{
    apart_of(ctx)->ngone = 0;
}

/* ---- the other ranks ---- */

static bri_table *charged_copy(br_context *ctx, const void *from, size_t bytes)
{
    bri_table *table = bri_table_new(bytes);
    if (table != NULL && bri_table_charge(table, ctx->memory) != BR_OK) {
        bri_table_release(table);
        return NULL;
    }
    if (table == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(table->data, from, bytes);
    bri_table_seal(table);
    return table;
}

/* What does not fit is told by the run that needs it. */
void bri_apart_keep(br_context *ctx, const void *message, size_t bytes)
{
    share_head head;
    BRI_ASSERT(bytes >= sizeof head);
    memcpy(&head, message, sizeof head);
    bri_apart_entry e = {.id = head.id, .bytes = bytes - sizeof head};
    e.table = charged_copy(ctx, (const char *)message + sizeof head, e.bytes);
    e.garbled = e.table != NULL && e.table->hash != head.hash;
    if (add(apart_of(ctx), &e) != BR_OK)
        bri_table_release(e.table);
}

static bri_apart_entry *find(bri_apart *apart, int64_t id)
{
    for (size_t i = apart->n; i-- > 0;)
        if (apart->entry[i].id == id)
            return &apart->entry[i];
    return NULL;
}

br_status bri_apart_find(br_context *ctx, int64_t id, bri_table **out)
{
    const bri_apart_entry *e = find(apart_of(ctx), id);
    if (e == NULL)
        return bri_error(BR_ENOMEM, "there was no memory for data that belongs to an expression");
    if (e->table == NULL)
        return bri_error(BR_EMEMLIMIT,
                         "%zu bytes that belong to an expression (indices, data of a function's) "
                         "do not fit BRAMBLE_MEMORY_LIMIT: raise it",
                         e->bytes);
    if (e->garbled)
        return bri_error(BR_EINTERNAL, "data that belongs to an expression came garbled");
    *out = bri_table_retain(e->table);
    return BR_OK;
}

void bri_apart_drop(br_context *ctx, int64_t id)
{
    bri_apart *apart = apart_of(ctx);
    bri_apart_entry *e = find(apart, id);
    if (e == NULL)
        return;
    bri_table_release(e->table);
    size_t i = (size_t)(e - apart->entry);
    memmove(e, e + 1, (--apart->n - i) * sizeof *e);
}

void bri_apart_clear(br_context *ctx)
{
    bri_apart *apart = apart_of(ctx);
    for (size_t i = 0; i < apart->n; i++)
        bri_table_release(apart->entry[i].table);
    for (size_t i = 0; i < apart->ndeals; i++)
        release_deal(&apart->deal[i]);
    bri_free(apart->entry);
    bri_free(apart->deal);
    bri_free(apart->gone);
    memset(apart, 0, sizeof *apart);
}
