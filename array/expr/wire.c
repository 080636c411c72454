/* SPDX-License-Identifier: BSD-3-Clause
 * wire.c - packing and unpacking expressions. Every length read is checked: the bytes come from
 * another process.
 */
#include "array/expr/wire.h"

#include <string.h>

#include "array/expr/apart.h"
#include "array/expr/hash.h"
#include "runtime/alloc.h"
#include "runtime/function.h"

typedef bri_node_head node_head;

enum { NO_TABLE = BRI_NO_TABLE, INSIDE = BRI_TABLE_INSIDE, STAYS = BRI_TABLE_STAYS };

br_status bri_write(bri_writer *w, const void *bytes, size_t n)
{
    if (w->n + n > w->room) {
        size_t room = w->room > 0 ? w->room : 1024;
        while (room < w->n + n)
            room *= 2;
        unsigned char *bigger = bri_realloc(w->bytes, room, 1);
        if (bigger == NULL)
            return BR_ENOMEM;
        w->bytes = bigger;
        w->room = room;
    }
    if (n > 0)
        memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
    return BR_OK;
}

br_status bri_read_view(bri_reader *r, size_t n, const void **out)
{
    if (n > r->left)
        return bri_error(BR_EINTERNAL, "an expression from rank 0 is cut off");
    *out = r->at;
    r->at += n;
    r->left -= n;
    return BR_OK;
}

br_status bri_read(bri_reader *r, void *out, size_t n)
{
    const void *from = NULL;
    BRI_TRY(bri_read_view(r, n, &from));
    memcpy(out, from, n);
    return BR_OK;
}

br_status bri_write_function(bri_writer *w, bri_function f)
{
    bri_function_id id = {.offset = 0};
    memset(&id, 0, sizeof id);
    BRI_TRY(bri_function_identify(f, &id));
    return bri_write(w, &id, sizeof id);
}

br_status bri_read_function(bri_reader *r, bri_function *f)
{
    bri_function_id id = {.offset = 0};
    BRI_TRY(bri_read(r, &id, sizeof id));
    return bri_function_resolve(&id, f);
}

static int number_of_op(const bri_op *op)
{
    int i = 0;
    while (bri_op_table[i] != op)
        i++;
    return i;
}

static br_status garbled(void)
{
    return bri_error(BR_EINTERNAL, "an expression from rank 0 came garbled");
}

/* ---- tables ---- */

br_status bri_write_table(bri_writer *w, bri_table *table)
{
    int64_t id = NO_TABLE;
    uint64_t bytes = table != NULL ? table->bytes : 0;
    if (table != NULL && w->apart != NULL && table->stays != 0)
        id = STAYS;
    else if (table != NULL && (w->apart == NULL || bytes <= BRI_APART_BYTES))
        id = INSIDE;
    else if (table != NULL && !w->trial)
        BRI_TRY(bri_apart_number(w->apart, table, &id));
    BRI_TRY(bri_write(w, &id, sizeof id));
    if (id != INSIDE && id != STAYS)
        return BR_OK;
    BRI_TRY(bri_write(w, &bytes, sizeof bytes));
    BRI_TRY(bri_write(w, &table->hash, sizeof table->hash));
    return id == INSIDE ? bri_write(w, table->data, table->bytes)
                        : bri_write(w, &table->stays, sizeof table->stays);
}

static br_status read_absent(bri_reader *r, bri_table **out)
{
    uint64_t bytes = 0;
    uint64_t hash = 0;
    int64_t number = 0;
    BRI_TRY(bri_read(r, &bytes, sizeof bytes));
    BRI_TRY(bri_read(r, &hash, sizeof hash));
    BRI_TRY(bri_read(r, &number, sizeof number));
    *out = bri_table_absent(number, bytes, hash);
    return *out != NULL ? BR_OK : BR_ENOMEM;
}

static br_status read_inside(br_context *ctx, bri_reader *r, bri_table **out)
{
    uint64_t bytes = 0;
    uint64_t hash = 0;
    const void *from = NULL;
    BRI_TRY(bri_read(r, &bytes, sizeof bytes));
    BRI_TRY(bri_read(r, &hash, sizeof hash));
    BRI_TRY(bri_read_view(r, bytes, &from));
    bri_table *table = bri_table_new(bytes);
    if (table == NULL)
        return BR_ENOMEM;
    br_status st = bri_table_charge(table, ctx->memory);
    if (st == BR_OK && bytes > 0)
        memcpy(table->data, from, bytes);
    bri_table_seal(table);
    if (st == BR_OK && table->hash != hash)
        st = garbled();
    if (st != BR_OK) {
        bri_table_release(table);
        return st;
    }
    *out = table;
    return BR_OK;
}

br_status bri_read_table(br_context *ctx, bri_reader *r, bri_table **out)
{
    int64_t id = NO_TABLE;
    *out = NULL;
    BRI_TRY(bri_read(r, &id, sizeof id));
    if (id == NO_TABLE)
        return BR_OK;
    if (id == STAYS)
        return garbled();
    return id == INSIDE ? read_inside(ctx, r, out) : bri_apart_find(ctx, id, out);
}

/* A node's own, which may stay on rank 0. */
static br_status read_node_table(br_context *ctx, bri_reader *r, bri_table **out)
{
    bri_reader ahead = *r;
    int64_t id = NO_TABLE;
    BRI_TRY(bri_read(&ahead, &id, sizeof id));
    if (id != STAYS)
        return bri_read_table(ctx, r, out);
    *r = ahead;
    return read_absent(r, out);
}

/* ---- nodes ---- */

static br_status pack_params(const bri_node *node, bri_writer *w)
{
    return node->op->pack != NULL ? node->op->pack(node, w)
                                  : bri_write(w, node->params, node->params_bytes);
}

/* The packed parameters become a table, which the node keeps, as they don't change. */
static br_status set_params_apart(bri_node *node, bri_writer *w, size_t from)
{
    if (node->packed == NULL) {
        node->packed = bri_table_new(w->n - from);
        if (node->packed == NULL)
            return BR_ENOMEM;
        memcpy(node->packed->data, w->bytes + from, w->n - from);
        bri_table_seal(node->packed);
    }
    w->n = from;
    return bri_write_table(w, node->packed);
}

static bool same_file(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What a node adds to a message has a bound that does not depend on chunks or data. For an
 * assertion only. */
__attribute__((unused)) static size_t most_bytes(const bri_node *node)
{
    size_t file = node->at.file != NULL ? strlen(node->at.file) + 1 : 1;
    return sizeof(node_head) + file + (size_t)node->ninputs * sizeof(int32_t) +
           2 * (size_t)BRI_APART_BYTES + 8 * sizeof(int64_t);
}

/* A message that was garbled on its way must not come so far that its numbers are used. */
uint64_t bri_node_head_hash(const node_head *head, const void *rest, size_t n)
{
    node_head h = *head;
    h.hash = 0;
    return bri_hash_bytes(bri_hash_bytes(n, &h, sizeof h), rest, n);
}

/* Params inside, or their table; *bytes counts those inside. */
static br_status pack_params_somewhere(bri_node *node, bri_writer *w, node_head *head)
{
    size_t from = w->n;
    head->params_apart = node->packed != NULL && w->apart != NULL;
    if (!head->params_apart)
        BRI_TRY(pack_params(node, w));
    head->params_bytes = (uint32_t)(w->n - from);
    if (w->apart != NULL && head->params_bytes > BRI_APART_BYTES)
        head->params_apart = true;
    if (!head->params_apart)
        return BR_OK;
    BRI_TRY(set_params_apart(node, w, from));
    head->params_bytes = (uint32_t)(w->n - from);
    return BR_OK;
}

/* The length of the parameters is known only after packing them. */
static br_status pack_node(bri_node *node, bri_writer *w)
{
    const char *file = node->at.file != NULL ? node->at.file : "";
    node_head head = {.op = number_of_op(node->op),
                      .ninputs = node->ninputs,
                      .unique = node->unique,
                      .line = node->at.line};
    if (!same_file(file, w->file))
        head.file_bytes = (uint32_t)strlen(file) + 1;
    w->file = file;
    size_t head_at = w->n;
    BRI_TRY(bri_write(w, &head, sizeof head));
    BRI_TRY(bri_write(w, file, head.file_bytes));
    for (int i = 0; i < node->ninputs; i++)
        BRI_TRY(bri_write(w, &node->input[i]->slot, sizeof node->input[i]->slot));
    BRI_TRY(pack_params_somewhere(node, w, &head));
    size_t rest = head_at + sizeof head;
    head.hash = bri_node_head_hash(&head, w->bytes + rest, w->n - rest);
    memcpy(w->bytes + head_at, &head, sizeof head);
    BRI_TRY(bri_write_table(w, node->table));
    if (w->apart != NULL && w->n - head_at > most_bytes(node))
        return bri_error(BR_EINTERNAL, "%s takes %zu bytes of a message", node->op->name,
                         w->n - head_at);
    return BR_OK;
}

br_status bri_pack_nodes(br_context *ctx, bri_writer *w, bri_node *const *outputs, int noutputs)
{
    bri_node **list = NULL;
    int n = 0;
    BRI_TRY(bri_node_sort(ctx, outputs, noutputs, &list, &n));
    br_status st = bri_write(w, &n, sizeof n);
    for (int i = 0; i < n && st == BR_OK; i++)
        st = pack_node(list[i], w);
    if (st == BR_OK)
        st = bri_write(w, &noutputs, sizeof noutputs);
    for (int i = 0; i < noutputs && st == BR_OK; i++)
        st = bri_write(w, &outputs[i]->slot, sizeof outputs[i]->slot);
    bri_free(list);
    return st;
}

/* Places point into the program's own strings on rank 0; other ranks keep one copy of each file
 * name. */
static const char *intern_file(const char *name)
{
    static const char *known[256]; /* only the serving thread comes here */
    size_t i = 0;
    while (i < 255 && known[i] != NULL && strcmp(known[i], name) != 0)
        i++;
    if (known[i] == NULL)
        known[i] = bri_strdup(name);
    return known[i];
}

static br_status unpack_from(br_context *ctx, const bri_op *op, bri_reader *r, void **params,
                             size_t *bytes)
{
    if (op->unpack != NULL) {
        br_status st = op->unpack(ctx, r, params, bytes);
        return st == BR_OK ? BR_OK : bri_error_context(st, "%s", op->name);
    }
    *bytes = r->left;
    *params = bri_memdup(r->at, r->left);
    return *params != NULL ? BR_OK : BR_ENOMEM;
}

/* r: the parameters, or the table that has them. */
static br_status unpack_params(br_context *ctx, const node_head *head, bri_reader *r, void **params,
                               size_t *bytes)
{
    const bri_op *op = bri_op_table[head->op];
    bri_table *apart = NULL;
    if (!head->params_apart)
        return unpack_from(ctx, op, r, params, bytes);
    BRI_TRY(bri_read_table(ctx, r, &apart));
    if (apart == NULL)
        return garbled();
    bri_reader inner = {.at = apart->data, .left = apart->bytes};
    br_status st = unpack_from(ctx, op, &inner, params, bytes);
    bri_table_release(apart);
    return st;
}

/* The nodes of n slots, in a list of their own. */
static br_status unpack_inputs(const char *slots, int n, bri_node *const *list, int made,
                               bri_node ***inputs)
{
    *inputs = bri_calloc((size_t)n + 1, sizeof(bri_node *));
    if (*inputs == NULL)
        return BR_ENOMEM;
    for (int i = 0; i < n; i++) {
        int32_t slot;
        memcpy(&slot, slots + (size_t)i * sizeof slot, sizeof slot);
        if (slot < 0 || slot >= made)
            return bri_error(BR_EINTERNAL, "an expression from rank 0 is out of order");
        (*inputs)[i] = list[slot];
    }
    return BR_OK;
}

typedef struct packed_node {
    node_head head;
    const void *file, *slots, *params;
} packed_node;

static br_status read_node(bri_reader *r, packed_node *p)
{
    node_head *head = &p->head;
    BRI_TRY(bri_read(r, head, sizeof *head));
    if (head->op < 0 || head->op >= bri_op_count || head->ninputs < 0 ||
        (size_t)head->ninputs > r->left || (head->file_bytes == 0 && r->file == NULL))
        return bri_error(BR_EINTERNAL, "an expression from rank 0 is not understood");
    BRI_TRY(bri_read_view(r, head->file_bytes, &p->file));
    BRI_TRY(bri_read_view(r, (size_t)head->ninputs * sizeof(int32_t), &p->slots));
    BRI_TRY(bri_read_view(r, head->params_bytes, &p->params));
    size_t n = (size_t)(r->at - (const unsigned char *)p->file);
    if (bri_node_head_hash(head, p->file, n) != head->hash)
        return garbled();
    if (head->file_bytes > 0 && ((const char *)p->file)[head->file_bytes - 1] != '\0')
        return bri_error(BR_EINTERNAL, "an expression from rank 0 is not understood");
    r->file = head->file_bytes > 0 ? intern_file(p->file) : r->file;
    return BR_OK;
}

/* What operations find in their parameters they believe. */
static br_status check_recipe(const bri_recipe *r)
{
    const bri_op *op = r->op;
    if (r->ninputs < op->form.least || r->ninputs > op->form.most)
        return bri_error(BR_EINTERNAL, "%s from rank 0 has %d inputs", op->name, r->ninputs);
    if (r->params_bytes < op->form.params || (r->params_bytes > op->form.params && !op->form.more))
        return bri_error(BR_EINTERNAL, "%s from rank 0 has %zu bytes of parameters, not %zu%s",
                         op->name, r->params_bytes, op->form.params,
                         op->form.more ? " or more" : "");
    if (op->fits != NULL && !op->fits(r))
        return bri_error(BR_EINTERNAL,
                         "%s from rank 0 (%s:%d) has parameters that do not fit its inputs",
                         op->name, bri_file_name(r->at.file), r->at.line);
    return BR_OK;
}

static br_status unpack_node(br_context *ctx, bri_reader *r, bri_node *const *list, int made,
                             bri_node **out)
{
    packed_node p = {.file = NULL};
    bri_node **inputs = NULL;
    void *params = NULL;
    bri_table *table = NULL;
    size_t bytes = 0;
    BRI_TRY(read_node(r, &p));
    bri_reader inner = {.at = p.params, .left = p.head.params_bytes};
    br_status st = unpack_params(ctx, &p.head, &inner, &params, &bytes);
    if (st == BR_OK)
        st = read_node_table(ctx, r, &table);
    if (st == BR_OK)
        st = unpack_inputs(p.slots, p.head.ninputs, list, made, &inputs);
    bri_recipe recipe = {.op = bri_op_table[p.head.op],
                         .params = params,
                         .params_bytes = bytes,
                         .inputs = inputs,
                         .ninputs = p.head.ninputs};
    recipe.unique = p.head.unique != 0;
    recipe.table = table;
    recipe.at = (br_place){r->file, p.head.line};
    if (st == BR_OK)
        st = check_recipe(&recipe);
    if (st == BR_OK)
        st = bri_node_make(ctx, &recipe, out);
    bri_table_release(table);
    bri_free(inputs);
    bri_free(params);
    return st;
}

static br_status unpack_outputs(bri_reader *r, bri_node *const *list, int made, bri_node **outputs,
                                int room, int *n)
{
    BRI_TRY(bri_read(r, n, sizeof *n));
    if (*n < 0 || *n > room)
        return bri_error(BR_EINTERNAL, "an expression from rank 0 has too many outputs");
    for (int i = 0; i < *n; i++) {
        int32_t slot = 0;
        BRI_TRY(bri_read(r, &slot, sizeof slot));
        if (slot < 0 || slot >= made)
            return bri_error(BR_EINTERNAL, "an expression from rank 0 is out of order");
        outputs[i] = list[slot];
    }
    for (int i = 0; i < *n; i++)
        bri_node_retain(outputs[i]);
    return BR_OK;
}

br_status bri_unpack_nodes(br_context *ctx, bri_reader *r, bri_node **outputs, int room, int *n)
{
    int count = 0;
    int made = 0;
    BRI_TRY(bri_read(r, &count, sizeof count));
    if (count < 0 || (size_t)count > r->left)
        return bri_error(BR_EINTERNAL, "an expression from rank 0 is not understood");
    bri_node **list = bri_calloc((size_t)count, sizeof *list);
    if (list == NULL)
        return BR_ENOMEM;
    br_status st = BR_OK;
    while (st == BR_OK && made < count) {
        st = unpack_node(ctx, r, list, made, &list[made]);
        made += st == BR_OK;
    }
    if (st == BR_OK)
        st = unpack_outputs(r, list, made, outputs, room, n);
    for (int i = 0; i < made; i++)
        bri_node_release(list[i]);
    bri_free(list);
    return st;
}
