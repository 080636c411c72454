/* SPDX-License-Identifier: BSD-3-Clause
 * table.h - immutable, counted bytes that a node has beside its parameters: the indices of a take,
 * the elements that each chunk keeps.
 *
 * They are many, and shared by the nodes that a node is made into, so they are not copied.
 */
#ifndef BRI_TABLE_H
#define BRI_TABLE_H

#include <stdatomic.h>

#include "runtime/error.h"
#include "runtime/memory.h"

typedef struct bri_table {
    atomic_int refs;
    size_t bytes;
    uint64_t hash;
    bri_memory *charged; /* what the bytes are promised in; NULL: nowhere */
    int64_t stays;       /* the number by which other ranks know it; 0: they have its bytes */
    bool absent;         /* the bytes are elsewhere */
    _Alignas(16) unsigned char data[];
} bri_table;

/* A table to be filled and sealed, counted once for the caller; NULL without memory. */
bri_table *bri_table_new(size_t bytes);
/* One whose bytes are on rank 0 alone, `bytes` of them, with its number and hash there. */
bri_table *bri_table_absent(int64_t number, size_t bytes, uint64_t hash);
/* Before it travels: its bytes stay here. */
void bri_table_stay(bri_table *table);
/* Promises its bytes for as long as it lives: BR_EMEMLIMIT when they do not fit. */
br_status bri_table_charge(bri_table *table, bri_memory *memory);
/* Ends filling: computes the hash. */
void bri_table_seal(bri_table *table);
/* NULL is fine in all of these. Absent tables are equal when their numbers are. */
bri_table *bri_table_retain(bri_table *table);
void bri_table_release(bri_table *table);
bool bri_table_equal(const bri_table *a, const bri_table *b);

#endif
