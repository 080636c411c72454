/* SPDX-License-Identifier: BSD-3-Clause
 * node.c - making nodes once (hash-consing), counting them, walking them without recursion.
 */
#include "array/expr/node.h"

#include <string.h>

#include "array/expr/hash.h"
#include "runtime/alloc.h"

static uint64_t hash_recipe(const bri_recipe *r)
{
    uint64_t h = bri_hash_bytes((uint64_t)(uintptr_t)r->op, r->params, r->params_bytes);
    for (int i = 0; i < r->ninputs; i++)
        h = bri_hash_mix(h, (uint64_t)(uintptr_t)r->inputs[i]);
    return r->table != NULL ? bri_hash_mix(h, r->table->hash) : h;
}

static bool fits_recipe(const bri_node *n, const bri_recipe *r, uint64_t hash)
{
    if (n->hash != hash || n->op != r->op || n->unique || n->ninputs != r->ninputs ||
        n->params_bytes != r->params_bytes)
        return false;
    if (r->params_bytes > 0 && memcmp(n->params, r->params, r->params_bytes) != 0)
        return false;
    for (int i = 0; i < r->ninputs; i++)
        if (n->input[i] != r->inputs[i])
            return false;
    return bri_table_equal(n->table, r->table);
}

static bri_node **bucket_of(bri_array_data *data, uint64_t hash)
{
    return &data->buckets[hash & (data->nbuckets - 1)];
}

static void grow_table(bri_array_data *data)
{
    size_t n = data->nbuckets > 0 ? 2 * data->nbuckets : 256;
    bri_node **bigger = bri_calloc(n, sizeof *bigger);
    if (bigger == NULL)
        return;
    for (size_t i = 0; i < data->nbuckets; i++) {
        for (bri_node *node = data->buckets[i], *next; node != NULL; node = next) {
            next = node->next_in_table;
            node->next_in_table = bigger[node->hash & (n - 1)];
            bigger[node->hash & (n - 1)] = node;
        }
    }
    bri_free(data->buckets);
    data->buckets = bigger;
    data->nbuckets = n;
}

static void take_out_of_table(bri_node *node)
{
    bri_node **link = bucket_of(bri_array_data_of(node->ctx), node->hash);
    while (*link != node)
        link = &(*link)->next_in_table;
    *link = node->next_in_table;
    bri_array_data_of(node->ctx)->nnodes--;
}

static void free_node(bri_node *node)
{
    if (node->op->destroy != NULL)
        node->op->destroy(node);
    for (int a = 0; a < node->ndim; a++)
        bri_axis_release(&node->axis[a]);
    bri_free(node->axis);
    bri_free(node->params);
    bri_table_release(node->table);
    bri_table_release(node->packed);
    bri_free(node);
}

/* Through a node that only carries the resource. */
void bri_recipe_drop(const bri_recipe *r)
{
    bri_node orphan = {.op = r->op, .resource = r->resource};
    if (r->op->destroy != NULL && r->resource != NULL)
        r->op->destroy(&orphan);
}

static bri_node *new_node(br_context *ctx, const bri_recipe *r, uint64_t hash)
{
    bri_node *node = bri_calloc(1, sizeof *node + (size_t)r->ninputs * sizeof node->input[0]);
    if (node == NULL)
        return NULL;
    node->params = bri_memdup(r->params, r->params_bytes);
    if (node->params == NULL) {
        bri_free(node);
        return NULL;
    }
    node->params_bytes = r->params_bytes;
    node->op = r->op;
    node->ctx = ctx;
    node->hash = hash;
    node->unique = r->unique;
    node->at = r->at;
    node->resource = r->resource;
    node->ninputs = r->ninputs;
    node->table = bri_table_retain(r->table);
    node->pending = r->op->waits_for != 0;
    atomic_init(&node->refs, 1);
    for (int i = 0; i < r->ninputs; i++) {
        node->input[i] = r->inputs[i];
        node->pending = node->pending || r->inputs[i]->pending;
    }
    return node;
}

/* Infers into a place with room for any number of axes, then keeps those that there are. */
static br_status infer(bri_node *node)
{
    bri_axis axis[BR_MAX_NDIM] = {{0}};
    for (int i = 0; i < node->ninputs && node->pending && !node->op->any_extent; i++)
        BRI_TRY(bri_check_known(node->input[i], BRI_ALL_AXES));
    node->axis = axis;
    br_status st = node->op->infer(node);
    node->axis = bri_memdup(axis, (size_t)node->ndim * sizeof axis[0]);
    if (node->axis != NULL)
        return st;
    for (int a = 0; a < node->ndim; a++)
        bri_axis_release(&axis[a]);
    node->ndim = 0;
    return BR_ENOMEM;
}

br_status bri_node_make(br_context *ctx, const bri_recipe *recipe, bri_node **out)
{
    bri_array_data *data = bri_array_data_of(ctx);
    uint64_t hash = hash_recipe(recipe);
    if (data->nnodes >= data->nbuckets)
        grow_table(data);
    if (data->nbuckets == 0) {
        bri_recipe_drop(recipe);
        return BR_ENOMEM;
    }
    for (bri_node *n = *bucket_of(data, hash); !recipe->unique && n != NULL; n = n->next_in_table) {
        if (fits_recipe(n, recipe, hash)) {
            bri_recipe_drop(recipe);
            bri_node_retain(n);
            *out = n;
            return BR_OK;
        }
    }
    bri_node *node = new_node(ctx, recipe, hash);
    if (node == NULL) {
        bri_recipe_drop(recipe);
        return BR_ENOMEM;
    }
    br_status st = infer(node);
    if (st != BR_OK) {
        free_node(node);
        return st;
    }
    for (int i = 0; i < node->ninputs; i++)
        bri_node_retain(node->input[i]);
    node->next_in_table = *bucket_of(data, hash);
    *bucket_of(data, hash) = node;
    data->nnodes++;
    *out = node;
    return BR_OK;
}

void bri_node_retain(bri_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

/* Chains may be a million nodes long: dead nodes wait in a list linked through next_in_table, not
 * on the stack. */
void bri_node_release(bri_node *node)
{
    bri_node *dead = NULL;
    for (;;) {
        if (node != NULL && atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
            if (node->planned)
                bri_array_data_of(node->ctx)->forget_plans(node);
            take_out_of_table(node);
            node->next_in_table = dead;
            node->slot = 0;
            dead = node;
        }
        if (dead == NULL)
            return;
        if (dead->slot < dead->ninputs) {
            node = dead->input[dead->slot++];
            continue;
        }
        bri_node *next = dead->next_in_table;
        free_node(dead);
        dead = next;
        node = NULL;
    }
}

bool bri_node_is_known(const bri_node *node)
{
    for (int a = 0; a < node->ndim; a++)
        if (!bri_axis_is_known(&node->axis[a]))
            return false;
    return true;
}

bool bri_same_shape(const bri_node *a, const bri_node *b)
{
    bool same = a->ndim == b->ndim;
    for (int i = 0; same && i < a->ndim; i++)
        same = bri_axis_alike(&a->axis[i], &b->axis[i]);
    return same;
}

br_status bri_check_known(const bri_node *x, int axis)
{
    char shape[160];
    for (int a = 0; a < x->ndim; a++)
        if ((axis == BRI_ALL_AXES || axis == a) && !bri_axis_is_known(&x->axis[a]))
            return bri_error(BR_ESHAPE,
                             "the extent of axis %d of shape %s is known only when it is "
                             "computed: br_resolve(x) gives x with its shape",
                             a, bri_node_shape_text(x, shape, sizeof shape));
    return BR_OK;
}

int64_t bri_node_nelem(const bri_node *node)
{
    int64_t n = 1;
    if (!bri_node_is_known(node))
        return BR_UNKNOWN;
    for (int a = 0; a < node->ndim; a++)
        n *= node->axis[a].extent;
    return n;
}

int64_t bri_node_nchunks(const bri_node *node)
{
    int64_t n = 1;
    for (int a = 0; a < node->ndim; a++)
        n *= node->axis[a].nchunks;
    return n;
}

uint32_t bri_node_new_walk(br_context *ctx)
{
    return ++bri_array_data_of(ctx)->walk;
}

typedef struct node_list {
    bri_node **node;
    size_t n, room;
} node_list;

static br_status append(node_list *list, bri_node *node)
{
    BRI_TRY(bri_grow(&list->node, &list->room, list->n, sizeof *list->node));
    list->node[list->n++] = node;
    return BR_OK;
}

/* Depth first with a stack of its own; slot is the next input to visit, then the node's place in
 * the list. */
static br_status sort_below(bri_node *output, uint32_t walk, node_list *stack, node_list *sorted)
{
    if (output->visit == walk)
        return BR_OK;
    output->visit = walk;
    output->slot = 0;
    output->nparents = 0;
    BRI_TRY(append(stack, output));
    while (stack->n > 0) {
        bri_node *node = stack->node[stack->n - 1];
        if (node->slot < node->ninputs) {
            bri_node *input = node->input[node->slot++];
            bool seen = input->visit == walk;
            input->visit = walk;
            input->nparents = seen ? input->nparents + 1 : 1;
            if (!seen) {
                input->slot = 0;
                BRI_TRY(append(stack, input));
            }
            continue;
        }
        stack->n--;
        node->slot = (int32_t)sorted->n;
        BRI_TRY(append(sorted, node));
    }
    return BR_OK;
}

br_status bri_node_sort(br_context *ctx, bri_node *const *outputs, int noutputs, bri_node ***list,
                        int *n)
{
    uint32_t walk = bri_node_new_walk(ctx);
    node_list stack = {0};
    node_list sorted = {0};
    br_status st = BR_OK;
    for (int i = 0; i < noutputs && st == BR_OK; i++)
        st = sort_below(outputs[i], walk, &stack, &sorted);
    bri_free(stack.node);
    if (st != BR_OK) {
        bri_free(sorted.node);
        return st;
    }
    *list = sorted.node;
    *n = (int)sorted.n;
    return BR_OK;
}

const char *bri_file_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path != NULL ? path : "?";
}

static const char *list_text(int ndim, const int64_t *extent, bool array, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (int a = 0; a < ndim && at < size; a++) {
        const char *before = a > 0 ? ", " : "(";
        at +=
            (size_t)(array && extent[a] == BR_UNKNOWN
                         ? snprintf(text + at, size - at, "%s?", before)
                         : snprintf(text + at, size - at, "%s%lld", before, (long long)extent[a]));
    }
    if (at < size)
        snprintf(text + at, size - at, "%s", ndim == 0 ? "()" : ndim == 1 ? ",)" : ")");
    return text;
}

const char *bri_shape_text(int ndim, const int64_t *extent, char *text, size_t size)
{
    return list_text(ndim, extent, false, text, size);
}

const char *bri_array_shape_text(int ndim, const int64_t *extent, char *text, size_t size)
{
    return list_text(ndim, extent, true, text, size);
}

const char *bri_node_shape_text(const bri_node *node, char *text, size_t size)
{
    int64_t extent[BR_MAX_NDIM];
    for (int a = 0; a < node->ndim; a++)
        extent[a] = node->axis[a].extent;
    return bri_array_shape_text(node->ndim, extent, text, size);
}
