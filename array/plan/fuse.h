/* SPDX-License-Identifier: BSD-3-Clause
 * fuse.h - what operations may add to the block program of the stage that is being built.
 */
#ifndef BRI_FUSE_H
#define BRI_FUSE_H

#include "array/expr/node.h"

bri_program *bri_fuse_program(bri_fuse *fuse);
/* Loads a source through a map; each returns a program value or -1 with an error. */
int bri_fuse_memory(bri_fuse *fuse, const bri_node *node, const bri_map *map);
int bri_fuse_file(bri_fuse *fuse, const bri_node *node, const bri_map *map);
int bri_fuse_persisted(bri_fuse *fuse, const bri_node *node, const bri_map *map);
/* start + step * i as the consumer sees it through m; start and step are of the dtype's wide
 * type. */
int bri_fuse_iota(bri_fuse *fuse, br_dtype dtype, const void *start, const void *step,
                  const bri_map_axis *m);

#endif
