/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_ahead.c - the kernel is asked for stored chunks before their turn, so that they come from
 * the disk while others are decoded.
 *
 * Only for chunks that the selection needs, and while reads are found to wait: of a file in the
 * page cache asking takes some 10 us a MiB for nothing. Across selections nothing is asked for:
 * tasks on several threads hide each other's reads.
 */
#include <fcntl.h>
#include <stdatomic.h>

#include "array/io/hdf5_ahead.h"

enum {
    WINDOW = 8 << 20,   /* bytes asked for ahead; enough for a disk of 100 MB/s and decoding */
    GAP = 4096,         /* runs of the file that are less apart are one */
    LATENCY_NS = 50000, /* with a byte in a ns, what the page cache does not exceed */
    REMEMBERED = 64,    /* reads */
};

/* Reads that are to come before it is believed that none waits any more. */
static atomic_int waiting;

void bri_h5_ahead_learn(size_t n, int64_t ns)
{
    int left = atomic_load_explicit(&waiting, memory_order_relaxed);
    if (ns > LATENCY_NS + (int64_t)n)
        atomic_store_explicit(&waiting, REMEMBERED, memory_order_relaxed);
    else if (left > 0)
        atomic_store_explicit(&waiting, left - 1, memory_order_relaxed);
}

void bri_h5_ahead_begin(bri_h5_ahead *ahead, const bri_h5_dataset *d, const int64_t *first,
                        const int64_t *last, const int64_t *step)
{
    bool several = false;
    *ahead = (bri_h5_ahead){.dataset = d, .first = first, .last = last, .over = true};
    for (int a = 0; a < d->info.ndim; a++) {
        ahead->at[a] = first[a];
        several = several || first[a] < last[a];
        if (step[a] > d->info.chunk[a])
            return; /* it passes over chunks */
    }
    ahead->over = !several || atomic_load_explicit(&waiting, memory_order_relaxed) == 0;
}

static const bri_h5_chunk *chunk_at(const bri_h5_dataset *d, const int64_t *at)
{
    int64_t index = 0;
    for (int a = 0; a < d->info.ndim; a++)
        index = index * d->grid[a] + at[a];
    return bri_h5_chunk_at(d, index);
}

static void ask(bri_h5_ahead *ahead)
{
    int fd;
    if (ahead->run_end > ahead->run_begin && bri_h5_borrow(ahead->dataset, &fd) == BR_OK) {
        posix_fadvise(fd, (off_t)ahead->run_begin, (off_t)(ahead->run_end - ahead->run_begin),
                      POSIX_FADV_WILLNEED);
        bri_h5_give_back(ahead->dataset);
    }
    ahead->run_begin = ahead->run_end = 0;
}

static void add(bri_h5_ahead *ahead, const bri_h5_chunk *chunk)
{
    if (chunk->address == BRI_H5_HOLE)
        return;
    bool joined = ahead->run_end > ahead->run_begin && chunk->address >= ahead->run_end &&
                  chunk->address - ahead->run_end <= GAP;
    if (!joined) {
        ask(ahead);
        ahead->run_begin = chunk->address;
    }
    ahead->run_end = chunk->address + chunk->bytes;
    ahead->bytes += chunk->bytes;
}

static void advance(bri_h5_ahead *ahead)
{
    int a = ahead->dataset->info.ndim - 1;
    for (; a >= 0 && ++ahead->at[a] > ahead->last[a]; a--)
        ahead->at[a] = ahead->first[a];
    ahead->over = a < 0;
}

void bri_h5_ahead_of(bri_h5_ahead *ahead, const int64_t *at)
{
    const bri_h5_dataset *d = ahead->dataset;
    if (!ahead->over && ahead->bytes <= WINDOW / 2) {
        while (!ahead->over && ahead->bytes < WINDOW) {
            add(ahead, chunk_at(d, ahead->at));
            advance(ahead);
        }
        ask(ahead);
    }
    const bri_h5_chunk *chunk = chunk_at(d, at);
    if (chunk->address != BRI_H5_HOLE)
        ahead->bytes -= chunk->bytes < ahead->bytes ? chunk->bytes : ahead->bytes;
}
