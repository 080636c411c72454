/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_pack.c - boxes cut into the parts of stored chunks, and those filtered. No HDF5 calls.
 */
#include <libdeflate.h>
#include <string.h>

#include "array/io/hdf5_form.h"
#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { CHECKSUM = 64 }; /* room for one behind a chunk; blocks stay aligned */

/* ---- geometry ---- */

void bri_h5_box_at(const bri_h5_form *form, const int64_t *start, const int64_t *count,
                   const void *from, bri_h5_boxed *box)
{
    *box = (bri_h5_boxed){.form = form, .from = from, .nelem = 1};
    int64_t stride = (int64_t)form->element;
    for (int a = form->ndim - 1; a >= 0; a--) {
        bri_h5_place_axis place = {a, 0, 1};
        if (form->placed)
            place = form->place[a];
        bool along = place.axis >= 0;
        box->start[a] = place.start + (along ? start[place.axis] * place.step : 0);
        box->count[a] = along ? count[place.axis] : 1;
        box->step[a] = place.step;
        box->stepping |= place.step > 1;
        box->strides[a] = stride;
        box->nelem *= box->count[a];
        stride *= box->count[a];
    }
}

bool bri_h5_has_parts(const bri_h5_boxed *box)
{
    return box->form->direct && !box->stepping;
}

static void find_part(const bri_h5_boxed *box, bri_h5_piece *t)
{
    const bri_h5_form *form = box->form;
    t->whole = true;
    t->padded = false;
    for (int a = 0; a < form->ndim; a++) {
        int64_t origin = t->at[a] * form->chunk[a], end = origin + form->chunk[a];
        int64_t box_end = box->start[a] + box->count[a];
        t->padded |= end > form->shape[a];
        if (end > form->shape[a])
            end = form->shape[a];
        t->whole &= box->start[a] <= origin && box_end >= end;
        t->origin[a] = origin;
        t->first[a] = origin > box->start[a] ? origin : box->start[a];
        t->count[a] = (end < box_end ? end : box_end) - t->first[a];
    }
}

void bri_h5_first_part(const bri_h5_boxed *box, bri_h5_piece *part)
{
    for (int a = 0; a < box->form->ndim; a++)
        part->at[a] = box->start[a] / box->form->chunk[a];
    find_part(box, part);
}

bool bri_h5_next_part(const bri_h5_boxed *box, bri_h5_piece *part)
{
    int a = box->form->ndim - 1;
    for (; a >= 0; a--) {
        int64_t chunk = box->form->chunk[a];
        if (++part->at[a] <= (box->start[a] + box->count[a] - 1) / chunk)
            break;
        part->at[a] = box->start[a] / chunk;
    }
    if (a < 0)
        return false;
    find_part(box, part);
    return true;
}

static bool holds_whole(const bri_h5_boxed *box)
{
    const bri_h5_form *form = box->form;
    bool whole = box->nelem > 0;
    for (int a = 0; a < form->ndim && whole; a++) {
        int64_t inside = box->start[a] % form->chunk[a];
        int64_t end = box->start[a] + box->count[a];
        int64_t left = box->count[a] - (inside > 0 ? form->chunk[a] - inside : 0);
        whole = left >= form->chunk[a] || (left > 0 && end == form->shape[a]);
    }
    return whole;
}

/* ---- filtering ---- */

size_t bri_h5_filtering_bytes(const bri_h5_form *form, const int64_t *start, const int64_t *count)
{
    bri_h5_boxed box;
    bri_h5_box_at(form, start, count, NULL, &box);
    bool filters = form->ndim > 0 && form->chunk[0] > 0 && bri_h5_has_parts(&box);
    return filters && holds_whole(&box) ? 3 * (form->chunk_bytes + CHECKSUM) : 0;
}

void bri_h5_filtering_end(bri_h5_filtering *f)
{
    libdeflate_free_compressor(f->deflater);
    bri_free(f->memory);
}

static br_status begin(bri_h5_filtering *f, const bri_h5_form *form)
{
    if (f->memory == NULL)
        f->memory = bri_malloc(3 * (form->chunk_bytes + CHECKSUM)); /* bri_h5_filtering_bytes */
    if (f->memory == NULL)
        return BR_ENOMEM;
    if (f->deflater == NULL && form->level > 0)
        f->deflater = libdeflate_alloc_compressor(form->level);
    if (f->deflater == NULL && form->level > 0)
        return bri_no_memory(1 << 20, "a compressor");
    return BR_OK;
}

static void fill_chunk(const bri_h5_form *form, char *chunk)
{
    static const char zeros[16];
    memset(chunk, 0, form->chunk_bytes);
    if (memcmp(form->fill, zeros, form->element) == 0)
        return;
    for (size_t at = 0; at < form->chunk_bytes; at += form->element)
        memcpy(chunk + at, form->fill, form->element);
}

static const char *part_data(const bri_h5_boxed *box, const bri_h5_piece *t)
{
    const char *from = box->from;
    for (int a = 0; a < box->form->ndim; a++)
        from += (t->first[a] - box->start[a]) * box->strides[a];
    return from;
}

/* The part's elements, whose extents at the destination are those of `to`. */
static bri_h5_box part_box(const bri_h5_boxed *box, const bri_h5_piece *t, const int64_t *to)
{
    bri_h5_box b = {.ndim = box->form->ndim};
    int64_t stride = (int64_t)box->form->element;
    for (int a = b.ndim - 1; a >= 0; a--) {
        b.count[a] = t->count[a];
        b.from[a] = box->strides[a];
        b.to[a] = stride;
        stride *= to[a];
    }
    bri_h5_box_join(&b);
    return b;
}

/* The chunk in storage order: in the box itself when it lies there as a run, else copied. */
static char *chunk_data(const bri_h5_boxed *box, const bri_h5_piece *t, char *memory)
{
    const bri_h5_form *form = box->form;
    bri_h5_box b = part_box(box, t, form->chunk);
    const char *from = part_data(box, t);
    if (!t->padded && bri_h5_box_is_run(&b, form->element))
        return (char *)from; /* only read from */
    if (t->padded)
        fill_chunk(form, memory);
    bri_h5_box_copy(&b, form->element, from, memory);
    return memory;
}

static bri_h5_filters filters_of(const bri_h5_form *form)
{
    bri_h5_filters filters = {.n = form->nfilters, .element = form->element, .level = form->level};
    for (int k = 0; k < form->nfilters; k++)
        filters.id[k] = form->filter[k];
    return filters;
}

br_status bri_h5_filter_part(const bri_h5_boxed *box, const bri_h5_piece *part, bri_h5_filtering *f,
                             const char **data, size_t *n, uint32_t *mask)
{
    const bri_h5_form *form = box->form;
    size_t block = form->chunk_bytes + CHECKSUM;
    BRI_TRY(begin(f, form));
    const bri_h5_filters filters = filters_of(form);
    char *out;
    char *buffers[3] = {chunk_data(box, part, f->memory), f->memory + block, f->memory + 2 * block};
    *n = bri_h5_encode_chunk(&filters, form->chunk_bytes, buffers, &out, mask, f->deflater);
    *data = out;
    return BR_OK;
}

/* ---- packing ---- */

static size_t part_bytes(const bri_h5_form *form, const bri_h5_piece *t)
{
    size_t bytes = form->element;
    for (int a = 0; a < form->ndim; a++)
        bytes *= (size_t)t->count[a];
    return bytes;
}

static size_t rounded(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

bool bri_h5_packs(const bri_h5_form *form)
{
    for (int a = 0; a < form->ndim && form->placed; a++)
        if (form->place[a].step > 1)
            return false;
    return form->direct && form->level > 0;
}

size_t bri_h5_packed_bound(const bri_h5_form *form, const int64_t *start, const int64_t *count)
{
    bri_h5_boxed box;
    bri_h5_piece t;
    size_t bytes = 0;
    bri_h5_box_at(form, start, count, NULL, &box);
    if (box.nelem == 0)
        return 0;
    bri_h5_first_part(&box, &t);
    do
        bytes += sizeof(bri_h5_packed_part) +
                 rounded(t.whole ? form->chunk_bytes + CHECKSUM : part_bytes(form, &t));
    while (bri_h5_next_part(&box, &t));
    return bytes;
}

static br_status pack_part(const bri_h5_boxed *box, const bri_h5_piece *t, bri_h5_filtering *f,
                           char *to, size_t *n)
{
    const bri_h5_form *form = box->form;
    bri_h5_packed_part head = {.whole = t->whole, .bytes = part_bytes(form, t)};
    char *bytes = to + sizeof head;
    if (t->whole) {
        const char *data;
        size_t stored;
        BRI_TRY(bri_h5_filter_part(box, t, f, &data, &stored, &head.mask));
        memcpy(bytes, data, stored);
        head.bytes = stored;
    } else {
        bri_h5_box b = part_box(box, t, t->count);
        bri_h5_box_copy(&b, form->element, part_data(box, t), bytes);
    }
    memcpy(to, &head, sizeof head);
    *n = sizeof head + rounded(head.bytes);
    return BR_OK;
}

br_status bri_h5_pack(const bri_h5_form *form, const int64_t *start, const int64_t *count,
                      const void *from, void *to, size_t *n)
{
    bri_h5_boxed box;
    bri_h5_piece t;
    bri_h5_filtering f = {0};
    br_status status = BR_OK;
    *n = 0;
    bri_h5_box_at(form, start, count, from, &box);
    if (box.nelem == 0)
        return BR_OK;
    bri_h5_first_part(&box, &t);
    do {
        size_t more = 0;
        status = pack_part(&box, &t, &f, (char *)to + *n, &more);
        *n += more;
    } while (status == BR_OK && bri_h5_next_part(&box, &t));
    bri_h5_filtering_end(&f);
    return status;
}
