/* SPDX-License-Identifier: BSD-3-Clause
 * gather_file.c - elementwise expressions of files, made box by box.
 *
 * As a stage of its own, such an expression would be read and computed by whole chunks. Boxes may
 * overlap, so nothing costly is in it, and no function of the user's.
 */
#include "array/plan/gather_file.h"

#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/file_ranks.h"
#include "array/plan/slab.h"

enum { MOST_NODES = 64 };

static bool is_cheap(const bri_plan *plan, const bri_node *node)
{
    if (node->ninputs == 0)
        return bri_is_read_in_tasks(plan, node) || node->op == &bri_op_full;
    return node->op->emit != NULL && !node->op->costly && !node->op->windows;
}

/* Is there a file below x, beside constants, and an operation above it? */
static bool is_file_expression(const bri_plan *plan, const bri_node *x)
{
    const bri_node *stack[MOST_NODES];
    int depth = 0;
    int seen = 0;
    bool file = false;
    bool computes = false;
    stack[depth++] = x;
    while (depth > 0) {
        const bri_node *node = stack[--depth];
        if (++seen > MOST_NODES || depth + node->ninputs > MOST_NODES || !is_cheap(plan, node))
            return false;
        file = file || bri_is_file(node->op);
        computes = computes || (node->ninputs > 0 && !node->op->view);
        for (int i = 0; i < node->ninputs; i++)
            stack[depth++] = node->input[i];
    }
    return file && computes;
}

/* Values that would be repeated along an axis have a stage of their own all the same. */
static bool reads_files_only(const bri_stage *stage)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (stage->inputs[i].from != BRI_FROM_FILE)
            return false;
    return stage->ninputs > 0;
}

br_status bri_file_program(bri_plan *plan, bri_node *x, bri_stage **out)
{
    *out = NULL;
    if (!is_file_expression(plan, x))
        return BR_OK;
    bri_stage *whole = bri_stage_new(plan, &bri_stage_program, x);
    if (whole == NULL)
        return BR_ENOMEM;
    /* Only boxes of files are read, no stages that hold them. */
    const unsigned thrift = plan->thrift;
    const unsigned could = plan->could;
    plan->thrift |= BRI_READ_AGAIN;
    br_status st = bri_stage_program.build(plan, whole);
    plan->thrift = thrift;
    plan->could = could;
    bool files = st == BR_OK && reads_files_only(whole);
    if (files)
        st = bri_program_seal_store(whole->program, whole->result);
    if (files && st == BR_OK)
        *out = whole;
    else
        bri_stage_free(whole);
    return st;
}

void bri_file_program_sizes(const bri_stage *whole, int64_t n, bri_bump *bump)
{
    bri_bump_take(bump, (size_t)n * br_dtype_size(whole->dtype));
    bri_bump_take(bump, bri_program_scratch(whole->program));
    bri_bump_take(bump, (size_t)whole->ninputs * sizeof(bri_view));
    for (int i = 0; i < whole->ninputs; i++) {
        const bri_node *file = whole->inputs[i].node;
        bri_bump_take(bump, (size_t)n * br_dtype_size(file->dtype));
        bri_bump_take(bump, bri_h5_scratch(file->resource));
    }
}

br_status bri_file_program_run(const bri_work *work, bri_stage *whole, const bri_leaf *box,
                               bri_bump *bump, bri_view *x)
{
    bri_work own = *work;
    bri_box b = {0};
    int64_t stride = (int64_t)br_dtype_size(whole->dtype);
    own.stage = whole;
    own.holds = false;
    x->base = bri_bump_take(bump, (size_t)(box->nelem * stride));
    for (int a = whole->ndim - 1; a >= 0; a--) {
        x->stride[a] = stride;
        stride *= box->extent[a];
    }
    b.out = *x;
    BRI_TRY(bri_slab_load(&own, box, bump, &b));
    bri_program_run(whole->program, &b);
    return BR_OK;
}
