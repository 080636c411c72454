/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_wire.c - expressions as they travel to other ranks: what is not as it was packed is refused.
 * Then hashes are made to fit, and what no operation could have packed is refused all the same.
 */
#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/expr/hash.h"
#include "array/expr/wire.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_OUTPUTS = 4 };

static br_context *ctx;

static void begin(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    setenv("BRAMBLE_MEMORY_LIMIT", "64M", 1);
    ctx = br_open(NULL, NULL);
    FUZZ_CHECK(br_error_status(ctx) == BR_OK);
}

/* Makes the hash fit of the table that begins here, if it is inside; returns the bytes it takes. */
static size_t mend_table(uint8_t *at, size_t left)
{
    struct {
        int64_t id;
        uint64_t bytes, hash;
    } head;
    if (left < sizeof head.id)
        return left;
    memcpy(&head.id, at, sizeof head.id);
    if (head.id != BRI_TABLE_INSIDE || left < sizeof head)
        return sizeof head.id;
    memcpy(&head, at, sizeof head);
    if (head.bytes > left - sizeof head)
        return left;
    head.hash = bri_hash_bytes(head.bytes, at + sizeof head, head.bytes);
    memcpy(at, &head, sizeof head);
    return sizeof head + head.bytes;
}

static void mend(uint8_t *bytes, size_t n)
{
    size_t at = sizeof(int);
    bri_node_head head;
    while (at < n && n - at >= sizeof head) {
        memcpy(&head, bytes + at, sizeof head);
        uint8_t *rest = bytes + at + sizeof head;
        size_t left = n - at - sizeof head;
        uint64_t more = (uint64_t)head.file_bytes + (uint64_t)head.params_bytes +
                        (head.ninputs > 0 ? (uint64_t)head.ninputs * sizeof(int32_t) : 0);
        if (more > left)
            return;
        head.hash = bri_node_head_hash(&head, rest, more);
        memcpy(bytes + at, &head, sizeof head);
        at += sizeof head + more + mend_table(rest + more, left - more);
    }
}

/* What explain and the planner ask of a node from another rank first. */
static void look_at(const bri_node *node, FILE *to)
{
    for (int i = 0; i < node->ninputs; i++) {
        bri_map map, identity = bri_map_identity(node->ndim);
        if (node->op->access != NULL)
            node->op->access(node, i, &identity, &map);
    }
    FUZZ_CHECK(bri_dtype_ok(node->dtype) && node->ndim >= 0 && node->ndim <= BR_MAX_NDIM);
    for (int a = 0; a < node->ndim; a++)
        FUZZ_CHECK(node->axis[a].extent >= BR_UNKNOWN && node->axis[a].nchunks > 0);
    if (node->op->print != NULL && node->op->open == NULL)
        node->op->print(node, to);
}

static void look_below(bri_node *const *outputs, int n)
{
    bri_node **list = NULL;
    static FILE *to;
    int below = 0;
    if (to == NULL)
        to = fopen("/dev/null", "w");
    FUZZ_CHECK(to != NULL);
    FUZZ_CHECK(bri_node_sort(ctx, outputs, n, &list, &below) == BR_OK);
    for (int i = 0; i < below; i++)
        look_at(list[i], to);
    free(list);
}

static void unpack(const uint8_t *bytes, size_t n)
{
    bri_node *outputs[MOST_OUTPUTS];
    bri_reader r = {.at = bytes, .left = n};
    int count = 0;
    br_status st = bri_unpack_nodes(ctx, &r, outputs, MOST_OUTPUTS, &count);
    FUZZ_CHECK(st == BR_OK || bri_last_error()[0] != '\0');
    if (st == BR_OK)
        look_below(outputs, count);
    for (int i = 0; i < count && st == BR_OK; i++)
        bri_node_release(outputs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    if (ctx == NULL)
        begin();
    uint8_t *bytes = fuzz_copy(input, n, n);
    unpack(bytes, n);
    mend(bytes, n);
    unpack(bytes, n);
    free(bytes);
    return 0;
}

static double twice(double v, const void *data)
{
    (void)data;
    return 2 * v;
}

static void give(fuzz_take *take, void *to, const char *name, br_array *const *x, int n)
{
    bri_node *nodes[MOST_OUTPUTS];
    bri_writer w = {0};
    for (int i = 0; i < n; i++) {
        FUZZ_CHECK(br_status_of(x[i]) == BR_OK);
        nodes[i] = x[i]->node;
    }
    FUZZ_CHECK(bri_pack_nodes(ctx, &w, nodes, n) == BR_OK);
    take(to, name, w.bytes, w.n);
    free(w.bytes);
}

static int no_block(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)out, (void)data;
    return 0;
}

/* Operations with parameters of their own. */
static void give_more(fuzz_take *take, void *to, br_array *x, br_array *y)
{
    const br_axes last = BR_AXES(-1);
    give(take, to, "made",
         (br_array *[]){br_eye(ctx, 30, .columns = 20, .k = 2),
                        br_arange(ctx, BR_NUM(5), BR_NUM(20)), br_full_like(x, BR_NUM(2)),
                        br_argmax(x, .axis = last)},
         4);
    give(take, to, "cut",
         (br_array *[]){br_concat((br_array *[]){x, x}, 2, .axis = last),
                        br_reshape(x, BR_SHAPE(20, 30)), br_repeat(y, 3),
                        br_diagonal(x, .offset = 1)},
         4);
    give(take, to, "windows",
         (br_array *[]){br_sliding_window_view(x, BR_SHAPE(3), .axis = last),
                        br_convolve(y, br_index(y, ":3")), br_set_index(x, "2:4, ::5", 7.0)},
         3);
    give(take, to, "blocks",
         (br_array *[]){br_map_blocks(x, no_block), br_map_overlap(y, no_block, BR_CHUNKS(2))}, 2);
}

void fuzz_seeds(fuzz_take *take, void *to)
{
    if (ctx == NULL)
        begin();
    br_scope *scope = br_scope_open(ctx);
    br_array *x =
        br_random_normal(ctx, BR_SHAPE(30, 20), .chunks = BR_CHUNKS(7, 20), .seed = BR_NUM(1));
    br_array *y = br_linspace(ctx, 0, 1, 20);
    br_array *mean = br_mean(x, .axis = BR_AXES(0));
    br_array *many[] = {mean, br_std(br_sub(x, mean)), br_permute_dims(x, BR_AXES(1, 0))};
    br_array *product = br_matmul(many[2], x);
    br_array *taken = br_take(
        x, br_from_memory(ctx, (const int64_t[]){3, 1, 2}, BR_INT64, BR_SHAPE(3), .copy = true),
        .axis = BR_AXIS(0));
    give(take, to, "zeros", (br_array *[]){br_zeros(ctx, BR_SHAPE(9), BR_INT8)}, 1);
    give(take, to, "elementwise", (br_array *[]){br_sqrt(br_add(x, y))}, 1);
    give(take, to, "several", many, 3);
    give(take, to, "product", (br_array *[]){product, br_index(product, "::2, 3")}, 2);
    give(take, to, "function", (br_array *[]){br_map(y, twice)}, 1);
    give(take, to, "picked", (br_array *[]){br_compress(br_greater(y, 0.5), y)}, 1);
    give(take, to, "taken", &taken, 1);
    give_more(take, to, x, y);
    br_scope_close(scope);
}
