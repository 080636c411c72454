/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_assign.c - set_index and set_mask: integers, slices with steps of any sign, new axes and
 * ellipses; values that are broadcast, numbers, of other dtypes, and made of the array itself.
 */
#include "tests/picks.h"

/* The elements start + step * i, i < count, of an axis; an integer has count -1. */
typedef struct stretch {
    int64_t start, step, count;
} stretch;

static stretch random_stretch(int64_t extent)
{
    stretch s = {extent > 0 ? random_below(extent) : 0, 1, 0};
    const int64_t steps[] = {1, 1, 2, 3, -1, -2};
    s.step = steps[random_below(6)];
    int64_t room = s.step > 0 ? extent - s.start : s.start + 1;
    int64_t size = s.step > 0 ? s.step : -s.step;
    s.count = extent > 0 ? (random_below(room + 1) + size - 1) / size : 0;
    if (extent > 0 && random_below(4) == 0)
        s.count = -1;
    return s;
}

static br_index_item item_of(const stretch *s, int64_t extent)
{
    br_index_item item = {.kind = 'i', .start = random_below(2) ? s->start : s->start - extent};
    if (s->count < 0)
        return item;
    item = (br_index_item){.kind = ':', .start = s->start, .step = s->step, .has_start = true};
    int64_t stop = s->start + s->step * s->count;
    item.has_stop = stop >= 0; /* else down to the first one */
    item.stop = stop;
    return item;
}

static int64_t number_of(const stretch *s)
{
    return s->count < 0 ? 1 : s->count;
}

/* The place in r of element `linear` of the region, which has no axes for integers. */
static int64_t place(const ref *r, const stretch *s, int64_t linear, int64_t *coord)
{
    int64_t at[REF_NDIM];
    int n = 0;
    int64_t own[REF_NDIM];
    for (int a = r->ndim - 1; a >= 0; a--) {
        own[a] = linear % number_of(&s[a]);
        linear /= number_of(&s[a]);
        at[a] = s[a].start + own[a] * s[a].step;
    }
    for (int a = 0; a < r->ndim; a++)
        if (s[a].count >= 0)
            coord[n++] = own[a];
    return ref_linear(r, at);
}

static ref *assigned(const ref *x, const stretch *s, const ref *value_of)
{
    ref *r = reshaped(x, x->ndim, x->shape);
    int64_t coord[REF_NDIM];
    int64_t n = 1;
    int ndim = 0;
    for (int a = 0; a < x->ndim; a++) {
        n *= number_of(&s[a]);
        ndim += s[a].count >= 0;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t at = place(x, s, i, coord);
        r->v[at] = as(x->dtype, ref_at(value_of, ndim, coord));
    }
    return r;
}

/* The region's shape, some of whose extents are 1 or whose first axes are missing. */
static ref *random_value_for(const ref *x, const stretch *s, br_dtype dtype)
{
    int64_t shape[REF_NDIM];
    int n = 0;
    int skip = random_below(3) == 0;
    for (int a = 0; a < x->ndim; a++)
        if (s[a].count >= 0 && !(skip-- > 0))
            shape[n++] = random_below(4) == 0 ? 1 : s[a].count;
    return ref_random(dtype, n, shape, false, false);
}

/* Of a lesser kind, which x's dtype holds. */
static br_dtype lesser(br_dtype d)
{
    return is_complex(d) ? BR_FLOAT64 : is_float(d) ? BR_INT8 : d;
}

static void slices(const operand *o, int number)
{
    br_index_item items[2 * REF_NDIM];
    stretch s[REF_NDIM];
    for (int turn = 0; turn < 3; turn++) {
        for (int a = 0; a < o->r->ndim; a++) {
            s[a] = random_stretch(o->r->shape[a]);
            items[a] = item_of(&s[a], o->r->shape[a]);
        }
        ref *v = random_value_for(o->r, s, turn == 1 ? lesser(o->r->dtype) : o->r->dtype);
        br_array *values = given(v, (number + turn) % NCUTS, (number + turn) % NWAYS);
        expect(br_set_index_items(o->x, items, o->r->ndim, values), assigned(o->r, s, v), 0, 0,
               "set_index %d %s", turn, o->name);
        ref *one = ref_new(BR_BOOL, 0, NULL);
        one->v[0] = 1;
        expect(br_set_index_items(o->x, items, o->r->ndim, true), assigned(o->r, s, one), 0, 0,
               "set_index %d of a number %s", turn, o->name);
    }
}

/* Values that are elements of the array itself, whose chunks have several readers. */
static void of_itself(const operand *o)
{
    ref *x = o->r;
    int64_t n = x->shape[0];
    if (n < 2)
        return;
    stretch s[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        s[a] = (stretch){0, 1, x->shape[a]};
    s[0] = (stretch){1, 1, n - 1};
    br_array *moved = br_set_index(o->x, "1:, ...", br_index(o->x, ":-1"));
    ref *want = assigned(x, s, line(x, 0, 0, 1, n - 1));
    expect(moved, want, 0, 0, "moved on %s", o->name);
    s[0] = (stretch){n - 1, -1, n};
    expect(br_set_index(moved, "::-1, ..., None", br_index(moved, "..., None")), flipped(want, 0),
           0, 0, "turned %s", o->name);
}

static void masks(const operand *o, int number)
{
    ref *x = o->r;
    int ndim = 1 + number % x->ndim;
    ref *m = ref_random(BR_BOOL, ndim, x->shape, false, false);
    ref *v = ref_random(lesser(x->dtype), 1, &x->shape[x->ndim - 1], false, false);
    ref *want = reshaped(x, x->ndim, x->shape);
    int64_t c[REF_NDIM];
    for (int64_t i = 0; i < x->n; i++) {
        ref_coords(x, i, c);
        if (m->v[ref_linear(m, c)] != 0)
            want->v[i] = as(x->dtype, ref_at(v, x->ndim, c));
    }
    br_array *mask = given(m, (number + 1) % NCUTS, number % NWAYS);
    expect(br_set_mask(o->x, mask, source(v, number % NCUTS)), want, 0, 0, "set_mask %s", o->name);
}

int main(int argc, char **argv)
{
    operand o;
    sweep_open(&argc, &argv);
    for (int number = 0; next_operand(&number, &o);) {
        slices(&o, number);
        of_itself(&o);
        masks(&o, number);
    }
    return sweep_close();
}
