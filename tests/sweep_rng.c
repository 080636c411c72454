/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_rng.c - random arrays cut, sliced, turned, reshaped, repeated and reduced, beside the same
 * elements made one by one.
 */
#include "tests/random_reference.h"
#include "tests/sweep.h"

/* What an array of a test is drawn from. */
typedef enum law { UNIFORM, UNIFORM32, DIE, ANY64, NORMAL, EXPONENTIAL, NLAWS } law;

static const char *const law_names[] = {"uniform", "uniform32", "die",
                                        "any64",   "normal",    "exponential"};

static br_array *draw(law what, drawn from, br_extents shape, br_extents chunks)
{
    br_number seed = br_number_uint(from.seed);
    br_number stream = br_number_uint(from.stream);
    br_context *ctx = sweep.ctx;
    switch (what) {
    case UNIFORM:
    case UNIFORM32:
        return br_random_uniform(ctx, shape, .low = BR_NUM(-2), .high = BR_NUM(5),
                                 .dtype = what == UNIFORM ? BR_FLOAT64 : BR_FLOAT32, .seed = seed,
                                 .stream = stream, .chunks = chunks);
    case DIE:
        return br_random_integers(ctx, 1, 7, shape, .dtype = BR_INT8, .seed = seed,
                                  .stream = stream, .chunks = chunks);
    case ANY64:
        return br_random_integers(ctx, 5, UINT64_C(3) << 62, shape, .dtype = BR_UINT64,
                                  .seed = seed, .stream = stream, .chunks = chunks);
    case NORMAL:
        return br_random_normal(ctx, shape, .seed = seed, .stream = stream, .chunks = chunks);
    default:
        return br_random_exponential(ctx, shape, .scale = BR_NUM(3), .seed = seed, .stream = stream,
                                     .chunks = chunks);
    }
}

static br_dtype dtype_of(law what)
{
    const br_dtype dtypes[] = {BR_FLOAT64, BR_FLOAT32, BR_INT8, BR_UINT64, BR_FLOAT64, BR_FLOAT64};
    return dtypes[what];
}

static value element(law what, drawn from, int64_t i)
{
    uint64_t at = (uint64_t)i;
    switch (what) {
    case UNIFORM:
        return ref_uniform_f64(from, at, -2, 5);
    case UNIFORM32:
        return ref_uniform_f32(from, at, -2, 5);
    case DIE:
        return ref_integer(from, at, 1, 6);
    case ANY64:
        return ref_integer(from, at, 5, (UINT64_C(3) << 62) - 5);
    case NORMAL:
        return ref_normal(from, at);
    default:
        return 3 * ref_exponential(from, at);
    }
}

static ref *reference_of(law what, drawn from, int ndim, const int64_t *shape)
{
    ref *r = ref_new(dtype_of(what), ndim, shape);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = element(what, from, i);
    return r;
}

/* x[start::step] along every axis. */
static ref *sliced(const ref *x, const int64_t *start, const int64_t *step)
{
    int64_t shape[REF_NDIM];
    for (int a = 0; a < x->ndim; a++)
        shape[a] = step[a] > 0 ? (x->shape[a] - start[a] + step[a] - 1) / step[a]
                               : start[a] / -step[a] + 1;
    ref *r = ref_new(x->dtype, x->ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t at[REF_NDIM];
        ref_coords(r, i, at);
        for (int a = 0; a < x->ndim; a++)
            at[a] = start[a] + step[a] * at[a];
        r->v[i] = x->v[ref_linear(x, at)];
    }
    return r;
}

static ref *turned(const ref *x)
{
    int64_t shape[] = {x->shape[2], x->shape[0], x->shape[1]};
    ref *r = ref_new(x->dtype, 3, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t at[REF_NDIM];
        ref_coords(r, i, at);
        int64_t from[] = {at[1], at[2], at[0]};
        r->v[i] = x->v[ref_linear(x, from)];
    }
    return r;
}

static ref *reshaped(const ref *x, int ndim, const int64_t *shape)
{
    ref *r = ref_new(x->dtype, ndim, shape);
    memcpy(r->v, x->v, (size_t)x->n * sizeof *x->v);
    return r;
}

static value r_affine(value a)
{
    return a * 3 - 1;
}

/* Three axes: views, other chunks and sums of one array. */
static void cubes(void)
{
    const int64_t shape[] = {9, 13, 37};
    for (law what = 0; what < NLAWS; what++)
        for (int how = CUT_AUTO; how < CUT_UNEVEN; how++) {
            drawn from = {what, 100 + (uint64_t)how};
            if (how == CUT_1 && what % 2 == 0)
                continue;
            next_case(6);
            ref *r = reference_of(what, from, 3, shape);
            br_array *x = draw(what, from, extents_of(3, shape), cut_extents(how, 3, shape));
            const char *name = law_names[what];
            expect(x, r, 4, 0, "%s cut %d", name, how);
            expect(br_index(x, "1::3, ::-2, 5::2"),
                   sliced(r, (int64_t[]){1, 12, 5}, (int64_t[]){3, -2, 2}), 4, 0,
                   "%s sliced cut %d", name, how);
            expect(br_permute_dims(x, BR_AXES(2, 0, 1)), turned(r), 4, 0, "%s turned cut %d", name,
                   how);
            expect(br_reshape(x, BR_SHAPE(39, 111)), reshaped(r, 2, (int64_t[]){39, 111}), 4, 0,
                   "%s reshaped cut %d", name, how);
            expect(br_rechunk(x, BR_CHUNKS(2, 5, 16)), r, 4, 0, "%s rechunked cut %d", name, how);
            br_array *wide =
                br_broadcast_to(br_expand_dims(br_index(x, "3, 4"), 0), BR_SHAPE(2, 37));
            ref *rows = ref_new(r->dtype, 2, (int64_t[]){2, 37});
            for (int64_t i = 0; i < rows->n; i++)
                rows->v[i] = r->v[(3 * 13 + 4) * 37 + i % 37];
            expect(wide, rows, 4, 0, "%s repeated cut %d", name, how);
        }
}

/* In expressions and under reductions, where a random array is part of a block program. */
static void expressions(const int64_t *shape)
{
    for (law what = 0; what < NLAWS; what++)
        for (int how = CUT_AUTO; how < CUT_1; how++) {
            if (what == ANY64)
                continue;
            drawn from = {0, 7 + (uint64_t)what};
            next_case(4);
            ref *r = reference_of(what, from, 2, shape);
            br_array *x = draw(what, from, extents_of(2, shape), cut_extents(how, 2, shape));
            x = br_astype(x, BR_FLOAT64);
            r = ref_map1(BR_FLOAT64, r, r_affine);
            br_array *y = br_sub(br_mul(x, 3), 1);
            ref *rows = ref_new(BR_FLOAT64, 1, shape);
            ref *columns = ref_new(BR_FLOAT64, 1, shape + 1);
            for (int64_t i = 0; i < r->n; i++) {
                rows->v[i / shape[1]] += r->v[i];
                columns->v[i % shape[1]] += r->v[i];
            }
            const char *name = law_names[what];
            long long width = (long long)shape[1];
            expect(y, r, 8, 1, "affine %s of %lld cut %d", name, width, how);
            expect(br_sum(y, .axis = BR_AXIS(1)), rows, 16, 400, "sum of rows of %s of %lld cut %d",
                   name, width, how);
            expect(br_sum(y, .axis = BR_AXIS(0)), columns, 16, 400,
                   "sum of columns of %s of %lld cut %d", name, width, how);
            ref *folded = ref_new(BR_FLOAT64, 2, shape);
            for (int64_t i = 0; i < r->n; i++)
                folded->v[i] =
                    r->v[i] - r->v[i / shape[1] * shape[1] + shape[1] - 1 - i % shape[1]];
            expect(br_sub(y, br_index(y, ":, ::-1")), folded, 8, 40, "folded %s of %lld cut %d",
                   name, width, how);
        }
}

/* Elements whose indices do not fit 32 bits, of an array that no memory could hold. */
static void far_away(void)
{
    const int64_t far = INT64_C(1) << 52;
    const int64_t n = 40;
    for (law what = 0; what < NLAWS; what++) {
        drawn from = {UINT64_MAX, (UINT64_C(1) << 47) - 1};
        next_case(2);
        ref *line = ref_new(dtype_of(what), 1, &n);
        ref *tail = ref_new(dtype_of(what), 2, (int64_t[]){2, n});
        for (int64_t i = 0; i < n; i++)
            line->v[i] = element(what, from, far - n + i);
        for (int64_t i = 0; i < 2 * n; i++)
            tail->v[i] = element(what, from, (1022 + i / n) * (far / 1024) + i % n * 1000);
        br_array *x = draw(what, from, BR_SHAPE(far), BR_CHUNKS(1 << 20));
        expect(br_index(x, "-40:"), line, 4, 0, "end of 2^52 %s", law_names[what]);
        br_array *y = draw(what, from, BR_SHAPE(1024, far / 1024), BR_CHUNKS(1, 1 << 20));
        expect(br_index(y, "1022:, 0:40000:1000"), tail, 4, 0, "rows of 2^52 %s", law_names[what]);
    }
}

/* Calls that name no stream take one after the other; several are computed together. */
static void calls(void)
{
    const int64_t n = 3000;
    for (int k = 0; k < 6; k++) {
        next_case(2);
        ref *r = reference_of(NORMAL, (drawn){0, OWN_STREAM + (uint64_t)k}, 1, &n);
        expect(br_random_normal(sweep.ctx, BR_SHAPE(n), .chunks = BR_CHUNKS(100 * (k + 1))), r, 4,
               0, "call %d", k);
    }
    next_case(3);
    ref *zero = ref_new(BR_FLOAT64, 0, NULL);
    zero->v[0] = element(UNIFORM, (drawn){3, 4}, 0);
    expect(draw(UNIFORM, (drawn){3, 4}, BR_0D, (br_extents){0}), zero, 0, 0, "one element");
    expect(draw(DIE, (drawn){3, 4}, BR_SHAPE(0, 3), (br_extents){0}),
           ref_new(BR_INT8, 2, (int64_t[]){0, 3}), 0, 0, "no element");
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    cubes();
    expressions((int64_t[]){50, 70});
    expressions((int64_t[]){700, 3});
    expressions((int64_t[]){400, 1});
    far_away();
    calls();
    return sweep_close();
}
