/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_put.c - writing boxes of elements: whole stored chunks are filtered by the calling thread,
 * or come filtered from another rank; the lock is held to place them.
 */
#include <string.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

br_status bri_h5_write_failed(const bri_h5_writer *w)
{
    return bri_h5_error(BR_EIO, "%s:%s: cannot be written", w->output->path, w->name);
}

/* Elements that lie as a box of these extents, of which the part from `from` on is written. */
typedef struct plain {
    const int64_t *first, *count, *step; /* in the dataset */
    hsize_t from[BR_MAX_NDIM], box[BR_MAX_NDIM];
    const char *data;
} plain;

static bool select_both(const bri_h5_writer *w, const plain *p, hid_t stored, hid_t memory)
{
    hsize_t at[BR_MAX_NDIM], n[BR_MAX_NDIM], step[BR_MAX_NDIM];
    for (int a = 0; a < w->form.ndim; a++) {
        at[a] = (hsize_t)p->first[a];
        n[a] = (hsize_t)p->count[a];
        step[a] = (hsize_t)p->step[a];
    }
    return w->form.ndim == 0 ||
           (H5Sselect_hyperslab(stored, H5S_SELECT_SET, at, step, n, NULL) >= 0 &&
            H5Sselect_hyperslab(memory, H5S_SELECT_SET, p->from, NULL, n, NULL) >= 0);
}

static br_status write_plain(bri_h5_writer *w, const plain *p)
{
    int ndim = w->form.ndim;
    bri_h5_lock();
    hid_t stored = H5Dget_space(w->dataset);
    hid_t memory = ndim > 0 ? H5Screate_simple(ndim, p->box, NULL) : H5Screate(H5S_SCALAR);
    bool ok = stored >= 0 && memory >= 0 && select_both(w, p, stored, memory) &&
              H5Dwrite(w->dataset, w->type, memory, stored, H5P_DEFAULT, p->data) >= 0 &&
              bri_h5_errno() == 0;
    br_status status = ok ? BR_OK : bri_h5_write_failed(w);
    if (memory >= 0)
        H5Sclose(memory);
    if (stored >= 0)
        H5Sclose(stored);
    bri_h5_unlock();
    return status;
}

static br_status write_chunk(bri_h5_writer *w, const bri_h5_piece *t, const char *data, size_t n,
                             uint32_t mask)
{
    hsize_t origin[BR_MAX_NDIM];
    br_status status = BR_OK;
    for (int a = 0; a < w->form.ndim; a++)
        origin[a] = (hsize_t)t->origin[a];
    bri_h5_lock();
    if (H5Dwrite_chunk(w->dataset, H5P_DEFAULT, mask, origin, n, data) < 0 || bri_h5_errno() != 0)
        status = bri_h5_write_failed(w);
    bri_h5_unlock();
    return status;
}

/* ---- boxes of elements ---- */

static br_status put_box(bri_h5_writer *w, const bri_h5_boxed *box, const int64_t *first,
                         const int64_t *count)
{
    plain p = {.first = first, .count = count, .step = box->step, .data = box->from};
    for (int a = 0; a < w->form.ndim; a++) {
        p.from[a] = (hsize_t)(first[a] - box->start[a]);
        p.box[a] = (hsize_t)box->count[a];
    }
    return write_plain(w, &p);
}

static uint64_t bytes_of(const bri_h5_writer *w, const int64_t *count)
{
    uint64_t bytes = w->form.element;
    for (int a = 0; a < w->form.ndim; a++)
        bytes *= (uint64_t)count[a];
    return bytes;
}

static br_status put_part(bri_h5_writer *w, const bri_h5_boxed *box, const bri_h5_piece *t,
                          bri_h5_filtering *f, uint64_t *bytes)
{
    const char *data;
    size_t n;
    uint32_t mask;
    if (!t->whole) {
        *bytes += bytes_of(w, t->count);
        return put_box(w, box, t->first, t->count);
    }
    BRI_TRY(bri_h5_filter_part(box, t, f, &data, &n, &mask));
    *bytes += n;
    return write_chunk(w, t, data, n, mask);
}

static br_status put_parts(bri_h5_writer *w, const bri_h5_boxed *box, uint64_t *bytes)
{
    bri_h5_filtering f = {0};
    bri_h5_piece t;
    br_status status;
    bri_h5_first_part(box, &t);
    do
        status = put_part(w, box, &t, &f, bytes);
    while (status == BR_OK && bri_h5_next_part(box, &t));
    bri_h5_filtering_end(&f);
    return status;
}

/* Others say what has failed first: theirs may come to be the message. */
br_status bri_h5_check_writer(const bri_h5_writer *w)
{
    if (atomic_load(&w->output->failed))
        return bri_error(w->output->why_status, "%s", w->output->why);
    return BR_OK;
}

void bri_h5_output_failed(bri_h5_output *o, br_status status)
{
    if (atomic_exchange(&o->failing, true))
        return;
    o->why_status = status;
    snprintf(o->why, sizeof o->why, "%s", bri_last_error());
    atomic_store(&o->failed, true);
}

br_status bri_h5_put_ended(bri_h5_writer *w, br_status status, uint64_t bytes,
                           uint64_t *bytes_written)
{
    if (status != BR_OK)
        bri_h5_output_failed(w->output, status);
    if (bytes_written != NULL)
        *bytes_written += bytes;
    return status;
}

br_status bri_h5_put(bri_h5_writer *w, const int64_t *start, const int64_t *count, const void *src,
                     uint64_t *bytes_written)
{
    bri_h5_boxed box;
    uint64_t bytes = 0;
    br_status status;
    BRI_TRY(bri_h5_check_writer(w));
    bri_h5_box_at(&w->form, start, count, src, &box);
    if (box.nelem == 0)
        return BR_OK;
    if (bri_h5_has_parts(&box)) {
        status = put_parts(w, &box, &bytes);
    } else {
        bytes = bytes_of(w, box.count);
        status = put_box(w, &box, box.start, box.count);
    }
    return bri_h5_put_ended(w, status, bytes, bytes_written);
}

/* ---- packed boxes ---- */

static br_status put_elements(bri_h5_writer *w, const bri_h5_boxed *box, const bri_h5_piece *t,
                              const char *data)
{
    plain p = {.first = t->first, .count = t->count, .step = box->step, .data = data};
    for (int a = 0; a < w->form.ndim; a++)
        p.box[a] = (hsize_t)t->count[a];
    return write_plain(w, &p);
}

br_status bri_h5_put_packed(bri_h5_writer *w, const int64_t *start, const int64_t *count,
                            const void *packed, uint64_t *bytes_written)
{
    bri_h5_boxed box;
    bri_h5_piece t;
    uint64_t bytes = 0;
    const char *at = packed;
    br_status status = BR_OK;
    BRI_TRY(bri_h5_check_writer(w));
    bri_h5_box_at(&w->form, start, count, NULL, &box);
    if (box.nelem == 0)
        return BR_OK;
    bri_h5_first_part(&box, &t);
    do {
        bri_h5_packed_part head;
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        status = head.whole != 0 ? write_chunk(w, &t, at, head.bytes, head.mask)
                                 : put_elements(w, &box, &t, at);
        at += (head.bytes + 15) & ~(uint64_t)15;
        bytes += head.bytes;
    } while (status == BR_OK && bri_h5_next_part(&box, &t));
    return bri_h5_put_ended(w, status, bytes, bytes_written);
}
