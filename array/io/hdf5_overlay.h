/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_overlay.h - changes to bytes of a file that are kept in memory until all of them are made.
 *
 * What a file has is valid as long as nothing of it changes: new data is appended, and the few
 * kilobytes of metadata that have to name it are changed at the end. Pages of the file stand for
 * them until then. No HDF5 calls; guarded by its lock.
 */
#ifndef BRI_HDF5_OVERLAY_H
#define BRI_HDF5_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BRI_H5_PAGE = 4096 };

typedef struct bri_h5_page {
    uint64_t number;
    char now[BRI_H5_PAGE], before[BRI_H5_PAGE];
} bri_h5_page;

typedef struct bri_h5_overlay {
    bri_h5_page **page; /* ascending */
    size_t n, room;
} bri_h5_overlay;

/* One part of a range of the file: inside a page that is kept, or up to the next one. */
typedef struct bri_h5_span {
    uint64_t address;
    size_t bytes;
    char *kept; /* where the bytes are instead of in the file, or NULL */
} bri_h5_span;

/* The first part of the range. */
bri_h5_span bri_h5_overlay_at(const bri_h5_overlay *o, uint64_t address, size_t bytes);
/* The same, and the page is kept from now on, as the file has it; kept is NULL on failure. */
bri_h5_span bri_h5_overlay_keep(bri_h5_overlay *o, int fd, uint64_t address, size_t bytes);
/* Makes the changes below `end`, all of them or, when that fails, none; errno says why. */
bool bri_h5_overlay_apply(bri_h5_overlay *o, int fd, uint64_t end);
/* Bytes of a page that are below `end`. */
size_t bri_h5_page_bytes(const bri_h5_page *page, uint64_t end);
/* Forgets them. */
void bri_h5_overlay_clear(bri_h5_overlay *o);

/* pread and pwrite of all bytes; beyond the end of the file there are zeros. errno says why not. */
bool bri_h5_read_all(int fd, char *to, size_t n, uint64_t address);
bool bri_h5_write_all(int fd, const char *from, size_t n, uint64_t address);

#endif
