/* SPDX-License-Identifier: BSD-3-Clause
 * bell.c - pages of memory that ranks of one host share, and futexes in them.
 *
 * A page is a file without a name (memfd), which others open as /proc/PID/fd/FD: nothing is left
 * behind when a process is killed. Host names may be equal by mistake, and a PID is one of its
 * host only, so the page holds random numbers that must be those the rank has told.
 */
#include "scheduler/mpi/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/alloc.h"

typedef struct page {
    atomic_uint rung; /* how often; the futex */
    atomic_uint listens;
    uint64_t secret[2];
} page;

/* Without a page of its own the process uses `alone`. */
static page alone;
static struct {
    page *mine;
    page **others; /* by rank; NULL for those that cannot be rung */
    int fd, nranks, nothers;
    bool hears_all;
} bells = {.mine = &alone, .fd = -1};

/* ---- making them ---- */

static page *map_page(int fd)
{
    void *p = mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p != MAP_FAILED ? p : NULL;
}

static void leave_page(page *p)
{
    if (p != NULL && p != &alone)
        munmap(p, sizeof *p);
}

static page *new_page(int *fd)
{
    *fd = memfd_create("bramble-bell", MFD_CLOEXEC);
    page *p = *fd >= 0 && ftruncate(*fd, sizeof(page)) == 0 ? map_page(*fd) : NULL;
    if (p != NULL && getrandom(p->secret, sizeof p->secret, 0) == (ssize_t)sizeof p->secret)
        return p;
    leave_page(p);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return NULL;
}

void bri_bell_open(bri_bell_place *mine)
{
    page *p = new_page(&bells.fd);
    memset(mine, 0, sizeof *mine);
    if (p == NULL)
        return;
    bells.mine = p;
    mine->pid = (int32_t)getpid();
    mine->fd = bells.fd;
    memcpy(mine->secret, p->secret, sizeof p->secret);
}

/* ---- finding the others' ---- */

static page *page_of(const bri_bell_place *place)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)place->pid, (int)place->fd);
    int fd = place->pid > 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
    off_t bytes = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    page *p = bytes == (off_t)sizeof(page) ? map_page(fd) : NULL;
    if (fd >= 0)
        close(fd);
    if (p == NULL || memcmp(p->secret, place->secret, sizeof p->secret) == 0)
        return p;
    leave_page(p);
    return NULL;
}

bool bri_bell_connect(int rank, int nranks, bri_bell_place (*where)(int rank))
{
    bells.others = bri_calloc((size_t)nranks, sizeof *bells.others);
    if (bells.others == NULL)
        return false;
    bells.nranks = nranks;
    for (int r = 0; r < nranks; r++) {
        bri_bell_place place = where(r);
        bells.others[r] = r != rank ? page_of(&place) : NULL;
        bells.nothers += bells.others[r] != NULL;
    }
    return true;
}

void bri_bell_close(void)
{
    for (int r = 0; r < bells.nranks; r++)
        leave_page(bells.others[r]);
    bri_free(bells.others);
    leave_page(bells.mine);
    if (bells.fd >= 0)
        close(bells.fd);
    bells.mine = &alone;
    bells.others = NULL;
    bells.fd = -1;
    bells.nranks = bells.nothers = 0;
    bells.hears_all = false;
}

/* ---- ringing ---- */

/* Either the sleeper, which looks after it has said that it listens, finds what was done before
 * the ring, or it is seen to listen. */
static void ring(page *p)
{
    atomic_fetch_add(&p->rung, 1);
    if (atomic_load(&p->listens) != 0)
        syscall(SYS_futex, &p->rung, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void bri_bell_ring(void)
{
    ring(bells.mine);
}

void bri_bell_ring_rank(int rank)
{
    if (rank < bells.nranks && bells.others[rank] != NULL)
        ring(bells.others[rank]);
}

bool bri_bell_rings_all(void)
{
    return bells.nothers == bells.nranks - 1;
}

/* One may have been able to map what the others could not: a limit on files, other rights. */
void bri_bell_heard_by(int nranks, const bool rings_all[])
{
    bells.hears_all = nranks > 0;
    for (int r = 0; r < nranks; r++)
        bells.hears_all = bells.hears_all && rings_all[r];
}

bool bri_bell_hears_all(void)
{
    return bells.hears_all;
}

/* errno stays, for MPI is called by the same thread: where a rank is lost Open MPI 4.1 says
 * "connect() failed" and adds errno, which is not what became of that connection. With that of the
 * futex here it was "Connection timed out", whatever had happened. */
void bri_bell_wait(double seconds, bool (*something)(void))
{
    page *p = bells.mine;
    int before = errno;
    struct timespec most = {.tv_sec = (time_t)seconds};
    most.tv_nsec = (long)((seconds - (double)most.tv_sec) * 1e9);
    atomic_store(&p->listens, 1);
    unsigned ticket = atomic_load(&p->rung);
    if (!something())
        syscall(SYS_futex, &p->rung, FUTEX_WAIT, ticket, &most, NULL, 0);
    atomic_store(&p->listens, 0);
    errno = before;
}
