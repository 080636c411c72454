/* SPDX-License-Identifier: BSD-3-Clause
 * persist.h - arrays whose chunks stay in the memory of the ranks that computed them, or in files.
 */
#ifndef BRI_PERSIST_H
#define BRI_PERSIST_H

#include "array/plan/stage.h"

/* One persisted array, on every rank; chunk[i] is NULL where another rank has it. */
typedef struct bri_persisted {
    int64_t id;
    struct bri_persisted *next;
    br_context *ctx;
    br_dtype dtype;
    int ndim;
    bri_axis axis[BR_MAX_NDIM];
    int64_t nchunks;
    int32_t *owner;
    bool on_disk; /* on every rank: chunks are in the ranks' spill files, block[i] says where */
    void **chunk;
    bri_spill_block *block;
    size_t *bytes;
} bri_persisted;

/* A new entry in the context's table with the grid of the stage's value; on disk when the plan is
 * that thrifty. */
br_status bri_persisted_new(br_context *ctx, int64_t id, const bri_stage *stage,
                            bri_persisted **out);
/* Notes the owners of the chunks, when the plan that makes them knows them. */
void bri_persisted_place(bri_persisted *p, const bri_stage *stage);
bri_persisted *bri_persisted_find(br_context *ctx, int64_t id);
/* Takes an entry out and frees its chunks; unknown ids are fine. */
void bri_persisted_drop(br_context *ctx, int64_t id);

/* Writes a persisted array that is in memory to disk, the largest one; *moved false when there is
 * none. On a single rank, while nothing runs. */
br_status bri_persisted_move_out(br_context *ctx, bool *moved);

/* The chunk of a stage of persisted ones or results, on its owner, in memory. */
void *bri_direct_chunk(const bri_stage *stage, int64_t chunk);

/* Do the chunks of a stage of that kind lie where the plan would put them? */
bool bri_persisted_in_runs(const bri_stage *stage);

/* The element of a stage's value at an index, which is number `inside` of its chunk. *run elements
 * follow in the row; it becomes 1 where they do not lie side by side, in the caller's memory. */
const char *bri_source_element(bri_work *work, const bri_stage *from, int64_t chunk, int64_t inside,
                               const int64_t *at, int64_t *run);

#endif
