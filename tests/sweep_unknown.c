/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_unknown.c - what masks pick, and expressions on top of it: every way to cut, kind of mask
 * and place where a mask comes from.
 */
#include "tests/structure.h"

/* ---- masks ---- */

enum { HALF, NONE, ALL, LAST, FIFTH, NMASKS };

static ref *mask_of(int kind, int ndim, const int64_t *shape)
{
    ref *m = ref_new(BR_BOOL, ndim, shape);
    for (int64_t i = 0; i < m->n; i++)
        m->v[i] = kind == HALF    ? random_below(2)
                  : kind == LAST  ? i >= m->n - 1 - m->n / 4
                  : kind == FIFTH ? i % 5 == 2
                                  : kind == ALL;
    return m;
}

/* Where a 1-d mask is true. */
static int64_t places(const ref *m, int64_t *index)
{
    int64_t n = 0;
    for (int64_t i = 0; i < m->n; i++)
        if (m->v[i] != 0)
            index[n++] = i;
    return n;
}

static ref *picked(const ref *x, const ref *m, int axis)
{
    int64_t *index = calloc((size_t)m->n + 1, sizeof *index);
    int64_t n = places(m, index);
    ref *r = taken(x, axis, n, index);
    free(index);
    return r;
}

static ref *sum_along(const ref *x, int axis)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    for (int a = 0, o = 0; a < x->ndim; a++)
        if (a != axis)
            shape[o++] = x->shape[a];
    ref *r = ref_new(x->dtype, x->ndim - 1, shape);
    for (int64_t i = 0; i < x->n; i++) {
        ref_coords(x, i, c);
        for (int a = axis; a + 1 < x->ndim; a++)
            c[a] = c[a + 1];
        r->v[ref_linear(r, c)] += x->v[i];
    }
    return r;
}

static value twice(value v)
{
    return v + v;
}

static value three_times(value v)
{
    return 3 * v;
}

static value one_more(value v)
{
    return v + 1;
}

static value sum_of(value a, value b)
{
    return a + b;
}

static value larger(const ref *x)
{
    long double most = -1e30L;
    for (int64_t i = 0; i < x->n; i++)
        most = creall(x->v[i]) > most ? creall(x->v[i]) : most;
    return most;
}

static ref *scalar(br_dtype dtype, value v)
{
    ref *r = ref_new(dtype, 0, NULL);
    r->v[0] = v;
    return r;
}

/* ---- cases ---- */

/* Along each axis; masks are cut unlike the array. */
static void compressions(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis < o.r->ndim; axis++) {
            ref *m = mask_of((number + axis) % NMASKS, 1, &o.r->shape[axis]);
            br_array *mask = given(m, (number * 5 + axis) % NCUTS, (number / 2) % NWAYS);
            br_array *y = br_compress(mask, o.x, .axis = BR_AXIS(axis - o.r->ndim));
            expect(y, picked(o.r, m, axis), 0, 0, "compress axis %d %s", axis, o.name);
            /* A condition may be shorter than the axis. */
            int64_t fewer = o.r->shape[axis] - (o.r->shape[axis] > 0);
            ref *shorter = mask_of(HALF, 1, &fewer);
            expect(br_compress(given(shorter, number % NCUTS, number % NWAYS), o.x,
                               .axis = BR_AXIS(axis)),
                   picked(line(o.r, axis, 0, 1, fewer), shorter, axis), 0, 0,
                   "short condition axis %d %s", axis, o.name);
        }
}

/* The elements of a flat array, by masks of its shape. */
static void whole_masks(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        ref *m = mask_of(number % NMASKS, o.r->ndim, o.r->shape);
        br_array *mask = given(m, (number + 2) % NCUTS, (number / 3) % NWAYS);
        ref *want = picked(flat(o.r), flat(m), 0);
        expect(br_boolean_index(o.x, mask), want, 0, 0, "x[mask] %s", o.name);
        expect(br_extract(mask, o.x), want, 0, 0, "extract %s", o.name);
        if (o.r->ndim == 1)
            expect(br_compress(mask, o.x), want, 0, 0, "compress flat %s", o.name);
        for (int k = 1; k < o.r->ndim; k++) {
            int64_t shape[REF_NDIM] = {1};
            for (int a = 0; a < o.r->ndim; a++)
                shape[a < k ? 0 : a - k + 1] *= a < k ? o.r->shape[a] : 1;
            for (int a = k; a < o.r->ndim; a++)
                shape[a - k + 1] = o.r->shape[a];
            ref *lead = mask_of((number + k) % NMASKS, k, o.r->shape);
            ref *joint = reshaped(o.r, o.r->ndim - k + 1, shape);
            expect(br_boolean_index(o.x, given(lead, number % NCUTS, number % NWAYS)),
                   picked(joint, flat(lead), 0), 0, 0, "x[mask of %d axes] %s", k, o.name);
        }
    }
}

static void indices(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        br_array *index[REF_NDIM];
        int ndim = o.r->ndim;
        int64_t n = 0;
        for (int64_t i = 0; i < o.r->n; i++)
            n += o.r->v[i] != 0;
        ref *all = ref_new(BR_INT64, 2, (int64_t[]){n, ndim});
        ref *linear = ref_new(BR_INT64, 1, &n);
        n = 0;
        for (int64_t i = 0; i < o.r->n; i++) {
            int64_t c[REF_NDIM];
            if (o.r->v[i] == 0)
                continue;
            ref_coords(o.r, i, c);
            linear->v[n] = i;
            for (int a = 0; a < ndim; a++)
                all->v[n * ndim + a] = c[a];
            n++;
        }
        br_nonzero(o.x, index, ndim);
        for (int a = 0; a < ndim; a++)
            expect(index[a], reshaped(line(all, 1, a, 1, 1), 1, &n), 0, 0, "nonzero axis %d %s", a,
                   o.name);
        expect(br_argwhere(o.x), all, 0, 0, "argwhere %s", o.name);
        expect(br_flatnonzero(o.x), linear, 0, 0, "flatnonzero %s", o.name);
    }
}

/* ---- what is built on an array of unknown extent ---- */

typedef struct unknown {
    br_array *x, *mask, *y; /* y is what the mask picks of x */
    ref *rx, *m, *r;
    int axis, ndim;
    char name[60];
} unknown;

static bool next_unknown(int *number, unknown *u)
{
    int n = (*number)++;
    if (n == NFORMS * NCUTS * NWAYS)
        return false;
    int form = n % NFORMS;
    int how = n / NFORMS % NCUTS;
    int way = n / NFORMS / NCUTS;
    next_case(QUEUE / 2);
    u->ndim = forms[form].ndim;
    u->axis = n % u->ndim;
    u->rx = ref_random(BR_INT64, u->ndim, forms[form].shape, false, false);
    u->m = mask_of(n / 3 % NMASKS, 1, &u->rx->shape[u->axis]);
    u->r = picked(u->rx, u->m, u->axis);
    u->x = given(u->rx, how, way);
    u->mask = given(u->m, (n + 1) % NCUTS, n / 5 % NWAYS);
    u->y = br_compress(u->mask, u->x, .axis = BR_AXIS(u->axis));
    snprintf(u->name, sizeof u->name, "form %d cut %d way %d number %d", form, how, way, n);
    return true;
}

static void elementwise(void)
{
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        br_array *same = br_compress(u.mask, br_multiply(u.x, 2), .axis = BR_AXIS(u.axis));
        expect(br_add(u.y, same), ref_map1(BR_INT64, u.r, three_times), 0, 0, "y + z %s", u.name);
        expect(br_map_blocks(br_add(u.y, u.y), copy_block), ref_map1(BR_INT64, u.r, twice), 0, 0,
               "copied blocks %s", u.name);
        if (u.rx->shape[u.axis] > 0) {
            ref *one = line(u.rx, u.axis, 0, 1, 1);
            br_index_item items[REF_NDIM];
            for (int a = 0; a < u.ndim; a++)
                items[a] = (br_index_item){.kind = ':', .has_stop = a == u.axis, .stop = 1};
            expect(br_add(u.y, br_index_items(u.x, items, u.ndim)),
                   ref_map2(BR_INT64, u.r, one, sum_of), 0, 0, "y + one of x %s", u.name);
        }
        expect(br_persist(br_add(u.y, same)), ref_map1(BR_INT64, u.r, three_times), 0, 0,
               "persisted %s", u.name);
        br_array *known = br_resolve(u.y);
        if (br_shape(known)[u.axis] != u.r->shape[u.axis])
            fail(u.name, "resolved to %d", (int)br_shape(known)[u.axis]);
        expect(br_ravel(known), flat(u.r), 0, 0, "resolved and flat %s", u.name);
    }
}

static void reductions(void)
{
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        long double total = 0;
        for (int64_t i = 0; i < u.r->n; i++)
            total += creall(u.r->v[i]);
        for (int axis = 0; axis < u.ndim; axis++)
            expect(br_sum(u.y, .axis = BR_AXIS(axis)), sum_along(u.r, axis), 0, 0, "sum axis %d %s",
                   axis, u.name);
        expect(br_sum(u.y), scalar(BR_INT64, total), 0, 0, "sum %s", u.name);
        if (u.r->n == 0)
            continue;
        expect(br_max(u.y), scalar(BR_INT64, larger(u.r)), 0, 0, "max %s", u.name);
        expect(br_mean(u.y), scalar(BR_FLOAT64, total / u.r->n), 2, 1, "mean %s", u.name);
        br_array *weights = br_compress(u.mask, br_ones_like(u.x), .axis = BR_AXIS(u.axis));
        expect(br_average(u.y, .weights = weights), scalar(BR_FLOAT64, total / u.r->n), 2, 1,
               "average %s", u.name);
        expect(br_mean(u.y, .where = br_greater(weights, 0)), scalar(BR_FLOAT64, total / u.r->n), 2,
               1, "mean where %s", u.name);
    }
}

static ref *product(const ref *a, const ref *b)
{
    ref *r = ref_new(a->dtype, 2, (int64_t[]){a->shape[0], b->shape[1]});
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t k = 0; k < a->shape[1]; k++)
            r->v[i] +=
                a->v[i / r->shape[1] * a->shape[1] + k] * b->v[k * r->shape[1] + i % r->shape[1]];
    return r;
}

/* Sums of small whole numbers are exact. */
static void products(void)
{
    const int turn[] = {1, 0};
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        if (u.ndim != 2)
            continue;
        br_array *turned = br_matrix_transpose(u.y);
        expect(br_matmul(turned, u.y), product(permuted(u.r, turn), u.r), 0, 0, "y.T @ y %s",
               u.name);
        /* The same elements, cut in another way. */
        br_array *other = br_compress(br_rechunk(u.mask, BR_CHUNKS(2)),
                                      br_rechunk(u.x, BR_CHUNKS(3, 2)), .axis = BR_AXIS(u.axis));
        expect(br_matmul(u.y, br_matrix_transpose(other)), product(u.r, permuted(u.r, turn)), 0, 0,
               "y @ z.T %s", u.name);
        expect(br_matmul(turned, br_rechunk(other, BR_CHUNKS(1, 2))),
               product(permuted(u.r, turn), u.r), 0, 0, "y.T @ z %s", u.name);
    }
}

static void views(void)
{
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        int axes[REF_NDIM];
        br_axes order = {u.ndim, {0}};
        for (int a = 0; a < u.ndim; a++)
            order.axis[a] = axes[a] = u.ndim - 1 - a;
        expect(br_permute_dims(u.y, order), permuted(u.r, axes), 0, 0, "transposed %s", u.name);
        expect(br_squeeze(br_expand_dims(u.y, 0), BR_AXES(0)), u.r, 0, 0, "one more axis %s",
               u.name);
        for (int a = 0; a < u.ndim; a++) {
            br_index_item items[REF_NDIM];
            for (int b = 0; b < u.ndim; b++)
                items[b] = (br_index_item){.kind = ':', .has_start = a == b, .start = 1, .step = 1};
            int64_t n = u.r->shape[a] > 0 ? u.r->shape[a] - 1 : 0;
            if (a != u.axis)
                expect(br_index_items(u.y, items, u.ndim), line(u.r, a, 1, 1, n), 0, 0,
                       "slice of axis %d %s", a, u.name);
            /* Of little the rest is not made: nobody else reads this one. */
            br_array *own = br_compress(u.mask, br_add(u.x, a + 1), .axis = BR_AXIS(u.axis));
            items[a].step = -3;
            items[a].has_start = false;
            ref *few = line(u.r, a, u.r->shape[a] - 1, -3, (u.r->shape[a] + 2) / 3);
            for (int64_t i = 0; i < few->n; i++)
                few->v[i] += a + 1;
            if (a != u.axis)
                expect(br_index_items(own, items, u.ndim), few, 0, 0, "few of axis %d %s", a,
                       u.name);
            br_array *known = br_resolve(own);
            br_index_item few_of = items[a];
            items[a] = (br_index_item){.kind = ':'};
            items[u.axis] = few_of;
            if (a == 0)
                expect(br_index_items(known, items, u.ndim),
                       ref_map1(BR_INT64,
                                line(u.r, u.axis, u.r->shape[u.axis] - 1, -3,
                                     (u.r->shape[u.axis] + 2) / 3),
                                one_more),
                       0, 0, "few of what is picked %s", u.name);
        }
        br_extents chunks = {u.ndim, {0}};
        for (int a = 0; a < u.ndim; a++)
            chunks.extent[a] = 2;
        expect(br_rechunk(u.y, chunks), u.r, 0, 0, "rechunked %s", u.name);
    }
}

static void joins(void)
{
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        ref *list[] = {u.r, u.rx, u.r};
        ref *pair[] = {u.r, u.r};
        expect(br_concat(BR_ARRAYS(u.y, u.x, u.y), .axis = BR_AXIS(u.axis)),
               joined(list, 3, u.axis), 0, 0, "concat along %s", u.name);
        for (int a = 0; a < u.ndim; a++)
            if (a != u.axis)
                expect(br_concat(BR_ARRAYS(u.y, u.y), .axis = BR_AXIS(a)), joined(pair, 2, a), 0, 0,
                       "concat beside %s", u.name);
    }
}

/* Masks of what masks picked: several phases. */
static void again(void)
{
    unknown u;
    for (int number = 0; next_unknown(&number, &u);) {
        ref *second = mask_of((number + 2) % NMASKS, 1, &u.rx->shape[u.axis]);
        ref *of_picked = picked(second, u.m, 0);
        br_array *mask = br_compress(u.mask, given(second, number % NCUTS, 0), .axis = BR_AXIS(0));
        br_array *y = br_compress(mask, u.y, .axis = BR_AXIS(u.axis));
        ref *r = picked(u.r, of_picked, u.axis);
        expect(y, r, 0, 0, "twice %s", u.name);
        ref *third = mask_of(HALF, 1, &u.rx->shape[u.axis]);
        br_array *narrow =
            br_compress(mask, br_compress(u.mask, given(third, CUT_2, 1), .axis = BR_AXIS(0)),
                        .axis = BR_AXIS(0));
        expect(br_add(br_compress(narrow, y, .axis = BR_AXIS(u.axis)),
                      br_compress(narrow, y, .axis = BR_AXIS(u.axis))),
               ref_map1(BR_INT64, picked(r, picked(picked(third, u.m, 0), of_picked, 0), u.axis),
                        twice),
               0, 0, "three times %s", u.name);
        if (u.ndim > 1)
            continue;
        ref *positive = ref_new(BR_BOOL, 1, u.r->shape);
        for (int64_t i = 0; i < u.r->n; i++)
            positive->v[i] = creall(u.r->v[i]) > 0;
        br_array *top = br_boolean_index(u.y, br_greater(u.y, 0));
        expect(top, picked(u.r, positive, 0), 0, 0, "y[y > 0] %s", u.name);
        int64_t *index = calloc((size_t)u.r->n + 1, sizeof *index);
        int64_t n = places(positive, index);
        ref *where = ref_new(BR_INT64, 1, &n);
        for (int64_t i = 0; i < n; i++)
            where->v[i] = index[i];
        free(index);
        expect(br_flatnonzero(br_greater(u.y, 0)), where, 0, 0, "indices of y > 0 %s", u.name);
    }
}

/* Chunks of many blocks, many chunks of one mask, and few elements among many. */
static void large(void)
{
    enum { N = 300000 };
    for (int kind = 0; kind < NMASKS; kind++)
        for (int chunk = 1000; chunk <= 100000; chunk *= 10) {
            next_case(4);
            br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(N), .chunks = BR_CHUNKS(chunk));
            br_array *mask = kind == HALF    ? br_equal(br_remainder(br_multiply(x, x), 7), 2)
                             : kind == LAST  ? br_greater_equal(x, N - 1 - N / 4)
                             : kind == FIFTH ? br_equal(br_remainder(x, 50000), 2)
                                             : br_equal(br_remainder(x, 1), kind == NONE);
            int64_t n = 0;
            for (int64_t i = 0; i < N; i++)
                n += kind == HALF    ? i * i % 7 == 2
                     : kind == LAST  ? i >= N - 1 - N / 4
                     : kind == FIFTH ? i % 50000 == 2
                                     : kind == ALL;
            ref *want = ref_new(BR_INT64, 1, &n);
            n = 0;
            for (int64_t i = 0; i < N; i++)
                if (kind == HALF    ? i * i % 7 == 2
                    : kind == LAST  ? i >= N - 1 - N / 4
                    : kind == FIFTH ? i % 50000 == 2
                                    : kind == ALL)
                    want->v[n++] = i;
            br_array *y = br_boolean_index(x, mask);
            expect(y, want, 0, 0, "large mask %d chunk %d", kind, chunk);
            value total = 0;
            for (int64_t i = 0; i < n; i++)
                total += want->v[i];
            expect(br_sum(br_add(y, y)), scalar(BR_INT64, 2 * total), 0, 0,
                   "sum of large mask %d chunk %d", kind, chunk);
        }
}

/* Leaves that are made in several slabs, in front of the axis and along it. */
static void large_matrices(void)
{
    enum { ROWS = 150, COLUMNS = 4000 };
    for (int axis = 0; axis < 2; axis++)
        for (int kind = 0; kind < NMASKS; kind++) {
            next_case(2);
            const int64_t shape[] = {ROWS, COLUMNS};
            ref *r = ref_new(BR_INT64, 2, shape);
            for (int64_t i = 0; i < r->n; i++)
                r->v[i] = i;
            br_array *x = br_reshape(br_arange(sweep.ctx, BR_NUM(0), BR_NUM(ROWS * COLUMNS)),
                                     BR_SHAPE(ROWS, COLUMNS));
            ref *m = mask_of(kind, 1, &shape[axis]);
            br_array *y = br_compress(source(m, CUT_AUTO), br_add(x, x), .axis = BR_AXIS(axis));
            expect(y, ref_map1(BR_INT64, picked(r, m, axis), twice), 0, 0,
                   "large matrix axis %d mask %d", axis, kind);
            br_array *turned =
                br_compress(source(m, CUT_AUTO), br_matrix_transpose(x), .axis = BR_AXIS(1 - axis));
            expect(br_matrix_transpose(turned), picked(r, m, axis), 0, 0,
                   "large matrix turned axis %d mask %d", axis, kind);
        }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    compressions();
    whole_masks();
    indices();
    elementwise();
    reductions();
    products();
    views();
    joins();
    again();
    large();
    large_matrices();
    return sweep_close();
}
