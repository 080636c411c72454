/* SPDX-License-Identifier: BSD-3-Clause
 * match.h - the owner's table of values that are ready but not wanted yet, and wanted but not ready
 * yet.
 */
#ifndef BRI_MPI_MATCH_H
#define BRI_MPI_MATCH_H

#include "runtime/job.h"

/* Instead of a reader's rank: of a value with many readers, any of them. */
enum { BRI_MATCH_ANY = -1 };

/* Either value or parked (ready) or, when both are NULL, slot and bytes (wanted) are known. */
typedef struct bri_match_entry bri_match_entry;
struct bri_match_entry {
    bri_match_entry *next;
    bri_key key;
    int rank;    /* the reader */
    int to;      /* of a wish: to whom the value goes */
    int count;   /* readers that will ask for it, or that the wish is for: more than 1 with ANY */
    int readers; /* of a wish with ANY: all that are below this rank */
    bri_value *value;
    struct bri_parked *parked; /* the value waits on disk (park.h) */
    bri_job *job;              /* of the value */
    int slot;
    uint64_t bytes;
    struct bri_mpi_bundle *bundle; /* of a wish: it is answered with others, as item; or NULL */
    int item;
};

static inline bool bri_match_is_ready(const bri_match_entry *e)
{
    return e->value != NULL || e->parked != NULL;
}

typedef struct bri_match {
    bri_match_entry **buckets;
    size_t nbuckets, nentries;
} bri_match;

/* The other half of this one, which stays; NULL when it is not there yet. */
bri_match_entry *bri_match_find(const bri_match *match, const bri_match_entry *half);
/* Takes the other half of this one out: the entry is the caller's, to be freed by bri_free. NULL
 * when it is not there yet. There may be several of one kind, for tasks that were lent. */
bri_match_entry *bri_match_take(bri_match *match, const bri_match_entry *half);
/* Keeps a half until the other comes (copied). BR_ENOMEM. */
br_status bri_match_put(bri_match *match, const bri_match_entry *half);
/* Takes any entry out, NULL when there is none. */
bri_match_entry *bri_match_pop(bri_match *match);
/* Takes out and frees all entries for which `take` is true. */
void bri_match_sift(bri_match *match, bool (*take)(void *data, const bri_match_entry *entry),
                    void *data);
void bri_match_fini(bri_match *match);

#endif
