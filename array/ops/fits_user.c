/* SPDX-License-Identifier: BSD-3-Clause
 * fits_user.c - could the parameters that another rank sent be of the operation: reductions, and
 * functions of the user's. Addresses of functions are looked up by unpack.
 */
#include <string.h>

#include "array/ops/blocks.h"
#include "array/ops/fits.h"
#include "array/ops/overlap.h"

bool bri_fits_user(const bri_recipe *r)
{
    const bri_user_params *p = r->params;
    return bri_dtype_ok((br_dtype)p->dtype) && p->pointer == NULL && p->fn != NULL &&
           p->scratch_bytes <= SIZE_MAX / 2 &&
           r->params_bytes == sizeof *p + bri_user_spec_at(p) + p->spec_bytes;
}

bool bri_fits_user_layout(const bri_recipe *r)
{
    return bri_fits_user(r) && bri_layout_fits(&((const bri_user_params *)r->params)->layout);
}

/* ---- reductions ---- */

static bool axes_fit(const bri_reduce_params *p, const bri_node *x)
{
    return x->ndim == 32 || p->axes >> x->ndim == 0;
}

bool bri_fits_reduction(const bri_recipe *r)
{
    const bri_reduction_params *p = r->params;
    return p->reduce.redop == 0 && bri_dtype_ok((br_dtype)p->reduce.dtype) &&
           axes_fit(&p->reduce, r->inputs[0]) && p->pointer == NULL && p->accumulate != NULL &&
           p->merge != NULL && p->finish != NULL && p->state_bytes <= SIZE_MAX / 2 &&
           p->width >= 0 && p->width <= INT64_MAX / 16 && bri_text_fits(p->name, sizeof p->name) &&
           r->params_bytes == sizeof *p + p->data_bytes;
}

/* ---- whole chunks ---- */

/* Indices of the inputs' axes, each once in an input. */
static bool indices_fit(const bri_blocks *b, const bri_recipe *r)
{
    for (int k = 0; k < r->ninputs; k++) {
        uint32_t seen = 0;
        for (int a = 0; a < r->inputs[k]->ndim; a++) {
            int i = b->index[k][a];
            if (i < 0 || i >= b->nindices || (seen >> i & 1))
                return false;
            seen |= (uint32_t)1 << i;
        }
        if (b->core[k] < 0 || b->core[k] > r->inputs[k]->ndim)
            return false;
    }
    return true;
}

static bool cuts_fit(const bri_blocks *b)
{
    int64_t listed = 0;
    for (int a = 0; a < b->ndim; a++) {
        if (b->cut[a] < -b->nlisted)
            return false;
        listed += b->cut[a] < 0 ? -b->cut[a] : 0;
    }
    for (int64_t i = 0; i < b->nlisted; i++)
        if (b->listed[i] < 0)
            return false;
    return listed == b->nlisted;
}

bool bri_fits_blocks(const bri_recipe *r)
{
    const bri_user_params *p = r->params;
    if (!bri_fits_user(r) || p->spec_bytes < sizeof(bri_blocks))
        return false;
    const bri_blocks *b = bri_user_spec(p);
    if (b->ninputs != r->ninputs || b->ndim < 0 || b->nindices < b->ndim ||
        b->nindices > BR_MAX_NDIM || b->loop < 0 || b->loop > b->ndim || b->nextents < 0 ||
        b->nextents > BR_MAX_NDIM || b->nlisted < 0 || b->nlisted > INT32_MAX ||
        p->spec_bytes != bri_blocks_bytes(b))
        return false;
    for (int i = 0; i < b->nextents; i++)
        if (b->extent[i] < 0 || b->extent[i] >= b->nindices)
            return false;
    for (int i = 0; i < b->nindices; i++)
        if (!bri_text_fits(b->name[i], sizeof b->name[i]))
            return false;
    return indices_fit(b, r) && cuts_fit(b);
}

/* ---- halos ---- */

bool bri_fits_overlap(const bri_recipe *r)
{
    const bri_user_params *p = r->params;
    size_t n = 0;
    for (int k = 0; k < r->ninputs; k++)
        n += (size_t)r->inputs[k]->ndim;
    if (!bri_fits_user(r) ||
        p->spec_bytes != sizeof(bri_overlap_params) + n * sizeof(bri_overlap_axis))
        return false;
    const bri_overlap_axis *axis = ((const bri_overlap_params *)bri_user_spec(p))->axis;
    for (size_t i = 0; i < n; i++)
        if (axis[i].before < 0 || axis[i].before > INT64_MAX / 8 || axis[i].after < 0 ||
            axis[i].after > INT64_MAX / 8 || axis[i].boundary < BR_BOUNDARY_NONE ||
            axis[i].boundary > BR_BOUNDARY_PERIODIC)
            return false;
    return true;
}
