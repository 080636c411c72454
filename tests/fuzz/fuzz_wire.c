/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_wire.c - expressions as they travel to other ranks: what is not as it was packed is refused.
 */
#include <bramble/bramble.h>

#include "array/expr/handle.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    if (ctx == NULL)
        begin();
    bri_node *outputs[MOST_OUTPUTS];
    unsigned char *bytes = fuzz_copy(input, n, n);
    bri_reader r = {.at = bytes, .left = n};
    int count = 0;
    br_status st = bri_unpack_nodes(ctx, &r, outputs, MOST_OUTPUTS, &count);
    FUZZ_CHECK(st == BR_OK || bri_last_error()[0] != '\0');
    for (int i = 0; i < count && st == BR_OK; i++)
        bri_node_release(outputs[i]);
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
    br_scope_close(scope);
}
