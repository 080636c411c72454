/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_blockwise.c - users' functions on blocks: other chunks, dropped and new axes, blocks by
 * number; matched by index letters, with contraction; on core elements and along an axis.
 */
#include "tests/sweep.h"

static int64_t nelem(const br_block *b)
{
    int64_t n = 1;
    for (int a = 0; a < b->ndim; a++)
        n *= b->extent[a];
    return n;
}

static value at2(const br_block *b, int64_t i, int64_t j)
{
    return get(b->dtype, b->data, i * b->extent[1] + j);
}

/* ---- map_blocks ---- */

/* The sum of a chunk, and its number of elements. */
static int sum_and_count(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    value sum = 0;
    for (int64_t i = 0; i < nelem(in); i++)
        sum += get(in->dtype, in->data, i);
    put(out->dtype, out->data, 0, sum);
    put(out->dtype, out->data, 1, nelem(in));
    return 0;
}

static ref *r_sum_and_count(const br_array *x, const ref *a)
{
    int64_t extent[64];
    int64_t n = br_chunks(x, 0, extent, 64);
    int64_t at = 0;
    ref *r = ref_new(a->dtype, 1, (int64_t[]){2 * n});
    for (int64_t c = 0; c < n; at += extent[c++]) {
        for (int64_t i = 0; i < extent[c]; i++)
            r->v[2 * c] += a->v[at + i];
        r->v[2 * c + 1] = extent[c];
    }
    return r;
}

/* Rows' sums: axis 1 comes whole. */
static int row_sums(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    if (in->ndim != 2 || out->ndim != 1 || in->nchunks[1] != 1 || in->extent[1] != in->shape[1] ||
        in->origin[0] != out->origin[0] || in->extent[0] != out->extent[0])
        return 1;
    for (int64_t i = 0; i < in->extent[0]; i++) {
        value sum = 0;
        for (int64_t j = 0; j < in->extent[1]; j++)
            sum += at2(in, i, j);
        put(out->dtype, out->data, i, sum);
    }
    return 0;
}

/* out[i, m, j] = (m + 1) * in[i, j]. */
static int multiples(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    for (int64_t i = 0; i < nelem(out); i++) {
        int64_t j = i % out->extent[2];
        int64_t m = i / out->extent[2] % out->extent[1];
        int64_t row = i / out->extent[2] / out->extent[1];
        put(out->dtype, out->data, i, (out->origin[1] + m + 1) * at2(in, row, j));
    }
    return 0;
}

static void other_chunks(void)
{
    const int64_t shape[] = {7, 10};
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        ref *line = ref_random(BR_INT64, 1, (int64_t[]){23}, false, true);
        br_array *x = source(line, how);
        br_array *parts = br_map_blocks(x, sum_and_count, .chunks = BR_CHUNKS(2));
        ref *sums = r_sum_and_count(x, line);
        expect(parts, sums, 0, 0, "a pair a chunk cut %d", how);
        ref *total = ref_new(BR_INT64, 0, NULL);
        for (int64_t i = 0; i < line->n; i++)
            total->v[0] += line->v[i];
        expect(br_sum(br_index(parts, "::2")), total, 0, 0, "sum of the pairs cut %d", how);
        ref *a = ref_random(BR_INT32, 2, shape, false, true);
        br_array *y = source(a, how);
        ref *rows = ref_new(BR_INT64, 1, shape);
        for (int64_t i = 0; i < a->n; i++)
            rows->v[i / 10] += a->v[i];
        expect(br_map_blocks(y, row_sums, .drop_axis = BR_AXES(-1), .dtype = BR_INT64), rows, 0, 0,
               "a dropped axis cut %d", how);
        ref *times = ref_new(BR_INT32, 3, (int64_t[]){7, 5, 10});
        for (int64_t i = 0; i < times->n; i++)
            times->v[i] = as(BR_INT32, (i / 10 % 5 + 1) * a->v[i / 50 * 10 + i % 10]);
        br_array *more = br_map_blocks(y, multiples, .new_axis = BR_AXES(1),
                                       .chunk_lists = {[1] = BR_EXTENTS(2, 1, 2)});
        expect(more, times, 0, 0, "a new axis cut %d", how);
    }
}

/* Chunk c of x, weighed with chunk c of another length, and the whole of a third. */
static int weigh_by_number(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    value factor = 0;
    if (n != 3 || in[0].chunk[0] != in[1].chunk[0] || in[2].chunk[0] != 0 ||
        in[0].nchunks[0] != out->nchunks[0] || in[1].nchunks[0] != out->nchunks[0])
        return 1;
    for (int k = 1; k < 3; k++)
        for (int64_t i = 0; i < in[k].extent[0]; i++)
            factor += get(in[k].dtype, in[k].data, i);
    for (int64_t i = 0; i < out->extent[0]; i++)
        put(out->dtype, out->data, i, factor * get(in->dtype, in->data, i));
    return 0;
}

static void by_number(void)
{
    for (int way = 0; way < 3; way++) {
        next_case(1);
        ref *a = ref_random(BR_INT64, 1, (int64_t[]){11}, false, true);
        ref *b = ref_random(BR_INT16, 1, (int64_t[]){8}, false, true);
        ref *c = ref_random(BR_INT16, 1, (int64_t[]){5}, false, true);
        br_array *x = br_rechunk(source(a, CUT_WHOLE), BR_CHUNKS(4));
        br_array *y = br_rechunk(source(b, CUT_WHOLE), BR_CHUNKS(3));
        br_array *more[] = {way == 1 ? br_add(y, 1) : y,
                            source(c, way == 2 ? CUT_AUTO : CUT_WHOLE)};
        ref *r = ref_new(BR_INT64, 1, (int64_t[]){11});
        for (int64_t i = 0; i < 11; i++) {
            value factor = 0;
            for (int64_t k = 0; k < 5; k++)
                factor += c->v[k];
            for (int64_t k = i / 4 * 3; k < i / 4 * 3 + 3 && k < 8; k++)
                factor += b->v[k] + (way == 1);
            r->v[i] = a->v[i] * factor;
        }
        expect(br_map_blocks(x, weigh_by_number, more, 2), r, 0, 0, "by number way %d", way);
    }
}

/* ---- blockwise ---- */

/* out[i,j] += a[i,k] b[k,j] */
static int add_product(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < out->extent[1]; j++) {
            value sum = at2(out, i, j);
            for (int64_t k = 0; k < in[0].extent[1]; k++)
                sum += at2(&in[0], i, k) * at2(&in[1], k, j);
            put(out->dtype, out->data, i * out->extent[1] + j, sum);
        }
    return 0;
}

/* The same in one call, of an output that is not cleared. */
static int product_at_once(const br_block *in, int n, const br_block *out, const void *data)
{
    if (in[0].nchunks[1] != 1 || in[1].nchunks[0] != 1 || out->nsteps != 1)
        return 1;
    memset(out->data, 0, (size_t)nelem(out) * br_dtype_size(out->dtype));
    return add_product(in, n, out, data);
}

static ref *product(const ref *a, const ref *b)
{
    br_dtype dtype = br_result_type(a->dtype, b->dtype);
    ref *c = ref_new(dtype, 2, (int64_t[]){a->shape[0], b->shape[1]});
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t k = 0; k < a->shape[1]; k++)
            c->v[i] +=
                a->v[i / b->shape[1] * a->shape[1] + k] * b->v[k * b->shape[1] + i % b->shape[1]];
        c->v[i] = as(dtype, c->v[i]);
    }
    return c;
}

static void products(void)
{
    const br_dtype dtypes[] = {BR_INT64, BR_INT32, BR_FLOAT64, BR_COMPLEX64};
    for (int d = 0; d < 4; d++)
        for (int how = 0; how < NCUTS * NCUTS; how++) {
            next_case(3);
            ref *a = ref_random(dtypes[d], 2, (int64_t[]){5, 7}, false, true);
            ref *b = ref_random(BR_INT8, 2, (int64_t[]){7, 4}, false, true);
            br_array *x = source(a, how / NCUTS);
            br_array *y = source(b, how % NCUTS);
            ref *r = product(a, b);
            br_array *c = br_blockwise(add_product, "ij", {x, "ik"}, {y, "kj"});
            expect(c, r, 16, 64, "%s product cuts %d", br_dtype_name(dtypes[d]), how);
            expect(br_blockwise(product_at_once, "ij", {x, "ik"}, {y, "kj"}, .concatenate = true),
                   r, 16, 64, "%s product at once cuts %d", br_dtype_name(dtypes[d]), how);
            ref *part = ref_new(r->dtype, 1, (int64_t[]){3});
            for (int64_t i = 0; i < 3; i++)
                part->v[i] = r->v[(4 - i) * 4 + 2];
            expect(br_index(c, "4:1:-1, 2"), part, 16, 64, "%s part of a product cuts %d",
                   br_dtype_name(dtypes[d]), how);
        }
}

/* A digest of the steps that shows their order: out = 3 out + the sum of both blocks' elements. */
static int in_order(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    value sum = 3 * get(out->dtype, out->data, 0);
    if (out->step == 0 && sum != 0)
        return 1;
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < nelem(&in[k]); i++)
            sum += get(in[k].dtype, in[k].data, i);
    put(out->dtype, out->data, 0, sum);
    return 0;
}

static value box_sum(const ref *a, const int64_t *from, const int64_t *to)
{
    value sum = 0;
    for (int64_t i = from[0]; i < to[0]; i++)
        for (int64_t j = from[1]; j < to[1]; j++)
            sum += a->v[i * a->shape[1] + j];
    return sum;
}

/* Two contracted indices: the blocks of "jk" in C order, of the other input turned. */
static void contractions(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(1);
        ref *a = ref_random(BR_INT64, 2, (int64_t[]){5, 6}, false, true);
        ref *b = ref_random(BR_INT64, 2, (int64_t[]){6, 5}, false, true);
        br_array *x = source(a, how);
        br_array *y = source(b, how == CUT_UNEVEN ? how : CUT_WHOLE);
        int64_t rows[8];
        int64_t columns[8];
        int64_t nrows = br_chunks(x, 0, rows, 8);
        int64_t ncolumns = br_chunks(x, 1, columns, 8);
        ref *r = ref_new(BR_INT64, 0, NULL);
        int64_t from[2] = {0, 0};
        for (int64_t i = 0; i < nrows; from[0] += rows[i++]) {
            from[1] = 0;
            for (int64_t j = 0; j < ncolumns; from[1] += columns[j++]) {
                int64_t to[2] = {from[0] + rows[i], from[1] + columns[j]};
                r->v[0] = 3 * r->v[0] + box_sum(a, from, to) +
                          box_sum(b, (int64_t[]){from[1], from[0]}, (int64_t[]){to[1], to[0]});
            }
        }
        expect(br_blockwise(in_order, "", {x, "jk"}, {y, "kj"}), r, 0, 0, "two contracted cut %d",
               how);
    }
}

/* out[j, i, z] = (a[i] + b[j]) * (z + 1) */
static int outer_sum(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    for (int64_t e = 0; e < nelem(out); e++) {
        int64_t z = e % out->extent[2];
        int64_t i = e / out->extent[2] % out->extent[1];
        int64_t j = e / out->extent[2] / out->extent[1];
        put(out->dtype, out->data, e,
            (get(in[0].dtype, in[0].data, i) + get(in[1].dtype, in[1].data, j)) * (z + 1));
    }
    return 0;
}

static void outers(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(2);
        ref *a = ref_random(BR_FLOAT64, 1, (int64_t[]){6}, false, true);
        ref *b = ref_random(BR_INT16, 1, (int64_t[]){9}, false, true);
        br_array *x = source(a, how);
        br_array *y = source(b, (how + 2) % NCUTS);
        ref *r = ref_new(BR_FLOAT64, 3, (int64_t[]){9, 6, 2});
        for (int64_t e = 0; e < r->n; e++)
            r->v[e] = (a->v[e / 2 % 6] + b->v[e / 12]) * (e % 2 + 1);
        br_array *z =
            br_blockwise(outer_sum, "jiz", {x, "i"}, {y, "j"}, .chunks = BR_CHUNKS(0, 0, 2));
        expect(z, r, 1, 0, "outer with a new index cut %d", how);
        ref *half = ref_new(BR_FLOAT64, 2, (int64_t[]){6, 2});
        memcpy(half->v, r->v + 3 * 12, 12 * sizeof *half->v);
        expect(br_index(z, "3"), half, 1, 0, "slice of an outer cut %d", how);
    }
}

/* ---- core elements ---- */

static int matvec(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    const double *a = in[0];
    const int32_t *x = in[1];
    double *y = out;
    for (int64_t i = 0; i < extent[0]; i++) {
        y[i] = data != NULL ? *(const double *)data : 0;
        for (int64_t j = 0; j < extent[1]; j++)
            y[i] += a[i * extent[1] + j] * x[j];
    }
    return 0;
}

static int transpose(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)data;
    for (int64_t i = 0; i < extent[0]; i++)
        for (int64_t j = 0; j < extent[0]; j++)
            ((double *)out)[i * extent[0] + j] = ((const double *)in[0])[j * extent[0] + i];
    return 0;
}

/* "(i),()->(i,k)": powers 1 to k, times a number of the loop. */
static int powers(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)data;
    const double *x = in[0];
    for (int64_t i = 0; i < extent[0]; i++) {
        double power = *(const double *)in[1];
        for (int64_t k = 0; k < extent[1]; k++)
            ((double *)out)[i * extent[1] + k] = power *= x[i];
    }
    return 0;
}

static void cores(void)
{
    const double one = 1;
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        ref *a = ref_random(BR_FLOAT64, 4, (int64_t[]){3, 4, 2, 5}, false, true);
        ref *x = ref_random(BR_INT32, 2, (int64_t[]){4, 5}, false, true);
        br_array *left = source(a, how);
        br_array *right = source(x, (how + 1) % NCUTS);
        ref *r = ref_new(BR_FLOAT64, 3, (int64_t[]){3, 4, 2});
        for (int64_t i = 0; i < r->n; i++) {
            r->v[i] = 1;
            for (int64_t j = 0; j < 5; j++)
                r->v[i] += a->v[i * 5 + j] * x->v[i / 2 % 4 * 5 + j];
        }
        br_array *y = br_apply_gufunc(matvec, "(i,j),(j)->(i)", left, right, .allow_rechunk = true,
                                      .data = &one, .data_bytes = sizeof one);
        expect(y, r, 8, 64, "gufunc cut %d", how);
        ref *part = ref_new(BR_FLOAT64, 2, (int64_t[]){2, 2});
        for (int64_t i = 0; i < 4; i++)
            part->v[i] = r->v[16 + (3 - 2 * (i / 2)) * 2 + i % 2];
        expect(
            br_index(br_apply_gufunc(matvec, "(i,j),(j)->(i)", left, right, .allow_rechunk = true,
                                     .data = &one, .data_bytes = sizeof one, .impure = true),
                     "2, ::-2"),
            part, 8, 64, "slice of a gufunc cut %d", how);
        ref *square = ref_random(BR_FLOAT64, 3, (int64_t[]){4, 3, 3}, false, true);
        ref *turned = ref_new(BR_FLOAT64, 3, square->shape);
        for (int64_t i = 0; i < square->n; i++)
            turned->v[i] = square->v[i / 9 * 9 + i % 3 * 3 + i / 3 % 3];
        expect(
            br_apply_gufunc(transpose, "(n,n)->(n,n)", source(square, how), .allow_rechunk = true),
            turned, 0, 0, "gufunc of squares cut %d", how);
        ref *v = ref_random(BR_FLOAT64, 1, (int64_t[]){5}, false, true);
        ref *loop = ref_random(BR_FLOAT64, 2, (int64_t[]){3, 1}, false, true);
        ref *table = ref_new(BR_FLOAT64, 4, (int64_t[]){3, 1, 5, 3});
        for (int64_t i = 0; i < table->n; i++)
            table->v[i] = loop->v[i / 15] * powl(creall(v->v[i / 3 % 5]), i % 3 + 1);
        expect(br_apply_gufunc(powers, "(i),()->(i,k)", source(v, how), source(loop, how),
                               .output_sizes = BR_SHAPE(3), .allow_rechunk = true),
               table, 4, 1, "gufunc with a size of its own cut %d", how);
    }
}

static int spread(const void *slice, int64_t n, void *out, const void *data)
{
    (void)data;
    const int32_t *x = slice;
    int64_t *least = out;
    int64_t most = x[0];
    *least = x[0];
    for (int64_t i = 1; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        most = x[i] > most ? x[i] : most;
    }
    least[1] = most;
    return 0;
}

static int weighted_sum(const void *slice, int64_t n, void *out, const void *data)
{
    (void)data;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (i + 1) * ((const int32_t *)slice)[i];
    *(int64_t *)out = sum;
    return 0;
}

static void along_axes(void)
{
    const int64_t shape[] = {4, 6, 5};
    for (int axis = 0; axis < 3; axis++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(2);
            ref *a = ref_random(BR_INT32, 3, shape, false, true);
            br_array *x = source(a, how);
            int64_t behind = axis == 0 ? 30 : axis == 1 ? 5 : 1;
            int64_t pairs[3] = {4, 6, 5};
            pairs[axis] = 2;
            ref *two = ref_new(BR_INT64, 3, pairs);
            ref *sum = ref_new(BR_INT64, 2, (int64_t[]){axis == 0 ? 6 : 4, axis == 2 ? 6 : 5});
            for (int64_t s = 0; s < sum->n; s++) {
                int64_t first = s / behind * behind * shape[axis] + s % behind;
                int64_t place = s / behind * behind * 2 + s % behind;
                two->v[place] = two->v[place + behind] = a->v[first];
                for (int64_t i = 0; i < shape[axis]; i++) {
                    value v = a->v[first + i * behind];
                    sum->v[s] += (i + 1) * v;
                    if (creall(v) < creall(two->v[place]))
                        two->v[place] = v;
                    if (creall(v) > creall(two->v[place + behind]))
                        two->v[place + behind] = v;
                }
            }
            expect(br_apply_along_axis(spread, axis, x, .length = 2, .dtype = BR_INT64), two, 0, 0,
                   "pairs along axis %d cut %d", axis, how);
            expect(br_apply_along_axis(weighted_sum, axis - 3, x, .dtype = BR_INT64), sum, 0, 0,
                   "sums along axis %d cut %d", axis, how);
        }
}

/* ---- empty ---- */

static int ones_for_none(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)in;
    (void)data;
    *(double *)out = extent[0] == 0 ? 1 : 2;
    return 0;
}

static void empty(void)
{
    for (int how = 0; how < 3; how++) {
        next_case(4);
        ref *none = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 0});
        ref *wide = ref_new(BR_FLOAT64, 2, (int64_t[]){0, 4});
        ref *line = ref_random(BR_FLOAT64, 1, (int64_t[]){3}, false, true);
        br_array *x = source(none, CUT_WHOLE);
        br_array *y = source(wide, how);
        ref *zeros = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 4});
        expect(br_blockwise(add_product, "ij", {x, "ik"}, {y, "kj"}), zeros, 0, 0,
               "product over nothing %d", how);
        ref *ones = ref_new(BR_FLOAT64, 1, (int64_t[]){3});
        for (int i = 0; i < 3; i++)
            ones->v[i] = 1;
        expect(br_apply_gufunc(ones_for_none, "(n),()->()", x, source(line, how)), ones, 0, 0,
               "gufunc over nothing %d", how);
        ref *nothing = ref_new(BR_FLOAT64, 1, (int64_t[]){0});
        expect(br_apply_gufunc(ones_for_none, "(n)->()", y, .allow_rechunk = true), nothing, 0, 0,
               "no elements in the loop %d", how);
        expect(br_map_blocks(x, row_sums, .drop_axis = BR_AXES(1)),
               ref_new(BR_FLOAT64, 1, (int64_t[]){3}), 0, 0, "sums of nothing %d", how);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    other_chunks();
    by_number();
    products();
    contractions();
    outers();
    cores();
    along_axes();
    empty();
    return sweep_close();
}
