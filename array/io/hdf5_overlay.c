/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_overlay.c - pages that stand for parts of a file until they are written.
 */
#include "array/io/hdf5_overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/alloc.h"

enum { PAGE = BRI_H5_PAGE };

bool bri_h5_read_all(int fd, char *to, size_t n, uint64_t address)
{
    while (n > 0) {
        ssize_t got = pread(fd, to, n, (off_t)address);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0) {
            memset(to, 0, n);
            return true;
        }
        to += got;
        n -= (size_t)got;
        address += (uint64_t)got;
    }
    return true;
}

bool bri_h5_write_all(int fd, const char *from, size_t n, uint64_t address)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, from, n, (off_t)address);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        from += put;
        n -= (size_t)put;
        address += (uint64_t)put;
    }
    return true;
}

/* The first page at or after a number. */
static size_t find(const bri_h5_overlay *o, uint64_t number)
{
    size_t low = 0, high = o->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->page[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bri_h5_span within(bri_h5_page *page, uint64_t address, size_t bytes)
{
    size_t at = (size_t)(address % PAGE);
    size_t left = PAGE - at;
    return (bri_h5_span){address, bytes < left ? bytes : left, page->now + at};
}

bri_h5_span bri_h5_overlay_at(const bri_h5_overlay *o, uint64_t address, size_t bytes)
{
    size_t i = find(o, address / PAGE);
    if (i < o->n && o->page[i]->number == address / PAGE)
        return within(o->page[i], address, bytes);
    if (i < o->n && bytes > o->page[i]->number * PAGE - address)
        bytes = (size_t)(o->page[i]->number * PAGE - address);
    return (bri_h5_span){address, bytes, NULL};
}

static bri_h5_page *load(int fd, uint64_t number)
{
    bri_h5_page *page = bri_malloc(sizeof *page);
    if (page == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if (!bri_h5_read_all(fd, page->before, PAGE, number * PAGE)) {
        bri_free(page);
        return NULL;
    }
    page->number = number;
    memcpy(page->now, page->before, PAGE);
    return page;
}

bri_h5_span bri_h5_overlay_keep(bri_h5_overlay *o, int fd, uint64_t address, size_t bytes)
{
    uint64_t number = address / PAGE;
    size_t i = find(o, number);
    if (i < o->n && o->page[i]->number == number)
        return within(o->page[i], address, bytes);
    if (bri_grow(&o->page, &o->room, o->n, sizeof(bri_h5_page *)) != BR_OK) {
        errno = ENOMEM;
        return (bri_h5_span){address, 0, NULL};
    }
    bri_h5_page *page = load(fd, number);
    if (page == NULL)
        return (bri_h5_span){address, 0, NULL};
    memmove(o->page + i + 1, o->page + i, (o->n - i) * sizeof(bri_h5_page *));
    o->page[i] = page;
    o->n++;
    return within(page, address, bytes);
}

size_t bri_h5_page_bytes(const bri_h5_page *page, uint64_t end)
{
    uint64_t start = page->number * PAGE;
    if (start >= end)
        return 0;
    return end - start < PAGE ? (size_t)(end - start) : PAGE;
}

bool bri_h5_overlay_apply(bri_h5_overlay *o, int fd, uint64_t end)
{
    size_t i = 0;
    while (i < o->n) {
        const bri_h5_page *page = o->page[i];
        if (!bri_h5_write_all(fd, page->now, bri_h5_page_bytes(page, end), page->number * PAGE))
            break;
        i++;
    }
    bool done = i == o->n;
    int why = errno;
    for (size_t k = 0; !done && k <= i; k++) {
        const bri_h5_page *page = o->page[k];
        bri_h5_write_all(fd, page->before, bri_h5_page_bytes(page, end), page->number * PAGE);
    }
    bri_h5_overlay_clear(o);
    errno = why;
    return done;
}

void bri_h5_overlay_clear(bri_h5_overlay *o)
{
    for (size_t i = 0; i < o->n; i++)
        bri_free(o->page[i]);
    bri_free(o->page);
    *o = (bri_h5_overlay){0};
}
