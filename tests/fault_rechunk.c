/* SPDX-License-Identifier: BSD-3-Clause
 * fault_rechunk.c - plans that hold, cut and pair chunks, for fault_rechunk.sh to run with
 * BRAMBLE_FAIL_ALLOC=n; fault_alloc.c says how such a program ends.
 */
#include "tests/lacking.h"

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return 0;
}

enum { N = 64, PANEL = 8 };

/* So little memory that chunks are cut before they are put together otherwise. */
static void in_little_memory(const double *data)
{
    setenv("BRAMBLE_MEMORY_LIMIT", "52K", 1);
    br_context *ctx = br_open(NULL, NULL);
    unsetenv("BRAMBLE_MEMORY_LIMIT");
    br_array *x =
        br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N, N), .chunks = BR_CHUNKS(PANEL, -1));
    br_array *rows = br_map_blocks(x, copy);
    br_array *columns = br_map_blocks(br_rechunk(rows, BR_CHUNKS(-1, PANEL)), copy);
    br_array *back = br_map_blocks(br_rechunk(columns, BR_CHUNKS(PANEL, -1)), copy);
    double got[N * N];
    if (br_error_status(ctx) != BR_OK)
        worked(ctx, NULL, br_error_status(ctx), "open again");
    else if (worked(ctx, back, br_compute(back, got, sizeof got), "chunks cut first") &&
             memcmp(got, data, sizeof got) != 0)
        wrong = true;
    lacking |= br_error_status(ctx) == BR_ENOMEM;
    br_close(ctx);
}

static void compute(br_context *ctx, const char *folder)
{
    static double data[N * N];
    const double sum = (double)(N * N) * (N * N - 1) / 2;
    char path[300];
    for (int i = 0; i < N * N; i++)
        data[i] = i;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(N, N), .chunks = BR_CHUNKS(20, 20),
                                 .copy = true);
    br_array *turned = br_permute_dims(x, BR_AXES(1, 0));
    expect(ctx, br_sum(br_sub(x, turned)), 0, "pairs of leaves");
    br_array *both = br_concat(BR_ARRAYS(x, br_negative(turned)));
    expect(ctx, br_sum(br_index(both, "65:62:-1, 1")), (63 * N + 1) - 1 * N - (1 * N + 1),
           "a slice of joined");
    expect(ctx, br_max(br_rechunk(x, BR_CHUNKS(BR_AUTO, 7), .chunk_bytes = 1000)), N * N - 1,
           "automatic chunks");
    snprintf(path, sizeof path, "%s/rechunk.h5", folder);
    if (worked(ctx, x, br_store_hdf5(x, path, "x", .chunks = BR_CHUNKS(20, 20)), "store")) {
        br_array *stored = br_from_hdf5(ctx, path, "x", .chunks = BR_CHUNKS(20, 20));
        br_array *ones = br_ones(ctx, BR_SHAPE(N, N), .chunks = BR_CHUNKS(20, 20));
        expect(ctx, br_sum(br_matmul(ones, stored)), N * sum, "a file that is held");
    }
    remove(path);
    br_scope_close(scope);
    in_little_memory(data);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
