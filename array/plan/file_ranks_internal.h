/* SPDX-License-Identifier: BSD-3-Clause
 * file_ranks_internal.h - what file_ranks.c and file_ranks_ask.c share.
 */
#ifndef BRI_FILE_RANKS_INTERNAL_H
#define BRI_FILE_RANKS_INTERNAL_H

#include "array/plan/file_ranks.h"

/* A file node, by its slot among the sorted nodes of the run, and the set of ranks that have it. */
typedef struct bri_placed {
    int32_t slot, set;
} bri_placed;

struct bri_file_ranks {
    atomic_int refs;
    bri_having **set;
    int nsets;
    bri_placed *file; /* in ascending order of slots */
    int nfiles;
    size_t set_room, file_room;
};

/* Adds a file that not all ranks have, after those of lower slots; *files may be NULL before. */
br_status bri_file_ranks_add(bri_file_ranks **files, int32_t slot, int nranks,
                             const unsigned char *has);

#endif
