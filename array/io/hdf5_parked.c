/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_parked.c - datasets whose files are open only while they are read, so that thousands of them
 * do not need as many descriptors.
 *
 * The last few descriptors used stay open in a list, most recent first.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { KEPT_OPEN = 64 };

struct bri_h5_parked {
    bri_h5_parked *next; /* in the list of those with a descriptor */
    int fd, users;
};

/* Guards the list and what is in it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bri_h5_parked *kept;
static int nkept;

static void unlink_parked(bri_h5_parked *p)
{
    for (bri_h5_parked **at = &kept; *at != NULL; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            nkept--;
            return;
        }
}

/* Closes the one whose last use is longest ago. When all are in use, one more is opened. */
static void make_room(void)
{
    bri_h5_parked *oldest = NULL;
    for (bri_h5_parked *p = kept; p != NULL && nkept >= KEPT_OPEN; p = p->next)
        if (p->users == 0)
            oldest = p;
    if (oldest == NULL)
        return;
    unlink_parked(oldest);
    close(oldest->fd);
    oldest->fd = -1;
}

static br_status reopen(const bri_h5_dataset *d)
{
    struct stat st;
    int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bri_h5_cannot_open(d->path, errno);
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_ino != d->info.inode ||
        (uint64_t)st.st_dev != d->info.device || (uint64_t)st.st_size < d->info.bytes) {
        close(fd);
        return bri_file_error(BR_EIO, "%s: was replaced by another file since it was opened",
                              d->path);
    }
    d->parked->fd = fd;
    return BR_OK;
}

br_status bri_h5_borrow(const bri_h5_dataset *d, int *fd)
{
    bri_h5_parked *p = d->parked;
    br_status st = BR_OK;
    if (p == NULL) {
        *fd = d->fd;
        return BR_OK;
    }
    pthread_mutex_lock(&mutex);
    if (p->fd >= 0) {
        unlink_parked(p);
    } else {
        make_room();
        st = reopen(d);
    }
    if (st == BR_OK) {
        p->users++;
        p->next = kept;
        kept = p;
        nkept++;
        *fd = p->fd;
    }
    pthread_mutex_unlock(&mutex);
    return st;
}

void bri_h5_give_back(const bri_h5_dataset *d)
{
    if (d->parked == NULL)
        return;
    pthread_mutex_lock(&mutex);
    d->parked->users--;
    pthread_mutex_unlock(&mutex);
}

br_status bri_h5_park(bri_h5_dataset *d)
{
    if (d->parked != NULL)
        return BR_OK;
    d->parked = bri_calloc(1, sizeof *d->parked);
    if (d->parked == NULL)
        return BR_ENOMEM;
    d->parked->fd = -1;
    if (d->file >= 0) {
        bri_h5_lock();
        bri_h5_let_go(d);
        bri_h5_unlock();
    }
    close(d->fd);
    d->fd = -1;
    return BR_OK;
}

void bri_h5_unpark(bri_h5_dataset *d)
{
    if (d->parked == NULL)
        return;
    pthread_mutex_lock(&mutex);
    if (d->parked->fd >= 0) {
        unlink_parked(d->parked);
        close(d->parked->fd);
    }
    pthread_mutex_unlock(&mutex);
    bri_free(d->parked);
    d->parked = NULL;
}
