/* SPDX-License-Identifier: BSD-3-Clause
 * present.c - operands: arrays whose elements are given and whose making is drawn, so that every
 * function is tried above sources of all kinds, views, and results of other operations.
 */
#include "tests/matrix/matrix.h"

static br_array *presented(nd *v, int depth);

br_extents extents_of(int ndim, const int64_t *shape)
{
    br_extents e = {ndim == 0 ? -1 : ndim, {0}};
    for (int k = 0; k < ndim; k++)
        e.extent[k] = shape[k];
    return e;
}

/* ---- sources ---- */

static br_array *from_memory(nd *v, int depth)
{
    (void)depth;
    return br_from_memory(the.ctx, v->data, v->dtype, extents_of(v->ndim, v->shape),
                          .chunks = draw_chunks(v->ndim, v->shape), .copy = chance(50));
}

static void draw_order(int ndim, int *axes)
{
    for (int k = 0; k < ndim; k++)
        axes[k] = k;
    for (int k = ndim - 1; k > 0; k--) {
        int other = (int)draw(0, k), axis = axes[k];
        axes[k] = axes[other];
        axes[other] = axis;
    }
}

/* The elements in another order of axes, some of them backwards, and strides that undo this. */
static br_array *from_strides(nd *v, int depth)
{
    (void)depth;
    int axes[ND_AXES];
    bool backwards[ND_AXES];
    draw_order(v->ndim, axes);
    nd *store = nd_permuted(v, axes);
    for (int k = 0; k < v->ndim; k++)
        if ((backwards[k] = v->n > 0 && chance(30)))
            store = nd_flipped(store, k);
    int64_t stride = (int64_t)br_dtype_size(v->dtype);
    br_extents strides = extents_of(v->ndim, v->shape);
    char *first = (char *)store->data;
    for (int k = v->ndim - 1; k >= 0; k--) {
        strides.extent[axes[k]] = backwards[k] ? -stride : stride;
        first += backwards[k] ? stride * (store->shape[k] - 1) : 0;
        stride *= store->shape[k];
    }
    return br_from_memory(the.ctx, first, v->dtype, extents_of(v->ndim, v->shape),
                          .chunks = draw_chunks(v->ndim, v->shape), .copy = chance(30),
                          .strides = strides);
}

static br_array *from_npy(nd *v, int depth)
{
    (void)depth;
    const char *path = new_path("npy");
    write_npy(path, v);
    return br_from_npy(the.ctx, path, .chunks = draw_chunks(v->ndim, v->shape));
}

static br_array *from_hdf5(nd *v, int depth)
{
    (void)depth;
    const char *path = new_path("h5");
    write_hdf5(path, v);
    return br_from_hdf5(the.ctx, path, "x", .chunks = draw_chunks(v->ndim, v->shape));
}

/* ---- views ---- */

/* Where element k of an axis stands in a longer one. */
static int64_t place(const br_index_item *item, int64_t k)
{
    return item->start + k * item->step;
}

static int64_t longer(int64_t n, br_index_item *item)
{
    int64_t step = chance(40) ? 1 : draw(1, 3), before = draw(0, 2), after = draw(0, 2);
    int64_t span = n == 0 ? 0 : (n - 1) * step + 1;
    bool backwards = n > 0 && chance(30);
    *item = (br_index_item){.kind = ':', .has_start = true, .start = before, .step = step};
    item->has_stop = true;
    item->stop = before + span;
    if (backwards) {
        item->start = before + span - 1;
        item->step = -step;
        item->has_stop = before > 0;
        item->stop = before - 1;
    }
    return before + span + after;
}

static br_array *slice_of_larger(nd *v, int depth)
{
    int64_t shape[ND_AXES], index[ND_AXES];
    br_index_item item[ND_AXES];
    if (v->n > 200 || v->ndim == 0)
        return NULL;
    for (int k = 0; k < v->ndim; k++)
        shape[k] = longer(v->shape[k], &item[k]);
    nd *larger = draw_values(v->dtype, v->ndim, shape, ANY);
    for (int64_t i = 0; i < v->n; i++) {
        nd_index_of(v, i, index);
        for (int k = 0; k < v->ndim; k++)
            index[k] = place(&item[k], index[k]);
        nd_copy(larger, nd_at(larger, index), v, i);
    }
    return br_index_items(presented(larger, depth - 1), item, v->ndim);
}

static br_array *permuted_back(nd *v, int depth)
{
    int axes[ND_AXES];
    br_axes back = {v->ndim, {0}};
    if (v->ndim < 2)
        return NULL;
    draw_order(v->ndim, axes);
    for (int k = 0; k < v->ndim; k++)
        back.axis[axes[k]] = k;
    return br_permute_dims(presented(nd_permuted(v, axes), depth - 1), back);
}

static br_array *flipped_back(nd *v, int depth)
{
    if (v->ndim == 0)
        return NULL;
    int axis = (int)draw(0, v->ndim - 1);
    return br_flip(presented(nd_flipped(v, axis), depth - 1), .axis = BR_AXIS(axis));
}

/* An element, row, ... of an array with one axis more. */
static br_array *member(nd *v, int depth)
{
    int axis = (int)draw(0, v->ndim), n = 0;
    if (v->ndim >= 4 || v->n > 200)
        return NULL;
    nd *layer = nd_with_axis(v, axis);
    nd *junk = draw_values(v->dtype, layer->ndim, layer->shape, ANY);
    br_index_item item[ND_AXES + 1] = {{0}};
    for (; n < axis; n++)
        item[n].kind = ':';
    bool last = chance(50);
    item[n++] = (br_index_item){.kind = 'i', .start = last ? -1 : 0};
    nd *both = nd_joined(last ? (nd *[]){junk, layer} : (nd *[]){layer, junk}, 2, axis);
    return br_index_items(presented(both, depth - 1), item, n);
}

/* ---- results of operations ---- */

static br_array *two_parts(nd *v, int depth)
{
    if (v->ndim == 0)
        return NULL;
    int axis = (int)draw(0, v->ndim - 1);
    int64_t n = v->shape[axis], at = draw(0, n);
    br_array *first = presented(nd_strided(v, axis, 0, 1, at), depth - 1);
    br_array *second = presented(nd_strided(v, axis, at, 1, n - at), depth - 1);
    return br_concat(BR_ARRAYS(first, second), .axis = BR_AXIS(axis));
}

static br_array *reshaped_back(nd *v, int depth)
{
    int64_t flat[] = {v->n}, row[] = {1, v->n, 1};
    nd *other = chance(50) ? nd_reshaped(v, 1, flat) : nd_reshaped(v, 3, row);
    return br_reshape(presented(other, depth - 1), extents_of(v->ndim, v->shape));
}

static br_array *fused(nd *v, int depth)
{
    br_array *x = presented(v, depth - 1);
    return br_where(br_full(the.ctx, BR_0D, BR_NUM(true)), x, x);
}

static br_array *rechunked(nd *v, int depth)
{
    br_extents chunks = draw_chunks(v->ndim, v->shape);
    br_array *x = presented(v, depth - 1);
    return chunks.ndim == 0 ? x : br_rechunk(x, chunks);
}

/* Narrow integers, among others, are wide ones converted. */
static br_array *converted(nd *v, int depth)
{
    br_dtype wide = is_inexact(v->dtype) ? BR_COMPLEX128 : BR_INT64;
    if (is_inexact(v->dtype) && kind_of(v->dtype) == 'f')
        wide = BR_FLOAT64;
    return br_astype(presented(nd_converted(v, wide), depth - 1), v->dtype);
}

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    size_t bytes = br_dtype_size(out->dtype);
    for (int k = 0; k < out->ndim; k++)
        bytes *= (size_t)out->extent[k];
    memcpy(out->data, in[n - 1].data, bytes);
    return data != NULL;
}

static br_array *copied(nd *v, int depth)
{
    return br_map_blocks(presented(v, depth - 1), copy);
}

static br_array *persisted(nd *v, int depth)
{
    return br_persist(presented(v, depth - 1));
}

/* The greatest of elements and smaller ones: a reduction, of integers, whose bits it keeps. */
static br_array *greatest(nd *v, int depth)
{
    if (is_inexact(v->dtype) || v->ndim > 3)
        return NULL;
    int axis = (int)draw(0, v->ndim);
    nd *smaller = nd_same(v->dtype, v);
    for (int64_t i = 0; i < v->n; i++)
        nd_put(smaller, i, of_integer(nd_get(v, i).i > 0 ? 0 : nd_get(v, i).i));
    br_array *x[] = {presented(smaller, depth - 1), presented(v, depth - 1)};
    return br_max(br_stack(x, 2, .axis = BR_AXIS(axis)), .axis = BR_AXIS(axis));
}

/* Taken by indices from where they stand in another order. */
static br_array *taken_back(nd *v, int depth)
{
    int axis = v->ndim > 0 ? (int)draw(0, v->ndim - 1) : 0;
    int64_t n = v->ndim > 0 ? v->shape[axis] : 0, index[2000];
    if (n == 0 || n > 2000)
        return NULL;
    nd *list = nd_new(BR_INT64, 1, &n);
    static const int64_t primes[] = {1, 17, 41, 101};
    int64_t step = primes[draw(0, 3)];
    if (n % step == 0)
        step = 1;
    for (int64_t k = 0; k < n; k++) {
        index[k * step % n] = k;
        nd_put(list, k, of_integer(k * step % n - (chance(30) ? n : 0)));
    }
    nd *store = nd_taken(v, axis, n, index);
    return br_take(presented(store, depth - 1), from_memory(list, 0), .axis = BR_AXIS(axis));
}

/* Rolled on and back, or padded and cut. */
static br_array *there_and_back(nd *v, int depth)
{
    if (v->ndim == 0)
        return NULL;
    int axis = (int)draw(0, v->ndim - 1);
    int64_t shift = draw(-3, 3);
    br_array *x = presented(v, depth - 1);
    if (chance(50))
        return br_roll(br_roll(x, BR_SHIFTS(shift), .axis = BR_AXIS(axis)), BR_SHIFTS(-shift),
                       .axis = BR_AXIS(axis));
    br_index_item item[ND_AXES];
    for (int k = 0; k < v->ndim; k++)
        item[k] = (br_index_item){':', true, true, 2, 2 + v->shape[k], 1};
    return br_index_items(br_pad(x, BR_SHAPE(2), .after = BR_SHAPE(1)), item, v->ndim);
}

/* ---- the choice ---- */

/* clang-format off */
static const struct way {
    int weight;
    br_array *(*make)(nd *v, int depth); /* NULL where it does not fit the shape or dtype */
} ways[] = {
    {30, from_memory}, {6, from_strides}, {5, from_npy}, {5, from_hdf5}, {12, slice_of_larger},
    {8, permuted_back}, {4, flipped_back}, {5, member}, {7, two_parts}, {4, reshaped_back},
    {8, fused}, {6, rechunked}, {4, converted}, {5, copied}, {6, greatest}, {3, there_and_back},
    {1, persisted}, {4, taken_back},
};
/* clang-format on */

static const struct way *draw_way(void)
{
    int total = 0;
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
        total += ways[k].weight;
    int64_t at = draw(0, total - 1);
    const struct way *w = ways;
    for (; at >= w->weight; w++)
        at -= w->weight;
    return w;
}

static br_array *presented(nd *v, int depth)
{
    br_array *x = depth > 0 ? draw_way()->make(v, depth) : NULL;
    return x != NULL ? x : from_memory(v, 0);
}

br_array *present(nd *v)
{
    return presented(v, (int)draw(1, 3));
}

arg arg_of(nd *v)
{
    return (arg){present(v), v};
}

arg any_arg(int least, int most, values how)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(least, most, shape);
    return arg_of(draw_values(the.dtype, ndim, shape, how));
}

arg same_shape(br_dtype dtype, const nd *as, values how)
{
    return arg_of(draw_values(dtype, as->ndim, as->shape, how));
}

arg part_of_shape(br_dtype dtype, const nd *v, values how)
{
    int64_t shape[ND_AXES];
    int dropped = chance(30) ? (int)draw(0, v->ndim) : 0;
    for (int k = dropped; k < v->ndim; k++)
        shape[k - dropped] = chance(25) ? 1 : v->shape[k];
    return arg_of(draw_values(dtype, v->ndim - dropped, shape, how));
}
