/* SPDX-License-Identifier: BSD-3-Clause
 * feed.h - values for workers that are made piece by piece: how arrays reach scheduler/workers.
 */
#ifndef BRI_FEED_H
#define BRI_FEED_H

#include <bramble/base.h>

/* Pieces have at most so many bytes. */
enum { BRI_FEED_PIECE = 4 << 20 };

/* A value named `name` for each of the chosen workers. */
typedef struct bri_feed {
    br_context *ctx;
    br_place at;
    const char *function; /* that the user called, for messages */
    const char *workers, *name;
    /* How many bytes the kth of n gets. */
    size_t (*bytes)(void *data, int k, int n);
    /* Writes some of them; called for one worker after the other, front to back. */
    br_status (*fill)(void *data, int k, int n, size_t offset, void *buffer, size_t bytes);
    void *data;
} bri_feed;

/* Returns when all have it. An error is stored in the context. (scheduler/workers/feed.c) */
br_status bri_feed_workers(const bri_feed *feed);

/* The values of this name of the chosen workers, one behind the other. */
typedef struct bri_gathering {
    br_context *ctx;
    br_place at;
    const char *function;
    const char *workers, *name;
    /* Where so many bytes go. */
    br_status (*room)(void *data, size_t bytes, void **to);
    void *data;
} bri_gathering;

/* Returns when they are there. An error is stored in the context. (scheduler/workers/pull.c) */
br_status bri_gather_values(const bri_gathering *gathering);

/* Element number i of `n` begins the part of the kth of `parts`: as even as can be, the first ones
 * get one more (NumPy's array_split). k = parts gives n. */
static inline int64_t bri_feed_split(int64_t n, int k, int parts)
{
    int64_t more = n % parts;
    return n / parts * k + (k < more ? k : more);
}

#endif
