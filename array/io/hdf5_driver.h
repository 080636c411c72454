/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_driver.h - an open file of our HDF5 driver. The HDF5 lock guards all of it.
 *
 * hdf5_driver.c has the driver; hdf5_driver_shared.c what it does when other processes write into
 * the file, too.
 */
#ifndef BRI_HDF5_DRIVER_H
#define BRI_HDF5_DRIVER_H

#include <sys/types.h>

#include "array/io/hdf5_internal.h"
#include "array/io/hdf5_overlay.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* Raw data that was overwritten, kept at `at` of the file's spare. */
typedef struct bri_h5_saved {
    haddr_t address, at;
    size_t size;
} bri_h5_saved;

typedef struct bri_h5_driver_file {
    H5FD_t shared; /* must come first: HDF5 casts to it */
    int fd;
    haddr_t eoa, eof;
    dev_t device;
    ino_t inode;
    bool nameless;          /* a temporary file of ours */
    bool guarded;           /* somebody else has it open by the same lock, and keeps it */
    bool discard;           /* writes vanish */
    bool existed;           /* opened for writing with content, which discarding brings back */
    bool in_place;          /* raw data of the stable part is written where it belongs */
    bool forget;            /* and what it was need not be kept */
    haddr_t stable;         /* what is below stays as it is until the file is closed, */
    bri_h5_overlay changes; /* and these are the changes to it */
    haddr_t old_eof;
    bool shrinks; /* at the end, below what it had */
    int spare;    /* a file without a name, for what was overwritten; -1 until it is needed */
    haddr_t spare_bytes;
    bri_h5_saved *undo;
    size_t nundo, undo_room;
    uint64_t align; /* others write to it, too, at multiples of this; 0: nobody does */
    bool steps; /* what they write comes to lie below the stable part's end before it is there */
} bri_h5_driver_file;

/* The driver's file behind an open one; NULL on failure. */
bri_h5_driver_file *bri_h5_driver_of(hid_t file);

/* ---- hdf5_driver_shared.c ---- */

/* What the file that HDF5 opens next begins with (bri_h5_share_next). */
uint64_t bri_h5_next_align(void);
/* HDF5's request for space: what it shall have, see bri_h5_tell. */
haddr_t bri_h5_driver_alloc(H5FD_t *file, H5FD_mem_t type, hid_t transfer, hsize_t size);
/* HDF5 writes the chunk that it was told of. */
bool bri_h5_is_told(const void *from);
/* It is in its place already, or HDF5 may not put it elsewhere. */
bool bri_h5_is_in_place(bri_h5_driver_file *f, haddr_t address);
/* Else these are its bytes; NULL on failure, errno says why. */
char *bri_h5_told_bytes(const bri_h5_driver_file *f);

#endif
