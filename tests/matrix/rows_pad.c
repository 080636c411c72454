/* SPDX-License-Identifier: BSD-3-Clause
 * rows_pad.c - br_pad in all its modes, by walking step by step from the edge.
 */
#include "tests/matrix/matrix.h"

/* The element that stands at place k, inside or outside of n elements. */
static int64_t source_of(br_pad_mode mode, int64_t k, int64_t n)
{
    if (mode == BR_PAD_EDGE || n == 1)
        return k < 0 ? 0 : k >= n ? n - 1 : k;
    int64_t at = 0, step = 1;
    for (int64_t i = 0; i < (k < 0 ? -k : k); i++) { /* reflect and symmetric run to and fro */
        bool symmetric = mode == BR_PAD_SYMMETRIC;
        int64_t next = at + step;
        if (mode == BR_PAD_WRAP)
            at = (at + 1) % n;
        else if (next >= 0 && next < n)
            at = next;
        else if (symmetric)
            step = -step;
        else
            at -= step, step = -step;
    }
    if (k >= 0)
        return at;
    if (mode == BR_PAD_WRAP)
        return (n - at) % n;
    return mode == BR_PAD_SYMMETRIC ? source_of(mode, -k - 1, n) : at;
}

static number ramp(number end, number edge, int64_t i, int64_t width)
{
    return of_complex(end.z + (edge.z - end.z) * ((long double)i / width));
}

typedef struct padding {
    br_pad_mode mode;
    int64_t before, after;
    number value, ends[2];
} padding;

static nd *padded(const nd *v, int axis, const padding *p)
{
    int64_t shape[ND_AXES], index[ND_AXES], n = v->shape[axis];
    memcpy(shape, v->shape, sizeof shape);
    shape[axis] = p->before + n + p->after;
    nd *r = nd_new(v->dtype, v->ndim, shape);
    bool constant = p->mode == BR_PAD_CONSTANT, linear = p->mode == BR_PAD_LINEAR_RAMP;
    for (int64_t i = 0; i < r->n; i++) {
        nd_index_of(r, i, index);
        int64_t k = index[axis] - p->before, out = k < 0 ? -k : k - n + 1;
        int64_t width = k < 0 ? p->before : p->after;
        bool inside = k >= 0 && k < n;
        index[axis] = inside || constant ? k : source_of(linear ? BR_PAD_EDGE : p->mode, k, n);
        if (!inside && constant)
            nd_put(r, i, p->value);
        else if (!inside && linear)
            nd_put_within(r, i,
                          ramp(p->ends[k >= 0], nd_get(v, nd_at(v, index)), width - out, width),
                          64 * epsilon_of(v->dtype));
        else
            nd_copy(r, i, v, nd_at(v, index));
    }
    return r;
}

static br_number as_br_number(number v)
{
    if (kind_of(the.dtype) == 'c')
        return br_number_complex((double)creall(v.z), (double)cimagl(v.z));
    if (kind_of(the.dtype) == 'f')
        return br_number_float((double)creall(v.z));
    return br_number_int((int64_t)v.i);
}

static void pad(br_pad_mode mode, values how, int64_t least)
{
    int64_t shape[ND_AXES], before[ND_AXES], after[ND_AXES];
    int ndim = draw_shape(1, 3, shape);
    bool one = chance(30), same = chance(30), large = false;
    padding p = {.mode = mode, .value = draw_number(the.dtype, SMALL)};
    p.ends[0] = draw_number(the.dtype, SMALL), p.ends[1] = draw_number(the.dtype, SMALL);
    for (int k = 0; k < ndim; k++) {
        shape[k] = shape[k] < least ? least : shape[k];
        large = large || shape[k] > 30;
    }
    arg a = arg_of(draw_values(the.dtype, ndim, shape, how));
    nd *r = a.v;
    for (int k = 0; k < ndim; k++) {
        before[k] = one && k > 0 ? before[0] : draw(0, large ? 2 : 7);
        after[k] = same ? before[k] : one && k > 0 ? after[0] : draw(0, large ? 2 : 7);
        p.before = before[k], p.after = after[k];
        r = padded(r, k, &p);
    }
    expect(br_pad(a.x, extents_of(one ? 1 : ndim, before),
                  .after = same ? (br_extents){0} : extents_of(one ? 1 : ndim, after), .mode = mode,
                  .value = is_zero(p.value) ? BR_NONE : as_br_number(p.value),
                  .end_values = {as_br_number(p.ends[0]), as_br_number(p.ends[1])}),
           r);
}

static void constant(void)
{
    pad(BR_PAD_CONSTANT, ANY, 0);
}

static void continued(void)
{
    static const br_pad_mode modes[] = {BR_PAD_EDGE, BR_PAD_REFLECT, BR_PAD_SYMMETRIC, BR_PAD_WRAP};
    pad(modes[draw(0, 3)], ANY, 1);
}

/* Of floats alone: what is rounded down for integers depends on digits. */
static void linear(void)
{
    pad(BR_PAD_LINEAR_RAMP, SMALL, 1);
}

const row pad_rows[] = {
    {"pad", "biufc", constant},
    {"pad (by its elements)", "biufc", continued},
    {"pad (by a ramp)", "fc", linear},
    {0},
};
