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

static br_status send(br_context *ctx, const bri_apart_entry *e)
{
    const share_head head = {e->id, e->table->hash};
    size_t n = sizeof head + e->bytes;
    unsigned char *message = bri_malloc(n);
    if (message == NULL)
        return BR_ENOMEM;
    memcpy(message, &head, sizeof head);
    if (e->bytes > 0)
        memcpy(message + sizeof head, e->table->data, e->bytes);
    br_status st = ctx->scheduler->share(ctx, message, n);
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
    st = send(ctx, &e);
    if (st != BR_OK) {
        apart->n--;
        bri_table_release(table);
        return st;
    }
    *id = ++apart->last;
    apart->sent += (int64_t)e.bytes;
    return BR_OK;
}

br_status bri_apart_sweep(br_context *ctx, int64_t **gone, int *n)
{
    bri_apart *apart = apart_of(ctx);
    size_t kept = 0;
    *n = 0;
    *gone = bri_calloc(apart->n + 1, sizeof **gone);
    if (*gone == NULL)
        return BR_ENOMEM;
    for (size_t i = 0; i < apart->n; i++) {
        bri_apart_entry *e = &apart->entry[i];
        /* Nobody else counts it, so nobody else can begin to. */
        if (atomic_load_explicit(&e->table->refs, memory_order_acquire) == 1) {
            (*gone)[(*n)++] = e->id;
            bri_table_release(e->table);
        } else {
            apart->entry[kept++] = *e;
        }
    }
    apart->n = kept;
    return BR_OK;
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
    bri_free(apart->entry);
    *apart = (bri_apart){0};
}
