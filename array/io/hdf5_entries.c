/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_entries.c - an output into which other processes write: it gives them space, and enters
 * their chunks in HDF5's index.
 *
 * Only chunks that were never written are entered, into a file in which no raw data is ever freed
 * meanwhile and that keeps no list of free space, so HDF5 asks the driver for each one's
 * space.
 */
#include "array/io/hdf5_output.h"
#include "runtime/error.h"

/* Where places are pages, blocks of metadata fill whole ones, too: few large ones, rather than many
 * of two kilobytes. */
enum { PAGE = 4096, METADATA_BLOCK = 16 << 10 };

/* Guarded by the HDF5 lock, as what is listed. */
static bri_h5_output *outputs;

/* ---- beginning and ending ---- */

static br_status meet(bri_h5_output *o, bri_h5_meeting *meeting, uint64_t *align)
{
    const char *path = o->temporary != NULL ? o->temporary : o->path;
    int file = o->file >= 0 ? bri_h5_descriptor(o->file) : bri_h5_temporary_file(o);
    return bri_h5_meet(file, path, o->path, meeting, &o->shared, align);
}

static void list(bri_h5_output *o)
{
    o->next_shared = outputs;
    outputs = o;
}

br_status bri_h5_share_file(bri_h5_output *o, bri_h5_meeting *meeting, hid_t access)
{
    uint64_t align = 0;
    BRI_TRY(meet(o, meeting, &align));
    if (o->shared == 0)
        return BR_OK;
    list(o);
    bri_h5_share_next(align);
    return align < PAGE || H5Pset_meta_block_size(access, METADATA_BLOCK) >= 0
               ? BR_OK
               : bri_h5_error(BR_EIO, "%s: cannot be created", o->path);
}

br_status bri_h5_share_next_file(const bri_h5_meeting *meeting, hid_t access)
{
    bri_h5_share_next(1); /* until it is known */
    return !meeting->elsewhere || H5Pset_meta_block_size(access, METADATA_BLOCK) >= 0
               ? BR_OK
               : bri_error(BR_EIO, "HDF5 does not accept a size of blocks");
}

/* A file with pages or a list of free space gives chunks places that the driver is not asked for;
 * then it is not shared. */
static bool takes_from_the_end(hid_t file)
{
    H5F_fspace_strategy_t strategy = H5F_FSPACE_STRATEGY_PAGE;
    hbool_t persist = true;
    hsize_t threshold;
    hid_t list = H5Fget_create_plist(file);
    bool known =
        list >= 0 && H5Pget_file_space_strategy(list, &strategy, &persist, &threshold) >= 0;
    if (list >= 0)
        H5Pclose(list);
    return known && strategy != H5F_FSPACE_STRATEGY_PAGE && !persist;
}

br_status bri_h5_share_open_file(bri_h5_output *o, bri_h5_meeting *meeting)
{
    uint64_t align = 0;
    br_status status = BR_OK;
    meeting->tracks_space = !takes_from_the_end(o->file);
    if (!meeting->tracks_space)
        status = meet(o, meeting, &align);
    bri_h5_share_opened(o->file, align);
    if (o->shared != 0)
        list(o);
    return status;
}

void bri_h5_unshare_file(bri_h5_output *o)
{
    for (bri_h5_output **link = &outputs; *link != NULL; link = &(*link)->next_shared) {
        if (*link != o)
            continue;
        *link = o->next_shared;
        break;
    }
    if (o->shared != 0)
        bri_h5_leave_file(o->shared, false);
    o->shared = 0;
    bri_h5_share_next(0);
}

uint64_t bri_h5_shared_id(const bri_h5_output *o)
{
    return o->shared;
}

/* ---- space ---- */

br_status bri_h5_claim(uint64_t id, uint64_t bytes, uint64_t *address)
{
    bri_h5_lock();
    const bri_h5_output *o = outputs;
    while (o != NULL && o->shared != id)
        o = o->next_shared;
    if (o != NULL)
        *address = bri_h5_claim_space(o->file, bytes);
    bri_h5_unlock();
    return o != NULL ? BR_OK : bri_error(BR_ECANCELLED, "the file is not written any more");
}

/* ---- entries ---- */

static void origin_of(const bri_h5_writer *w, const bri_h5_piece *part, hsize_t *origin)
{
    for (int a = 0; a < w->form.ndim; a++)
        origin[a] = (hsize_t)part->origin[a];
}

static bool is_entered(const bri_h5_writer *w, const bri_h5_piece *part)
{
    hsize_t bytes = 0, origin[BR_MAX_NDIM];
    origin_of(w, part, origin);
    return H5Dget_chunk_storage_size(w->dataset, origin, &bytes) >= 0 && bytes > 0;
}

bool bri_h5_has_chunks(bri_h5_writer *w, const int64_t *start, const int64_t *count)
{
    bri_h5_boxed box;
    bri_h5_piece part;
    bool found;
    bri_h5_box_at(&w->form, start, count, NULL, &box);
    if (box.nelem == 0 || w->form.chunk[0] == 0)
        return false;
    bri_h5_first_part(&box, &part);
    bri_h5_lock();
    do
        found = is_entered(w, &part);
    while (!found && bri_h5_next_part(&box, &part));
    bri_h5_unlock();
    return found;
}

/* A run that is begun again, because it did not fit the memory of another rank, finds chunks that
 * were entered before: those are complete and stay. */
static br_status enter(const bri_h5_writer *w, const bri_h5_piece *part,
                       const bri_h5_record *record)
{
    static const char nothing[1]; /* HDF5 passes it on to the driver, which does not look at it */
    hsize_t origin[BR_MAX_NDIM];
    if (is_entered(w, part))
        return BR_OK;
    origin_of(w, part, origin);
    bri_h5_tell(record->address, record->bytes, nothing);
    herr_t written =
        H5Dwrite_chunk(w->dataset, H5P_DEFAULT, record->mask, origin, record->bytes, nothing);
    bool there = bri_h5_was_told();
    if (written < 0 || bri_h5_errno() != 0)
        return bri_h5_write_failed(w);
    return there
               ? BR_OK
               : bri_file_error(BR_EIO,
                                "%s:%s: HDF5 takes space that became free in the file, which other "
                                "hosts cannot write: store from one host",
                                w->output->path, w->name);
}

br_status bri_h5_enter(bri_h5_writer *w, const int64_t *start, const int64_t *count,
                       const bri_h5_record *records, uint64_t *bytes_written)
{
    bri_h5_boxed box;
    bri_h5_piece part;
    uint64_t bytes = 0;
    br_status status;
    BRI_TRY(bri_h5_check_writer(w));
    bri_h5_box_at(&w->form, start, count, NULL, &box);
    if (box.nelem == 0)
        return BR_OK;
    bri_h5_first_part(&box, &part);
    bri_h5_lock();
    do {
        status = enter(w, &part, records);
        bytes += records->bytes;
        records++;
    } while (status == BR_OK && bri_h5_next_part(&box, &part));
    bri_h5_unlock();
    return bri_h5_put_ended(w, status, bytes, bytes_written);
}
