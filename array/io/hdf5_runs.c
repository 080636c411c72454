/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_runs.c - filtered chunks put together and written. No HDF5 calls.
 *
 * Small chunks are written together, so that asking for space costs little; but not all of a box,
 * which would be in memory twice.
 */
#include "array/io/hdf5_runs.h"

#include <string.h>

#include "array/io/hdf5_shared.h"
#include "runtime/error.h"

enum { RUN = 4 << 20 };

/* A run that is being put together: records [first, n) are in it. */
typedef struct run {
    const bri_h5_runs *how;
    bri_h5_record *record;
    int64_t first, n;
    size_t used, room;
} run;

int64_t bri_h5_count_parts(const bri_h5_form *form, const int64_t *start, const int64_t *count)
{
    int64_t n = 1;
    bri_h5_boxed box;
    bri_h5_box_at(form, start, count, NULL, &box);
    for (int a = 0; a < form->ndim && box.nelem > 0; a++)
        n *= (box.start[a] + box.count[a] - 1) / form->chunk[a] - box.start[a] / form->chunk[a] + 1;
    return box.nelem > 0 ? n : 0;
}

size_t bri_h5_run_room(const bri_h5_form *form, const int64_t *start, const int64_t *count)
{
    int64_t n = bri_h5_count_parts(form, start, count);
    if (n < 2 || form->chunk_bytes >= RUN)
        return 0;                                                      /* each one goes as it is */
    size_t bytes = (size_t)n * (form->chunk_bytes + sizeof(uint32_t)); /* a checksum */
    return bytes < RUN ? bytes : RUN;
}

static br_status write_run(run *r, const char *bytes, size_t n)
{
    uint64_t at = 0;
    BRI_TRY(r->how->claim(r->how, n, &at));
    for (int64_t i = r->first; i < r->n; i++) {
        r->record[i].address = at;
        at += r->record[i].bytes;
    }
    br_status status = bri_h5_write_joined(r->how->file, bytes, n, at - n);
    r->first = r->n;
    r->used = 0;
    return status;
}

static br_status write_gathered(run *r)
{
    return r->used > 0 ? write_run(r, r->how->memory, r->used) : BR_OK;
}

static br_status add_chunk(run *r, const char *bytes, size_t n, uint32_t mask)
{
    if (r->used + n > r->room)
        BRI_TRY(write_gathered(r));
    r->record[r->n++] = (bri_h5_record){.bytes = (uint32_t)n, .mask = mask};
    if (n > r->room)
        return write_run(r, bytes, n);
    memcpy(r->how->memory + r->used, bytes, n);
    r->used += n;
    return BR_OK;
}

static br_status filter_and_add(const bri_h5_boxed *box, const bri_h5_piece *part,
                                bri_h5_filtering *f, run *r)
{
    const char *bytes;
    size_t n;
    uint32_t mask = 0;
    if (!part->whole)
        return bri_error(BR_EINTERNAL, "a part of a stored chunk cannot be written alone");
    BRI_TRY(bri_h5_filter_part(box, part, f, &bytes, &n, &mask));
    return add_chunk(r, bytes, n, mask);
}

br_status bri_h5_write_runs(const bri_h5_form *form, const bri_h5_runs *runs, const int64_t *start,
                            const int64_t *count, const void *from, bri_h5_record *records)
{
    bri_h5_boxed box;
    bri_h5_piece part;
    bri_h5_filtering f = {0};
    br_status status;
    run r = {.how = runs, .record = records, .room = bri_h5_run_room(form, start, count)};
    bri_h5_box_at(form, start, count, from, &box);
    if (box.nelem == 0)
        return BR_OK;
    bri_h5_first_part(&box, &part);
    do
        status = filter_and_add(&box, &part, &f, &r);
    while (status == BR_OK && bri_h5_next_part(&box, &part));
    if (status == BR_OK)
        status = write_gathered(&r);
    if (status == BR_OK && runs->sync)
        status = bri_h5_sync_joined(runs->file);
    bri_h5_filtering_end(&f);
    return status;
}
