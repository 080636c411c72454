/* SPDX-License-Identifier: BSD-3-Clause
 * store_fit.h - can the ranks that see a file write the chunks of a dataset that they make?
 */
#ifndef BRI_STORE_FIT_H
#define BRI_STORE_FIT_H

#include "array/plan/store_shared.h"

/* Why not: rows of store_fit.c. */
typedef enum bri_store_fit {
    BRI_FIT_WHOLE, /* they can: stored chunks are made whole, by one rank each, at places of their
                      own; or there are none, in long rows */
    BRI_FIT_PAGES,
    BRI_FIT_SHORT,
    BRI_FIT_NOTED,
    BRI_FIT_KEPT,
    BRI_FIT_CUT,
    BRI_FIT_LIBRARY,
    BRI_FIT_CUT_FILTERED,
    BRI_FIT_KEPT_FILTERED,
} bri_store_fit;

/* page: of bri_sharing. */
bri_store_fit bri_store_fit_of(const bri_node *x, bri_h5_writer *writer, size_t page);
/* Are stored chunks made anew, whose old places become free? Then nobody else may write. */
bool bri_store_remakes(bri_store_fit fit);
/* Tells the log why chunks of the dataset travel; alone: nobody else writes. */
void bri_store_tell_fit(const bri_joining *j, const char *dataset, bri_store_fit fit, bool alone);

/* The first axis along which a chunk of the array begins inside a stored one, or it ends inside
 * one; *start tells where in the dataset. -1: there is none. */
int bri_store_axis_that_cuts(const bri_node *x, const bri_h5_form *form, int64_t *start);

#endif
