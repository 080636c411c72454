/* SPDX-License-Identifier: BSD-3-Clause
 * alloc.c - checked small allocations with failure injection.
 */
#include "runtime/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

/* Allocations left until the injected failure; negative when none is asked for. Relaxed: only the
 * count matters. */
static atomic_long until_failure = -1;
static atomic_bool initialised;

static void read_environment(void)
{
    const char *n = getenv("BRAMBLE_FAIL_ALLOC");
    atomic_store_explicit(&until_failure, n != NULL ? atol(n) : -1, memory_order_relaxed);
    atomic_store_explicit(&initialised, true, memory_order_release);
}

bool bri_alloc_should_fail(void)
{
    if (!atomic_load_explicit(&initialised, memory_order_acquire))
        read_environment();
    if (atomic_load_explicit(&until_failure, memory_order_relaxed) < 0)
        return false;
    return atomic_fetch_sub_explicit(&until_failure, 1, memory_order_relaxed) == 1;
}

static void *checked(void *p, size_t bytes)
{
    if (p == NULL)
        bri_no_memory(bytes, "bookkeeping");
    return p;
}

void *bri_malloc(size_t bytes)
{
    return checked(bri_alloc_should_fail() ? NULL : malloc(bytes > 0 ? bytes : 1), bytes);
}

void *bri_calloc(size_t count, size_t bytes)
{
    return checked(bri_alloc_should_fail() ? NULL
                                           : calloc(count > 0 ? count : 1, bytes > 0 ? bytes : 1),
                   bytes);
}

void *bri_realloc(void *old, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return checked(NULL, SIZE_MAX);
    return checked(bri_alloc_should_fail() ? NULL : realloc(old, total > 0 ? total : 1), total);
}

void *bri_memdup(const void *bytes, size_t n)
{
    void *copy = bri_malloc(n);
    if (copy != NULL && n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

char *bri_strdup(const char *text)
{
    return bri_memdup(text, strlen(text) + 1);
}

br_status bri_grow(void *list, size_t *room, size_t n, size_t size)
{
    void *old;
    memcpy(&old, list, sizeof old); /* a pointer to any type */
    if (n < *room)
        return BR_OK;
    size_t more = *room > 0 ? 2 * *room : 16;
    char *bigger = bri_realloc(old, more, size);
    if (bigger == NULL)
        return BR_ENOMEM;
    memset(bigger + *room * size, 0, (more - *room) * size);
    memcpy(list, &bigger, sizeof bigger);
    *room = more;
    return BR_OK;
}

void bri_free(void *p)
{
    free(p);
}
