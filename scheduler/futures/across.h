/* SPDX-License-Identifier: BSD-3-Clause
 * across.h - waits of tasks for what belongs to another context.
 *
 * No store knows of other contexts' tasks, so such waits of the whole process are listed here. By
 * way of them the walk to all that a wish leads to (needs.h) goes on from store to store. Who is
 * the last to close a cycle sees it: it lists its own wait before it looks.
 */
#ifndef BRI_FUTURES_ACROSS_H
#define BRI_FUTURES_ACROSS_H

#include "scheduler/futures/needs.h"

typedef struct bri_crossing {
    struct bri_crossing *next, **link;
    const bri_blocked *wait;
    bri_store *store; /* that it waits in */
    enum { BRI_UNSEEN, BRI_REACHED, BRI_WALKED } seen;
} bri_crossing;

/* Without any store's lock, as all here. */
void bri_crossing_begin(bri_crossing *crossing);
void bri_crossing_end(bri_crossing *crossing);
/* They look again at what they wait for. */
void bri_crossings_wake(void);

/* Does what the calling thread's task waits for in the store wait for that task, by way of several
 * contexts? Then also the last one before it: its name, and the errand, to be compared only. */
typedef struct bri_culprit {
    char name[400];
    const bri_errand *errand;
} bri_culprit;
bool bri_leads_across(bri_store *store, const bri_wish *wish, bri_culprit *culprit);

/* For the watch thread: tasks of this context that wait for others'. */
void bri_crossings_print(const br_context *ctx, FILE *to);

/* What it waits for; of several that are not over how many, and the first. With the store's
 * lock. */
void bri_wish_describe(const bri_wish *wish, char text[400]);
void bri_inside_describe(const bri_inside *task, char text[400]);
void bri_culprit_describe(const bri_wants *needs, char text[400]);

#endif
