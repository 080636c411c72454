/* SPDX-License-Identifier: BSD-3-Clause
 * lend_inside.h - what lend.c and lend_some.c share.
 */
#ifndef BRI_MPI_LEND_INSIDE_H
#define BRI_MPI_LEND_INSIDE_H

#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/loan.h"

/* One that helps this rank. */
typedef struct bri_helper_rank {
    int rank, threads;
    size_t room, bytes; /* it may hold for this rank, and holds */
    int loans;
    double since; /* it has had nothing to do since then; while loans is 0 */
    double full;  /* until then it is taken to have no room; */
    double pause; /*  so long, or 0 when it has taken a loan since */
} bri_helper_rank;

/* Of a part. */
struct bri_lending {
    bri_helper_rank *helpers;
    size_t nhelpers, room;
    int nlent;         /* tasks that were ready */
    double now, again; /* when it was looked last, and when to look for tasks */
    double keep;       /* helpers without loans, before they are given back */
};

/* The helper with the least to do that has room for so much; NULL when none has. */
bri_helper_rank *bri_lend_best_helper(const bri_lending *lending, size_t bytes);
/* Tells the helper of it. BR_ENOMEM; then nothing has happened. */
br_status bri_lend_loan(bri_part *part, const bri_loan *loan, bri_helper_rank *h);
/* Takes tasks off the pool and lends some of them; the job is held (bri_part_hold). False when
 * there are none to take. */
bool bri_lend_some(bri_part *part, bool *lent);

#endif
