/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_blockwise.c - users' functions on blocks: other chunks, dropped and new axes, blocks by
 * number; matched by index letters, with contraction.
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

/* Of a file, whose chunks several tasks need: as they are stored, and sliced across them. */
static void products_of_files(void)
{
    ref *a = ref_random(BR_FLOAT64, 2, (int64_t[]){9, 8}, false, true);
    ref *part = ref_new(BR_FLOAT64, 2, (int64_t[]){8, 8});
    memcpy(part->v, a->v + 8, 64 * sizeof *a->v);
    if (br_store_hdf5(source(a, CUT_3), "a.h5", "a") != BR_OK)
        fail("store", "%s", br_message(sweep.ctx));
    br_array *x = br_from_hdf5(sweep.ctx, "a.h5", "a");
    br_array *y = br_index(x, "1:");
    expect(br_blockwise(add_product, "ij", {x, "ik"}, {y, "kj"}), product(a, part), 16, 64,
           "product of a file and its part");
    expect(br_blockwise(add_product, "ij", {y, "ik"}, {y, "kj"}), product(part, part), 16, 64,
           "product of a file's part");
    expect(br_blockwise(add_product, "ij", {br_mul(x, 1), "ik"}, {y, "kj"}), product(a, part), 16,
           64, "product of what is computed of a file");
    next_case(QUEUE);
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

/* ---- extents that are known only when they are computed ---- */

static int sums_of_rows(const void *slice, int64_t n, void *out, const void *data)
{
    (void)data;
    *(int64_t *)out = 0;
    for (int64_t i = 0; i < n; i++)
        *(int64_t *)out += ((const int64_t *)slice)[i];
    return 0;
}

static void unknown(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(5);
        ref *a = ref_random(BR_INT64, 2, (int64_t[]){9, 4}, false, true);
        ref *mask = ref_random(BR_BOOL, 1, (int64_t[]){9}, false, true);
        int64_t rows = 0;
        for (int64_t i = 0; i < 9; i++)
            rows += mask->v[i] != 0;
        ref *b = ref_new(BR_INT64, 2, (int64_t[]){rows, 4});
        ref *bt = ref_new(BR_INT64, 2, (int64_t[]){4, rows});
        ref *sums = ref_new(BR_INT64, 1, &rows);
        for (int64_t i = 0, r = 0; i < 9; r += mask->v[i++] != 0)
            for (int64_t j = 0; j < 4 && mask->v[i] != 0; j++) {
                b->v[r * 4 + j] = bt->v[j * rows + r] = a->v[i * 4 + j];
                sums->v[r] += a->v[i * 4 + j];
            }
        br_array *x = br_compress(source(mask, CUT_3), source(a, how), .axis = BR_AXIS(0));
        br_array *xt = br_permute_dims(x, BR_AXES(1, 0));
        expect(br_blockwise(add_product, "ij", {x, "ik"}, {xt, "kj"}), product(b, bt), 0, 0,
               "product of unknown rows cut %d", how);
        expect(br_blockwise(add_product, "ij", {xt, "ik"}, {x, "kj"}), product(bt, b), 0, 0,
               "product over unknown rows cut %d", how);
        expect(br_matmul(x, xt), product(b, bt), 0, 0, "matmul of unknown rows cut %d", how);
        expect(br_apply_along_axis(sums_of_rows, 1, x), sums, 0, 0,
               "along an axis of unknown rows cut %d", how);
        expect(br_map_blocks(x, row_sums, .drop_axis = BR_AXES(1)), sums, 0, 0,
               "a dropped axis of unknown rows cut %d", how);
    }
}

/* ---- empty ---- */

static void empty(void)
{
    for (int how = 0; how < 3; how++) {
        next_case(2);
        ref *none = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 0});
        ref *wide = ref_new(BR_FLOAT64, 2, (int64_t[]){0, 4});
        br_array *x = source(none, CUT_WHOLE);
        br_array *y = source(wide, how);
        ref *zeros = ref_new(BR_FLOAT64, 2, (int64_t[]){3, 4});
        expect(br_blockwise(add_product, "ij", {x, "ik"}, {y, "kj"}), zeros, 0, 0,
               "product over nothing %d", how);
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
    products_of_files();
    contractions();
    outers();
    unknown();
    empty();
    return sweep_close();
}
