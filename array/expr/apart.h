/* SPDX-License-Identifier: BSD-3-Clause
 * apart.h - what travels to the other ranks apart from the expressions that mention it: tables, and
 * parameters that hold data of the user's.
 *
 * A message has the number of such bytes; they go once to each rank and stay there as long as rank
 * 0 has something that mentions them. So the message of a run is short whatever they are. A table
 * of which each rank needs a part of its own is dealt: the parts have numbers one after the other.
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

/* A table that has been dealt (rank 0). All of it is counted. */
typedef struct bri_deal {
    bri_table *of;      /* whose parts stay on the ranks as long as somebody else has it */
    bri_table *cut;     /* how: parts of one table that were cut alike are alike */
    bri_table *with[2]; /* what messages tell beside the parts; NULL: nothing */
    int64_t first;      /* rank r has its part by the number first + r */
} bri_deal;

/* Of a context. */
typedef struct bri_apart {
    bri_apart_entry *entry; /* ascending ids */
    size_t n, room;
    bri_deal *deal; /* rank 0: the latest one that was used is the last */
    size_t ndeals, deals_room;
    int64_t *gone; /* rank 0: numbers that the others have yet to be told of */
    size_t ngone, gone_room;
    atomic_bool renewed; /* rank 0: some rank may lack a table; relaxed */
    int64_t last;
    int64_t sent;  /* bytes, to each rank (rank 0), */
    int64_t dealt; /*  and those of parts, to all ranks together */
} bri_apart;

/* Rank 0: the number under which all ranks have the table's bytes; sends them when they have not.
 */
br_status bri_apart_number(br_context *ctx, bri_table *table, int64_t *id);
/* Rank 0: the number of the deal that is like this one, whose own does not count; 0: there is none.
 */
int64_t bri_apart_find_deal(br_context *ctx, const bri_deal *like);
/* Rank 0: begins one: *first is its number. Then every other rank gets its part. */
br_status bri_apart_deal(br_context *ctx, const bri_deal *deal, int64_t *first);
br_status bri_apart_hand(br_context *ctx, int64_t first, int rank, const bri_table *part);
/* Rank 0: some rank may lack a table, as there was no memory for it here or there: the next message
 * sends all that it mentions again. Any thread. */
void bri_apart_renew(br_context *ctx);
/* Rank 0: forgets what nothing mentions any more, and of a table's deals all but the latest; adds
 * their numbers to those that are gone. */
br_status bri_apart_sweep(br_context *ctx);
/* Rank 0: a message has told the others. */
void bri_apart_gone_told(br_context *ctx);

/* Ranks above 0: takes what rank 0 has sent (bri_engine.keep). */
void bri_apart_keep(br_context *ctx, const void *message, size_t bytes);
/* The table of a number, counted for the caller; BR_EMEMLIMIT when it did not fit here. */
br_status bri_apart_find(br_context *ctx, int64_t id, bri_table **out);
void bri_apart_drop(br_context *ctx, int64_t id);

/* At the end of the context. */
void bri_apart_clear(br_context *ctx);

#endif
