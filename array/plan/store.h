/* SPDX-License-Identifier: BSD-3-Clause
 * store.h - how arrays are told to the writers of files.
 */
#ifndef BRI_STORE_H
#define BRI_STORE_H

#include <bramble/store.h>

#include "array/expr/handle.h"
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/stage.h"

/* Makes the dataset that the arguments name, with their layout (store_new.c). x is what their array
 * has been resolved to. */
br_status bri_store_new(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                        bri_h5_writer **writer);

/* Opens it to write a region, or to append (store_part.c). */
br_status bri_store_region(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                           bri_h5_writer **writer);
br_status bri_store_append(bri_h5_output *o, const br_store_hdf5_args *args, const bri_node *x,
                           bri_h5_writer **writer);

/* Instead of the outputs' nodes, each counted for the caller: the same arrays, cut where stored
 * chunks end, where their own chunks cut these; all or none. With `always`, whatever memory that
 * takes: which chunks are stored is noted in this grid. A change of it needs another number. */
enum { BRI_STORE_CUT = 1 };
br_status bri_store_align(br_context *ctx, br_place at, const br_store_hdf5_args *stores,
                          const bri_sink *sinks, bri_node **nodes, int n, bool always);

/* What two stores must have in common for the second to go on with the first (fingerprint.c).
 * Errors: BR_EUNSUPPORTED, what cannot be known by another program. */
br_status bri_store_fingerprint(br_context *ctx, bri_node *const *nodes,
                                const br_store_hdf5_args *stores, int n, uint64_t fingerprint[2]);

#endif
