/* SPDX-License-Identifier: BSD-3-Clause
 * serve.h - commands from rank 0 to the others, and the loop in which those spend their lives.
 */
#ifndef BRI_MPI_SERVE_H
#define BRI_MPI_SERVE_H

#include "runtime/context.h"
#include "scheduler/mpi/link.h"
#include "scheduler/threads/pool.h"

/* ctx->scheduler_data under the mpi scheduler. */
typedef struct bri_mpi_context {
    unsigned number; /* the same on every rank */
    bri_pool *pool;
    bool shared;           /* the program runs MPI */
    uint64_t last_started; /* job */
} bri_mpi_context;

/* ---- rank 0; any thread but the communication thread ---- */

/* Opens context `number` on all ranks with this process's settings and waits until it is; the first
 * error of any. */
br_status bri_serve_open(unsigned number);
void bri_serve_close(unsigned number);
br_status bri_serve_announce(uint64_t part, const void *message, size_t bytes);
/* Bytes for the engine of context `number` on a rank, or on each (BRI_ALL_RANKS); waits until they
 * are on their way, short ones, or there. */
br_status bri_serve_share(unsigned number, int rank, const void *message, size_t bytes);
/* The last command: all ranks finalise MPI, this one too. */
void bri_serve_send_exit(int code);

/* ---- ranks above 0 ---- */

/* Serves all contexts of rank 0 until it ends or leaves the communicator: returns the exit code.
 * ctx is the one this rank has opened; its engine is closed then. */
int bri_serve_forever(br_context *ctx);

/* For a thread that sleeps inside a task: when it is the one that serves, it begins the jobs that
 * have been announced meanwhile, and opens contexts. */
void bri_serve_pump(void);

/* Some job has landed: the serving thread frees what it leaves. Any thread. */
void bri_serve_tidy(void);

/* ---- the communication thread ---- */

void bri_serve_on_command(int from, const bri_packet *packet, const void *payload);
void bri_serve_on_opened(int from, const bri_packet *packet, const void *payload);

#endif
