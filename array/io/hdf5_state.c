/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_state.c - was a file changed since a dataset of it was opened?
 *
 * By others it must not be: the chunk index would be stale. Datasets that this process adds to a
 * file leave the others where they are, so the modification times before and after our own writing
 * are remembered, and followed like a chain.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

typedef struct change {
    uint64_t device, inode;
    int64_t before, after;
} change;

/* The HDF5 lock guards both. */
static change *changes;
static size_t nchanges;

int64_t bri_h5_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

void bri_h5_note_own_writing(const bri_h5_use *use, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || (uint64_t)st.st_dev != use->device ||
        (uint64_t)st.st_ino != use->inode)
        return;
    change *bigger = bri_realloc(changes, nchanges + 1, sizeof *bigger);
    if (bigger == NULL)
        return; /* readers will be told to open the file again */
    bigger[nchanges++] = (change){use->device, use->inode, use->mtime_before, bri_h5_mtime(&st)};
    changes = bigger;
}

/* The modification time the file has if only we wrote to it since. Changes are in the order in
 * which they happened. */
static int64_t expected_mtime(const bri_h5_info *info)
{
    int64_t mtime = info->mtime_ns;
    for (size_t i = 0; i < nchanges; i++)
        if (changes[i].device == info->device && changes[i].inode == info->inode &&
            changes[i].before == mtime)
            mtime = changes[i].after;
    return mtime;
}

br_status bri_h5_part_unchanged(const bri_h5_dataset *d)
{
    struct stat st;
    if (stat(d->path, &st) != 0)
        return bri_h5_cannot_open(d->path, errno);
    if ((uint64_t)st.st_dev != d->info.device || (uint64_t)st.st_ino != d->info.inode)
        return bri_file_error(BR_EIO, "%s: was replaced by another file since it was opened",
                              d->path);
    bri_h5_lock();
    const bri_h5_use *writing = bri_h5_writing(d->info.device, d->info.inode);
    int64_t mtime = writing != NULL ? writing->mtime_before : bri_h5_mtime(&st);
    bool same = expected_mtime(&d->info) == mtime;
    bri_h5_unlock();
    return same ? BR_OK
                : bri_file_error(BR_EIO, "%s: was changed since it was opened: open it again",
                                 d->path);
}
