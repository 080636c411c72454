/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_cache.c - decoded chunks by dataset and number, the one used longest ago dropped first.
 */
#include "array/io/hdf5_cache.h"

#include <pthread.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "runtime/memory.h"

enum { BUCKETS = 256 };

struct bri_h5_kept {
    bri_h5_kept *chain;         /* of its bucket */
    bri_h5_kept *newer, *older; /* by last use */
    const bri_h5_dataset *dataset;
    int64_t index;
    char *data;
    size_t bytes;
    int users;
    bool ready;
};

struct bri_h5_cache {
    bri_memory *memory;
    bri_reclaimer reclaimer;
    pthread_mutex_t mutex;  /* guards all below */
    pthread_cond_t changed; /* something is ready, or forgotten */
    size_t bytes, most;
    bri_h5_kept *newest, *oldest;
    bri_h5_kept *bucket[BUCKETS];
};

static bri_h5_kept **bucket_of(bri_h5_cache *cache, const bri_h5_dataset *d, int64_t index)
{
    uint64_t key = ((uint64_t)(uintptr_t)d >> 6) + (uint64_t)index;
    return &cache->bucket[key * 0x9e3779b97f4a7c15u >> 56];
}

static void unlink_use(bri_h5_cache *cache, bri_h5_kept *k)
{
    *(k->newer != NULL ? &k->newer->older : &cache->newest) = k->older;
    *(k->older != NULL ? &k->older->newer : &cache->oldest) = k->newer;
}

static void link_newest(bri_h5_cache *cache, bri_h5_kept *k)
{
    k->newer = NULL;
    k->older = cache->newest;
    *(k->older != NULL ? &k->older->newer : &cache->oldest) = k;
    cache->newest = k;
}

static void drop(bri_h5_cache *cache, bri_h5_kept *k)
{
    bri_h5_kept **at = bucket_of(cache, k->dataset, k->index);
    while (*at != k)
        at = &(*at)->chain;
    *at = k->chain;
    unlink_use(cache, k);
    cache->bytes -= k->bytes;
    bri_memory_put(cache->memory, k->data, k->bytes);
    bri_memory_release(cache->memory, k->bytes);
    bri_free(k);
}

/* Drops what nobody uses, longest unused first, until there are at most `bytes`. */
static void shrink(bri_h5_cache *cache, size_t bytes)
{
    bri_h5_kept *newer;
    for (bri_h5_kept *k = cache->oldest; k != NULL && cache->bytes > bytes; k = newer) {
        newer = k->newer;
        if (k->users == 0)
            drop(cache, k);
    }
}

static void reclaim(void *data)
{
    bri_h5_cache *cache = data;
    pthread_mutex_lock(&cache->mutex);
    shrink(cache, 0);
    pthread_mutex_unlock(&cache->mutex);
}

bri_h5_cache *bri_h5_cache_new(bri_memory *memory, size_t most)
{
    bri_h5_cache *cache = bri_calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    cache->memory = memory;
    cache->most = most;
    pthread_mutex_init(&cache->mutex, NULL);
    pthread_cond_init(&cache->changed, NULL);
    cache->reclaimer = (bri_reclaimer){.reclaim = reclaim, .data = cache};
    bri_memory_add_reclaimer(memory, &cache->reclaimer);
    return cache;
}

void bri_h5_cache_allow(bri_h5_cache *cache, size_t most)
{
    pthread_mutex_lock(&cache->mutex);
    cache->most = most > cache->most ? most : cache->most;
    pthread_mutex_unlock(&cache->mutex);
}

size_t bri_h5_cache_most(bri_h5_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    size_t most = cache->most;
    pthread_mutex_unlock(&cache->mutex);
    return most;
}

void bri_h5_cache_free(bri_h5_cache *cache)
{
    if (cache == NULL)
        return;
    bri_memory_remove_reclaimer(cache->memory, &cache->reclaimer);
    shrink(cache, 0);
    BRI_ASSERT(cache->newest == NULL);
    pthread_cond_destroy(&cache->changed);
    pthread_mutex_destroy(&cache->mutex);
    bri_free(cache);
}

/* Only spare memory is used. */
static bri_h5_kept *add(bri_h5_cache *cache, const bri_h5_dataset *d, int64_t index, size_t bytes)
{
    if (bytes > cache->most)
        return NULL;
    shrink(cache, cache->most - bytes);
    if (cache->bytes + bytes > cache->most || !bri_memory_spare(cache->memory, bytes))
        return NULL;
    bri_h5_kept *k = bri_calloc(1, sizeof *k);
    char *data = k != NULL ? bri_memory_get(cache->memory, bytes) : NULL;
    if (data == NULL) {
        bri_free(k);
        bri_memory_release(cache->memory, bytes);
        return NULL;
    }
    bri_h5_kept **bucket = bucket_of(cache, d, index);
    *k = (bri_h5_kept){
        .chain = *bucket, .dataset = d, .index = index, .data = data, .bytes = bytes, .users = 1};
    *bucket = k;
    link_newest(cache, k);
    cache->bytes += bytes;
    return k;
}

static bri_h5_kept *find(bri_h5_cache *cache, const bri_h5_dataset *d, int64_t index)
{
    bri_h5_kept *k = *bucket_of(cache, d, index);
    while (k != NULL && (k->dataset != d || k->index != index))
        k = k->chain;
    return k;
}

bri_h5_kept *bri_h5_cache_get(bri_h5_cache *cache, const bri_h5_dataset *d, int64_t index,
                              size_t bytes, bool *decode)
{
    *decode = false;
    pthread_mutex_lock(&cache->mutex);
    bri_h5_kept *k = find(cache, d, index);
    while (k != NULL && !k->ready) {
        pthread_cond_wait(&cache->changed, &cache->mutex);
        k = find(cache, d, index);
    }
    if (k != NULL) {
        k->users++;
        unlink_use(cache, k);
        link_newest(cache, k);
    } else {
        k = add(cache, d, index, bytes);
        *decode = k != NULL;
    }
    pthread_mutex_unlock(&cache->mutex);
    return k;
}

char *bri_h5_kept_bytes(bri_h5_kept *kept)
{
    return kept->data;
}

void bri_h5_cache_made(bri_h5_cache *cache, bri_h5_kept *kept, bool ok)
{
    pthread_mutex_lock(&cache->mutex);
    kept->ready = ok;
    if (!ok)
        drop(cache, kept);
    pthread_cond_broadcast(&cache->changed);
    pthread_mutex_unlock(&cache->mutex);
}

void bri_h5_cache_put(bri_h5_cache *cache, bri_h5_kept *kept)
{
    pthread_mutex_lock(&cache->mutex);
    kept->users--;
    pthread_mutex_unlock(&cache->mutex);
}
