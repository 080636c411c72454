/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_many.c - one dataset in each of many files, one after the other along an axis, as one.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

struct bri_h5_many {
    int n, axis;
    int64_t *start; /* of each part along the axis, and where the last one ends */
    bri_h5_dataset *part[];
};

static const char *shape_text(const bri_h5_info *info, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s (", br_dtype_name(info->dtype));
    for (int a = 0; a < info->ndim && used < size; a++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", a > 0 ? ", " : "",
                                 (long long)info->shape[a]);
    if (used < size)
        snprintf(text + used, size - used, ")");
    return text;
}

static br_status check_part(const bri_h5_dataset *first, const bri_h5_dataset *d, int axis)
{
    const bri_h5_info *a = &first->info, *b = &d->info;
    bool same = a->dtype == b->dtype && a->ndim == b->ndim;
    for (int k = 0; k < a->ndim && same; k++)
        same = k == axis || a->shape[k] == b->shape[k];
    char one[200], other[200], where[2][BRI_H5_MESSAGE];
    if (same)
        return BR_OK;
    return bri_file_error(a->dtype == b->dtype ? BR_ESHAPE : BR_ETYPE,
                          "%s is %s, but %s is %s: only extents along axis %d may differ",
                          bri_h5_where(first, -1, where[0]), shape_text(a, one, sizeof one),
                          bri_h5_where(d, -1, where[1]), shape_text(b, other, sizeof other), axis);
}

static br_status check_axis(const bri_h5_dataset *d, int *axis)
{
    char where[BRI_H5_MESSAGE];
    int ndim = d->info.ndim;
    if (*axis < -ndim || *axis >= ndim)
        return bri_file_error(BR_EAXIS, "%s has %d axes, axis %d is none of them",
                              bri_h5_where(d, -1, where), ndim, *axis);
    *axis += *axis < 0 ? ndim : 0;
    return BR_OK;
}

static br_status add_part(bri_h5_many *many, const bri_h5_set *set)
{
    bri_h5_dataset *d;
    int k = many->n;
    BRI_TRY(bri_h5_open_probed(set->paths[k], set->dataset, set->field, set->probe, &d));
    many->n++;
    many->part[k] = d;
    BRI_TRY(bri_h5_park(d));
    if (k == 0)
        BRI_TRY(check_axis(d, &many->axis));
    BRI_TRY(check_part(many->part[0], d, many->axis));
    if (__builtin_add_overflow(many->start[k], d->info.shape[many->axis], &many->start[k + 1]))
        return bri_error(BR_ESHAPE, "more than 2^63 elements along axis %d", many->axis);
    return BR_OK;
}

/* Identity and size of all the files, in the place of one's. */
static void mix(bri_h5_info *all, const bri_h5_info *part)
{
    all->device = all->device * 1099511628211u ^ part->device;
    all->inode = all->inode * 1099511628211u ^ part->inode;
    all->mtime_ns = (int64_t)((uint64_t)all->mtime_ns * 31 + (uint64_t)part->mtime_ns);
    all->bytes += part->bytes;
    all->missing += part->missing;
    all->absent = all->absent * 1099511628211u ^ part->absent;
    all->contiguous = all->contiguous && part->contiguous;
}

static void describe(bri_h5_dataset *d)
{
    const bri_h5_many *many = d->many;
    const bri_h5_dataset *first = many->part[0];
    d->kind = BRI_H5_MANY;
    d->info = first->info;
    d->packing = first->packing;
    d->element = first->element;
    int slow = 0;
    for (int i = 0; i < many->n; i++) {
        slow += many->part[i]->kind == BRI_H5_SLOW;
        if (i > 0)
            mix(&d->info, &many->part[i]->info);
    }
    d->info.shape[many->axis] = many->start[many->n];
    if (slow > 0 && slow < many->n)
        snprintf(d->path_kind, sizeof d->path_kind, "pread, %d of them by H5Dread", slow);
    else
        memcpy(d->path_kind, first->path_kind, sizeof d->path_kind);
    d->info.path_kind = d->path_kind;
}

static br_status prepare(bri_h5_dataset *d, int n, const char *dataset)
{
    d->many = bri_calloc(1, sizeof *d->many + (size_t)n * sizeof d->many->part[0]);
    d->path = bri_strdup("");
    d->name = bri_strdup(dataset);
    if (d->many == NULL || d->path == NULL || d->name == NULL)
        return BR_ENOMEM;
    d->many->start = bri_calloc((size_t)n + 1, sizeof d->many->start[0]);
    return d->many->start != NULL ? BR_OK : BR_ENOMEM;
}

br_status bri_h5_open_many(const bri_h5_set *set, bri_h5_dataset **out)
{
    *out = NULL;
    bri_h5_dataset *d = bri_calloc(1, sizeof *d);
    if (d == NULL)
        return BR_ENOMEM;
    d->fd = -1;
    d->file = d->dataset = d->memory = -1;
    br_status st = prepare(d, set->n, set->dataset);
    if (st == BR_OK)
        d->many->axis = set->axis;
    while (st == BR_OK && d->many->n < set->n)
        st = add_part(d->many, set);
    if (st != BR_OK) {
        bri_h5_close(d);
        return st;
    }
    describe(d);
    *out = d;
    return BR_OK;
}

void bri_h5_close_many(bri_h5_many *many)
{
    for (int i = 0; many != NULL && i < many->n; i++)
        bri_h5_close(many->part[i]);
    if (many != NULL)
        bri_free(many->start);
    bri_free(many);
}

int bri_h5_parts(const bri_h5_dataset *d)
{
    return d->many != NULL ? d->many->n : 1;
}

const bri_h5_dataset *bri_h5_part(const bri_h5_dataset *d, int i)
{
    return d->many != NULL ? d->many->part[i] : d;
}

bri_h5_dataset *bri_h5_take_part(bri_h5_dataset *d, int i)
{
    bri_h5_dataset *part = d->many->part[i];
    d->many->part[i] = NULL;
    return part;
}

void bri_h5_adopt_cache(bri_h5_dataset *d, int i)
{
    d->many->part[i]->cache = d->cache;
}

int bri_h5_many_axis(const bri_h5_dataset *d)
{
    return d->many != NULL ? d->many->axis : -1;
}

bool bri_h5_is_in(const bri_h5_dataset *d, uint64_t device, uint64_t inode)
{
    for (int i = 0; i < bri_h5_parts(d); i++) {
        const bri_h5_info *info = &bri_h5_part(d, i)->info;
        if (info->device == device && info->inode == inode)
            return true;
    }
    return false;
}

br_status bri_h5_unchanged(const bri_h5_dataset *d)
{
    for (int i = 0; i < bri_h5_parts(d); i++)
        BRI_TRY(bri_h5_part_unchanged(bri_h5_part(d, i)));
    return BR_OK;
}

size_t bri_h5_scratch_of_many(const bri_h5_many *many)
{
    size_t most = 0;
    for (int i = 0; i < many->n; i++) {
        size_t bytes = bri_h5_scratch(many->part[i]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* The part that has this index along the axis. */
static int part_at(const bri_h5_many *many, int64_t index)
{
    int low = 0, high = many->n - 1;
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (many->start[middle] <= index)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

const bri_h5_dataset *bri_h5_part_at(const bri_h5_dataset *d, int axis, int64_t *index)
{
    const bri_h5_many *many = d->many;
    if (many == NULL)
        return d;
    if (axis != many->axis)
        return many->part[0];
    int k = part_at(many, *index);
    *index -= many->start[k];
    return many->part[k];
}

/* Steps are positive. */
br_status bri_h5_read_many(const bri_h5_dataset *d, bri_h5_want *want)
{
    const bri_h5_many *many = d->many;
    int axis = many->axis;
    int64_t start[BR_MAX_NDIM], count[BR_MAX_NDIM], done = 0;
    memcpy(start, want->start, sizeof start);
    memcpy(count, want->count, sizeof count);
    while (done < want->count[axis]) {
        int64_t at = want->start[axis] + done * want->step[axis];
        int k = part_at(many, at);
        int64_t fits = (many->start[k + 1] - 1 - at) / want->step[axis] + 1;
        int64_t left = want->count[axis] - done;
        start[axis] = at - many->start[k];
        count[axis] = fits < left ? fits : left;
        if (want->counting)
            want->bytes_read += bri_h5_bytes(many->part[k], start, want->step, count);
        else
            BRI_TRY(bri_h5_read(many->part[k], start, want->step, count,
                                want->to + done * want->stride[axis], want->stride, want->scratch,
                                &want->bytes_read));
        done += count[axis];
    }
    return BR_OK;
}
