/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_pad.c - padding in every mode, differences and slopes; sources made of their indices at
 * other places.
 */
#include "tests/structure.h"

/* ---- padding ---- */

/* Where the element beyond the ends comes from; -1: a value of its own. */
static int64_t origin(int64_t i, int64_t n, br_pad_mode mode)
{
    bool inside = i >= 0 && i < n;
    if (!inside && (mode == BR_PAD_CONSTANT || mode == BR_PAD_LINEAR_RAMP))
        return -1;
    if (mode == BR_PAD_EDGE || n == 1)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    if (mode == BR_PAD_WRAP)
        return (i % n + n) % n;
    int64_t again = mode == BR_PAD_SYMMETRIC; /* the end comes twice */
    while (i < 0 || i >= n)
        i = i < 0 ? -i - again : 2 * n - 2 - i + again;
    return i;
}

typedef struct margins {
    int64_t before, after;
    double value, ends[2];
} margins;

static double ramp(double end, double edge, int64_t i, int64_t width)
{
    return end + (double)i * ((edge - end) / (double)width);
}

/* The value of an element that comes from nowhere, beside the nearest one. */
static value made_up(const ref *x, value near, int64_t i, int64_t n, br_pad_mode mode,
                     const margins *m)
{
    if (mode == BR_PAD_CONSTANT)
        return as(x->dtype, m->value);
    bool front = i < 0;
    int64_t width = front ? m->before : m->after;
    int64_t step = front ? i + width : n + width - 1 - i;
    double re = ramp(m->ends[!front], (double)creall(near), step, width);
    double im = ramp(0, (double)cimagl(near), step, width);
    if (is_exact(x->dtype) && x->dtype != BR_BOOL)
        re = floor(re);
    return as(x->dtype, is_complex(x->dtype) ? re + I * (long double)im : re);
}

static ref *padded(const ref *x, int axis, br_pad_mode mode, const margins *m)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    int64_t n = x->shape[axis];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] += m->before + m->after;
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t k = 0; k < r->n; k++) {
        ref_coords(r, k, c);
        int64_t i = c[axis] - m->before;
        int64_t from = origin(i, n, mode);
        c[axis] = from >= 0 ? from : i < 0 ? 0 : n - 1;
        value near = n > 0 ? x->v[ref_linear(x, c)] : 0;
        r->v[k] = from >= 0 ? near : made_up(x, near, i, n, mode, m);
    }
    return r;
}

/* Widths up to many times the extent. */
static void pads(void)
{
    const int64_t widths[] = {1, 0, 2, 3, 5, 1};
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (br_pad_mode mode = BR_PAD_CONSTANT; mode <= BR_PAD_LINEAR_RAMP; mode++) {
            br_pad_args args = {.x = o.x, .mode = mode, .value = BR_NUM(1)};
            ref *want = o.r;
            args.before.ndim = args.after.ndim = o.r->ndim;
            args.end_values[0] = BR_NUM(2);
            for (int a = 0; a < o.r->ndim; a++) {
                bool none = o.r->shape[a] == 0 && mode != BR_PAD_CONSTANT;
                margins m = {widths[(number + a) % 6], widths[(number * 5 + a * 2) % 6], 1, {2, 0}};
                m.after += o.r->ndim == 1 && number % 4 == 0 ? 45 : 0;
                m.before = none ? 0 : m.before;
                m.after = none ? 0 : m.after;
                args.before.extent[a] = m.before;
                args.after.extent[a] = m.after;
                want = padded(want, a, mode, &m);
            }
            /* Quotients of complex numbers are rounded otherwise. */
            double scale = is_complex(o.r->dtype) ? 8 : 0;
            expect(br_pad_(args), want, 1, scale, "pad mode %d %s", (int)mode, o.name);
        }
}

/* ---- differences ---- */

static ref *differences(const ref *x, int axis)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] -= shape[axis] > 0;
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        value low = x->v[ref_linear(x, c)];
        c[axis]++;
        value high = x->v[ref_linear(x, c)];
        r->v[i] = x->dtype == BR_BOOL ? high != low : as(x->dtype, high - low);
    }
    return r;
}

static void diffs(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis < o.r->ndim; axis++) {
            ref *one = differences(o.r, axis);
            ref *three = differences(differences(one, axis), axis);
            br_axes a = BR_AXIS(axis);
            expect(br_diff(o.x, .axis = a), one, 1, 64, "diff axis %d %s", axis, o.name);
            expect(br_diff(o.x, 3, .axis = a), three, 4, 64, "diff 3 axis %d %s", axis, o.name);
            int64_t shape[REF_NDIM];
            memcpy(shape, o.r->shape, sizeof shape);
            shape[axis] = 1;
            ref *zero = ref_new(o.r->dtype, o.r->ndim, shape);
            ref *ends[] = {zero, o.r, o.r};
            br_array *scalar = br_zeros(sweep.ctx, BR_0D, o.r->dtype);
            expect(br_diff(o.x, .axis = a, .prepend = scalar, .append = o.x),
                   differences(joined(ends, 3, axis), axis), 1, 64, "diff with ends axis %d %s",
                   axis, o.name);
        }
}

/* Slope at element i of n along an axis, whose neighbours are e[]. */
static value slope(const value *e, int64_t i, int64_t n, int order, long double h)
{
    if (i > 0 && i < n - 1)
        return (e[i + 1] - e[i - 1]) / (2 * h);
    if (order == 1)
        return i == 0 ? (e[1] - e[0]) / h : (e[n - 1] - e[n - 2]) / h;
    return i == 0 ? (-1.5L * e[0] + 2 * e[1] - 0.5L * e[2]) / h
                  : (0.5L * e[n - 3] - 2 * e[n - 2] + 1.5L * e[n - 1]) / h;
}

static void gradients(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis < o.r->ndim; axis++) {
            int order = 1 + number % 2;
            int64_t n = o.r->shape[axis];
            if (o.r->dtype == BR_BOOL || n < order + 1)
                continue;
            ref *want = ref_new(floating(o.r->dtype), o.r->ndim, o.r->shape);
            for (int64_t i = 0; i < want->n; i++) {
                int64_t c[REF_NDIM];
                value e[16];
                ref_coords(want, i, c);
                int64_t at = c[axis];
                for (c[axis] = 0; c[axis] < n; c[axis]++)
                    e[c[axis]] = o.r->v[ref_linear(o.r, c)];
                want->v[i] = slope(e, at, n, order, 0.5L);
            }
            expect(br_gradient(o.x, BR_AXIS(axis), 0.5, .edge_order = order), want, 8, 256,
                   "gradient axis %d %s", axis, o.name);
        }
}

/* ---- sources that are numbers ---- */

/* Elements of sources that are made of their index stay what they are at other places. */
static void made_of_indices(void)
{
    for (int chunk = 1; chunk < 8; chunk += 3) {
        next_case(4);
        br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(11), .chunks = BR_CHUNKS(chunk));
        br_array *f = br_arange(sweep.ctx, BR_NUM(0.5), BR_NUM(11), .chunks = BR_CHUNKS(chunk));
        br_array *z = br_random_normal(sweep.ctx, BR_SHAPE(40), .seed = BR_NUM(7),
                                       .chunks = BR_CHUNKS(3 * chunk));
        ref *up = ref_new(BR_INT64, 1, (int64_t[]){11});
        ref *half = ref_new(BR_FLOAT64, 1, (int64_t[]){11});
        for (int i = 0; i < 11; i++) {
            up->v[i] = i;
            half->v[i] = i + 0.5L;
        }
        expect(br_roll(x, BR_SHIFTS(4)), rolled(up, 0, 4), 0, 0, "arange rolled chunk %d", chunk);
        expect(br_roll(f, BR_SHIFTS(-3)), rolled(half, 0, -3), 0, 0, "floats rolled chunk %d",
               chunk);
        br_array *again = br_roll(br_roll(z, BR_SHIFTS(17)), BR_SHIFTS(-17));
        expect(br_sub(again, z), ref_new(BR_FLOAT64, 1, (int64_t[]){40}), 0, 0,
               "random rolled chunk %d", chunk);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    pads();
    diffs();
    gradients();
    made_of_indices();
    return sweep_close();
}
