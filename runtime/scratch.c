/* SPDX-License-Identifier: BSD-3-Clause
 * scratch.c - the scratch that a thread keeps.
 */
#include "runtime/scratch.h"

#include <pthread.h>
#include <stdlib.h>

#include "runtime/alloc.h"
#include "runtime/poison.h"

/* What is kept is neither promised nor idle in the pool: part of the constant that resident memory
 * may exceed the limit by. */
enum { MOST_KEPT = 256 << 10 };

typedef struct kept {
    char *block;
    size_t room;
    bool taken; /* by a task further out */
} kept;

static _Thread_local kept here;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void give_up(void *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block, here.room);
    here = (kept){0};
    free(block);
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, give_up) == 0;
}

/* Makes the thread's block at least so large; it goes with the thread. */
static bool enlarge(kept *k, size_t bytes)
{
    size_t room = (bytes + 4095) & ~(size_t)4095;
    pthread_once(&once, make_key);
    if (!have_key || bri_alloc_should_fail())
        return false;
    char *block = aligned_alloc(64, room);
    if (block == NULL || pthread_setspecific(key, block) != 0) {
        free(block);
        return false;
    }
    ASAN_UNPOISON_MEMORY_REGION(k->block, k->room);
    free(k->block);
    *k = (kept){.block = block, .room = room};
    return true;
}

void *bri_scratch_take(bri_memory *memory, size_t bytes)
{
    kept *k = &here;
    if (k->taken || bytes > MOST_KEPT || (bytes > k->room && !enlarge(k, bytes)))
        return bri_memory_get(memory, bytes);
    k->taken = true;
    ASAN_POISON_MEMORY_REGION(k->block, k->room);
    ASAN_UNPOISON_MEMORY_REGION(k->block, bytes);
    return k->block;
}

void bri_scratch_put(bri_memory *memory, void *scratch, size_t bytes)
{
    kept *k = &here;
    if (scratch == k->block)
        k->taken = false;
    else
        bri_memory_put(memory, scratch, bytes);
}
