/* SPDX-License-Identifier: BSD-3-Clause
 * bundle.h - short values that another rank wants together (runtime/job_bundle.c): they are sent in
 * one packet when all of them are there.
 *
 * All of it is the communication thread's.
 */
#ifndef BRI_MPI_BUNDLE_H
#define BRI_MPI_BUNDLE_H

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/match.h"

/* What GATHER has of each value. */
typedef struct bri_gathered {
    int64_t slot;
    uint64_t bytes;
    bri_key key;
} bri_gathered;

/* What stands before the bytes of each in BUNDLE. */
typedef struct bri_bundled {
    int32_t slot;
    uint32_t bytes;
} bri_bundled;

_Static_assert(BRI_BUNDLE_VALUES *(BRI_BUNDLED_BYTES + sizeof(bri_bundled)) <= BRI_LINK_INLINE,
               "a bundle travels inside its packet");

/* The value of a wish that belongs to a bundle is there; NULL: it never will be. */
void bri_bundle_add(const bri_match_entry *wish, const bri_match_entry *ready);

void bri_bundle_on_gather(int from, const bri_packet *packet, const void *payload);

#endif
