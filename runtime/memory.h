/* SPDX-License-Identifier: BSD-3-Clause
 * memory.h - chunk buffers: a pool of recycled blocks, and the budget that admits tasks.
 *
 * The budget is a counter of promised bytes (bri_memory_reserve before a task starts,
 * bri_memory_release when what it made is gone); the pool hands out the blocks themselves. A block
 * is only taken by who has reserved its bytes, so the bytes in use never exceed the bytes promised.
 * Idle blocks stay in the pool (fresh pages cost 1.6 us each) but are given back to the system when
 * promised + idle would exceed the limit, and all but 64 MiB of them when none has been taken for a
 * second or two. Blocks from 256 KiB on are mapped, so what is given back is gone.
 */
#ifndef BRI_MEMORY_H
#define BRI_MEMORY_H

#include <bramble/base.h>

#include "runtime/turns.h"

typedef struct bri_memory_stats {
    size_t limit, promised, peak, idle;
    size_t standing; /* of the promised bytes: those that belong to no run and stay */
} bri_memory_stats;

bri_memory *bri_memory_new(size_t limit);
void bri_memory_free(bri_memory *m);

/* Promises bytes when they fit under the limit, if need be after what is kept without need has been
 * given back. Thread-safe; lock-free where the bytes fit at once. */
bool bri_memory_reserve(bri_memory *m, size_t bytes);
/* The same, but nothing is given back for it: for who keeps things without need. */
bool bri_memory_spare(bri_memory *m, size_t bytes);

/* Who keeps promised bytes that can be given back: the function does so with all that it can, on
 * any thread, and must not reserve. */
typedef struct bri_reclaimer {
    void (*reclaim)(void *data);
    void *data;
    struct bri_reclaimer *next;
} bri_reclaimer;

void bri_memory_add_reclaimer(bri_memory *m, bri_reclaimer *reclaimer);
void bri_memory_remove_reclaimer(bri_memory *m, bri_reclaimer *reclaimer);
/* Has all of them give back what they can. */
void bri_memory_reclaim(bri_memory *m);

/* Nothing is promised beyond so many bytes, while one run has been predicted to need no more; 0 or
 * more than the limit: the limit. */
void bri_memory_set_ceiling(bri_memory *m, size_t bytes);
/* As bri_memory_spare, up to the limit: for tasks of other ranks, which this rank's prediction does
 * not know. */
bool bri_memory_spare_beyond(bri_memory *m, size_t bytes);

/* Promises them anyway, for the one task that must run so that there is progress. */
void bri_memory_force(bri_memory *m, size_t bytes);
void bri_memory_release(bri_memory *m, size_t bytes);
/* Promised bytes come to stay beyond any run (persisted chunks, tables of indices), and go
 * again. */
void bri_memory_stand(bri_memory *m, size_t bytes);
void bri_memory_unstand(bri_memory *m, size_t bytes);
/* Reserves bytes that stay, whatever a run has been predicted to need. */
bool bri_memory_reserve_standing(bri_memory *m, size_t bytes);

/* A block of at least `bytes`, 64-byte aligned (2 MiB aligned with huge pages from 2 MiB on);
 * contents undefined.
 * NULL with a BR_ENOMEM error when the system has none. bytes = 0 gives a valid block.
 * Thread-safe. */
void *bri_memory_get(bri_memory *m, size_t bytes);
void bri_memory_put(bri_memory *m, void *block, size_t bytes);

/* The jobs that share it. */
bri_turns *bri_memory_turns(bri_memory *m);

/* Of idle blocks up to so many bytes stay for good. */
#define BRI_MEMORY_RESTS ((size_t)64 << 20)
/* Gives the others back if no block has been taken since the last call; true when there is nothing
 * to come back for. */
bool bri_memory_rest(bri_memory *m);

void bri_memory_about(const bri_memory *m, bri_memory_stats *stats);
void bri_memory_reset_peak(bri_memory *m);

/* Memory this process may count on: the smaller of the host's and the cgroup's limits. */
uint64_t bri_host_memory(void);

#endif
