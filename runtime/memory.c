/* SPDX-License-Identifier: BSD-3-Clause
 * memory.c - the budget counter and the pool of recycled blocks.
 *
 * Blocks come in size classes, four between two powers of two, so at most 1/5 of a block is unused.
 * The budget counts the bytes asked for, idle blocks count whole.
 */
#include "runtime/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "runtime/poison.h"
#include "runtime/watch.h"

#define HUGE_PAGE   ((size_t)2 << 20)
#define MAPPED_FROM ((size_t)256 << 10)

enum { SMALLEST_BITS = 6, LARGEST_BITS = 47, STEPS = 4 };
enum { NCLASSES = (LARGEST_BITS - SMALLEST_BITS) * STEPS + 1 };

typedef struct idle_block {
    struct idle_block *next;
} idle_block;

struct bri_memory {
    size_t limit;
    atomic_size_t ceiling; /* at most the limit */
    atomic_size_t promised;
    atomic_size_t standing; /* of those */
    atomic_size_t peak;
    atomic_size_t idle;   /* bytes in the lists; written with `lock` */
    pthread_mutex_t lock; /* guards lists and largest */
    idle_block *lists[NCLASSES];
    int largest;                  /* no list above it has a block */
    uint64_t taken, taken_before; /* blocks, until now and at the last look (lock) */
    pthread_mutex_t reclaiming;   /* guards the list of those who can give back */
    bri_reclaimer *_Atomic reclaimers;
    bri_turns turns;
};

bri_memory *bri_memory_new(size_t limit)
{
    bri_memory *m = bri_calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->limit = limit;
    atomic_init(&m->ceiling, limit);
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->reclaiming, NULL);
    bri_turns_init(&m->turns);
    return m;
}

/* ---- budget ---- */

static void raise_peak(bri_memory *m, size_t promised)
{
    size_t peak = atomic_load_explicit(&m->peak, memory_order_relaxed);
    while (promised > peak &&
           !atomic_compare_exchange_weak_explicit(&m->peak, &peak, promised, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

/* Relaxed throughout: the counter orders nothing but itself. */
static bool promise_below(bri_memory *m, size_t most, size_t bytes)
{
    size_t promised = atomic_load_explicit(&m->promised, memory_order_relaxed);
    do {
        if (promised > most || bytes > most - promised)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&m->promised, &promised, promised + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    raise_peak(m, promised + bytes);
    return true;
}

bool bri_memory_spare(bri_memory *m, size_t bytes)
{
    return promise_below(m, atomic_load_explicit(&m->ceiling, memory_order_relaxed), bytes);
}

bool bri_memory_spare_beyond(bri_memory *m, size_t bytes)
{
    return promise_below(m, m->limit, bytes);
}

bool bri_memory_reserve_standing(bri_memory *m, size_t bytes)
{
    bool fits = promise_below(m, m->limit, bytes);
    if (!fits && atomic_load_explicit(&m->reclaimers, memory_order_relaxed) != NULL) {
        bri_memory_reclaim(m);
        fits = promise_below(m, m->limit, bytes);
    }
    if (fits)
        bri_memory_stand(m, bytes);
    return fits;
}

bool bri_memory_reserve(bri_memory *m, size_t bytes)
{
    if (bri_memory_spare(m, bytes))
        return true;
    if (atomic_load_explicit(&m->reclaimers, memory_order_relaxed) == NULL)
        return false;
    bri_memory_reclaim(m);
    return bri_memory_spare(m, bytes);
}

void bri_memory_reclaim(bri_memory *m)
{
    if (atomic_load_explicit(&m->reclaimers, memory_order_relaxed) == NULL)
        return;
    pthread_mutex_lock(&m->reclaiming);
    for (bri_reclaimer *r = m->reclaimers; r != NULL; r = r->next)
        r->reclaim(r->data);
    pthread_mutex_unlock(&m->reclaiming);
}

void bri_memory_add_reclaimer(bri_memory *m, bri_reclaimer *reclaimer)
{
    pthread_mutex_lock(&m->reclaiming);
    reclaimer->next = m->reclaimers;
    m->reclaimers = reclaimer;
    pthread_mutex_unlock(&m->reclaiming);
}

void bri_memory_remove_reclaimer(bri_memory *m, bri_reclaimer *reclaimer)
{
    pthread_mutex_lock(&m->reclaiming);
    bri_reclaimer *before = m->reclaimers;
    if (before == reclaimer) {
        m->reclaimers = reclaimer->next;
    } else {
        while (before->next != reclaimer)
            before = before->next;
        before->next = reclaimer->next;
    }
    pthread_mutex_unlock(&m->reclaiming);
}

void bri_memory_set_ceiling(bri_memory *m, size_t bytes)
{
    bytes = bytes > 0 && bytes < m->limit ? bytes : m->limit;
    atomic_store_explicit(&m->ceiling, bytes, memory_order_relaxed);
}

void bri_memory_force(bri_memory *m, size_t bytes)
{
    size_t before = atomic_fetch_add_explicit(&m->promised, bytes, memory_order_relaxed);
    raise_peak(m, before + bytes);
}

void bri_memory_release(bri_memory *m, size_t bytes)
{
    size_t before = atomic_fetch_sub_explicit(&m->promised, bytes, memory_order_relaxed);
    BRI_ASSERT(before >= bytes);
    (void)before;
}

void bri_memory_stand(bri_memory *m, size_t bytes)
{
    atomic_fetch_add_explicit(&m->standing, bytes, memory_order_relaxed);
}

void bri_memory_unstand(bri_memory *m, size_t bytes)
{
    atomic_fetch_sub_explicit(&m->standing, bytes, memory_order_relaxed);
}

bri_turns *bri_memory_turns(bri_memory *m)
{
    return &m->turns;
}

void bri_memory_about(const bri_memory *m, bri_memory_stats *stats)
{
    stats->limit = m->limit;
    stats->promised = atomic_load_explicit(&m->promised, memory_order_relaxed);
    stats->peak = atomic_load_explicit(&m->peak, memory_order_relaxed);
    stats->standing = atomic_load_explicit(&m->standing, memory_order_relaxed);
    stats->idle = atomic_load_explicit(&m->idle, memory_order_relaxed);
}

void bri_memory_reset_peak(bri_memory *m)
{
    atomic_store_explicit(&m->peak, atomic_load_explicit(&m->promised, memory_order_relaxed),
                          memory_order_relaxed);
}

/* ---- size classes ---- */

static size_t class_bytes(int class)
{
    size_t power = (size_t)1 << (SMALLEST_BITS + class / STEPS);
    return power + power / STEPS * (size_t)(class % STEPS);
}

/* The smallest class that holds the bytes; NCLASSES when none does. */
static int class_of(size_t bytes)
{
    if (bytes <= (size_t)1 << SMALLEST_BITS)
        return 0;
    int bits = 63 - __builtin_clzll(bytes - 1); /* 2^bits < bytes <= 2^(bits+1) */
    if (bits >= LARGEST_BITS)
        return NCLASSES;
    size_t step = ((size_t)1 << bits) / STEPS;
    return (bits - SMALLEST_BITS) * STEPS + (int)((bytes - 1 - ((size_t)1 << bits)) / step) + 1;
}

/* ---- blocks of the system ---- */

/* Huge pages for what any block of the class fills: the rest would be resident, too. */
static size_t for_huge_pages(size_t size)
{
    size_t filled = size - size / (STEPS + 1);
    return filled / HUGE_PAGE * HUGE_PAGE;
}

/* From 2 MiB on: aligned to 2 MiB, so that the kernel can give huge pages (FACTS: a tenth of the
 * cost of small ones). */
static void *map_huge(size_t size)
{
    char *all = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)all & (HUGE_PAGE - 1);
    if (before > 0)
        munmap(all, before);
    munmap(all + before + size, HUGE_PAGE - before);
    madvise(all + before, for_huge_pages(size),
            MADV_HUGEPAGE); /* refused by some kernels: then small pages it is */
    return all + before;
}

static void *map_small(size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void *new_block(size_t size)
{
    if (bri_alloc_should_fail())
        return NULL;
    if (size >= HUGE_PAGE)
        return map_huge(size);
    return size >= MAPPED_FROM ? map_small(size) : aligned_alloc(64, (size + 63) & ~(size_t)63);
}

static void give_back(void *block, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    if (size >= MAPPED_FROM)
        munmap(block, size);
    else
        free(block);
}

/* ---- idle blocks; all with `lock` held ---- */

static void *take_idle(bri_memory *m, int class)
{
    idle_block *block = m->lists[class];
    if (block == NULL)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(block, class_bytes(class));
    m->lists[class] = block->next;
    atomic_fetch_sub_explicit(&m->idle, class_bytes(class), memory_order_relaxed);
    return block;
}

static void add_idle(bri_memory *m, int class, void *p)
{
    idle_block *block = p;
    block->next = m->lists[class];
    m->lists[class] = block;
    if (class > m->largest)
        m->largest = class;
    atomic_fetch_add_explicit(&m->idle, class_bytes(class), memory_order_relaxed);
    /* All but the link: what only poisoned memory leads to is a leak to the sanitizer. */
    ASAN_POISON_MEMORY_REGION(block + 1, class_bytes(class) - sizeof *block);
}

/* Gives idle blocks back, the largest first, until `most` bytes of them are left. */
static void trim(bri_memory *m, size_t most)
{
    while (atomic_load_explicit(&m->idle, memory_order_relaxed) > most) {
        while (m->lists[m->largest] == NULL)
            m->largest--;
        give_back(take_idle(m, m->largest), class_bytes(m->largest));
    }
}

/* What the budget leaves for idle blocks. */
static size_t room_for_idle(const bri_memory *m)
{
    size_t promised = atomic_load_explicit(&m->promised, memory_order_relaxed);
    return promised < m->limit ? m->limit - promised : 0;
}

/* ---- get and put ---- */

void *bri_memory_get(bri_memory *m, size_t bytes)
{
    int class = class_of(bytes);
    if (class == NCLASSES) {
        bri_no_memory(bytes, "a chunk");
        return NULL;
    }
    pthread_mutex_lock(&m->lock);
    m->taken++;
    void *block = take_idle(m, class);
    if (block == NULL)
        trim(m, room_for_idle(m));
    pthread_mutex_unlock(&m->lock);
    if (block == NULL)
        block = new_block(class_bytes(class));
    if (block == NULL)
        bri_no_memory(bytes, "a chunk");
    else
        ASAN_POISON_MEMORY_REGION((char *)block + bytes, class_bytes(class) - bytes);
    return block;
}

void bri_memory_put(bri_memory *m, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    int class = class_of(bytes);
    ASAN_UNPOISON_MEMORY_REGION(block, class_bytes(class));
    pthread_mutex_lock(&m->lock);
    add_idle(m, class, block);
    trim(m, room_for_idle(m));
    pthread_mutex_unlock(&m->lock);
    if (atomic_load_explicit(&m->idle, memory_order_relaxed) > BRI_MEMORY_RESTS)
        bri_watch_rest();
}

bool bri_memory_rest(bri_memory *m)
{
    pthread_mutex_lock(&m->lock);
    bool rests = m->taken == m->taken_before;
    m->taken_before = m->taken;
    if (rests)
        trim(m, BRI_MEMORY_RESTS);
    bool done = atomic_load_explicit(&m->idle, memory_order_relaxed) <= BRI_MEMORY_RESTS;
    pthread_mutex_unlock(&m->lock);
    return done;
}

void bri_memory_free(bri_memory *m)
{
    if (m == NULL)
        return;
    trim(m, 0);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->reclaiming);
    bri_turns_fini(&m->turns);
    bri_free(m);
}
