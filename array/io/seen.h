/* SPDX-License-Identifier: BSD-3-Clause
 * seen.h - what a process sees of a file at a path, to tell whether the ranks have the same.
 */
#ifndef BRI_SEEN_H
#define BRI_SEEN_H

#include "runtime/error.h"

/* Sent as it stands. */
typedef struct bri_seen {
    int32_t error; /* errno: it cannot be read; the rest is 0 then */
    int32_t same;  /* the caller's: another one's is this very file */
    uint64_t inode, bytes;
    int64_t mtime_ns, ctime_ns;
    uint64_t head;    /* of the first 4 KiB, and of the superblock behind a user block; */
    uint64_t sampled; /* of 15 blocks of 4 KiB spread over the rest, the last one among them */
} bri_seen;

/* Looks at a file, and with `contents` takes the sums. */
void bri_see(const char *path, bool contents, bri_seen *seen);

/* A shared file system shows the same inode and times to all its hosts: is it one file, or a copy
 * of the whole file system? Then sums tell nothing new. */
bool bri_seen_same(const bri_seen *a, const bri_seen *b);

/* True the first time that this is asked for what was seen. */
bool bri_seen_first(const bri_seen *seen);

#endif
