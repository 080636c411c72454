/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_gather.c - taking by arrays of indices: duplicates, negative ones, none at all, of several
 * axes, known and computed, of every integer dtype and in every cut; what reads the result, and
 * several readers of one source.
 */
#include "array/expr/node.h"
#include "tests/picks.h"

static value sum(value a, value b)
{
    return a + b;
}

static value either(value a, value b)
{
    return a != 0 || b != 0;
}

/* x with the axes [first, first + picked) replaced by those of the indices, which have one shape.
 * */
static ref *gathered(const ref *x, int first, int picked, ref *const *indices)
{
    int64_t shape[REF_NDIM];
    int64_t c[REF_NDIM];
    int64_t from[REF_NDIM];
    int n = 0;
    const ref *i = indices[0];
    for (int a = 0; a < first; a++)
        shape[n++] = x->shape[a];
    for (int a = 0; a < i->ndim; a++)
        shape[n++] = i->shape[a];
    for (int a = first + picked; a < x->ndim; a++)
        shape[n++] = x->shape[a];
    ref *r = ref_new(x->dtype, n, shape);
    for (int64_t k = 0; k < r->n; k++) {
        ref_coords(r, k, c);
        for (int a = 0; a < x->ndim; a++)
            if (a < first || a >= first + picked)
                from[a] = c[a < first ? a : a - picked + i->ndim];
        for (int j = 0; j < picked; j++)
            from[first + j] = index_at(indices[j], ref_linear(i, c + first), x->shape[first + j]);
        r->v[k] = x->v[ref_linear(x, from)];
    }
    return r;
}

/* A copy that is known at the call, or values that are computed first. */
static br_array *index_array(const ref *r, int number)
{
    return number % 3 == 0 ? source(r, number % CUT_UNEVEN)
                           : given(r, number % NCUTS, 1 + number % 2);
}

static const struct form index_forms[] = {
    {1, {9}}, {0, {0}}, {2, {3, 4}}, {1, {0}}, {3, {2, 1, 3}}, {1, {40}}, {2, {0, 3}}, {1, {1}},
};

static ref *indices_for(int number, int64_t extent)
{
    const struct form *f = &index_forms[number % 8];
    if (extent == 0)
        f = &index_forms[number % 2 ? 3 : 6];
    return random_indices(index_dtype(number), f->ndim, f->shape, extent > 0 ? extent : 1);
}

static void takes(const operand *o, int number)
{
    for (int axis = 0; axis < o->r->ndim; axis++) {
        ref *i = indices_for(number + axis, o->r->shape[axis]);
        br_array *taken = br_take(o->x, index_array(i, number), .axis = BR_AXIS(axis - o->r->ndim));
        ref *want = gathered(o->r, axis, 1, &i);
        expect(taken, want, 0, 0, "take axis %d %s", axis, o->name);
        expect(br_add(taken, taken),
               ref_map2(want->dtype, want, want, o->r->dtype == BR_BOOL ? either : sum), 0, 0,
               "sum of takes axis %d %s", axis, o->name);
    }
}

/* Without an axis of the flattened array. */
static void flat_takes(const operand *o, int number)
{
    ref *x = flat(o->r);
    ref *i = indices_for(number * 3, x->n);
    expect(br_take(o->x, index_array(i, number + 1)), gathered(x, 0, 1, &i), 0, 0, "take %s",
           o->name);
}

static void points(const operand *o, int number)
{
    ref *list[3];
    br_array *arrays[3];
    int64_t shape[] = {4, 3};
    for (int n = 1; n <= o->r->ndim; n++) {
        bool any = true;
        for (int j = 0; j < n; j++)
            any = any && o->r->shape[j] > 0;
        int64_t rows = any ? 4 : 0;
        ref *wide[3];
        shape[0] = rows;
        for (int j = 0; j < n; j++) {
            int64_t own[] = {j == 1 ? 1 : rows, j == 0 && n > 1 ? 1 : 3};
            own[0] = rows == 0 ? 0 : own[0];
            list[j] = random_indices(index_dtype(number + j), 2, own, any ? o->r->shape[j] : 1);
            wide[j] = spread_to(list[j], 2, shape);
            if (n == 1)
                wide[j] = list[j];
            arrays[j] = index_array(list[j], number + (number % 2 ? j : 0));
        }
        expect(br_vindex_(o->x, arrays, n, BR_HERE), gathered(o->r, 0, n, wide), 0, 0,
               "vindex %d %s", n, o->name);
    }
}

/* Slices of the result, a reduction of it, a take of a take, and indices that come from a take. */
static void readers(const operand *o, int number)
{
    ref *x = o->r;
    if (x->ndim == 0 || x->shape[0] == 0)
        return;
    int64_t n = 12;
    ref *i = random_indices(BR_INT32, 1, &n, x->shape[0]);
    ref *k = random_indices(BR_INT64, 1, &n, n);
    ref *want = gathered(x, 0, 1, &i);
    br_array *index = index_array(i, number);
    br_array *taken = br_take(o->x, index, .axis = BR_AXIS(0));
    expect(br_index(taken, "7:2:-2"), line(want, 0, 7, -2, 3), 0, 0, "slice of a take %s", o->name);
    expect(br_index(taken, "3"), reshaped(line(want, 0, 3, 1, 1), want->ndim - 1, want->shape + 1),
           0, 0, "row of a take %s", o->name);
    expect(br_take(taken, index_array(k, number + 1), .axis = BR_AXIS(0)), gathered(want, 0, 1, &k),
           0, 0, "take of a take %s", o->name);
    ref *both = gathered(i, 0, 1, &k);
    br_array *chosen = br_take(index, index_array(k, number + 2));
    expect(br_take(o->x, chosen, .axis = BR_AXIS(0)), gathered(x, 0, 1, &both), 0, 0,
           "take by a take %s", o->name);
}

static ref *repeated_by(const ref *x, int axis, const ref *counts)
{
    int64_t index[LONGEST];
    int64_t n = 0;
    for (int64_t i = 0; i < x->shape[axis]; i++)
        for (int64_t k = 0; k < (int64_t)creall(counts->v[counts->n == 1 ? 0 : i]); k++)
            index[n++] = i;
    return taken(x, axis, n, index);
}

static ref *random_counts(int number, int64_t n)
{
    ref *r = ref_new(index_dtype(number), 1, &n);
    for (int64_t i = 0; i < n; i++)
        r->v[i] = random_below(4) * random_below(2);
    return r;
}

/* By counts, known and computed; x at its own indices where a mask is true. */
static void counted(const operand *o, int number)
{
    br_array *x;
    for (int axis = 0; axis < o->r->ndim; axis++) {
        ref *counts = random_counts(number, number % 5 ? o->r->shape[axis] : 1);
        ref *want = repeated_by(o->r, axis, counts);
        x = br_resolve(
            br_repeat_counts(o->x, index_array(counts, number + axis), .axis = BR_AXIS(axis)));
        expect(x, want, 0, 0, "repeat_counts axis %d %s", axis, o->name);
    }
    ref *all = flat(o->r);
    ref *counts = random_counts(number + 1, all->n);
    x = br_resolve(br_repeat_counts(o->x, index_array(counts, number + 1)));
    expect(x, repeated_by(all, 0, counts), 0, 0, "repeat_counts %s", o->name);
    br_array *chosen =
        br_resolve(br_take(br_ravel(o->x), br_flatnonzero(o->x), .axis = BR_AXIS(0)));
    br_array *again =
        br_resolve(br_take(br_compress(br_not_equal(br_ravel(o->x), 0), br_ravel(o->x)),
                           source(ref_new(BR_INT8, 1, (int64_t[]){0}), 0)));
    int64_t n = 0;
    int64_t index[LONGEST];
    for (int64_t i = 0; i < all->n; i++)
        if (all->v[i] != 0)
            index[n++] = i;
    expect(chosen, taken(all, 0, n, index), 0, 0, "take of nonzero %s", o->name);
    expect(again, ref_new(all->dtype, 1, (int64_t[]){0}), 0, 0, "take of unknown extent %s",
           o->name);
}

/* Chunks of the source are many, more than a step takes. */
static void long_takes(void)
{
    const int64_t n = 1500;
    const int64_t many[] = {100, 700};
    for (int way = 0; way < 6; way++) {
        next_case(QUEUE);
        ref *x = ref_random(BR_INT32, 1, &n, false, false);
        ref *i = random_indices(BR_INT64, 1 + way % 2, way % 2 ? many : &n, n);
        br_array *cut = br_rechunk(source(x, CUT_WHOLE), BR_CHUNKS(5 + way));
        br_array *held = way / 2 == 0   ? cut
                         : way / 2 == 1 ? br_map_blocks(cut, copy_block)
                                        : br_persist(br_add(cut, 0));
        expect(br_take(held, index_array(i, way)), gathered(x, 0, 1, &i), 0, 0, "long take way %d",
               way);
        br_array *whole =
            br_take(br_reshape(held, BR_SHAPE(-1, 1)), index_array(i, way + 1), .axis = BR_AXIS(0));
        ref *column = reshaped(x, 2, (int64_t[]){n, 1});
        expect(whole, gathered(column, 0, 1, &i), 0, 0, "long take of a column way %d", way);
    }
}

/* Rows of a large matrix in a random order, some of them again: results of several chunks, which
 * come back to chunks of the source. What is taken is compared with what it must be by the library
 * itself. */
static void wide_takes(void)
{
    enum { ROWS = 1000, COLUMNS = 8192 };
    const int64_t counts[] = {500, 900, 400};
    for (int way = 0; way < 3; way++) {
        next_case(QUEUE);
        int64_t n = counts[way];
        ref *i = random_indices(BR_INT32, 1, &n, ROWS);
        ref *none = ref_new(BR_INT32, 0, NULL);
        br_array *index = index_array(i, way);
        br_array *x =
            br_reshape(br_arange(sweep.ctx, BR_NUM(0), BR_NUM(ROWS * COLUMNS), .dtype = BR_INT32),
                       BR_SHAPE(ROWS, COLUMNS));
        x = br_add(br_rechunk(x, BR_CHUNKS(20, COLUMNS / (1 + way))), 0);
        br_array *rows = br_remainder(br_add(br_astype(index, BR_INT32), ROWS), ROWS);
        br_array *want =
            br_add(br_mul(br_expand_dims(rows, 1), COLUMNS),
                   br_arange(sweep.ctx, BR_NUM(0), BR_NUM(COLUMNS), .dtype = BR_INT32));
        br_array *taken = br_take(x, index, .axis = BR_AXIS(0));
        expect(br_max(br_abs(br_sub(taken, want))), none, 0, 0, "rows of a large matrix %d", way);
        br_array *turned = br_take(br_permute_dims(x, BR_AXES(1, 0)), index, .axis = BR_AXIS(1));
        expect(br_max(br_abs(br_sub(br_permute_dims(turned, BR_AXES(1, 0)), want))), none, 0, 0,
               "columns of a large matrix %d", way);
        expect(
            br_max(br_abs(br_sub(br_index(taken, "7:90:2, ::-5"), br_index(want, "7:90:2, ::-5")))),
            none, 0, 0, "slice of rows of a large matrix %d", way);
    }
}

/* Results of several chunks: of many elements, of parts of one element's copies, of whole elements.
 * */
static void long_repeats(void)
{
    const int64_t n = 3;
    const int64_t counts[] = {1500000, 400000, 700001};
    for (int way = 0; way < 6; way++) {
        next_case(QUEUE / 2);
        int64_t count = counts[way / 2];
        ref *x = ref_random(BR_FLOAT32, 1, &n, true, false);
        br_array *y = br_repeat(source(x, way % 2 ? CUT_1 : CUT_WHOLE), count);
        ref *ends = ref_new(BR_FLOAT32, 1, (int64_t[]){6});
        ref *sums = ref_new(BR_FLOAT32, 1, (int64_t[]){3});
        for (int i = 0; i < 6; i++)
            ends->v[i] = x->v[i / 2];
        for (int i = 0; i < 3; i++)
            sums->v[i] = x->v[i] * (long double)count;
        br_array *parts[3];
        br_split(y, parts, 3);
        for (int i = 0; i < 3; i++)
            parts[i] = br_concat(BR_ARRAYS(br_index(parts[i], ":1"), br_index(parts[i], "-1:")));
        expect(br_concat(parts, 3), ends, 0, 0, "ends of a long repeat way %d", way);
        expect(br_sum(br_reshape(y, BR_SHAPE(3, -1)), .axis = BR_AXIS(1)), sums, 1, 0,
               "long repeat way %d", way);
        br_array *column = br_repeat(br_reshape(y, BR_SHAPE(-1, 1)), 2, .axis = BR_AXIS(0));
        expect(br_sum(br_reshape(column, BR_SHAPE(3, -1)), .axis = BR_AXIS(1)),
               ref_map2(BR_FLOAT32, sums, sums, sum), 1, 0, "long repeat again way %d", way);
    }
}

/* Few indices travel to all ranks with their node; here every second time they are dealt out as
 * many are. */
static void deal_indices(int number)
{
    bri_array_data_of(sweep.ctx)->most_indices = number % 2 ? BRI_APART_BYTES : 0;
}

int main(int argc, char **argv)
{
    operand o;
    sweep_open(&argc, &argv);
    for (int number = 0; next_operand(&number, &o);) {
        deal_indices(number);
        takes(&o, number);
        flat_takes(&o, number);
        points(&o, number);
        readers(&o, number);
        counted(&o, number);
    }
    long_takes();
    long_repeats();
    wide_takes();
    return sweep_close();
}
