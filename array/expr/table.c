/* SPDX-License-Identifier: BSD-3-Clause
 * table.c - tables of nodes: made once, filled, sealed, then only read.
 */
#include "array/expr/table.h"

#include <string.h>

#include "array/expr/hash.h"
#include "runtime/alloc.h"

/* With room for some bytes. */
static bri_table *make(size_t bytes)
{
    bri_table *table = bri_malloc(sizeof *table + bytes);
    if (table == NULL)
        return NULL;
    *table = (bri_table){.bytes = bytes};
    atomic_init(&table->refs, 1);
    return table;
}

bri_table *bri_table_new(size_t bytes)
{
    if (bytes <= SIZE_MAX / 2)
        return make(bytes);
    bri_no_memory(bytes, "a table");
    return NULL;
}

bri_table *bri_table_absent(int64_t number, size_t bytes, uint64_t hash)
{
    bri_table *table = make(0);
    if (table == NULL)
        return NULL;
    table->bytes = bytes;
    table->hash = hash;
    table->stays = number;
    table->absent = true;
    return table;
}

void bri_table_stay(bri_table *table)
{
    static atomic_llong last; /* a number is all that is asked of it: relaxed */
    if (table->stays == 0)
        table->stays = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

br_status bri_table_charge(bri_table *table, bri_memory *memory)
{
    if (!bri_memory_reserve(memory, table->bytes))
        return bri_error(BR_EMEMLIMIT,
                         "a table of %zu bytes does not fit BRAMBLE_MEMORY_LIMIT: raise it",
                         table->bytes);
    bri_memory_stand(memory, table->bytes);
    table->charged = memory;
    return BR_OK;
}

void bri_table_seal(bri_table *table)
{
    table->hash = bri_hash_bytes(table->bytes, table->data, table->bytes);
}

bri_table *bri_table_retain(bri_table *table)
{
    if (table != NULL)
        atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

void bri_table_release(bri_table *table)
{
    if (table == NULL || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (table->charged != NULL) {
        bri_memory_unstand(table->charged, table->bytes);
        bri_memory_release(table->charged, table->bytes);
    }
    bri_free(table);
}

bool bri_table_equal(const bri_table *a, const bri_table *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->hash != b->hash || a->bytes != b->bytes)
        return false;
    if (a->absent || b->absent)
        return a->absent && b->absent && a->stays == b->stays;
    return memcmp(a->data, b->data, a->bytes) == 0;
}
