/* SPDX-License-Identifier: BSD-3-Clause
 * inspect.c - looking at arrays: their properties, and their expression as text.
 */
#include <string.h>

#include <bramble/compute.h>

#include "array/expr/handle.h"
#include "runtime/alloc.h"

static const bri_node *good_node(const br_array *x)
{
    return x != NULL && x->status == BR_OK ? x->node : NULL;
}

int br_ndim(const br_array *x)
{
    const bri_node *n = good_node(x);
    return n != NULL ? n->ndim : 0;
}

const int64_t *br_shape(const br_array *x)
{
    static const int64_t none[1];
    return good_node(x) != NULL ? x->shape : none;
}

br_dtype br_dtype_of(const br_array *x)
{
    const bri_node *n = good_node(x);
    return n != NULL ? n->dtype : BR_NO_DTYPE;
}

int64_t br_nelem(const br_array *x)
{
    const bri_node *n = good_node(x);
    return n != NULL ? bri_node_nelem(n) : 0;
}

size_t br_nbytes(const br_array *x)
{
    int64_t n = br_nelem(x);
    return n >= 0 ? (size_t)n * br_dtype_size(br_dtype_of(x)) : SIZE_MAX;
}

static const bri_axis *axis_of(const br_array *x, int axis)
{
    const bri_node *n = good_node(x);
    if (n != NULL && axis < 0)
        axis += n->ndim;
    return n != NULL && axis >= 0 && axis < n->ndim ? &n->axis[axis] : NULL;
}

int64_t br_num_chunks(const br_array *x, int axis)
{
    const bri_axis *a = axis_of(x, axis);
    return a != NULL && bri_axis_is_known(a) ? a->nchunks : -1;
}

int64_t br_chunks(const br_array *x, int axis, int64_t *extents, int64_t max)
{
    const bri_axis *a = axis_of(x, axis);
    if (a == NULL || !bri_axis_is_known(a))
        return -1;
    for (int64_t i = 0; i < a->nchunks && i < max; i++)
        extents[i] = bri_axis_count(a, i);
    return a->nchunks;
}

/* ---- text ---- */

static void print_chunks(const bri_node *n, FILE *to)
{
    int64_t largest[BR_MAX_NDIM];
    char text[256];
    for (int a = 0; a < n->ndim; a++)
        largest[a] = bri_axis_largest(&n->axis[a]);
    fprintf(to, "%s", bri_array_shape_text(n->ndim, largest, text, sizeof text));
}

/* The name of an operation: that of the table row for the operations that are many in one. */
static void print_operation(const bri_node *n, FILE *to)
{
    bool named_by_print =
        strcmp(n->op->name, "elementwise") == 0 || strcmp(n->op->name, "reduce") == 0;
    if (!named_by_print)
        fprintf(to, "%s", n->op->name);
    if (n->op->print == NULL)
        return;
    fprintf(to, "%s", named_by_print ? "" : " [");
    n->op->print(n, to);
    fprintf(to, "%s", named_by_print ? "" : "]");
}

/* The file that a few elementwise operations work on, such as those that unpack a variable; NULL
 * when there is none, or something else beside numbers. */
static const bri_node *only_file(const bri_node *n)
{
    enum { MOST = 32 };
    const bri_node *todo[MOST], *file = NULL;
    int ntodo = 0, seen = 0;
    todo[ntodo++] = n;
    while (ntodo > 0) {
        n = todo[--ntodo];
        if (++seen > MOST || ntodo + n->ninputs > MOST)
            return NULL;
        bool of_others = n->op->emit != NULL && n->ninputs > 0;
        for (int i = 0; of_others && i < n->ninputs; i++)
            todo[ntodo++] = n->input[i];
        if (of_others || strcmp(n->op->name, "full") == 0)
            continue;
        if (n->op->open == NULL || (file != NULL && file != n))
            return NULL;
        file = n;
    }
    return file;
}

static void print_type(const bri_node *n, FILE *to)
{
    char shape[256];
    fprintf(to, "%s %s", br_dtype_name(n->dtype), bri_node_shape_text(n, shape, sizeof shape));
    if (n->ndim > 0) {
        fprintf(to, " chunks ");
        print_chunks(n, to);
    }
}

static br_status written(FILE *to)
{
    return ferror(to) ? bri_error(BR_EIO, "writing failed") : BR_OK;
}

br_status br_print(const br_array *x, FILE *to)
{
    const bri_node *n = good_node(x);
    if (n == NULL) {
        fprintf(to, "array: failed: %s\n", br_error(x));
        return written(to);
    }
    fprintf(to, "array: ");
    print_type(n, to);
    if (bri_node_is_known(n))
        fprintf(to, ", %lld chunk%s, made by ", (long long)bri_node_nchunks(n),
                bri_node_nchunks(n) == 1 ? "" : "s");
    else
        fprintf(to, ", ? chunks, made by ");
    print_operation(n, to);
    const bri_node *file = only_file(n);
    if (file != NULL && file != n) {
        fprintf(to, " of ");
        print_operation(file, to);
    }
    fprintf(to, "\n");
    return written(to);
}

typedef struct line {
    bri_node *node;
    int depth;
} line;

/* Printing on its way: lines still to come, the next one last. */
typedef struct tree_printer {
    FILE *to;
    uint32_t walk;
    int numbered;
    line *stack;
    size_t n, room;
} tree_printer;

static br_status push_line(tree_printer *p, bri_node *node, int depth)
{
    BRI_TRY(bri_grow(&p->stack, &p->room, p->n, sizeof *p->stack));
    p->stack[p->n++] = (line){node, depth};
    return BR_OK;
}

/* Prints one node and pushes its inputs, the first on top; a node met before is only named by its
 * number. */
static br_status print_line(tree_printer *p, line at)
{
    bri_node *node = at.node;
    /* Chains of 100000 operations are printed, too, so the indentation ends somewhere. */
    fprintf(p->to, "%*s", 2 * (at.depth < 40 ? at.depth : 40), "");
    if (node->visit == p->walk) {
        fprintf(p->to, "#%d again\n", (int)node->slot);
        return BR_OK;
    }
    node->visit = p->walk;
    node->slot = ++p->numbered;
    fprintf(p->to, "#%d ", (int)node->slot);
    print_operation(node, p->to);
    fprintf(p->to, "  ");
    print_type(node, p->to);
    fprintf(p->to, "  (%s:%d)\n", bri_file_name(node->at.file), node->at.line);
    for (int i = node->ninputs - 1; i >= 0; i--)
        BRI_TRY(push_line(p, node->input[i], at.depth + 1));
    return BR_OK;
}

br_status br_print_tree(const br_array *x, FILE *to)
{
    if (good_node(x) == NULL)
        return br_print(x, to);
    tree_printer p = {.to = to, .walk = bri_node_new_walk(x->ctx)};
    br_status st = push_line(&p, x->node, 0);
    while (p.n > 0 && st == BR_OK)
        st = print_line(&p, p.stack[--p.n]);
    bri_free(p.stack);
    if (st == BR_OK)
        st = written(to);
    return st == BR_OK ? BR_OK : bri_context_fail(x->ctx, st, bri_last_error());
}
