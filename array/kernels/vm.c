/* SPDX-License-Identifier: BSD-3-Clause
 * vm.c - evaluates a range of a run's elements, block by block: the interpreter.
 */
#include "array/kernels/vm.h"

#include <string.h>

/* A range under evaluation. */
typedef struct range {
    const int64_t *idx; /* of its first element */
    int64_t flat;       /* the same counted in C order */
    int64_t n;          /* at most the program's block */
    char *dst;          /* where the last instruction writes */
} range;

static int64_t flat_index(const bri_run *run, const int64_t *idx)
{
    int64_t flat = 0;
    for (int a = 0; a < run->ndim; a++)
        flat = flat * run->extent[a] + idx[a];
    return flat;
}

static int64_t offset_of(const bri_run *run, const int64_t *stride, const int64_t *idx)
{
    int64_t offset = 0;
    for (int a = 0; a < run->ndim; a++)
        offset += idx[a] * stride[a];
    return offset;
}

/* Whether the range lies within one of the stretches of `length` elements that C order falls into.
 */
static bool within(const range *r, int64_t length)
{
    return length > 0 && r->flat % length + r->n <= length;
}

/* As many whole rows as stand one above the other along the axis before the last. */
static int64_t gather_rows(const bri_run *run, const bri_source *s, int64_t *idx, int64_t n,
                           char *to)
{
    const int last = run->ndim - 1;
    size_t size = bri_dtypes[s->value->dtype].size;
    const bri_mover *move = bri_mover_of(size);
    const char *from = s->base + offset_of(run, s->stride, idx);
    int64_t cols = run->extent[last] - idx[last];
    int64_t one = (int64_t)size;
    if (idx[last] != 0 || n < cols || last == 0) {
        cols = cols < n ? cols : n;
        move->copy(cols, to, one, from, s->stride[last]);
        idx[last] += cols - 1;
        return cols;
    }
    int64_t rows = run->extent[last - 1] - idx[last - 1];
    rows = rows < n / cols ? rows : n / cols;
    move->copy2(rows, cols, (bri_plane2){to, cols * one, one},
                (bri_plane2){(char *)from, s->stride[last - 1], s->stride[last]});
    idx[last - 1] += rows - 1;
    idx[last] = cols - 1;
    return rows * cols;
}

static const int64_t one_by_one[BR_MAX_NDIM] = {[0 ... BR_MAX_NDIM - 1] = 1};

static void gather(const bri_run *run, const bri_source *s, const range *r, char *to)
{
    int64_t idx[BR_MAX_NDIM];
    int64_t size = (int64_t)bri_dtypes[s->value->dtype].size;
    memcpy(idx, r->idx, (size_t)run->ndim * sizeof *idx);
    for (int64_t done = 0; done < r->n;) {
        done += gather_rows(run, s, idx, r->n - done, to + done * size);
        bri_next_index(run->ndim, run->extent, one_by_one, idx);
    }
}

static const char *in_panel(const bri_run *run, const bri_source *s, const range *r)
{
    int64_t row = r->idx[run->panel_axis] - run->panel_origin[0];
    int64_t col = r->idx[run->ndim - 1] - run->panel_origin[1];
    return s->panel + (row * BRI_PANEL_STRIDE + col) * (int64_t)bri_dtypes[s->value->dtype].size;
}

static bri_operand load(const bri_run *run, const bri_instruction *ins, const range *r, char *reg)
{
    const bri_source *s = &run->sources[ins->source];
    if (s->panel != NULL)
        return (bri_operand){in_panel(run, s, r), false};
    if (within(r, s->dense))
        return (bri_operand){s->base + offset_of(run, s->stride, r->idx), false};
    if (within(r, s->still)) {
        memcpy(reg, s->base + offset_of(run, s->stride, r->idx), bri_dtypes[s->value->dtype].size);
        return (bri_operand){reg, true};
    }
    gather(run, s, r, reg);
    return (bri_operand){reg, false};
}

/* start + step * index for n indices from `first` on, `by` apart; integers wrap round. */
static void count_up(const bri_value *v, int64_t n, int64_t first, int64_t by, char *to)
{
    bool floating = bri_kind(v->dtype) == 'f' || bri_kind(v->dtype) == 'c';
    if (floating) {
        double start, step, *out = (double *)to;
        memcpy(&start, v->start, sizeof start);
        memcpy(&step, v->step, sizeof step);
        for (int64_t i = 0; i < n; i++)
            out[i] = start + step * (double)(first + i * by);
    } else {
        uint64_t start, step, *out = (uint64_t *)to;
        memcpy(&start, v->start, sizeof start);
        memcpy(&step, v->step, sizeof step);
        for (int64_t i = 0; i < n; i++)
            out[i] = start + step * (uint64_t)(first + i * by);
    }
}

/* n numbers of one row: the first, and how far apart they are. */
typedef void make_row(const bri_value *v, int64_t n, int64_t first, int64_t by, char *to);

/* The elements of one row at a time, of `size` bytes each; a whole range in one row is the usual
 * case. */
static void make_rows(const bri_run *run, const bri_source *s, const range *r, make_row *make,
                      char *to, size_t size)
{
    const int last = run->ndim - 1;
    int64_t idx[BR_MAX_NDIM];
    memcpy(idx, r->idx, (size_t)run->ndim * sizeof *idx);
    for (int64_t done = 0; done < r->n;) {
        int64_t n = run->extent[last] - idx[last];
        n = n < r->n - done ? n : r->n - done;
        make(s->value, n, s->first + offset_of(run, s->stride, idx), s->stride[last],
             to + (size_t)done * size);
        done += n;
        idx[last] += n - 1;
        bri_next_index(run->ndim, run->extent, one_by_one, idx);
    }
}

static bri_operand indices(const bri_run *run, const bri_instruction *ins, const range *r,
                           char *reg)
{
    const bri_source *s = &run->sources[ins->source];
    char kind = bri_kind(s->value->dtype);
    br_dtype made = kind == 'f' || kind == 'c' ? BR_FLOAT64 : BR_INT64;
    bool scalar = within(r, s->still);
    if (scalar)
        count_up(s->value, 1, s->first + offset_of(run, s->stride, r->idx), 0, run->spare);
    else
        make_rows(run, s, r, count_up, run->spare, 8);
    size_t n = scalar ? 1 : (size_t)r->n;
    bri_kernel_table.cast[made][s->value->dtype](n, reg, run->spare, NULL, NULL);
    return (bri_operand){reg, scalar};
}

/* An operand as a vector, for operations without a loop of the form wanted. */
static const char *spread(const bri_run *run, int value, int64_t n)
{
    const bri_operand *x = &run->operands[value];
    if (!x->scalar)
        return x->p;
    bri_mover_of(bri_dtypes[run->p->values[value].dtype].size)->fill(n, run->spare, x->p);
    return run->spare;
}

static void draw(const bri_value *v, int64_t n, int64_t first, int64_t by, char *to)
{
    const bri_drawing *d = v->data;
    bri_kernel_table.random[d->distribution][v->dtype](&d->random, (bri_walk){first, by}, (size_t)n,
                                                       to);
}

static bri_operand random_values(const bri_run *run, const bri_instruction *ins, const range *r,
                                 char *reg)
{
    const bri_source *s = &run->sources[ins->source];
    int64_t first = s->first + offset_of(run, s->stride, r->idx);
    bool scalar = within(r, s->still);
    if (scalar)
        draw(s->value, 1, first, 1, reg);
    else if (within(r, s->dense))
        draw(s->value, r->n, first, s->stride[run->ndim - 1], reg);
    else
        make_rows(run, s, r, draw, reg, bri_dtypes[s->value->dtype].size);
    return (bri_operand){reg, scalar};
}

static bri_operand kernel(const bri_run *run, const bri_instruction *ins, int64_t n, char *reg)
{
    const int va = ins->arg[0], vb = ins->arg[ins->nargs - 1];
    const bri_operand *a = &run->operands[va], *b = &run->operands[vb];
    bool scalar = a->scalar && b->scalar;
    int form = scalar || ins->nargs == 1 ? 0 : a->scalar + 2 * b->scalar;
    if (ins->form[form] != NULL)
        ins->form[form](scalar ? 1 : (size_t)n, reg, a->p, b->p, NULL);
    else
        ins->form[0]((size_t)n, reg, spread(run, va, n), spread(run, vb, n), NULL);
    return (bri_operand){reg, scalar};
}

static bri_operand pair(const bri_run *run, const bri_instruction *ins, int64_t n, char *reg)
{
    const bri_operand *x = &run->operands[ins->arg[0]];
    const bri_operand *y = &run->operands[ins->arg[1]];
    const bri_operand *z = &run->operands[ins->arg[2]];
    bool scalar = x->scalar && y->scalar && z->scalar;
    int form = scalar ? 0 : x->scalar + 2 * y->scalar + 4 * z->scalar;
    ins->form[form](scalar ? 1 : (size_t)n, reg, x->p, y->p, z->p);
    return (bri_operand){reg, scalar};
}

/* A scalar mask chooses once for all; the choice is copied because its register may be given out
 * again. */
static bri_operand chosen(const bri_operand *choice, size_t size, int64_t n, char *reg)
{
    memmove(reg, choice->p, choice->scalar ? size : size * (size_t)n);
    return (bri_operand){reg, choice->scalar};
}

static bri_operand where(const bri_run *run, const bri_instruction *ins, int64_t n, char *reg)
{
    const bri_operand *mask = &run->operands[ins->arg[0]];
    const bri_operand *b = &run->operands[ins->arg[1]];
    const bri_operand *c = &run->operands[ins->arg[2]];
    if (mask->scalar)
        return chosen(*mask->p ? b : c, bri_dtypes[run->p->values[ins->value].dtype].size, n, reg);
    ins->form[b->scalar + 2 * c->scalar]((size_t)n, reg, mask->p, b->p, c->p);
    return (bri_operand){reg, false};
}

/* Called for every element, also of scalars: the function need not be pure. Scalars are read
 * beforehand, because the result may have their register. */
static bri_operand call(const bri_run *run, const bri_instruction *ins, int64_t n, char *reg)
{
    const bri_value *v = &run->p->values[ins->value];
    const bri_operand *a = &run->operands[ins->arg[0]];
    const bri_operand *b = &run->operands[ins->arg[ins->nargs - 1]];
    const double *x = (const double *)a->p;
    const double *y = (const double *)b->p;
    const double x0 = x[0];
    const double y0 = y[0];
    double *out = (double *)reg;
    for (int64_t i = 0; ins->nargs == 1 && i < n; i++)
        out[i] = v->fn.of1(a->scalar ? x0 : x[i], v->data);
    for (int64_t i = 0; ins->nargs == 2 && i < n; i++)
        out[i] = v->fn.of2(a->scalar ? x0 : x[i], b->scalar ? y0 : y[i], v->data);
    return (bri_operand){reg, false};
}

static bri_operand execute(const bri_run *run, const bri_instruction *ins, const range *r,
                           char *reg)
{
    switch (ins->code) {
    case BRI_CODE_LOAD:
        return load(run, ins, r, reg);
    case BRI_CODE_INDEX:
        return indices(run, ins, r, reg);
    case BRI_CODE_RANDOM:
        return random_values(run, ins, r, reg);
    case BRI_CODE_PAIR:
        return pair(run, ins, r->n, reg);
    case BRI_CODE_WHERE:
        return where(run, ins, r->n, reg);
    case BRI_CODE_CALL:
        return call(run, ins, r->n, reg);
    default:
        return kernel(run, ins, r->n, reg);
    }
}

static void execute_from(bri_run *run, const range *r, int begin, int end)
{
    const bri_program *p = run->p;
    for (int i = begin; i < end; i++) {
        const bri_instruction *ins = &p->code[i];
        char *reg = i == p->ncode - 1 ? r->dst : run->registers + (size_t)ins->reg * p->reg_bytes;
        run->operands[ins->value] = execute(run, ins, r, reg);
    }
}

static const char *eval_block(bri_run *run, const range *r, int begin)
{
    const bri_program *p = run->p;
    execute_from(run, r, begin, p->ncode);
    bri_operand *result = &run->operands[p->result];
    if (!result->scalar)
        return result->p;
    _Alignas(16) char value[16];
    size_t size = bri_size_of_result(p);
    memcpy(value, result->p, size);
    bri_mover_of(size)->fill(r->n, r->dst, value);
    return r->dst;
}

/* Ranges longer than the program's blocks, which only programs with very many registers see. */
static const char *eval_pieces(bri_run *run, const int64_t *idx, int64_t n, char *dst)
{
    int64_t flat = flat_index(run, idx);
    size_t size = bri_size_of_result(run->p);
    for (int64_t done = 0; done < n; done += run->p->block) {
        int64_t at[BR_MAX_NDIM];
        bri_index_at(run->ndim, run->extent, flat + done, at);
        int64_t m = n - done < run->p->block ? n - done : run->p->block;
        range r = {at, flat + done, m, dst + (size_t)done * size};
        const char *made = eval_block(run, &r, 0);
        if (made != r.dst)
            memcpy(r.dst, made, (size_t)m * size);
    }
    return dst;
}

const char *bri_run_eval(bri_run *run, const int64_t *idx, int64_t n, char *dst)
{
    if (n > run->p->block)
        return eval_pieces(run, idx, n, dst);
    range r = {idx, flat_index(run, idx), n, dst};
    return eval_block(run, &r, 0);
}

/* Reducers take shorter rows several at a time, which fused tails don't. */
enum { SHORT_ROW = 32 };

void bri_run_lanes(bri_run *run, const bri_reducer *k, const int64_t *idx, int64_t rows, int64_t n,
                   bri_planes states)
{
    const bri_program *p = run->p;
    ptrdiff_t stride = n * (ptrdiff_t)bri_size_of_result(p);
    if (p->tail == NULL || n <= SHORT_ROW || rows * n > p->block) {
        k->lanes(rows, n, stride, bri_run_eval(run, idx, rows * n, run->rows), states);
        return;
    }
    range r = {idx, flat_index(run, idx), rows * n, run->rows};
    int cut = p->ncode - p->ntail;
    execute_from(run, &r, 0, cut);
    const bri_operand *x = &run->operands[p->code[cut].arg[0]];
    const bri_operand *y = &run->operands[p->code[cut].arg[p->code[cut].nargs > 1]];
    if (x->scalar && y->scalar)
        k->lanes(rows, n, stride, eval_block(run, &r, cut), states);
    else
        p->tail[x->scalar + 2 * y->scalar](rows, n, x->p, y->p, states.p[0]);
}

void bri_run_fill_panels(bri_run *run, const int64_t *idx, int64_t rows, int64_t cols)
{
    const int last = run->ndim - 1;
    run->panel_origin[0] = idx[run->panel_axis];
    run->panel_origin[1] = idx[last];
    for (int i = 0; i < run->p->nsources; i++) {
        const bri_source *s = &run->sources[i];
        if (s->panel == NULL)
            continue;
        size_t size = bri_dtypes[s->value->dtype].size;
        bri_plane2 to = {s->panel, (int64_t)(BRI_PANEL_STRIDE * size), (int64_t)size};
        bri_plane2 from = {s->base + offset_of(run, s->stride, idx), s->stride[run->panel_axis],
                           s->stride[last]};
        bri_mover_of(size)->copy2(rows, cols, to, from);
    }
}
