/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_fromfunction.c - arrays made by functions of the user's, of indices and of whole chunks:
 * read whole, in slices, several times, along repeated axes and into reductions.
 */
#include "tests/sweep.h"

/* A weight for each axis travels with the functions. */
typedef struct weights {
    double of[4];
    double plus;
} weights;

static const weights some = {{3, -5, 7, 2}, 1};

static double weigh(const int64_t *index, int ndim, const void *data)
{
    const weights *w = data;
    double v = w->plus;
    for (int a = 0; a < ndim; a++)
        v += w->of[a] * (double)index[a];
    return v;
}

/* The same by chunks, of float32 or int64; inputs must be none. */
static int weigh_chunk(const br_block *in, int nin, const br_block *out, const void *data)
{
    int64_t at[8] = {0}, index[8] = {0}, n = 1;
    for (int a = 0; a < out->ndim; a++)
        n *= out->extent[a];
    for (int64_t i = 0; i < n; i++) {
        for (int a = 0; a < out->ndim; a++)
            index[a] = out->origin[a] + at[a];
        double v = weigh(index, out->ndim, data);
        if (out->dtype == BR_FLOAT32)
            ((float *)out->data)[i] = (float)v;
        else
            ((int64_t *)out->data)[i] = (int64_t)v;
        for (int a = out->ndim - 1; a >= 0 && ++at[a] == out->extent[a]; a--)
            at[a] = 0;
    }
    return in != NULL || nin != 0;
}

static ref *reference_of(br_dtype d, int ndim, const int64_t *shape)
{
    ref *r = ref_new(d, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t c[REF_NDIM];
        ref_coords(r, i, c);
        r->v[i] = as(d, weigh(c, ndim, &some));
    }
    return r;
}

/* Everything that is made of an array. */
static void readings(br_array *x, const ref *a, const char *name)
{
    int z = a->ndim - 1;
    ref *sum = ref_new(a->dtype == BR_INT64 ? BR_INT64 : a->dtype, 0, NULL),
        *twice = ref_new(a->dtype, a->ndim, a->shape);
    for (int64_t i = 0; i < a->n; i++) {
        sum->v[0] += a->v[i];
        twice->v[i] = 2 * a->v[i];
    }
    expect(x, a, 0, 0, "%s", name);
    expect(br_add(x, x), twice, 0, 0, "%s twice", name);
    expect(br_sum(x), sum, 4, 4096, "%s sum", name);
    if (a->ndim == 0)
        return;
    int64_t shape[REF_NDIM], c[REF_NDIM], long_shape[REF_NDIM];
    memcpy(shape, a->shape, sizeof shape);
    shape[z] = (shape[z] + 2) / 3;
    memcpy(long_shape + 1, a->shape, (size_t)a->ndim * sizeof c[0]);
    long_shape[0] = 3;
    ref *part = ref_new(a->dtype, a->ndim, shape),
        *wide = ref_new(a->dtype, a->ndim + 1, long_shape);
    for (int64_t i = 0; i < part->n; i++) {
        ref_coords(part, i, c);
        c[z] = a->shape[z] - 1 - 3 * c[z];
        part->v[i] = a->v[ref_linear(a, c)];
    }
    for (int64_t i = 0; i < wide->n; i++)
        wide->v[i] = a->v[i % a->n] + i / a->n;
    br_array *count =
        br_arange(sweep.ctx, BR_NUM(0), BR_NUM(3), .dtype = a->dtype, .chunks = BR_CHUNKS(1));
    for (int k = 0; k < a->ndim; k++)
        count = br_expand_dims(count, -1);
    expect(br_index(x, "..., ::-3"), part, 0, 0, "%s[..., ::-3]", name);
    expect(br_add(x, count), wide, 0, 0, "%s repeated", name);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    const int64_t shapes[][3] = {{5, 4, 7}, {1, 1, 1}, {2, 0, 3}, {17, 1, 6}};
    for (int s = 0; s < 4; s++)
        for (int how = 0; how < CUT_UNEVEN; how++)
            for (int ndim = 0; ndim < 4; ndim++)
                for (int form = 0; form < 3; form++) {
                    next_case(5);
                    char name[80];
                    br_dtype d = form == 0 ? BR_FLOAT64 : (s + how) % 2 ? BR_FLOAT32 : BR_INT64;
                    br_extents shape = extents_of(ndim, shapes[s]),
                               cut = cut_extents(how, ndim, shapes[s]);
                    snprintf(name, sizeof name, "form %d shape %d %d cut %d", form, s, ndim, how);
                    br_array *x = form == 2 ? br_from_blocks(sweep.ctx, weigh_chunk, shape, d, cut,
                                                             &some, sizeof some)
                                            : br_fromfunction(sweep.ctx, weigh, shape, d, cut,
                                                              &some, sizeof some, .cheap = form);
                    readings(x, reference_of(d, ndim, shapes[s]), name);
                }
    return sweep_close();
}
