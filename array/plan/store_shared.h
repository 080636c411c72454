/* SPDX-License-Identifier: BSD-3-Clause
 * store_shared.h - a file that several ranks write: each one writes the chunks that it makes.
 *
 * Rank 0 has the file in HDF5. The others ask it for space, write there, and send it a record of
 * each stored chunk, 16 bytes. Who does not see the file sends the chunks.
 */
#ifndef BRI_STORE_SHARED_H
#define BRI_STORE_SHARED_H

#include "array/expr/wire.h"
#include "array/io/hdf5.h"
#include "array/plan/stage.h"

/* Which ranks write. */
struct bri_sharing {
    uint64_t id; /* of the file */
    int nranks;
    bool sync;   /* each chunk is on the disk before it counts */
    size_t page; /* several hosts write: each one pages of its own, of this size; else 0 */
    unsigned char writes[]; /* by rank */
};

/* Rank 0: the meeting of a file with the other ranks. */
typedef struct bri_joining {
    bri_h5_meeting meeting; /* first */
    br_context *ctx;
    const char *name;     /* of the file, in messages */
    bri_sharing *sharing; /* what came out; NULL: rank 0 writes alone */
    int error, rank;      /* why the first rank that did not join did not: an errno, */
    bool copy;            /*  or it saw another file */
} bri_joining;

/* Begins it, before the output is opened; with one rank there is nothing to ask. */
void bri_joining_begin(bri_joining *j, br_context *ctx, const char *name);
/* The others close the file; with `sync`, what they wrote is on the disk. Frees what came out. Also
 * of a meeting that never took place. */
br_status bri_joining_end(bri_joining *j, bool sync);
/* Tells the log who writes, or why nobody was asked; none: nobody does, and that is told
 * elsewhere. */
void bri_joining_tell(const bri_joining *j, bool none);

/* A task's request for space. */
br_status bri_claim_space(br_context *ctx, uint64_t id, uint64_t bytes, uint64_t *address);

/* ---- the wire ---- */

br_status bri_sharing_pack(const bri_sharing *sharing, bri_writer *w);
br_status bri_sharing_unpack(bri_reader *r, int nranks, bri_sharing **out);

#endif
