/* SPDX-License-Identifier: BSD-3-Clause
 * shelf.c - what a worker keeps.
 */
#include "scheduler/workers/shelf.h"

#include <pthread.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "runtime/hash.h"

enum { BUCKETS = 64 };

typedef struct named {
    struct named *next;
    bri_kept *kept;
    char name[];
} named;

/* On its way, or open for reading. */
typedef struct numbered {
    struct numbered *next;
    uint64_t number;
    bri_kept *kept;
    size_t came;
} numbered;

struct bri_shelf {
    pthread_mutex_t lock;
    named *bucket[BUCKETS];
    numbered *moving;
};

/* ---- values ---- */

static br_status promise(bri_memory *memory, size_t bytes, bool force)
{
    bri_memory_stats stats;
    if (force) {
        bri_memory_force(memory, bytes);
        bri_memory_stand(memory, bytes);
        return BR_OK;
    }
    if (bri_memory_reserve_standing(memory, bytes))
        return BR_OK;
    bri_memory_about(memory, &stats);
    return bri_error(BR_EMEMLIMIT,
                     "no room for %zu bytes in BRAMBLE_MEMORY_LIMIT, of which %zu of %zu are taken",
                     bytes, stats.promised, stats.limit);
}

static void take_back(bri_memory *memory, size_t bytes)
{
    bri_memory_unstand(memory, bytes);
    bri_memory_release(memory, bytes);
}

br_status bri_kept_new(bri_memory *memory, size_t bytes, bool force, bri_kept **out)
{
    bri_kept *kept = bri_malloc(sizeof *kept);
    if (kept == NULL)
        return BR_ENOMEM;
    br_status st = promise(memory, bytes, force);
    if (st != BR_OK) {
        bri_free(kept);
        return st;
    }
    *kept = (bri_kept){.memory = memory, .bytes = bytes, .data = bri_memory_get(memory, bytes)};
    atomic_init(&kept->references, 1);
    if (kept->data == NULL) {
        take_back(memory, bytes);
        bri_free(kept);
        return BR_ENOMEM;
    }
    *out = kept;
    return BR_OK;
}

br_status bri_kept_copy(bri_memory *memory, const void *data, size_t bytes, bri_kept **out)
{
    if (data == NULL && bytes > 0)
        return bri_error(BR_EARG, "some bytes, but no pointer to them");
    BRI_TRY(bri_kept_new(memory, bytes, true, out));
    if (bytes > 0)
        memcpy((*out)->data, data, bytes);
    return BR_OK;
}

void bri_kept_hold(bri_kept *kept)
{
    atomic_fetch_add_explicit(&kept->references, 1, memory_order_relaxed);
}

void bri_kept_release(bri_kept *kept)
{
    if (kept == NULL || atomic_fetch_sub_explicit(&kept->references, 1, memory_order_acq_rel) != 1)
        return;
    bri_memory_put(kept->memory, kept->data, kept->bytes);
    take_back(kept->memory, kept->bytes);
    bri_free(kept);
}

/* ---- the shelf ---- */

bri_shelf *bri_shelf_new(void)
{
    bri_shelf *shelf = bri_calloc(1, sizeof *shelf);
    if (shelf != NULL)
        pthread_mutex_init(&shelf->lock, NULL);
    return shelf;
}

static void free_named(named *n)
{
    if (n == NULL)
        return;
    bri_kept_release(n->kept);
    bri_free(n);
}

void bri_shelf_free(bri_shelf *shelf)
{
    if (shelf == NULL)
        return;
    for (int i = 0; i < BUCKETS; i++)
        for (named *n; (n = shelf->bucket[i]) != NULL;) {
            shelf->bucket[i] = n->next;
            free_named(n);
        }
    while (shelf->moving != NULL)
        bri_shelf_end(shelf, shelf->moving->number);
    pthread_mutex_destroy(&shelf->lock);
    bri_free(shelf);
}

/* With the lock: where it is linked, or the end of its bucket. */
static named **find(bri_shelf *shelf, const char *name)
{
    named **link = &shelf->bucket[bri_hash64(name, strlen(name)) % BUCKETS];
    while (*link != NULL && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static named *new_named(const char *name, bri_kept *kept)
{
    size_t length = strlen(name) + 1;
    named *n = bri_malloc(sizeof *n + length);
    if (n == NULL)
        return NULL;
    n->next = NULL;
    n->kept = kept;
    memcpy(n->name, name, length);
    bri_kept_hold(kept);
    return n;
}

br_status bri_shelf_put(bri_shelf *shelf, const char *name, bri_kept *kept)
{
    named *n = new_named(name, kept);
    if (n == NULL)
        return BR_ENOMEM;
    pthread_mutex_lock(&shelf->lock);
    named **link = find(shelf, name);
    named *old = *link;
    n->next = old != NULL ? old->next : NULL;
    *link = n;
    pthread_mutex_unlock(&shelf->lock);
    free_named(old);
    return BR_OK;
}

bri_kept *bri_shelf_get(bri_shelf *shelf, const char *name)
{
    pthread_mutex_lock(&shelf->lock);
    const named *n = *find(shelf, name);
    bri_kept *kept = n != NULL ? n->kept : NULL;
    if (kept != NULL)
        bri_kept_hold(kept);
    pthread_mutex_unlock(&shelf->lock);
    return kept;
}

void bri_shelf_forget(bri_shelf *shelf, const char *name)
{
    pthread_mutex_lock(&shelf->lock);
    named **link = find(shelf, name);
    named *n = *link;
    if (n != NULL)
        *link = n->next;
    pthread_mutex_unlock(&shelf->lock);
    free_named(n);
}

/* ---- on their way ---- */

/* With the lock. */
static numbered **find_number(bri_shelf *shelf, uint64_t number)
{
    numbered **link = &shelf->moving;
    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

/* With the lock. */
static br_status add(bri_shelf *shelf, uint64_t number, bri_kept *kept)
{
    numbered *n = bri_malloc(sizeof *n);
    if (n == NULL)
        return BR_ENOMEM;
    *n = (numbered){.next = shelf->moving, .number = number, .kept = kept};
    shelf->moving = n;
    return BR_OK;
}

br_status bri_shelf_begin(bri_shelf *shelf, bri_memory *memory, uint64_t number, size_t bytes,
                          bri_kept **out)
{
    br_status st = BR_OK;
    pthread_mutex_lock(&shelf->lock);
    const numbered *n = *find_number(shelf, number);
    if (n == NULL) {
        bri_kept *kept = NULL;
        st = bri_kept_new(memory, bytes, false, &kept);
        if (st == BR_OK && (st = add(shelf, number, kept)) != BR_OK)
            bri_kept_release(kept);
        n = st == BR_OK ? shelf->moving : NULL;
    }
    if (n != NULL)
        *out = n->kept;
    pthread_mutex_unlock(&shelf->lock);
    return st;
}

bool bri_shelf_came(bri_shelf *shelf, uint64_t number, size_t bytes)
{
    pthread_mutex_lock(&shelf->lock);
    numbered *n = *find_number(shelf, number);
    n->came += bytes;
    bool all = n->came == n->kept->bytes;
    pthread_mutex_unlock(&shelf->lock);
    return all;
}

br_status bri_shelf_lend(bri_shelf *shelf, uint64_t number, bri_kept *kept)
{
    pthread_mutex_lock(&shelf->lock);
    br_status st = add(shelf, number, kept);
    if (st == BR_OK)
        bri_kept_hold(kept);
    pthread_mutex_unlock(&shelf->lock);
    return st;
}

bri_kept *bri_shelf_lent(bri_shelf *shelf, uint64_t number)
{
    pthread_mutex_lock(&shelf->lock);
    const numbered *n = *find_number(shelf, number);
    bri_kept *kept = n != NULL ? n->kept : NULL;
    pthread_mutex_unlock(&shelf->lock);
    return kept;
}

void bri_shelf_end(bri_shelf *shelf, uint64_t number)
{
    pthread_mutex_lock(&shelf->lock);
    numbered **link = find_number(shelf, number);
    numbered *n = *link;
    if (n != NULL)
        *link = n->next;
    pthread_mutex_unlock(&shelf->lock);
    if (n == NULL)
        return;
    bri_kept_release(n->kept);
    bri_free(n);
}

uint64_t bri_shelf_number(int rank)
{
    static atomic_uint_fast64_t last;
    uint64_t mine = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed);
    return (uint64_t)rank << 48 | mine;
}
