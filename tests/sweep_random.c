/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_random.c - random expressions of whole numbers: sums, products, slices, turns, reshapes,
 * other chunks and users' functions in any order, whose values are exact whatever the chunks,
 * beside the same steps on dense references.
 */
#include "tests/sweep.h"

typedef struct pair {
    br_array *x;
    ref *r;
} pair;

static value r_minus(value a, value b)
{
    return a - b;
}
static value r_plus(value a, value b)
{
    return a + b;
}
static value r_thrice(value a)
{
    return as(BR_INT64, 3 * a);
}

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return 0;
}

static pair leaf(void)
{
    const int64_t shape[] = {1 + random_below(12), 1 + random_below(12)};
    ref *r = ref_random(BR_INT64, 2, shape, false, false);
    return (pair){source(r, (int)random_below(NCUTS)), r};
}

static pair turned(pair p)
{
    ref *t = ref_new(BR_INT64, 2, (int64_t[]){p.r->shape[1], p.r->shape[0]});
    for (int64_t i = 0; i < t->n; i++)
        t->v[i] = p.r->v[i % t->shape[1] * t->shape[0] + i / t->shape[1]];
    return (pair){br_permute_dims(p.x, BR_AXES(1, 0)), t};
}

/* x[start::step] along both axes, kept when anything is left. */
static pair sliced(pair p)
{
    int64_t start[2];
    int64_t step[2];
    int64_t shape[2];
    br_index_item item[2];
    for (int a = 0; a < 2; a++) {
        int64_t n = p.r->shape[a];
        step[a] = (1 + random_below(4)) * (random_below(2) ? 1 : -1);
        start[a] = step[a] > 0 ? random_below(n / 2 + 1) : n - 1 - random_below(n / 2 + 1);
        if (start[a] == n || start[a] < 0)
            return p;
        shape[a] = step[a] > 0 ? (n - 1 - start[a]) / step[a] + 1 : start[a] / -step[a] + 1;
        item[a] =
            (br_index_item){.kind = ':', .has_start = true, .start = start[a], .step = step[a]};
    }
    ref *s = ref_new(BR_INT64, 2, shape);
    for (int64_t i = 0; i < s->n; i++)
        s->v[i] = p.r->v[(start[0] + step[0] * (i / shape[1])) * p.r->shape[1] + start[1] +
                         step[1] * (i % shape[1])];
    return (pair){br_index_items(p.x, item, 2), s};
}

static pair summed(pair p, bool rows)
{
    ref *s = ref_new(BR_INT64, 2, (int64_t[]){rows ? 1 : p.r->shape[0], rows ? p.r->shape[1] : 1});
    for (int64_t i = 0; i < p.r->n; i++) {
        value *sum = &s->v[rows ? i % p.r->shape[1] : i / p.r->shape[1]];
        *sum = as(BR_INT64, *sum + p.r->v[i]);
    }
    return (pair){br_sum(p.x, .axis = BR_AXIS(rows ? 0 : 1), .keepdims = true), s};
}

static pair reshaped(pair p)
{
    int64_t rows = 1 + random_below(12);
    while (p.r->n % rows != 0)
        rows--;
    ref *s = ref_new(BR_INT64, 2, (int64_t[]){rows, p.r->n / rows});
    memcpy(s->v, p.r->v, (size_t)s->n * sizeof *s->v);
    return (pair){br_reshape(p.x, BR_SHAPE(rows, -1)), s};
}

/* a and b one after the other along an axis. */
static ref *appended(const ref *a, const ref *b, int axis)
{
    int64_t shape[] = {a->shape[0], a->shape[1]};
    shape[axis] += b->shape[axis];
    ref *r = ref_new(BR_INT64, 2, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t c[] = {i / shape[1], i % shape[1]};
        bool second = c[axis] >= a->shape[axis];
        const ref *from = second ? b : a;
        c[axis] -= second ? a->shape[axis] : 0;
        r->v[i] = from->v[c[0] * from->shape[1] + c[1]];
    }
    return r;
}

/* With a part of itself, itself and a multiple, or what a user's function makes of it. */
static pair joined(pair p)
{
    int axis = (int)random_below(2);
    pair q = p;
    switch (random_below(3)) {
    case 0:
        q = summed(p, axis == 0);
        break;
    case 1:
        q = (pair){br_mul(p.x, 3), ref_map1(BR_INT64, p.r, r_thrice)};
        break;
    default:
        q = (pair){br_map_blocks(p.x, copy), p.r};
    }
    br_array *x[] = {q.x, p.x};
    if (random_below(2))
        return (pair){br_concat(x, 2, .axis = BR_AXIS(axis)), appended(q.r, p.r, axis)};
    return (pair){br_concat(BR_ARRAYS(x[1], x[0], x[1]), .axis = BR_AXIS(axis)),
                  appended(appended(p.r, q.r, axis), p.r, axis)};
}

static pair grow(pair p)
{
    pair q;
    if (p.r->n < 1000 && random_below(5) == 0)
        return joined(p);
    switch (random_below(8)) {
    case 0:
        return turned(p);
    case 1:
        return sliced(p);
    case 2:
        q = summed(p, random_below(2));
        return (pair){br_sub(p.x, q.x), ref_map2(BR_INT64, p.r, q.r, r_minus)};
    case 3:
        return reshaped(p);
    case 4:
        return (pair){br_rechunk(p.x, BR_CHUNKS(1 + random_below(6), 1 + random_below(6))), p.r};
    case 5:
        return (pair){br_map_blocks(p.x, copy), p.r};
    case 6:
        q = summed(sliced(p), false);
        q = summed(q, true);
        return (pair){br_add(p.x, q.x), ref_map2(BR_INT64, p.r, q.r, r_plus)};
    default:
        return (pair){br_mul(p.x, 3), ref_map1(BR_INT64, p.r, r_thrice)};
    }
}

/* Sums of sums stay below 2^63: at most a few steps multiply. */
static void expressions(int n)
{
    for (int i = 0; i < n; i++) {
        next_case(3);
        pair p = leaf();
        for (int64_t k = random_below(8); k > 0; k--)
            p = grow(p);
        expect(p.x, p.r, 0, 0, "expression %d", i);
        pair q = grow(p);
        expect(q.x, q.r, 0, 0, "expression %d, grown", i);
        if (i % 5 == 0)
            p.x = br_persist(p.x);
        q = grow(grow(p));
        expect(q.x, q.r, 0, 0, "expression %d, grown otherwise", i);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    expressions(argc > 1 ? atoi(argv[1]) : 300);
    return sweep_close();
}
