/* SPDX-License-Identifier: BSD-3-Clause
 * fits.c - could the parameters that another rank sent be of the operation: sources and what is
 * made of elements at the same place.
 */
#include "array/ops/fits.h"

#include <string.h>

/* ---- what several have ---- */

bool bri_layout_fits(const bri_layout *layout)
{
    if (!bri_dtype_ok((br_dtype)layout->dtype) || layout->ndim < 0 || layout->ndim > BR_MAX_NDIM)
        return false;
    int64_t bytes = (int64_t)br_dtype_size((br_dtype)layout->dtype);
    for (int a = 0; a < layout->ndim; a++) {
        int64_t n = layout->extent[a] > 0 ? layout->extent[a] : 1;
        if (layout->extent[a] < 0 || layout->chunk[a] < 0 ||
            __builtin_mul_overflow(bytes, n, &bytes))
            return false;
    }
    return true;
}

bool bri_axis_fits(const bri_node *x, int64_t axis)
{
    return axis >= 0 && axis < x->ndim;
}

/* n chunks: `first` elements, then `chunk` ones, the last of them with what is left. */
static bool regular_fits(const int64_t *w)
{
    int64_t extent = w[0], n = w[1], first = w[2], chunk = w[3], most;
    if (n == 1)
        return first >= extent;
    return n <= extent && first > 0 && chunk > 0 && first < extent &&
           !__builtin_mul_overflow(n - 1, chunk, &most) && most >= extent - first &&
           most - chunk < extent - first;
}

static bool listed_fits(const int64_t *w, const int64_t *list)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < w[1]; i++)
        if (list[i] < 0 || __builtin_add_overflow(sum, list[i], &sum))
            return false;
    return sum == w[0];
}

bool bri_axis_words_fit(const int64_t *w, size_t nwords, int n)
{
    for (; n > 0; n--) {
        if (nwords < BRI_AXIS_WORDS || w[0] < 0 || w[1] < 1)
            return false;
        size_t words = BRI_AXIS_WORDS;
        if (w[4] != 0 && (uint64_t)w[1] > nwords - words)
            return false;
        if (w[4] != 0 ? !listed_fits(w, w + words) : !regular_fits(w))
            return false;
        words += w[4] != 0 ? (size_t)w[1] : 0;
        w += words;
        nwords -= words;
    }
    return nwords == 0;
}

bool bri_text_fits(const char *text, size_t n)
{
    return n > 0 && memchr(text, '\0', n) != NULL;
}

bool bri_dtype_fits(br_dtype from, int32_t to)
{
    return bri_dtype_ok((br_dtype)to) &&
           (bri_kind(from) != 'c' || strchr("cb", bri_kind((br_dtype)to)) != NULL);
}

bool bri_fits_layout(const bri_recipe *r)
{
    return bri_layout_fits(r->params);
}

bool bri_fits_axis(const bri_recipe *r)
{
    return bri_axis_fits(r->inputs[0], ((const bri_axis_params *)r->params)->axis);
}

bool bri_fits_never(const bri_recipe *r)
{
    (void)r;
    return false;
}

/* ---- sources ---- */

bool bri_fits_memory(const bri_recipe *r)
{
    const bri_memory_params *p = r->params;
    return bri_layout_fits(&p->layout) && p->data == NULL;
}

static bool has_range(const bri_layout *layout)
{
    return bri_layout_fits(layout) && strchr("iuf", bri_kind((br_dtype)layout->dtype)) != NULL;
}

bool bri_fits_range(const bri_recipe *r)
{
    const bri_iota_params *p = r->params;
    return has_range(&p->layout) && p->layout.ndim == 1;
}

bool bri_fits_triangle(const bri_recipe *r)
{
    const bri_diagonal_params *p = r->params;
    const int64_t *extent = p->layout.extent;
    return bri_layout_fits(&p->layout) && p->layout.ndim == 2 && p->k >= -extent[0] &&
           p->k <= extent[1];
}

bool bri_fits_indices(const bri_recipe *r)
{
    const bri_diagonal_params *p = r->params;
    return has_range(&p->layout) && p->k >= 0 && p->k < p->layout.ndim;
}

bool bri_fits_random(const bri_recipe *r)
{
    const bri_random_params *p = r->params;
    if (!has_range(&p->layout) || p->distribution < 0 || p->distribution >= BRI_NDISTRIBUTIONS)
        return false;
    bool floating = bri_kind((br_dtype)p->layout.dtype) == 'f';
    return floating == (p->distribution != BRI_DISTRIBUTION_INTEGERS);
}

bool bri_fits_full_like(const bri_recipe *r)
{
    const bri_full_like_params *p = r->params;
    size_t bytes = r->params_bytes - sizeof *p;
    return bri_dtype_ok((br_dtype)p->dtype) && p->ndim >= 0 && p->ndim <= BR_MAX_NDIM &&
           bytes % sizeof(int64_t) == 0 &&
           bri_axis_words_fit(p->word, bytes / sizeof(int64_t), p->ndim);
}

bool bri_fits_grid(const bri_recipe *r)
{
    const bri_grid_params *p = r->params;
    size_t bytes = r->params_bytes - sizeof *p;
    return bri_dtype_ok((br_dtype)p->dtype) && p->ndim >= 0 && p->ndim <= BR_MAX_NDIM &&
           bytes % sizeof(int64_t) == 0 &&
           bri_axis_words_fit(p->word, bytes / sizeof(int64_t), p->ndim);
}

bool bri_fits_positions(const bri_recipe *r)
{
    return r->params_bytes % sizeof(int64_t) == 0 &&
           bri_axis_words_fit(r->params, r->params_bytes / sizeof(int64_t), 1);
}

/* Paths, dataset and field stand one after the other, then an extent for each of several files. */
static bool names_fit(const bri_hdf5_params *p, size_t n)
{
    int64_t texts = (int64_t)(p->nfiles > 1 ? p->nfiles : 1) + 2;
    size_t at = 0;
    for (int64_t i = 0; i < texts; i++) {
        bool here = (i < texts - 2 || at == (size_t)(i == texts - 2 ? p->dataset_at : p->field_at));
        if (!here || at >= n || !bri_text_fits(p->names + at, n - at))
            return false;
        at += strlen(p->names + at) + 1;
    }
    size_t extents = p->nfiles > 1 ? (size_t)p->nfiles * sizeof(int64_t) : 0;
    return at == (size_t)p->extents_at && extents <= n - at;
}

static bool files_fit(const bri_hdf5_params *p)
{
    int64_t sum = 0;
    if (p->nfiles <= 1)
        return p->nfiles >= 0;
    if (p->axis < 0 || p->axis >= p->layout.ndim || p->layout.chunk[p->axis] < 1)
        return false;
    for (int i = 0; i < p->nfiles; i++) {
        int64_t extent;
        memcpy(&extent, p->names + p->extents_at + (size_t)i * sizeof extent, sizeof extent);
        if (extent < 0 || __builtin_add_overflow(sum, extent, &sum))
            return false;
    }
    return sum == p->layout.extent[p->axis];
}

bool bri_fits_hdf5(const bri_recipe *r)
{
    const bri_hdf5_params *p = r->params;
    size_t n = r->params_bytes - offsetof(bri_hdf5_params, names);
    return bri_layout_fits(&p->layout) && names_fit(p, n) && files_fit(p);
}

/* ---- elements at the same place ---- */

bool bri_fits_elementwise(const bri_recipe *r)
{
    const bri_elementwise_params *p = r->params;
    if (p->opcode < 0 || p->opcode >= BRI_NOPS || !bri_dtype_ok((br_dtype)p->dtype) ||
        bri_ops[p->opcode].arity != r->ninputs ||
        strchr(bri_ops[p->opcode].kinds, bri_kind((br_dtype)p->dtype)) == NULL)
        return false;
    for (int i = p->opcode == BRI_OP_WHERE; i < r->ninputs; i++)
        if (!bri_dtype_fits(r->inputs[i]->dtype, p->dtype))
            return false;
    return true;
}

bool bri_fits_astype(const bri_recipe *r)
{
    return bri_dtype_fits(r->inputs[0]->dtype, *(const int32_t *)r->params);
}
