/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_driver_shared.c - a file into which other processes write, too.
 *
 * They ask for space, get some at the end of the file, and write stored chunks there. Then HDF5 is
 * to enter these in its index: it is made to write each of them, asks the driver for space, gets
 * the place where the chunk is already, and what it writes there is thrown away. When it has a
 * place of its own for the chunk, the chunk is copied there.
 *
 * NFS clients have whole pages in their caches and may write back a whole page of which a part was
 * changed, over what another host has put into it meanwhile. So where processes of several hosts
 * write, what one of them gets begins and ends at a multiple of a page: nobody else writes into
 * these. HDF5's own blocks of metadata lie between such places.
 */
#include "array/io/hdf5_driver.h"

#include <errno.h>

#include "runtime/alloc.h"

/* What is to be entered: guarded by the HDF5 lock. */
static struct {
    bool any;
    uint64_t address, bytes;
    const void *from;
    bool given; /* HDF5 asked for the space of it, */
    bool seen;  /*  and wrote it there */
} told;
static uint64_t next_align;

void bri_h5_share_next(uint64_t align)
{
    next_align = align;
}

uint64_t bri_h5_next_align(void)
{
    return next_align;
}

static uint64_t rounded(uint64_t at, uint64_t align)
{
    return (at + align - 1) / align * align;
}

void bri_h5_share_opened(hid_t file, uint64_t align)
{
    bri_h5_driver_file *f = bri_h5_driver_of(file);
    if (f != NULL)
        f->align = align;
}

/* Others write behind what is stable. */
static haddr_t end_of(const bri_h5_driver_file *f)
{
    return f->align > 0 && f->eoa < f->stable ? f->stable : f->eoa;
}

bool bri_h5_others_may_write(hid_t file, uint64_t address)
{
    const bri_h5_driver_file *f = bri_h5_driver_of(file);
    return f != NULL && (f->steps ? address % BRI_H5_PAGE == 0 : address >= f->stable);
}

haddr_t bri_h5_driver_alloc(H5FD_t *file, H5FD_mem_t type, hid_t transfer, hsize_t size)
{
    (void)transfer;
    bri_h5_driver_file *f = (bri_h5_driver_file *)file;
    if (f->align > 0 && told.any && !told.given && type == H5FD_MEM_DRAW && size == told.bytes) {
        told.given = true;
        return told.address;
    }
    /* Of what is written in steps, pages that are kept back are written whole: elements, which
     * others may write meanwhile, share none with HDF5's own. */
    bool apart = f->align > 0 && f->steps && type == H5FD_MEM_DRAW && size > BRI_H5_PAGE;
    haddr_t address = apart ? rounded(end_of(f), BRI_H5_PAGE) : end_of(f);
    f->eoa = apart ? rounded(address + size, BRI_H5_PAGE) : address + size;
    return address;
}

/* By where it writes from: global heaps are raw data for the driver, too, and may be as long. */
bool bri_h5_is_told(const void *from)
{
    return told.any && from == told.from;
}

/* What became free of a file, as HDF5's heaps of names do, may be taken for a chunk before the
 * driver is asked. What another host has written is not certain to be read here, so no copy is made
 * of that. */
bool bri_h5_is_in_place(bri_h5_driver_file *f, haddr_t address)
{
    bool there = told.given && address == told.address;
    bool copied = !there && f->align < BRI_H5_PAGE;
    told.seen = there || copied;
    return !copied;
}

char *bri_h5_told_bytes(const bri_h5_driver_file *f)
{
    char *bytes = bri_malloc(told.bytes);
    if (bytes != NULL && bri_h5_read_all(f->fd, bytes, told.bytes, told.address))
        return bytes;
    if (bytes == NULL)
        errno = ENOMEM;
    bri_free(bytes);
    return NULL;
}

/* In a file that is written in steps the space may be below its stable part's end before somebody
 * has written it. Pages that are kept back are written whole, so it shares none with HDF5. */
uint64_t bri_h5_claim_space(hid_t file, uint64_t bytes)
{
    bri_h5_driver_file *f = bri_h5_driver_of(file);
    uint64_t align = f->steps && f->align < BRI_H5_PAGE ? BRI_H5_PAGE : f->align;
    uint64_t address = rounded(end_of(f), align);
    f->eoa = rounded(address + bytes, align);
    if (f->eof < address + bytes)
        f->eof = address + bytes;
    return address;
}

void bri_h5_tell(uint64_t address, uint64_t bytes, const void *from)
{
    told.any = true;
    told.from = from;
    told.given = told.seen = false;
    told.address = address;
    told.bytes = bytes;
}

bool bri_h5_was_told(void)
{
    told.any = false;
    return told.seen;
}
