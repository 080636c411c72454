/* SPDX-License-Identifier: BSD-3-Clause
 * spill.h - a file of blocks that were in memory: what does not fit waits there.
 *
 * The file is made with the first block, in BRAMBLE_SPILL_DIR, and has no name: however the process
 * ends, nothing is left. Each block has a checksum that reading compares. All functions are
 * thread-safe; blocks are written and read outside the lock.
 */
#ifndef BRI_SPILL_H
#define BRI_SPILL_H

#include <bramble/base.h>

typedef struct bri_spill bri_spill;

/* A block's place; bytes 0: none. */
typedef struct bri_spill_block {
    int64_t offset;
    size_t bytes;
    uint64_t sum;
} bri_spill_block;

/* Bytes since the file was opened, and those that are in it now. */
typedef struct bri_spill_stats {
    int64_t written, read, kept;
} bri_spill_stats;

/* Nothing is opened yet. */
bri_spill *bri_spill_new(const char *directory);
void bri_spill_free(bri_spill *s);
/* Opens the file unless it is open. BR_ECONFIG where the directory is in memory, BR_EIO where there
 * is none or no file can be made. */
br_status bri_spill_open(bri_spill *s);

/* BR_EIO on a full disk, naming directory and bytes; the block stays none then. Opens the file. */
br_status bri_spill_write(bri_spill *s, const void *data, size_t bytes, bri_spill_block *block);
/* BR_EIO also when the checksum differs. The block stays. */
br_status bri_spill_read(bri_spill *s, const bri_spill_block *block, void *data);
/* Makes it none. */
void bri_spill_drop(bri_spill *s, bri_spill_block *block);

void bri_spill_about(bri_spill *s, bri_spill_stats *stats);
/* The file, for tests that damage it; -1 while there is none. */
int bri_spill_descriptor(const bri_spill *s);

#endif
