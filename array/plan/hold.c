/* SPDX-License-Identifier: BSD-3-Clause
 * hold.c - which values are held instead of being computed at each place that reads them.
 *
 * A stencil of a stencil reads its input at 25 places; fused, ten of them would compute the first
 * 10^7 times. One walk from the outputs down collects for each node through how many maps the block
 * programs above see it. Times what its value costs, that is compared with what it takes to store
 * and load it.
 */
#include "array/plan/hold.h"

#include "array/ops/ops.h"
#include "runtime/alloc.h"

enum {
    STORING = 32,    /* a value's way to memory and back, in additions */
    SHARED = 8,      /* from this cost on a value with several readers counts nothing further up */
    MOST_VIEWS = 32, /* that are told apart; a node with more is held */
    COMPLEX = 8,     /* an operation of complex numbers, in such of real ones */
    USUAL = 20,      /* of what has no row in ops.def: random numbers, functions of the user's */
};

/* A node as the block program of a region sees it. */
typedef struct view {
    const bri_node *region; /* whose stage the program is of */
    double size;            /* elements the program makes */
    bri_map map;
} view;

typedef struct views {
    view *view;
    size_t n, room;
} views;

typedef struct walk {
    bri_plan *plan;
    double *cost; /* of an element, by slot: what is fused below included */
    views *seen;  /* by slot */
} walk;

static double own_cost(const bri_node *node)
{
    if (node->op->view || (node->ninputs == 0 && node->op != &bri_op_random))
        return 0;
    if (node->op == &bri_op_astype)
        return 1;
    if (node->op != &bri_op_elementwise)
        return USUAL;
    const bri_elementwise_params *params = node->params;
    double cost = bri_ops[params->opcode].cost;
    return bri_kind((br_dtype)params->dtype) == 'c' ? COMPLEX * cost : cost;
}

/* Has it a stage of its own whatever else? */
static bool stands_alone(const bri_node *node)
{
    return node->op->emit == NULL || (node->op->costly && node->nparents + node->is_output > 1);
}

static void find_costs(walk *w)
{
    for (int i = 0; i < w->plan->nnodes; i++) {
        const bri_node *node = w->plan->nodes[i];
        double cost = stands_alone(node) ? 0 : own_cost(node);
        for (int k = 0; k < node->ninputs && !stands_alone(node); k++) {
            double below = w->cost[node->input[k]->slot];
            cost += node->input[k]->nparents > 1 && below >= SHARED ? 0 : below;
        }
        w->cost[i] = cost;
    }
}

static br_status see(walk *w, const bri_node *node, const view *as)
{
    views *seen = &w->seen[node->slot];
    for (size_t i = seen->n; i-- > 0;)
        if (seen->view[i].region == as->region && bri_map_equal(&seen->view[i].map, &as->map))
            return BR_OK;
    if (seen->n == MOST_VIEWS)
        return BR_OK;
    BRI_TRY(bri_grow(&seen->view, &seen->room, seen->n, sizeof *seen->view));
    seen->view[seen->n++] = *as;
    return BR_OK;
}

static br_status see_input(walk *w, const bri_node *node, int k, const view *as)
{
    const bri_node *input = node->input[k];
    view below = {.region = as->region, .size = as->size};
    if (stands_alone(node)) {
        below.size = (double)bri_node_nelem(input);
        below.map = bri_map_identity(input->ndim);
    } else if (node->op->access != NULL) {
        node->op->access(node, k, &as->map, &below.map);
    } else {
        bri_map spread = bri_map_broadcast(input->ndim, input->axis, node->ndim);
        below.map = bri_map_compose(&as->map, &spread);
    }
    return see(w, input, &below);
}

/* What computing it again costs beyond computing it once, against holding it; places that are
 * sliced apart compute nothing twice. */
static bool is_cheaper_held(const walk *w, const bri_node *node)
{
    const views *seen = &w->seen[node->slot];
    double once = (double)bri_node_nelem(node), most = 0;
    for (size_t i = 0; i < seen->n; i++) {
        double made = 0;
        for (size_t j = 0; j < seen->n; j++)
            made += seen->view[j].region == seen->view[i].region ? seen->view[j].size : 0;
        most = made > most ? made : most;
    }
    return (most - once) * w->cost[node->slot] > once * STORING;
}

static br_status see_inputs(walk *w, const bri_node *node)
{
    const views *seen = &w->seen[node->slot];
    bool starts = stands_alone(node) || node->is_output || bri_is_held(w->plan, node);
    view whole = {node, (double)bri_node_nelem(node), bri_map_identity(node->ndim)};
    for (int k = 0; k < node->ninputs; k++) {
        if (starts)
            BRI_TRY(see_input(w, node, k, &whole));
        for (size_t i = 0; i < seen->n && !(starts && !node->is_output); i++)
            BRI_TRY(see_input(w, node, k, &seen->view[i]));
    }
    return BR_OK;
}

static br_status look(walk *w)
{
    for (int i = w->plan->nnodes - 1; i >= 0; i--) {
        const bri_node *node = w->plan->nodes[i];
        bool computed = !stands_alone(node) && !node->op->view && w->cost[i] > 0;
        w->plan->held[i] = computed && is_cheaper_held(w, node);
        w->plan->could |= w->plan->held[i] ? BRI_APART : 0;
        BRI_TRY(see_inputs(w, node));
        bri_free(w->seen[i].view);
        w->seen[i] = (views){0};
    }
    return BR_OK;
}

/* Only through views is a node seen in several ways. */
static bool has_views(const bri_plan *plan)
{
    for (int i = 0; i < plan->nnodes; i++)
        if (plan->nodes[i]->op->view)
            return true;
    return false;
}

br_status bri_plan_hold(bri_plan *plan, bool apart)
{
    size_t n = (size_t)plan->nnodes;
    plan->held = bri_calloc(n, sizeof *plan->held);
    if (plan->held == NULL)
        return BR_ENOMEM;
    if (apart || !has_views(plan))
        return BR_OK;
    walk w = {plan, bri_calloc(n, sizeof *w.cost), bri_calloc(n, sizeof *w.seen)};
    br_status st = BR_ENOMEM;
    if (w.cost != NULL && w.seen != NULL) {
        find_costs(&w);
        st = look(&w);
    }
    for (size_t i = 0; i < n && w.seen != NULL; i++)
        bri_free(w.seen[i].view);
    bri_free(w.cost);
    bri_free(w.seen);
    return st;
}

bool bri_is_held(const bri_plan *plan, const bri_node *node)
{
    return plan->held[node->slot];
}
