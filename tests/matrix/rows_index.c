/* SPDX-License-Identifier: BSD-3-Clause
 * rows_index.c - indexing and shapes: functions of array.h.
 */
#include "tests/matrix/matrix.h"

/* ---- indexing ---- */

static void index_items(void)
{
    br_index_item item[2 * ND_AXES];
    arg a = any_arg(0, 4, ANY);
    int n = draw_items(a.v, item);
    expect(br_index_items(a.x, item, n), nd_items(a.v, item, n));
}

static int text_of(char *text, size_t room, const br_index_item *item)
{
    int n = 0;
    if (item->kind == 'i')
        return snprintf(text, room, "%" PRId64, item->start);
    if (item->kind != ':')
        return snprintf(text, room, item->kind == 'n' ? "None" : "...");
    if (item->has_start)
        n += snprintf(text, room, "%" PRId64, item->start);
    n += snprintf(text + n, room - (size_t)n, ":");
    if (item->has_stop)
        n += snprintf(text + n, room - (size_t)n, "%" PRId64, item->stop);
    if (item->step != 0)
        n += snprintf(text + n, room - (size_t)n, ":%" PRId64, item->step);
    return n;
}

static void index_text(void)
{
    char text[400] = "";
    br_index_item item[2 * ND_AXES];
    arg a = any_arg(1, 4, ANY);
    int n = 0, length = 0;
    while (n == 0)
        n = draw_items(a.v, item);
    for (int k = 0; k < n; k++) {
        length += snprintf(text + length, sizeof text - (size_t)length, k > 0 ? ", " : "");
        length += text_of(text + length, sizeof text - (size_t)length, &item[k]);
    }
    nd *r = nd_items(a.v, item, n);
    expect(br_index(a.x, text), r);
    expect_plain(br_indexf(a.x, "%s", text), r);
}

/* ---- shapes ---- */

static void permute_dims(void)
{
    arg a = any_arg(1, 4, ANY);
    int axes[ND_AXES];
    br_axes order = {a.v->ndim, {0}};
    for (int k = 0; k < a.v->ndim; k++)
        axes[k] = k;
    for (int k = a.v->ndim - 1; k > 0; k--) {
        int other = (int)draw(0, k), axis = axes[k];
        axes[k] = axes[other];
        axes[other] = axis;
    }
    for (int k = 0; k < a.v->ndim; k++)
        order.axis[k] = axes[k] - (chance(20) ? a.v->ndim : 0);
    expect(br_permute_dims(a.x, order), nd_permuted(a.v, axes));
}

/* Factors of n, in the order they are found, some put together. */
static int draw_factors(int64_t n, int64_t *shape)
{
    int ndim = 0;
    for (int64_t f = 2; n > 1 && ndim < 5; f = n % f == 0 ? f : f + 1)
        if (n % f == 0) {
            if (ndim > 0 && chance(40))
                shape[ndim - 1] *= f;
            else
                shape[ndim++] = f;
            n /= f;
        }
    if (n > 1 || ndim == 0 || chance(20))
        shape[ndim++] = n;
    for (int k = ndim - 1; k > 0; k--) {
        int64_t other = draw(0, k), extent = shape[k];
        shape[k] = shape[other];
        shape[other] = extent;
    }
    return ndim;
}

static void reshape(void)
{
    int64_t shape[ND_AXES];
    arg a = any_arg(0, 4, ANY);
    int ndim = a.v->n > 0 ? draw_factors(a.v->n, shape) : 2;
    if (a.v->n == 0)
        shape[0] = draw(0, 3), shape[1] = 0;
    br_extents asked = extents_of(ndim, shape);
    if (a.v->n > 0 && chance(30))
        asked.extent[draw(0, ndim - 1)] = -1;
    expect(br_reshape(a.x, asked), nd_reshaped(a.v, ndim, shape));
}

static void ravel(void)
{
    arg a = any_arg(0, 4, ANY);
    expect(br_ravel(a.x), nd_reshaped(a.v, 1, &a.v->n));
}

static void broadcast_to(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 4, shape);
    arg a = part_of_shape(the.dtype, nd_new(the.dtype, ndim, shape), ANY);
    expect(br_broadcast_to(a.x, extents_of(ndim, shape)), nd_broadcast(a.v, ndim, shape));
}

static void broadcast_arrays(void)
{
    int64_t shape[ND_AXES];
    int ndim = draw_shape(0, 4, shape), n = (int)draw(1, 4);
    nd *whole = nd_new(the.dtype, ndim, shape), *common = nd_new(the.dtype, 0, NULL);
    arg a[4];
    br_array *x[4], *out[4];
    for (int k = 0; k < n; k++) {
        a[k] = part_of_shape(draw_dtype("biufc"), whole, ANY);
        x[k] = a[k].x;
        common = nd_common(the.dtype, common, a[k].v);
    }
    check(br_broadcast_arrays(x, n, out) == BR_OK, "broadcast_arrays");
    for (int k = 0; k < n; k++)
        expect(out[k], nd_broadcast(a[k].v, common->ndim, common->shape));
}

static void expand_dims(void)
{
    arg a = any_arg(0, 4, ANY);
    int axis = draw_axis(a.v->ndim + 1);
    expect(br_expand_dims(a.x, axis), nd_with_axis(a.v, positive_axis(axis, a.v->ndim + 1)));
}

static void squeeze(void)
{
    arg a = any_arg(0, 3, ANY);
    int axis = (int)draw(0, a.v->ndim);
    nd *with = nd_with_axis(a.v, axis);
    bool second = chance(40);
    nd *r = second ? nd_with_axis(with, 0) : with;
    br_array *x = present(r);
    int at = axis + second - (chance(30) ? r->ndim : 0);
    expect(br_squeeze(x, second ? BR_AXES(0, at) : BR_AXES(at)), a.v);
}

static void rechunk(void)
{
    arg a = any_arg(1, 4, ANY);
    br_extents chunks = {0};
    while (chunks.ndim == 0)
        chunks = draw_chunks(a.v->ndim, a.v->shape);
    br_array *x = br_rechunk(a.x, chunks);
    for (int k = 0; k < a.v->ndim && br_status_of(x) == BR_OK; k++) {
        int64_t n = a.v->shape[k], c = chunks.extent[k], got = 0;
        br_chunks(x, k, &got, 1);
        check(n == 0 || got == (c <= 0 || c > n ? n : c), "axis %d of chunks %" PRId64, k, got);
    }
    expect(x, a.v);
}

/* Whatever it chooses for the axes that are left to it. */
static void rechunk_automatic(void)
{
    arg a = any_arg(1, 4, ANY);
    br_extents chunks = draw_chunks(a.v->ndim, a.v->shape);
    bool all = chunks.ndim == 0 || chance(30);
    size_t bytes = (size_t)draw(1, 4096);
    for (int k = 0; k < a.v->ndim && !all; k++)
        chunks.extent[k] = k == 0 || chance(50) ? BR_AUTO : chunks.extent[k];
    if (chance(50))
        expect(br_rechunk(a.x, all ? BR_CHUNKS_AUTO : chunks, bytes), a.v);
    else
        expect(all ? br_rechunk(a.x) : br_rechunk(a.x, chunks), a.v);
}

const row index_rows[] = {
    {"index_items", "biufc", index_items},
    {"index indexf", "biufc", index_text},
    {"permute_dims", "biufc", permute_dims},
    {"reshape", "biufc", reshape},
    {"ravel", "biufc", ravel},
    {"broadcast_to", "biufc", broadcast_to},
    {"broadcast_arrays", "biufc", broadcast_arrays},
    {"expand_dims", "biufc", expand_dims},
    {"squeeze", "biufc", squeeze},
    {"rechunk", "biufc", rechunk},
    {"rechunk (automatic)", "biufc", rechunk_automatic},
    {0},
};
