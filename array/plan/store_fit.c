/* SPDX-License-Identifier: BSD-3-Clause
 * store_fit.c - which chunks the ranks that made them can write at places of their own.
 *
 * Those that replace others cannot: HDF5 frees the old place of a chunk that has filters and then
 * gives it to the next one that fits, which is known only in the order in which chunks come. And
 * what is overwritten in place must be kept until all is stored, by a process that outlives the
 * others.
 */
#include "array/plan/store_fit.h"

/* Shorter rows are better gathered on one rank; over several hosts those of fewer pages, of which
 * the first and the last part travel in any case. */
enum { SHORT_ROW = 512, PAGES = 4 };

static const struct {
    bool remakes;
    const char *why;
} fits[] = {
    [BRI_FIT_WHOLE] = {false, "rank 0 alone writes while others are made anew"},
    [BRI_FIT_PAGES] = {false, "it has no chunks, and its rows have fewer than 4 pages"},
    [BRI_FIT_SHORT] = {false, "it has no chunks, and its rows are short"},
    [BRI_FIT_NOTED] = {false, "it has no chunks, and HDF5 has put it beside what it keeps back"},
    [BRI_FIT_KEPT] = {false, "rank 0 keeps what they replace until all is stored"},
    [BRI_FIT_CUT] = {false, "chunks of the array cut stored ones"},
    [BRI_FIT_LIBRARY] = {true, "HDF5 itself makes what is stored of its type, or by its filters"},
    [BRI_FIT_CUT_FILTERED] = {true, "chunks of the array cut stored ones, which have filters"},
    [BRI_FIT_KEPT_FILTERED] = {true, "they replace others, whose places HDF5 gives away again"},
};

/* Places where a stored chunk ends, of the axis of the dataset. */
static bool is_between(const bri_h5_form *form, int axis, int64_t at)
{
    return at % form->chunk[axis] == 0 || at == form->shape[axis];
}

static bool cuts(const bri_node *x, const bri_h5_form *form, int axis, int64_t *at)
{
    const bri_h5_place_axis place =
        form->placed ? form->place[axis] : (bri_h5_place_axis){axis, 0, 1};
    *at = place.start;
    if (place.axis < 0)
        return !is_between(form, axis, *at) || !is_between(form, axis, *at + 1);
    const bri_axis *along = &x->axis[place.axis];
    if (place.step > 1 && along->extent > 1)
        return true;
    for (int64_t c = 0; c < along->nchunks; c++) {
        *at = place.start + bri_axis_start(along, c);
        if (!is_between(form, axis, *at))
            return true;
    }
    *at = place.start + along->extent;
    return !is_between(form, axis, *at);
}

int bri_store_axis_that_cuts(const bri_node *x, const bri_h5_form *form, int64_t *start)
{
    bool chunked = form->ndim > 0 && form->chunk[0] > 0;
    for (int a = 0; a < form->ndim && chunked; a++)
        if (cuts(x, form, a, start))
            return a;
    return -1;
}

static bri_store_fit fit_of_rows(const bri_node *x, const bri_h5_form *form, size_t page)
{
    int64_t largest[BR_MAX_NDIM];
    for (int a = 0; a < x->ndim; a++)
        largest[a] = bri_axis_largest(&x->axis[a]);
    size_t bytes = bri_h5_row_bytes(form, largest);
    if (page > 0)
        return bytes >= PAGES * page ? BRI_FIT_WHOLE : BRI_FIT_PAGES;
    return bytes >= SHORT_ROW ? BRI_FIT_WHOLE : BRI_FIT_SHORT;
}

/* Of those of a region; a dataset that is made has none. */
static bool replaces_chunks(const bri_node *x, bri_h5_writer *writer)
{
    static const int64_t start[BR_MAX_NDIM];
    int64_t count[BR_MAX_NDIM];
    for (int a = 0; a < x->ndim; a++)
        count[a] = x->axis[a].extent;
    return bri_h5_form_of(writer)->placed && bri_h5_has_chunks(writer, start, count);
}

bri_store_fit bri_store_fit_of(const bri_node *x, bri_h5_writer *writer, size_t page)
{
    const bri_h5_form *form = bri_h5_form_of(writer);
    bool filters = form->nfilters > 0;
    int64_t at;
    if (form->laid_out)
        return fit_of_rows(x, form, page);
    if (form->ndim == 0)
        return BRI_FIT_SHORT;
    if (form->chunk[0] == 0)
        return form->placed ? BRI_FIT_KEPT : BRI_FIT_NOTED;
    if (!form->direct)
        return BRI_FIT_LIBRARY;
    if (bri_store_axis_that_cuts(x, form, &at) >= 0)
        return filters ? BRI_FIT_CUT_FILTERED : BRI_FIT_CUT;
    if (replaces_chunks(x, writer))
        return filters ? BRI_FIT_KEPT_FILTERED : BRI_FIT_KEPT;
    return BRI_FIT_WHOLE;
}

bool bri_store_remakes(bri_store_fit fit)
{
    return fits[fit].remakes;
}

void bri_store_tell_fit(const bri_joining *j, const char *dataset, bri_store_fit fit, bool alone)
{
    if (fit != BRI_FIT_WHOLE || alone)
        bri_log_info(j->ctx, "%s:%s: chunks travel to rank 0: %s", j->name, dataset, fits[fit].why);
}
