/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_structure.c - joining, cutting, turning and repeating arrays; whole and in slices.
 */
#include "tests/structure.h"

/* ---- joining ---- */

/* Three arrays, cut in other ways than the first, one of another dtype and one possibly empty. */
static void joins(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        for (int axis = 0; axis < o.r->ndim; axis++) {
            int64_t shape[REF_NDIM];
            memcpy(shape, o.r->shape, sizeof shape);
            shape[axis] = number % 4;
            br_dtype other = number % 3 ? o.r->dtype : BR_UINT8;
            br_dtype common = br_result_type(o.r->dtype, other);
            ref *more = ref_random(other, o.r->ndim, shape, false, false);
            ref *list[] = {converted(more, common), converted(o.r, common), converted(o.r, common)};
            br_array *x[] = {given(more, (number + 1) % NCUTS, number % NWAYS), o.x, o.x};
            br_array *y = br_concat(x, 3, .axis = BR_AXIS(axis - (number % 2 ? o.r->ndim : 0)));
            ref *want = joined(list, 3, axis);
            int z = want->ndim - 1;
            expect(y, want, 0, 0, "concat axis %d %s", axis, o.name);
            expect(br_index(y, "..., ::-2"),
                   line(want, z, want->shape[z] - 1, -2, (want->shape[z] + 1) / 2), 0, 0,
                   "concat axis %d sliced %s", axis, o.name);
        }
        ref *ends[] = {flat(o.r), flat(o.r)};
        expect(br_concat(BR_ARRAYS(o.x, o.x), .axis = BR_NO_AXES), joined(ends, 2, 0), 0, 0,
               "concat flattened %s", o.name);
    }
}

/* A stack is cut into what it was made of. */
static void stacks(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis <= o.r->ndim; axis++) {
            ref *other = ref_random(o.r->dtype, o.r->ndim, o.r->shape, false, false);
            br_array *x[] = {o.x, given(other, (number + 2) % NCUTS, (number + 1) % NWAYS), o.x};
            const ref *r[] = {o.r, other, o.r};
            int64_t shape[REF_NDIM];
            ref *thin[3];
            for (int a = 0; a <= o.r->ndim; a++)
                shape[a] = a == axis ? 1 : o.r->shape[a - (a > axis)];
            for (int i = 0; i < 3; i++)
                thin[i] = reshaped(r[i], o.r->ndim + 1, shape);
            br_array *y = br_stack(x, 3, .axis = BR_AXIS(axis));
            expect(y, joined(thin, 3, axis), 0, 0, "stack axis %d %s", axis, o.name);
            br_array *part[3];
            br_unstack(y, part, 3, .axis = BR_AXIS(axis - o.r->ndim - 1));
            expect(part[1], other, 0, 0, "unstacked axis %d %s", axis, o.name);
            br_array *back[3];
            br_unstack(br_moveaxis(y, BR_AXIS(axis), BR_AXIS(0)), back, 3);
            expect(back[2], o.r, 0, 0, "unstacked, moved axis %d %s", axis, o.name);
        }
}

/* Scalars join as stacks and flattened; arrays by the hundred in one call. */
static void many(void)
{
    enum { N = 300 };
    br_array *x[N];
    ref *r[N];
    for (int way = 0; way < NWAYS; way++) {
        flush();
        next_case(QUEUE + 1);
        ref *all = ref_random(BR_INT32, 1, (int64_t[]){N}, false, false);
        for (int i = 0; i < N; i++) {
            ref *one = ref_new(BR_INT32, 0, NULL);
            one->v[0] = all->v[i];
            x[i] = given(one, CUT_AUTO, way);
        }
        br_array *y = br_stack(x, N);
        expect(y, all, 0, 0, "stack of scalars way %d", way);
        expect(br_concat(x, N, .axis = BR_NO_AXES), all, 0, 0, "scalars flattened way %d", way);
        expect(br_index(y, "17::-5"), line(all, 0, 17, -5, 4), 0, 0, "some scalars way %d", way);
        for (int i = 0; i < N; i++) {
            r[i] = ref_random(BR_FLOAT32, 2, (int64_t[]){1 + i % 3, 2}, false, false);
            x[i] = given(r[i], i % NCUTS, way);
        }
        expect(br_concat(x, N), joined(r, N, 0), 0, 0, "concat of %d way %d", N, way);
    }
}

static void blocks(void)
{
    for (int how = 0; how < NCUTS; how++)
        for (int way = 0; way < NWAYS; way++) {
            next_case(2);
            ref *r[4];
            br_array *x[4];
            for (int i = 0; i < 4; i++) {
                const int64_t shape[] = {i < 2 ? 3 : 4, i % 2 ? 5 : 2};
                r[i] = ref_random(BR_INT16, 2, shape, false, false);
                x[i] = given(r[i], (how + i) % NCUTS, way);
            }
            ref *rows[] = {joined(r, 2, 1), joined(r + 2, 2, 1)};
            expect(br_blocks(x, 2, 2), joined(rows, 2, 0), 0, 0, "blocks cut %d way %d", how, way);
            ref *edge = ref_random(BR_INT16, 1, (int64_t[]){2}, false, false);
            ref *column[] = {reshaped(edge, 2, (int64_t[]){1, 2}), r[0]};
            br_array *list[] = {source(edge, how), x[0]};
            expect(br_blocks(list, 2, 1), joined(column, 2, 0), 0, 0,
                   "blocks of other dimensions cut %d way %d", how, way);
        }
}

/* ---- cutting ---- */

static void splits(void)
{
    const int64_t at[] = {1, -2, 3, 100};
    operand o;
    for (int number = 0; next_operand(&number, &o);)
        for (int axis = 0; axis < o.r->ndim; axis++) {
            br_array *part[5];
            int64_t n = o.r->shape[axis];
            br_split(o.x, part, 3, .axis = BR_AXIS(axis), .uneven = true);
            int64_t from = 0;
            for (int i = 0; i < 3; i++) {
                int64_t count = n / 3 + (i < n % 3);
                expect(part[i], n > 0 ? line(o.r, axis, from, 1, count) : o.r, 0, 0,
                       "split %d axis %d %s", i, axis, o.name);
                from += count;
            }
            br_split(o.x, part, 5, .axis = BR_AXIS(axis), .indices = at);
            for (int i = 0; n > 0 && i < 5; i += 2) {
                int64_t first = i == 0 ? 0 : at[i - 1] < 0 ? at[i - 1] + n : at[i - 1];
                int64_t past = i == 4 ? n : at[i] < 0 ? at[i] + n : at[i];
                first = first < 0 ? 0 : first > n ? n : first;
                past = past < 0 ? 0 : past > n ? n : past;
                expect(part[i], line(o.r, axis, first, 1, past > first ? past - first : 0), 0, 0,
                       "split at indices %d axis %d %s", i, axis, o.name);
            }
        }
}

/* ---- turning ---- */

static void flips(void)
{
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        ref *all = o.r;
        for (int axis = 0; axis < o.r->ndim; axis++) {
            all = o.r->shape[axis] > 0 ? flipped(all, axis) : all;
            if (o.r->shape[axis] > 0)
                expect(br_flip(o.x, .axis = BR_AXIS(axis)), flipped(o.r, axis), 0, 0,
                       "flip axis %d %s", axis, o.name);
        }
        if (o.r->n > 0)
            expect(br_flip(o.x), all, 0, 0, "flip %s", o.name);
        expect(br_ravel(o.x), flat(o.r), 0, 0, "ravel %s", o.name);
        int64_t shape[REF_NDIM] = {1, 1, 1, 1};
        for (int a = 0; a < o.r->ndim; a++)
            shape[4 - o.r->ndim + a] = o.r->shape[a];
        expect(br_atleast_nd(o.x, 4), reshaped(o.r, 4, shape), 0, 0, "atleast_nd %s", o.name);
    }
}

static void turns(void)
{
    for (int how = 0; how < NCUTS; how++)
        for (int way = 0; way < NWAYS; way++) {
            next_case(QUEUE / 2);
            ref *r = ref_random(BR_COMPLEX64, 4, (int64_t[]){2, 3, 4, 5}, false, false);
            br_array *x = given(r, how, way);
            expect(br_moveaxis(x, BR_AXIS(0), BR_AXIS(-1)), permuted(r, (int[]){1, 2, 3, 0}), 0, 0,
                   "moveaxis cut %d way %d", how, way);
            expect(br_moveaxis(x, BR_AXES(3, 0), BR_AXES(0, 2)), permuted(r, (int[]){3, 1, 0, 2}),
                   0, 0, "moveaxis of two cut %d way %d", how, way);
            expect(br_swapaxes(x, 1, -1), permuted(r, (int[]){0, 3, 2, 1}), 0, 0,
                   "swapaxes cut %d way %d", how, way);
            expect(br_matrix_transpose(x), permuted(r, (int[]){0, 1, 3, 2}), 0, 0,
                   "matrix_transpose cut %d way %d", how, way);
            ref *turned = r;
            for (int k = 0; k < 5; k++) {
                expect(br_rot90(x, k, .axes = BR_AXES(1, 2)), turned, 0, 0,
                       "rot90 %d cut %d way %d", k, how, way);
                turned = permuted(flipped(turned, 2), (int[]){0, 2, 1, 3});
            }
            expect(br_rot90(x, -1), flipped(permuted(r, (int[]){1, 0, 2, 3}), 1), 0, 0,
                   "rot90 back cut %d way %d", how, way);
        }
}

static void broadcasts(void)
{
    for (int how = 0; how < NCUTS; how++)
        for (int way = 0; way < NWAYS; way++) {
            next_case(4);
            ref *a = ref_random(BR_INT8, 2, (int64_t[]){4, 1}, false, false);
            ref *b = ref_random(BR_FLOAT64, 1, (int64_t[]){6}, false, false);
            br_array *out[2];
            br_array *in[] = {given(a, how, way), given(b, how, way)};
            br_broadcast_arrays(in, 2, out);
            expect(out[0], line(a, 1, 0, 0, 6), 0, 0, "broadcast cut %d way %d", how, way);
            expect(out[1], line(reshaped(b, 2, (int64_t[]){1, 6}), 0, 0, 0, 4), 0, 0,
                   "broadcast row cut %d way %d", how, way);
            expect(br_concat(out, 2),
                   joined((ref *[]){converted(line(a, 1, 0, 0, 6), BR_FLOAT64),
                                    line(reshaped(b, 2, (int64_t[]){1, 6}), 0, 0, 0, 4)},
                          2, 0),
                   0, 0, "concat of broadcast cut %d way %d", how, way);
        }
}

/* ---- rearranging ---- */

static void rolls(void)
{
    const int64_t shifts[] = {1, -2, 5, 1000003};
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        int64_t shift = shifts[number % 4];
        for (int axis = 0; axis < o.r->ndim; axis++) {
            bool any = o.r->shape[axis] > 0;
            ref *want = any ? rolled(o.r, axis, shift) : o.r;
            br_array *y = br_roll(o.x, BR_SHIFTS(shift), .axis = BR_AXIS(axis - o.r->ndim));
            expect(y, want, 0, 0, "roll axis %d %s", axis, o.name);
            if (any && o.r->n > 0)
                expect(br_flip(y, .axis = BR_AXIS(axis)), flipped(want, axis), 0, 0,
                       "roll axis %d, flipped %s", axis, o.name);
        }
        ref *line = flat(o.r);
        line = o.r->n > 0 ? rolled(line, 0, shift) : line;
        expect(br_roll(o.x, BR_SHIFTS(shift)), reshaped(line, o.r->ndim, o.r->shape), 0, 0,
               "roll %s", o.name);
        if (o.r->ndim > 1 && o.r->n > 0) {
            ref *both = rolled(rolled(o.r, 0, shift), 1, shift + 1);
            expect(br_roll(o.x, BR_SHIFTS(shift, shift + 1), .axis = BR_AXES(0, 1)), both, 0, 0,
                   "roll two axes %s", o.name);
        }
    }
}

static ref *repeated(const ref *x, int axis, int64_t count)
{
    int64_t index[LONGEST];
    for (int64_t i = 0; i < x->shape[axis] * count; i++)
        index[i] = i / count;
    return taken(x, axis, x->shape[axis] * count, index);
}

/* The counts go beyond those up to which copies are joined one by one. */
static void copies(void)
{
    const int64_t counts[] = {2, 0, 3, 37, 1};
    operand o;
    for (int number = 0; next_operand(&number, &o);) {
        int64_t n = counts[number % 5];
        for (int axis = 0; axis < o.r->ndim; axis++) {
            br_extents times = {o.r->ndim, {1, 1, 1}};
            times.extent[axis] = n;
            int64_t extent = o.r->shape[axis];
            expect(br_tile(o.x, times), extent > 0 ? line(o.r, axis, 0, 1, n * extent) : o.r, 0, 0,
                   "tile %d axis %d %s", (int)n, axis, o.name);
            expect(br_repeat(o.x, n, .axis = BR_AXIS(axis)), repeated(o.r, axis, n), 0, 0,
                   "repeat %d axis %d %s", (int)n, axis, o.name);
        }
        if (o.r->n * n < LONGEST)
            expect(br_repeat(o.x, n), repeated(flat(o.r), 0, n), 0, 0, "repeat %d %s", (int)n,
                   o.name);
    }
    for (int how = 0; how < NCUTS; how++) {
        next_case(2);
        ref *r = ref_random(BR_INT64, 2, (int64_t[]){2, 3}, false, false);
        ref *cube = line(line(reshaped(r, 3, (int64_t[]){1, 2, 3}), 2, 0, 1, 12), 0, 0, 0, 2);
        expect(br_tile(source(r, how), BR_SHAPE(2, 1, 4)), cube, 0, 0, "tile 3 axes cut %d", how);
        expect(br_tile(source(r, how), BR_SHAPE(2)), line(r, 1, 0, 1, 6), 0, 0, "tile last cut %d",
               how);
    }
}

/* ---- files, which are read into their place ---- */

static value negated(value a)
{
    return -a;
}

/* The sum of every column, `times` times. */
static ref *sum_of_rows(const ref *r, int times)
{
    ref *sum = ref_new(BR_INT64, 1, (int64_t[]){r->shape[1]});
    for (int64_t i = 0; i < r->n; i++)
        sum->v[i % r->shape[1]] += times * r->v[i];
    return sum;
}

static br_array *stored(const ref *r, const char *name, int layout)
{
    br_array *x = source(r, CUT_WHOLE);
    br_status st = layout == 0   ? br_store_hdf5(x, "structure.h5", name, .contiguous = true)
                   : layout == 1 ? br_store_hdf5(x, "structure.h5", name, .chunks = BR_CHUNKS(3, 4))
                                 : br_store_hdf5(x, "structure.h5", name, .chunks = BR_CHUNKS(4, 3),
                                                 .deflate = 1);
    if (st != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    return br_from_hdf5(sweep.ctx, "structure.h5", name, .chunks = cut_extents(CUT_3, 2, r->shape));
}

/* Through views of all kinds: turned, reversed, with steps, one row of them, repeated. */
static void files(void)
{
    for (int layout = 0; layout < 3; layout++) {
        flush();
        next_case(QUEUE + 1);
        char name[20];
        snprintf(name, sizeof name, "layout%d", layout);
        ref *r = ref_random(BR_INT32, 2, (int64_t[]){11, 7}, false, false);
        br_array *x = stored(r, name, layout);
        ref *t = permuted(r, (int[]){1, 0});
        ref *back = line(flipped(t, 0), 1, 9, -2, 5);
        expect(br_concat(BR_ARRAYS(x, x, br_negative(x))),
               joined((ref *[]){r, r, ref_map1(BR_INT32, r, negated)}, 3, 0), 0, 0, "files %d",
               layout);
        br_array *turned = br_permute_dims(x, BR_AXES(1, 0));
        expect(br_concat(BR_ARRAYS(turned, br_index(turned, "::-1, 9::-2")), .axis = BR_AXIS(1)),
               joined((ref *[]){t, back}, 2, 1), 0, 0, "files turned %d", layout);
        ref *row = line(r, 0, 4, 1, 1);
        expect(br_concat(BR_ARRAYS(br_broadcast_to(br_index(x, "4"), BR_SHAPE(5, 7)),
                                   br_index(x, "4:5"))),
               line(row, 0, 0, 0, 6), 0, 0, "a row of files %d", layout);
        expect(br_stack(BR_ARRAYS(br_index(x, "4"), br_index(x, "-1, :"))),
               joined((ref *[]){row, line(r, 0, 10, 1, 1)}, 2, 0), 0, 0, "rows of files %d",
               layout);
        expect(br_roll(x, BR_SHIFTS(3, -2), .axis = BR_AXES(0, 1)), rolled(rolled(r, 0, 3), 1, -2),
               0, 0, "files rolled %d", layout);
        expect(br_sum(br_tile(x, BR_SHAPE(3, 2)), .axis = BR_AXIS(0)),
               line(sum_of_rows(r, 3), 0, 0, 1, 14), 0, 0, "files tiled %d", layout);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    joins();
    stacks();
    many();
    blocks();
    splits();
    flips();
    turns();
    broadcasts();
    rolls();
    copies();
    files();
    return sweep_close();
}
