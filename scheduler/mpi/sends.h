/* SPDX-License-Identifier: BSD-3-Clause
 * sends.h - long values on their way out.
 *
 * What goes down a tree (tree.h) from this rank goes to one rank after the other, the one with most
 * readers below it first: they share this rank's link, and those below can begin earlier. A moment
 * is spent waiting for the wish of a larger one.
 *
 * All of it is the communication thread's.
 */
#ifndef BRI_MPI_SENDS_H
#define BRI_MPI_SENDS_H

#include <stdio.h>

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/match.h"

struct bri_part;

/* One of them. */
typedef struct bri_sending bri_sending;
struct bri_sending {
    bri_transfer transfer; /* first */
    /* All of it has left; or it never will, since the run failed, and the wish was refused. */
    void (*done)(bri_sending *sending);
    const void *data;
    size_t used, bytes; /* of the data; of the reader's room for it */
    /* Of a value that goes in parts: what comes after these bytes, and who makes the next ones when
     * they have left, for bri_sends_go_on. Once it has begun it goes to its end, also after a
     * failure. */
    size_t rest;
    void (*more)(bri_sending *sending);
    /* The rest belongs to sends.c. */
    struct bri_part *part;
    struct bri_fan *fan; /* NULL: it goes to this reader alone */
    bri_sending *next;
    bri_sending *next_of_part, **link_of_part; /* neighbours write the link */
    bri_key key;
    int to, slot, count;
};

/* Sends what the wish is of; done, data, used and bytes are set. */
void bri_sends_add(struct bri_part *part, bri_sending *sending, const bri_match_entry *wish);
/* The next `bytes` of what goes in parts are at `data`. */
void bri_sends_go_on(bri_sending *sending, size_t bytes);
/* Begins what waits; true when something began. */
bool bri_sends_step(struct bri_part *part);
/* After a failure: refuses what has not begun. */
void bri_sends_give_up(struct bri_part *part);
/* A line for each of the first few. */
void bri_sends_print(const struct bri_part *part, FILE *to);

#endif
