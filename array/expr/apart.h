/* SPDX-License-Identifier: BSD-3-Clause
 * apart.h - what travels to the other ranks apart from the expressions that mention it: tables, and
 * parameters that hold data of the user's.
 *
 * A message has the number of such bytes; they go once to each rank and stay there as long as rank
 * 0 has something that mentions them. So the message of a run is short whatever they are.
 */
#ifndef BRI_APART_H
#define BRI_APART_H

#include "array/expr/table.h"
#include "runtime/context.h"

/* Bytes up to this stay in the message. */
enum { BRI_APART_BYTES = 1024 };

typedef struct bri_apart_entry {
    int64_t id;
    bri_table *table; /* NULL on a rank that had no memory for it, */
    size_t bytes;     /*  which its text tells */
    bool garbled;     /* on its way */
} bri_apart_entry;

/* Of a context. */
typedef struct bri_apart {
    bri_apart_entry *entry; /* ascending ids */
    size_t n, room;
    int64_t last;
    int64_t sent; /* bytes, to each rank (rank 0) */
} bri_apart;

/* Rank 0: the number under which all ranks have the table's bytes; sends them when they have not.
 */
br_status bri_apart_number(br_context *ctx, bri_table *table, int64_t *id);
/* Rank 0: forgets what nothing mentions any more; their numbers, in a list of the caller's. */
br_status bri_apart_sweep(br_context *ctx, int64_t **gone, int *n);

/* Ranks above 0: takes what rank 0 has sent (bri_engine.keep). */
void bri_apart_keep(br_context *ctx, const void *message, size_t bytes);
/* The table of a number, counted for the caller; BR_EMEMLIMIT when it did not fit here. */
br_status bri_apart_find(br_context *ctx, int64_t id, bri_table **out);
void bri_apart_drop(br_context *ctx, int64_t id);

/* At the end of the context. */
void bri_apart_clear(br_context *ctx);

#endif
