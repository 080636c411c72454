/* SPDX-License-Identifier: BSD-3-Clause
 * meet.h - what the ranks tell each other when they meet, and whether they fit together.
 */
#ifndef BRI_MPI_MEET_H
#define BRI_MPI_MEET_H

#include "runtime/context.h"
#include "runtime/function.h"
#include "scheduler/mpi/bell.h"

enum { BRI_MEET_BYTES = 1024 };

/* Its size and its first fields never change, since other versions of the library read it. */
typedef union bri_meet_record {
    struct {
        char version[16];
        uint32_t byte_order;
        uint8_t pointer_bytes;
        char host[64];
        char program[2 * BRI_BUILD_ID + 1];
        char library[2 * BRI_BUILD_ID + 1];
        /* From here on it is read only after those above were found equal. */
        int32_t threads;
        char threads_why[160];
        double peer_timeout; /* rank 0's counts */
        /* What results depend on beside the expression: the class of kernels and OpenBLAS's kernel.
         */
        char kernels[32];
        char blas[32];
        uint8_t kernels_chosen; /* BRAMBLE_ISA is set: rank 0's counts, and all use that */
        bri_bell_place bell;
    };
    unsigned char bytes[BRI_MEET_BYTES];
} bri_meet_record;

void bri_meet_describe(const br_context *ctx, bri_meet_record *mine);

/* BR_OK, or BR_EPEER with one text that names the ranks and hosts that don't fit rank 0. */
br_status bri_meet_check(const bri_meet_record *all, int nranks);

/* Meets all ranks: fills in what follows and returns bri_meet_check. On the communication thread.
 */
br_status bri_meet(int rank, int nranks);
void bri_meet_set_mine(const bri_meet_record *mine);
void bri_meet_free(void);

int bri_meet_rank(void);
int bri_meet_nranks(void);
/* All ranks say the same; false before they have met. */
bool bri_meet_on_one_host(void);
const bri_meet_record *bri_meet_about(int rank);
/* Seconds that the ranks have to meet. */
double bri_meet_patience(void);
/* "rank 2 on pi-3"; "this process" before the ranks have met. */
const char *bri_meet_name(int rank, char text[96]);

#endif
