/* SPDX-License-Identifier: BSD-3-Clause
 * crew.h - the ranks as the workers of one store, as rank 0 sees them: how many errands each of
 * them should have. The communication thread's.
 */
#ifndef BRI_MPI_CREW_H
#define BRI_MPI_CREW_H

#include "scheduler/futures/store.h"

typedef struct bri_member {
    int threads;
    int out;        /* errands that it has (store's lock) */
    int waiting;    /*  of them: wait for messages, and another thread is in the place of each */
    double seconds; /* that one takes, 0: not known */
    double heard;   /* when it last brought something */
    bool recalled;  /* it has been asked for what it has not begun */
} bri_member;

typedef struct bri_crew {
    struct bri_crew *next;
    bri_store *store;
    unsigned context;
    int nranks;
    bri_member member[];
} bri_crew;

/* It has run n errands, which took so long together. */
void bri_crew_learn(bri_member *m, int64_t ns, int n);

/* The rest with the store's lock. */

void bri_crew_count_waiting(bri_crew *c);
/* What would fill it up. Short errands go in batches: nothing until a quarter is missing. */
int bri_crew_room(const bri_member *m);
bool bri_crew_any_room(const bri_crew *c);
/* What its threads can begin at once, and a share of what is left when everybody else who is idle
 * has been thought of. */
int bri_crew_share(const bri_crew *c, const bri_member *m);
/* Some thread, here or elsewhere, has nothing to run. */
bool bri_crew_some_idle(const bri_crew *c);

#endif
