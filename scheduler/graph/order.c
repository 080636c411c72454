/* SPDX-License-Identifier: BSD-3-Clause
 * order.c - from what each task comes after to what follows each task: a counting sort.
 */
#include "scheduler/graph/graph.h"

#include "runtime/alloc.h"

static void count(br_graph *g)
{
    for (size_t t = 0; t < g->n; t++)
        g->vertex[t].nsuccessors = 0;
    for (size_t e = 0; e < g->nafter; e++)
        g->vertex[g->after[e]].nsuccessors++;
}

/* Afterwards nsuccessors is 0 again, and first is where the task's successors will stand. */
static void place(br_graph *g)
{
    uint32_t first = 0;
    g->nroots = 0;
    for (size_t t = 0; t < g->n; t++) {
        bri_vertex *v = &g->vertex[t];
        v->first = first;
        first += v->nsuccessors;
        v->nsuccessors = 0;
        if (v->ninputs == 0)
            g->root[g->nroots++] = (uint32_t)t;
    }
}

static void fill(br_graph *g)
{
    const uint32_t *after = g->after;
    for (size_t t = 0; t < g->n; t++)
        for (uint32_t k = 0; k < g->vertex[t].ninputs; k++) {
            bri_vertex *before = &g->vertex[*after++];
            g->successor[before->first + before->nsuccessors++] = (uint32_t)t;
        }
}

br_status bri_graph_order(br_graph *g)
{
    if (g->ordered == g->n)
        return BR_OK;
    uint32_t *successor = bri_realloc(g->successor, g->nafter + 1, sizeof *successor);
    if (successor == NULL)
        return BR_ENOMEM;
    g->successor = successor;
    uint32_t *root = bri_realloc(g->root, g->n, sizeof *root);
    if (root == NULL)
        return BR_ENOMEM;
    g->root = root;
    count(g);
    place(g);
    fill(g);
    g->ordered = g->n;
    return BR_OK;
}
