/* SPDX-License-Identifier: BSD-3-Clause
 * aside.h - threads beside the pool, for what other ranks ask of this one.
 *
 * The pool's threads go through this rank's own tasks in their order; an answer in that order would
 * come when those are done. The operating system shares the cores out between the two.
 */
#ifndef BRI_MPI_ASIDE_H
#define BRI_MPI_ASIDE_H

/* First member of what is asked for. */
typedef struct bri_aside bri_aside;
struct bri_aside {
    void (*run)(bri_aside *work);
    bri_aside *next;
};

/* The communication thread only. Runs the work on some thread, in no order; as many at a time as
 * this rank has threads. */
void bri_aside_add(bri_aside *work);
/* Ends the threads, when there is no work left. */
void bri_aside_end(void);

#endif
