/* SPDX-License-Identifier: BSD-3-Clause
 * loan.h - what is lent in one message: a task alone, or a sub-tree.
 *
 * A ready task makes a chunk that one task here reads, say a leaf of a reduction, which reads
 * nothing else; then both go, and a partial result comes back instead of the chunk. Where two short
 * tasks end so in the same node of the tree, they and the node go together. In pictures, with
 * (values) and the one that comes back in brackets:
 *
 *   map -(chunk)-> leaf -[state]-> node              map -(chunk)-> leaf -(state)-\
 *                                                                                   node -[state]->
 *   of long tasks each on its own                    map -(chunk)-> leaf -(state)-/
 *
 * A value inside a loan is made and read by the helper. The lender has its tasks in flight, as
 * before, but not its bytes. A value that another rank or another task reads too is never inside,
 * so it comes back; nor is one whose reader has not been emitted yet.
 *
 * A grove is some ready tasks with all above them that can go along. Each loan cut out of it ends
 * where the fewest bytes come back.
 */
#ifndef BRI_MPI_LOAN_H
#define BRI_MPI_LOAN_H

#include "runtime/job.h"

enum { BRI_GROVE_LEAVES = 8, BRI_GROVE_TASKS = 4 * BRI_GROVE_LEAVES };

typedef struct bri_tree_task {
    bri_task *task;
    bool leaf;           /* it is ready */
    int reader;          /* in the grove, or -1 */
    int top;             /* of its loan, or -1: it stays here */
    size_t below;        /* bytes that come back where loans end below it, */
    bool pays;           /*  or where one ends here these are not more */
    int64_t nanoseconds; /* 0: nobody knows, */
    int64_t altogether;  /*  with all below it: INT64_MAX then */
} bri_tree_task;

typedef struct bri_grove {
    bri_tree_task of[BRI_GROVE_TASKS]; /* each behind those that it reads of */
    int n, nleaves;
} bri_grove;

typedef struct bri_loan {
    bri_task *task[BRI_GROVE_TASKS]; /* the last one's outputs come back */
    int n;
    bri_task *leaf[BRI_GROVE_LEAVES]; /* those that are ready */
    int nleaves;
    int64_t nanoseconds; /* 0: nobody knows */
    size_t moving;       /* bytes that travel, */
    size_t returned;     /*  and of those what comes back; */
    size_t bytes;        /* what it takes on a helper */
    int chunks;          /* that the helper asks for where they lie */
} bri_loan;

/* Adds a ready task; false when another rank cannot run it. The grove has room. */
bool bri_grove_add(bri_grove *grove, bri_job *job, bri_task *task);
/* All are there: finds what goes along, and which loans there are. */
void bri_grove_close(bri_grove *grove, bri_job *job);
/* The loan that ends with task `top` of the grove; false when it is the end of none, or without
 * memory. */
bool bri_grove_loan(const bri_grove *grove, int top, bri_job *job, bri_loan *loan);

/* Only one task here reads what it makes, and that has not been emitted yet. */
bool bri_lacks_reader(const bri_task *task);
/* Inputs of the loan that others make, each once: the next one after *task, *input; NULL at the
 * end. Both begin with 0. */
bri_value *bri_loan_input(const bri_loan *loan, int *task, unsigned *input);

#endif
