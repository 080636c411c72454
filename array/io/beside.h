/* SPDX-License-Identifier: BSD-3-Clause
 * beside.h - files that have a name of their own, beside the final one, until they are complete.
 *
 * Who makes one has it locked until it has its final name, so nobody takes it for left over. What a
 * process leaves that was killed goes when the same path is stored to again on its host.
 */
#ifndef BRI_BESIDE_H
#define BRI_BESIDE_H

#include <stdbool.h>
#include <sys/stat.h>

enum { BRI_MAX_DIRECTORY = 4096 };

/* The directory of a path, "." when it has none; false when it is too long. */
bool bri_directory_of(const char *path, char directory[BRI_MAX_DIRECTORY]);
/* Does the path lead to the file that is open? */
bool bri_is_at(const char *path, int fd);
/* The file that will replace another one gets its permissions, and its owner and group as far as we
 * may give files away. */
void bri_take_over(int fd, const struct stat *of);
/* "path.tmp.host-hash.pid.number", another one each time; the caller frees it. The hash tells hosts
 * apart whose names begin alike. NULL: no memory. */
char *bri_beside_name(const char *path);
/* A new file of such a name, read and written by *fd, which has it locked where there are locks.
 * Nobody else may read one that replaces another until it has taken that one's permissions over.
 * The caller frees the name. NULL: errno says why. What was left for the same path is removed. */
char *bri_beside_make(const char *path, bool replaces, int *fd);

#endif
