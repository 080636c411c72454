/* SPDX-License-Identifier: BSD-3-Clause
 * alloc.h - small allocations: overflow-checked, and failing on demand for tests.
 *
 * Chunk buffers do not come from here but from memory.h. Every function returns NULL and makes a
 * BR_ENOMEM error on failure. BRAMBLE_FAIL_ALLOC=n makes the nth allocation of the process fail.
 */
#ifndef BRI_ALLOC_H
#define BRI_ALLOC_H

#include <bramble/base.h>

void *bri_malloc(size_t bytes);
void *bri_calloc(size_t count, size_t bytes);
void *bri_realloc(void *old, size_t count, size_t bytes);
void *bri_memdup(const void *bytes, size_t n);
char *bri_strdup(const char *text);
/* Makes room for element number n of a growing list: *list is a pointer to elements of `size`
 * bytes, *room how many there is room for. New room is zeroed. */
br_status bri_grow(void *list, size_t *room, size_t n, size_t size);
void bri_free(void *p);

/* Bytes of a part of a message: what comes behind it is aligned. */
static inline size_t bri_padded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

/* True when the next allocation is to fail; memory.c asks too. */
bool bri_alloc_should_fail(void);

#endif
