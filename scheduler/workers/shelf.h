/* SPDX-License-Identifier: BSD-3-Clause
 * shelf.h - what a worker keeps: values under names, and values that are on their way in or out in
 * pieces, under numbers.
 *
 * A value is never changed while somebody can read it, so readers hold a reference and no lock.
 * Lock: the shelf's, for the lists alone.
 */
#ifndef BRI_WORKERS_SHELF_H
#define BRI_WORKERS_SHELF_H

#include <stdatomic.h>

#include "runtime/memory.h"

enum { BRI_NAME_MOST = 200 };

/* A value, aligned to 64. Its bytes are promised in the memory budget. */
typedef struct bri_kept {
    atomic_int references;
    bri_memory *memory;
    size_t bytes;
    void *data;
} bri_kept;

/* With one reference. BR_ENOMEM; without force BR_EMEMLIMIT. */
br_status bri_kept_new(bri_memory *memory, size_t bytes, bool force, bri_kept **out);
/* Of these bytes, whatever room there is. BR_ENOMEM; BR_EARG for NULL, unless they are none. */
br_status bri_kept_copy(bri_memory *memory, const void *data, size_t bytes, bri_kept **out);
void bri_kept_hold(bri_kept *kept);
/* NULL is fine. */
void bri_kept_release(bri_kept *kept);

typedef struct bri_shelf bri_shelf;

bri_shelf *bri_shelf_new(void);
void bri_shelf_free(bri_shelf *shelf);

/* Instead of what has this name; takes a reference of its own. BR_ENOMEM. */
br_status bri_shelf_put(bri_shelf *shelf, const char *name, bri_kept *kept);
/* With a reference; NULL when there is none. */
bri_kept *bri_shelf_get(bri_shelf *shelf, const char *name);
void bri_shelf_forget(bri_shelf *shelf, const char *name);

/* ---- on their way ---- */

/* The value under this number, which is made with so many bytes when it is not there. BR_ENOMEM,
 * BR_EMEMLIMIT. */
br_status bri_shelf_begin(bri_shelf *shelf, bri_memory *memory, uint64_t number, size_t bytes,
                          bri_kept **out);
/* A piece of it has come; true when all of it has. */
bool bri_shelf_came(bri_shelf *shelf, uint64_t number, size_t bytes);
/* A value goes out under this number. BR_ENOMEM. */
br_status bri_shelf_lend(bri_shelf *shelf, uint64_t number, bri_kept *kept);
/* Without a reference, which the number has; NULL when there is none. */
bri_kept *bri_shelf_lent(bri_shelf *shelf, uint64_t number);
/* The number means nothing any more; none there is fine. */
void bri_shelf_end(bri_shelf *shelf, uint64_t number);

/* A number that no other value has which comes from this rank. */
uint64_t bri_shelf_number(int rank);

#endif
