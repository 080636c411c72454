/* SPDX-License-Identifier: BSD-3-Clause
 * fold.c - which elements belong to a result of a reduction.
 */
#include "tests/matrix/fold.h"

reduced draw_reduced(int ndim)
{
    reduced by = {.keep = chance(40)};
    int all = 0;
    for (int k = 0; k < ndim; k++)
        all += by.is[k] = chance(55);
    for (int k = 0; k < ndim; k++)
        if (by.is[k])
            by.axes.axis[by.axes.n++] = chance(30) ? k - ndim : k;
    if (all == 0)
        by.axes.n = -1; /* none */
    if (all == ndim && (ndim == 0 || chance(50)))
        by.axes.n = 0; /* not given: all */
    return by;
}

nd *nd_reduced(br_dtype dtype, const nd *x, const reduced *by)
{
    int64_t shape[ND_AXES];
    int ndim = 0;
    for (int k = 0; k < x->ndim; k++)
        if (by->keep || !by->is[k])
            shape[ndim++] = by->is[k] ? 1 : x->shape[k];
    return nd_new(dtype, ndim, shape);
}

bool reduces_nothing(const nd *x, const reduced *by)
{
    for (int k = 0; k < x->ndim; k++)
        if (by->is[k] && x->shape[k] == 0)
            return true;
    return false;
}

group new_group(const nd *x)
{
    size_t n = (size_t)x->n + 1;
    return (group){0, calloc(n, sizeof(number)), calloc(n, sizeof(number)), calloc(n, 1),
                   calloc(n, sizeof(int64_t))};
}

void free_group(group *g)
{
    free(g->v);
    free(g->w);
    free(g->in);
    free(g->at);
}

/* The result that an index of x belongs to. */
static int64_t result_of(const nd *x, const reduced *by, const int64_t *index)
{
    int64_t i = 0;
    for (int k = 0; k < x->ndim; k++)
        if (!by->is[k])
            i = i * x->shape[k] + index[k];
    return i;
}

void gather(group *g, const nd *x, const reduced *by, int64_t i, const nd *where, const nd *weights)
{
    int64_t index[ND_AXES];
    g->n = 0;
    for (int64_t j = 0; j < x->n; j++) {
        nd_index_of(x, j, index);
        if (result_of(x, by, index) != i)
            continue;
        g->at[g->n] = j;
        g->v[g->n] = nd_get(x, j);
        g->in[g->n] =
            where == NULL || !is_zero(nd_get(where, nd_at_broadcast(where, x->ndim, index)));
        g->w[g->n] = weights == NULL ? of_real(1)
                                     : nd_get(weights, nd_at_broadcast(weights, x->ndim, index));
        g->n++;
    }
}
