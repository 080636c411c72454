/* SPDX-License-Identifier: BSD-3-Clause
 * bell.h - what a communication thread sleeps on: its own process and the ranks of the same host
 * ring it when there is something for it.
 *
 * MPI has no way to sleep until a message comes, so a thread that sleeps must look again after a
 * while. Ranks on one host need not wait for that: each has a page of memory that the others map,
 * with a futex in it, which they wake after a send. Bells are a hint: a missed ring, or a host
 * where they don't work, costs the sleep's length.
 */
#ifndef BRI_MPI_BELL_H
#define BRI_MPI_BELL_H

#include <stdbool.h>
#include <stdint.h>

/* Where others find a bell; travels with what the ranks tell each other when they meet. */
typedef struct bri_bell_place {
    int32_t pid, fd; /* pid is 0 when there is none */
    uint64_t secret[2];
} bri_bell_place;

/* ---- the communication thread ---- */

/* Makes this process's. Whatever fails, the thread has a bell that its own process can ring. */
void bri_bell_open(bri_bell_place *mine);
/* Maps those of the other ranks: where(r) says where rank r's is. False without memory. */
bool bri_bell_connect(int rank, int nranks, bri_bell_place (*where)(int rank));
/* This rank can ring all others. They tell each other. */
bool bri_bell_rings_all(void);
void bri_bell_heard_by(int nranks, const bool rings_all[]);
/* Its own process must not ring meanwhile. */
void bri_bell_close(void);

/* Rings another rank's, if it is on this host; after what it shall find there. */
void bri_bell_ring_rank(int rank);
/* Every rank can ring every other one's. */
bool bri_bell_hears_all(void);
/* Sleeps until the bell rings, or so many seconds, unless `something` is there already. */
void bri_bell_wait(double seconds, bool (*something)(void));

/* ---- any thread ---- */

/* Rings this process's. */
void bri_bell_ring(void);

#endif
