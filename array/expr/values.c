/* SPDX-License-Identifier: BSD-3-Clause
 * values.c - printing the values of arrays as NumPy does.
 */
#include <bramble/compute.h>
#include <string.h>

#include "array/expr/format.h"
#include "array/expr/handle.h"
#include "runtime/alloc.h"

enum { SUMMARY_OVER = 1000, EDGE = 3 };

/* The indices of an axis that are printed: all, or the first and last three. */
static int64_t shown(int64_t extent, bool summary)
{
    return summary && extent > 2 * EDGE ? 2 * EDGE : extent;
}

typedef struct printer {
    const bri_node *node;
    bri_format format;
    bool summary;
    FILE *to;
    int column; /* characters on the current line */
} printer;

enum { LINE_WIDTH = 75 };

/* A word of the innermost axis; the line is broken as NumPy does when the word and the closing
 * brackets would not fit. */
static void print_word(printer *p, const char *word, bool first)
{
    int brackets = p->node->ndim > 0 ? p->node->ndim : 1;
    int n = (int)strlen(word);
    if (!first && p->column + 1 + n > LINE_WIDTH - brackets) {
        fprintf(p->to, "\n%*s", brackets, "");
        p->column = brackets;
    } else if (!first) {
        fprintf(p->to, " ");
        p->column++;
    }
    fprintf(p->to, "%s", word);
    p->column += n;
}

static const char *print_row(printer *p, int64_t n, int64_t extent, const char *at)
{
    char text[BRI_FORMAT_TEXT];
    for (int64_t i = 0; i < n; i++) {
        if (n < extent && i == EDGE)
            print_word(p, "...", false);
        bri_format_element(&p->format, at, text);
        print_word(p, text, i == 0);
        at += br_dtype_size(p->node->dtype);
    }
    return at;
}

/* Between the parts of an outer axis: one more empty line for each axis between. */
static void next_part(printer *p, int axis)
{
    for (int a = axis; a < p->node->ndim - 1; a++)
        fprintf(p->to, "\n");
    fprintf(p->to, "%*s", axis + 1, "");
}

/* Depth is at most 32 axes. */
static const char *print_axis(printer *p, int axis, const char *at)
{
    int64_t extent = p->node->axis[axis].extent;
    int64_t n = shown(extent, p->summary);
    fprintf(p->to, "[");
    p->column = axis + 1;
    if (axis == p->node->ndim - 1) {
        at = print_row(p, n, extent, at);
    } else {
        for (int64_t i = 0; i < n; i++) {
            if (i > 0)
                next_part(p, axis);
            if (n < extent && i == EDGE) {
                fprintf(p->to, "...");
                next_part(p, axis);
            }
            at = print_axis(p, axis + 1, at);
        }
    }
    fprintf(p->to, "]");
    return at;
}

static void print_scalar(const printer *p, const char *value)
{
    char text[BRI_FORMAT_TEXT];
    bri_format_scalar(p->node->dtype, value, text);
    fprintf(p->to, "%s", text);
}

/* x restricted to its first and last three indices along axis a, as one array. */
static br_status compute_shown(br_array *x, bool summary, char **values, int64_t *count)
{
    int64_t n = 1;
    int64_t extent[BR_MAX_NDIM];
    size_t size = br_dtype_size(x->node->dtype);
    for (int a = 0; a < x->node->ndim; a++) {
        extent[a] = shown(x->shape[a], summary);
        n *= extent[a];
    }
    *count = n;
    *values = bri_calloc((size_t)n, size);
    if (*values == NULL)
        return BR_ENOMEM;
    if (!summary)
        return br_compute(x, *values, br_nbytes(x));
    return bri_compute_corners(x, extent, EDGE, *values);
}

static br_status print_known(br_array *x, FILE *to)
{
    char *values = NULL;
    bool summary = bri_node_nelem(x->node) > SUMMARY_OVER;
    int64_t n = 0;
    br_status st = compute_shown(x, summary, &values, &n);
    if (st == BR_OK) {
        printer p = {x->node, bri_format_of(x->node->dtype, values, n), summary, to, 0};
        if (n == 0)
            fprintf(to, "[]");
        else if (x->node->ndim == 0)
            print_scalar(&p, values);
        else
            print_axis(&p, 0, values);
        fprintf(to, "\n");
        st = ferror(to) ? bri_error(BR_EIO, "writing failed") : BR_OK;
    }
    bri_free(values);
    return st;
}

br_status br_print_values(br_array *x, FILE *to)
{
    BRI_TRY(bri_check(x));
    br_context *ctx = x->ctx;
    br_scope *scope = br_scope_open(ctx);
    br_array *known = br_resolve_(x, x->at);
    br_status st = bri_check(known);
    if (st == BR_OK)
        st = print_known(known, to);
    br_scope_close(scope);
    return st == BR_OK || br_error_status(ctx) != BR_OK
               ? st
               : bri_context_fail(ctx, st, bri_last_error());
}
