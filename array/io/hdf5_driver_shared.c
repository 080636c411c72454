/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_driver_shared.c - a new file into which other processes write, too.
 *
 * They ask for space, get some at the end of the file, and write stored chunks there. Then HDF5 is
 * to enter these in its index: it is made to write each of them, asks the driver for space, gets
 * the place where the chunk is already, and what it writes there is thrown away.
 *
 * NFS clients have whole pages in their caches and may write back a whole page of which a part was
 * changed, over what another host has put into it meanwhile. So where processes of several hosts
 * write, what one of them gets begins and ends at a multiple of a page: nobody else writes into
 * these. HDF5's own blocks of metadata lie between such places.
 */
#include "array/io/hdf5_driver.h"

/* What is to be entered: guarded by the HDF5 lock. */
static struct {
    bool any;
    uint64_t address, bytes;
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

haddr_t bri_h5_driver_alloc(H5FD_t *file, H5FD_mem_t type, hid_t transfer, hsize_t size)
{
    (void)transfer;
    bri_h5_driver_file *f = (bri_h5_driver_file *)file;
    if (f->align > 0 && told.any && !told.given && type == H5FD_MEM_DRAW && size == told.bytes) {
        told.given = true;
        return told.address;
    }
    haddr_t address = f->eoa;
    f->eoa += size;
    return address;
}

bool bri_h5_is_told(H5FD_mem_t type, haddr_t address, size_t size)
{
    if (!told.any || type != H5FD_MEM_DRAW || size != told.bytes)
        return false;
    told.seen = told.given && address == told.address;
    return true;
}

uint64_t bri_h5_claim_space(hid_t file, uint64_t bytes)
{
    bri_h5_driver_file *f = bri_h5_driver_of(file);
    uint64_t address = rounded(f->eoa, f->align);
    f->eoa = rounded(address + bytes, f->align);
    if (f->eof < address + bytes)
        f->eof = address + bytes;
    return address;
}

void bri_h5_tell(uint64_t address, uint64_t bytes)
{
    told.any = true;
    told.given = told.seen = false;
    told.address = address;
    told.bytes = bytes;
}

bool bri_h5_was_told(void)
{
    told.any = false;
    return told.seen;
}
