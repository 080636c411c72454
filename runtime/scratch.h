/* SPDX-License-Identifier: BSD-3-Clause
 * scratch.h - a task's scratch: a block that the thread keeps from one task to the next.
 *
 * Block programs take about 100 KiB however small the chunk; the pool's lock twice a task is what
 * tasks on tiny chunks would feel. What is larger, and what a task needs that runs while another
 * one waits on the same thread, comes from the pool. The bytes are promised either way.
 */
#ifndef BRI_SCRATCH_H
#define BRI_SCRATCH_H

#include "runtime/memory.h"

/* NULL with an error. */
void *bri_scratch_take(bri_memory *memory, size_t bytes);
void bri_scratch_put(bri_memory *memory, void *scratch, size_t bytes);

#endif
