/* SPDX-License-Identifier: BSD-3-Clause
 * resolve.h - what must be known before a plan can be made: counts of masks, indices of takes.
 */
#ifndef BRI_RESOLVE_H
#define BRI_RESOLVE_H

#include "array/expr/node.h"

/* The nodes that stand for nodes[] once all that is pending below them is known; each counted for
 * the caller, those without anything pending the same as before. Runs what they wait for, phase by
 * phase, into tables. On rank 0; a failure is stored in the context and leaves nothing in out[]. */
br_status bri_resolve_nodes(br_context *ctx, bri_node *const *nodes, int n, bri_node **out);

#endif
