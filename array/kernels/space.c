/* SPDX-License-Identifier: BSD-3-Clause
 * space.c - fits a run to its box: merges axes that are one in memory, drops those of extent 1,
 * finds out how far each source is dense.
 */
#include <stdlib.h>

#include "array/kernels/vm.h"

static size_t aligned_up(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static char *carve(char *base, size_t *used, size_t bytes)
{
    char *place = base != NULL ? base + *used : NULL; /* only the size is wanted then */
    *used += aligned_up(bytes);
    return place;
}

static size_t panels_of(const bri_program *p)
{
    return p->ninputs < BRI_PANELS ? (size_t)p->ninputs : BRI_PANELS;
}

size_t bri_run_layout(bri_run *run, const bri_program *p, char *base)
{
    size_t used = 0;
    br_dtype dtype = p->values[p->result].dtype;
    run->operands = (bri_operand *)carve(base, &used, (size_t)p->nvalues * sizeof(bri_operand));
    run->sources = (bri_source *)carve(base, &used, (size_t)p->nsources * sizeof(bri_source));
    run->registers = carve(base, &used, (size_t)p->nregs * p->reg_bytes);
    run->spare = carve(base, &used, BRI_BLOCK * 16);
    run->panels = carve(base, &used, panels_of(p) * BRI_PANEL_BYTES);
    run->rows = carve(base, &used, BRI_ROW_BUFFER * bri_size_of_result(p));
    run->states =
        carve(base, &used, p->reduces ? BRI_STATES * bri_state_bytes(p->redop, dtype) : 0);
    return used;
}

/* An axis of the box that is left after merging. */
typedef struct axis {
    int from; /* the innermost box axis in it */
    int64_t extent;
} axis;

static int64_t stride_of(const bri_run *run, const bri_box *box, int source, int a)
{
    const bri_value *v = run->sources[source].value;
    if (v->kind == BRI_VALUE_INPUT)
        return box->inputs[v->slot].stride[a];
    if (v->kind == BRI_VALUE_RANDOM)
        return ((const bri_drawing *)v->data)->numbering.step[a];
    return a == v->slot;
}

/* Whether going on along axis a is the same as one more step of axis b, inside it, for everything.
 */
static bool mergeable(const bri_run *run, const bri_box *box, int a, axis b)
{
    for (int s = 0; s < run->p->nsources; s++)
        if (stride_of(run, box, s, a) != b.extent * stride_of(run, box, s, b.from))
            return false;
    return run->p->reduces || box->out.stride[a] == b.extent * box->out.stride[b.from];
}

/* From the innermost axis outwards; the reduced axis is kept for itself, whatever its extent. */
static int merge_axes(const bri_run *run, const bri_box *box, axis *axes)
{
    int n = 0;
    bool closed = true; /* the last axis found takes no more */
    for (int a = box->ndim - 1; a >= 0; a--) {
        bool reduced = run->p->reduces && a == box->axis;
        if (box->extent[a] == 1 && !reduced)
            continue;
        if (!closed && !reduced && mergeable(run, box, a, axes[n - 1]))
            axes[n - 1].extent *= box->extent[a];
        else
            axes[n++] = (axis){a, box->extent[a]};
        closed = reduced;
    }
    return n;
}

/* The extents and strides of the merged axes, outermost first. A reduction along an axis that is
 * not the last keeps one behind it even if that has extent 1, because its order of summation
 * differs from that along the last. */
static void set_axes(bri_run *run, const bri_box *box, const axis *axes, int n)
{
    bool rows = run->p->reduces && box->axis != box->ndim - 1;
    bool behind = n > 0 && !(rows && axes[0].from == box->axis);
    run->ndim = 0;
    for (int i = n - 1; i >= 0; i--) {
        int d = run->ndim++;
        if (run->p->reduces && axes[i].from == box->axis)
            run->axis = d;
        run->extent[d] = axes[i].extent;
        run->out.stride[d] = run->p->reduces ? 0 : box->out.stride[axes[i].from];
        for (int s = 0; s < run->p->nsources; s++)
            run->sources[s].stride[d] = stride_of(run, box, s, axes[i].from);
    }
    if (behind)
        return;
    int d = run->ndim++;
    run->extent[d] = 1;
    run->out.stride[d] = 0;
    for (int s = 0; s < run->p->nsources; s++)
        run->sources[s].stride[d] = 0;
}

/* How many elements, counted from any multiple of that number, follow each other at `size` bytes; 0
 * for none. */
static int64_t run_length(const bri_run *run, const int64_t *stride, int64_t size)
{
    int64_t n = 1;
    for (int a = run->ndim - 1; a >= 0; a--) {
        if (run->extent[a] != 1 && stride[a] != n * size)
            break;
        n *= run->extent[a];
    }
    return n;
}

static int64_t still_length(const bri_run *run, const int64_t *stride)
{
    int64_t n = 1;
    for (int a = run->ndim - 1; a >= 0 && (stride[a] == 0 || run->extent[a] == 1); a--)
        n *= run->extent[a];
    return n;
}

/* Whether every element stands where its C type may. */
static bool aligned(const bri_run *run, const bri_source *s)
{
    br_dtype real = bri_real_dtype(s->value->dtype);
    uintptr_t bits = (uintptr_t)s->base;
    for (int a = 0; a < run->ndim; a++)
        bits |= (uintptr_t)(run->extent[a] > 1 ? s->stride[a] : 0);
    return bits % bri_dtypes[real].size == 0;
}

static void measure(bri_run *run, bri_source *s)
{
    s->still = still_length(run, s->stride);
    s->dense = 0;
    if (s->value->kind == BRI_VALUE_RANDOM)
        s->dense = run_length(run, s->stride, s->stride[run->ndim - 1]);
    else if (s->value->kind == BRI_VALUE_INPUT && aligned(run, s))
        s->dense = run_length(run, s->stride, (int64_t)bri_dtypes[s->value->dtype].size);
}

static int64_t first_number(const bri_numbering *numbering, const bri_box *box)
{
    int64_t first = numbering->first;
    for (int a = 0; a < box->ndim; a++)
        first += numbering->step[a] * box->origin[a];
    return first;
}

static void set_source(bri_source *s, const bri_box *box)
{
    s->panel = NULL;
    if (s->value->kind == BRI_VALUE_INPUT)
        s->base = box->inputs[s->value->slot].base;
    else if (s->value->kind == BRI_VALUE_RANDOM)
        s->first = first_number(&((const bri_drawing *)s->value->data)->numbering, box);
    else
        s->first = box->origin[s->value->slot];
}

void bri_run_init(bri_run *run, const bri_program *p, const bri_box *box)
{
    axis axes[BR_MAX_NDIM];
    run->p = p;
    bri_run_layout(run, p, box->scratch);
    for (int i = 0; i < p->ncode; i++)
        if (p->code[i].source >= 0)
            run->sources[p->code[i].source].value = &p->values[p->code[i].value];
    for (int v = 0; v < p->nvalues; v++)
        run->operands[v] = (bri_operand){p->values[v].constant, true};
    run->panel_axis = -1;
    run->axis = 0;
    run->out.base = box->out.base;
    set_axes(run, box, axes, merge_axes(run, box, axes));
    for (int s = 0; s < p->nsources; s++) {
        set_source(&run->sources[s], box);
        measure(run, &run->sources[s]);
    }
}

bool bri_next_index(int ndim, const int64_t *extent, const int64_t *step, int64_t *idx)
{
    for (int a = ndim - 1; a >= 0; a--) {
        idx[a] += step[a];
        if (idx[a] < extent[a])
            return true;
        idx[a] = 0;
    }
    return false;
}

void bri_index_at(int ndim, const int64_t *extent, int64_t flat, int64_t *idx)
{
    for (int a = ndim - 1; a >= 0; a--) {
        idx[a] = flat % extent[a];
        flat /= extent[a];
    }
}

/* An input whose neighbours along the last axis are far apart but close along another, which are to
 * be a tile. */
static int better_axis(const bri_run *run, const bri_source *s)
{
    int last = run->ndim - 1;
    int64_t size = (int64_t)bri_dtypes[s->value->dtype].size;
    if (s->value->kind != BRI_VALUE_INPUT || llabs(s->stride[last]) < 64)
        return -1;
    for (int a = 0; a < last; a++)
        if (run->extent[a] >= 4 && llabs(s->stride[a]) <= 2 * size && s->stride[a] != 0)
            return a;
    return -1;
}

/* Rows of elements of that size that a panel holds. */
static int64_t rows_of_panel(size_t size)
{
    int64_t rows = BRI_PANEL_BYTES / BRI_PANEL_STRIDE / (int64_t)size;
    return rows < BRI_PANEL_ROWS ? rows : BRI_PANEL_ROWS;
}

void bri_run_plan_panels(bri_run *run)
{
    int panels = 0;
    run->panel_rows = BRI_PANEL_ROWS;
    if (run->extent[run->ndim - 1] < 64)
        return;
    for (int i = 0; i < run->p->nsources && panels < BRI_PANELS; i++) {
        bri_source *s = &run->sources[i];
        int a = better_axis(run, s);
        if (a < 0 || (run->panel_axis >= 0 && a != run->panel_axis))
            continue;
        run->panel_axis = a;
        s->panel = run->panels + panels++ * BRI_PANEL_BYTES;
        int64_t rows = rows_of_panel(bri_dtypes[s->value->dtype].size);
        run->panel_rows = rows < run->panel_rows ? rows : run->panel_rows;
    }
}
