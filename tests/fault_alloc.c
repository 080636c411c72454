/* SPDX-License-Identifier: BSD-3-Clause
 * fault_alloc.c - a program that uses most of the library once, for fault_alloc.sh to run with
 * BRAMBLE_FAIL_ALLOC=n.
 *
 * Ends with 0 when everything worked (a failed allocation may be one that the library does
 * without), with 3 when every call told of the lack of memory or passed such an error on, with 4
 * when something else was wrong. Argument: a folder to write into.
 */
#include "tests/lacking.h"
#include "tests/sum_doubles.h"

static double twice(double x, const void *data)
{
    (void)data;
    return 2 * x;
}

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return 0;
}

static int seven(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    *(double *)out->data = 7;
    return 0;
}

static int add_one(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    *(double *)out->data += 1;
    return 0;
}

static int first_of(const void *const *in, void *out, const int64_t *extent, const void *data)
{
    (void)extent;
    (void)data;
    memcpy(out, in[0], sizeof(double));
    return 0;
}

/* Each block with its halo, which is cut off again. */
static int copy_all(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in[0].data, (size_t)(out->extent[0] * out->extent[1]) * 8);
    return n - 1;
}

static double plus(double a, double b, const void *data)
{
    return a + b + *(const double *)data;
}

static double index_sum(const int64_t *index, int ndim, const void *data)
{
    return *(const double *)data + (double)(index[0] + index[ndim - 1]);
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memset(out->data, 0, (size_t)out->extent[0] * 8);
    return in != NULL || n != 0;
}

/* Arrays from nothing in one run, and .npy files. */
static void create(br_context *ctx, const char *folder, br_array *x)
{
    static const double corner[4] = {1, 2, 3, 4};
    const double one = 1;
    char path[300];
    br_array *grid[2], *count[2];
    br_array *axes[] = {br_arange(ctx, BR_NUM(0), BR_NUM(3)), br_ones(ctx, BR_SHAPE(4))};
    br_array *uneven = br_add(br_index(x, "1:9, 1:11"), br_index(x, "2:10, 2:12"));
    br_array *turned = br_from_memory(ctx, corner, BR_FLOAT64, BR_SHAPE(2, 2),
                                      .strides = BR_STRIDES(8, 16), .copy = true);
    br_meshgrid(axes, 2, grid);
    br_indices(ctx, BR_SHAPE(4, 3), count, .sparse = true);
    br_array *table = br_add(br_mul(grid[0], grid[1]), br_add(count[0], count[1]));
    table = br_add(table, br_add(br_geomspace(ctx, 1, 4, 3), br_logspace(ctx, 0, 0, 3)));
    table = br_add(table,
                   br_fromfunction(ctx, index_sum, BR_SHAPE(4, 3), .data = &one, .data_bytes = 8));
    table = br_add(table, br_from_blocks(ctx, fill, BR_SHAPE(3), .chunks = BR_CHUNKS(2)));
    table = br_mul(table, br_index(br_ones_like(uneven), ":4, :3"));
    br_array *diagonals = br_mul(br_triu(br_tril(turned)), br_eye(ctx, 2));
    diagonals = br_add(diagonals, br_diag(br_diagonal(turned, 1), -1));
    expect(ctx, br_add(br_sum(table), br_sum(diagonals)), 124 + 5 + 3, "creation");
    snprintf(path, sizeof path, "%s/alloc.npy", folder);
    if (worked(ctx, x, br_store_npy(x, path), "store_npy"))
        expect(ctx, br_sum(br_from_npy(ctx, path)), 7140, "from_npy");
    remove(path);
}

/* What masks pick: counted, then computed; two phases, a join, and a stored one. */
static void pick(br_context *ctx, const char *folder, br_array *x)
{
    char path[300];
    br_array *high = br_boolean_index(x, br_greater(x, 99));
    br_array *odd = br_boolean_index(high, br_equal(br_remainder(high, 2), 1));
    br_array *rows =
        br_compress(br_greater(br_sum(x, .axis = BR_AXES(1)), 1000), x, .axis = BR_AXES(0));
    expect(ctx, br_sum(br_concat(BR_ARRAYS(odd, high))), 1100 + 2190, "picked twice and joined");
    expect(ctx, br_sum(br_argwhere(br_greater(br_max(rows, .axis = BR_AXES(1)), 100))), 3,
           "indices of what was picked");
    br_array *known = br_resolve(rows);
    if (worked(ctx, known, br_status_of(known), "resolve"))
        expect(ctx, br_max(br_index(known, "-1")), 119, "resolved");
    snprintf(path, sizeof path, "%s/alloc.npy", folder);
    worked(ctx, rows, br_store_npy(rows, path), "store_npy of what was picked");
    remove(path);
}

/* Elements that arrays of indices name, known and computed, and assignment. */
static void by_arrays(br_context *ctx, br_array *x)
{
    static const int32_t list[4] = {7, -1, 7, 0};
    br_array *known = br_from_memory(ctx, list, BR_INT32, BR_SHAPE(4), .copy = true);
    br_array *computed = br_add(known, 0);
    br_array *taken = br_add(br_sum(br_take(x, known, .axis = BR_AXIS(0))),
                             br_sum(br_vindex(x, known, computed)));
    expect(ctx, taken, 3576 + 301, "take");
    expect(ctx, br_max(br_index(br_take(br_sqrt(x), computed, .axis = BR_AXIS(1)), "0, 3")), 0,
           "slice of a take");
    br_array *top = br_argmax(x, .axis = BR_AXES(1), .keepdims = true);
    br_array *along = br_add(br_sum(br_take_along_axis(x, top, .axis = BR_AXIS(1))),
                             br_sum(br_put_along_axis(x, top, 0, 1)));
    expect(ctx, along, 650 + 6490, "along an axis");
    expect(ctx, br_sum(br_set_mask(br_set_index(x, "::3, 1", 0), br_greater(x, 118), 0)), 6801,
           "assignment");
    br_array *row = br_index(x, "0");
    br_array *odd = br_astype(br_remainder(row, 2), BR_INT64);
    expect(ctx, br_sum(br_repeat_counts(br_repeat(row, 3), br_repeat(odd, 3))), 3 * 36, "repeat");
}

/* Halos, windows and convolutions. */
static void neighbours(br_context *ctx, br_array *x)
{
    const br_boundaries both = BR_BOUNDARIES(BR_PERIODIC, BR_NEAREST);
    br_array *y = br_map_overlap(
        br_map_overlap(br_mul(x, 2), copy_all, .depth = BR_SHAPE(2, 1), .boundary = both), copy_all,
        .depth = BR_SHAPE(1));
    expect(ctx, br_sum(y), 14280, "halos");
    br_array *grown = br_map_overlap(x, copy_all, .depth = BR_SHAPE(1), .no_trim = true);
    expect(ctx, br_max(grown), 119, "halos that are kept");
    br_array *windows = br_sliding_window_view(x, BR_SHAPE(2, 3), .axis = BR_AXES(0, 1));
    expect(ctx, br_max(br_sum(windows, .axis = BR_AXES(-2, -1))), 672, "windows");
    br_array *kernel = br_ones(ctx, BR_SHAPE(2, 2));
    expect(ctx, br_sum(br_convolve(x, kernel)), 4 * 7140, "convolve");
}

static int count_up(void *data, int64_t task)
{
    *(int64_t *)data += task;
    return 0;
}

/* A chain, so that the tasks need no lock. */
static void graph(br_context *ctx)
{
    int64_t sum = 0;
    br_graph *g = br_graph_new(ctx);
    for (int64_t t = 0; t < 40; t++)
        br_graph_add(g, count_up, &sum, &(int64_t){t - 1}, t > 0);
    if (worked(ctx, NULL, br_graph_run(g), "graph") && sum != 780) {
        fprintf(stderr, "graph: %lld\n", (long long)sum);
        wrong = true;
    }
}

static void functions(br_context *ctx, br_array *x)
{
    expect(ctx, br_sum(br_map_blocks(br_map(x, twice), copy)), 14280, "functions");
    expect(ctx,
           br_sum(br_map_blocks(x, seven, .drop_axis = BR_AXES(1),
                                .chunk_lists = {[0] = BR_EXTENTS(1, 1, 1)})),
           21, "blocks of other extents");
    br_array *product = br_blockwise(add_one, "j", {x, "ij"}, {x, "ij"}, .chunks = BR_CHUNKS(1));
    expect(ctx, br_sum(product), 9, "blockwise");
    br_array *rows = br_apply_gufunc(first_of, "(n)->()", x, .allow_rechunk = true);
    expect(ctx, br_sum(br_index(rows, "::3")), 216, "slice of a gufunc");
    expect(ctx, br_expr(ctx, "sum(reshape(x[::2, :3], (3, -1)) * 2)", "x", x, NULL), 1470, "text");
    const double one = 1;
    expect(ctx, br_sum(br_map2(x, 2, plus, &one, sizeof one)), 7500, "function of two");
    br_array *sums =
        br_reduction(x, BR_AXES(0), .state_bytes = sizeof(double), .accumulate = add_all,
                     .merge = add_two, .finish = the_sum, .data = &one, .data_bytes = sizeof one);
    expect(ctx, br_sum(sums), 7140, "reduction");
}

static void masked(br_context *ctx, br_array *x)
{
    br_array *low = br_less(x, 60);
    expect(ctx, br_nanmean(x, .where = low), 29.5, "masked mean");
    expect(ctx, br_var(br_mul(x, 0), .where = low), 0, "masked variance");
    expect(ctx, br_nanmax(x, .where = low, .initial = BR_NUM(7)), 59, "masked maximum");
    br_array *conditions[] = {low, br_greater(x, 100)};
    const br_operand choices[] = {BR_OPERAND(x), BR_OPERAND(1)};
    expect(ctx, br_sum(br_select(conditions, choices, 2)), 1789, "select");
    expect(ctx, br_max(br_angle(br_nan_to_num(br_clip(x, 1, BR_NONE)))), 0, "clip");
    expect(ctx, br_sum(br_isclose(br_ldexp(x, 1), br_add(x, x))), 120, "isclose");
}

static void joined(br_context *ctx, br_array *x)
{
    br_array *parts[10];
    br_unstack(br_concat(BR_ARRAYS(br_abs(x), br_roll(x, BR_SHIFTS(3)), br_tile(x, BR_SHAPE(1, 1))),
                         .axis = BR_AXIS(1)),
               parts, 10);
    expect(ctx, br_max(parts[9]), 119, "joined");
    expect(ctx, br_sum(br_concat(parts, 10)), 3 * 7140, "joined again");
    expect(ctx, br_max(br_diff(br_pad(x, BR_SHAPE(9, 1), .mode = BR_PAD_WRAP), 2)), 12, "padded");
}

static void stored(br_context *ctx, const char *folder, br_array *x)
{
    char path[300];
    snprintf(path, sizeof path, "%s/alloc.h5", folder);
    if (worked(ctx, x, br_store_hdf5(x, path, "x", .deflate = 1), "store"))
        expect(ctx, br_sum(br_from_hdf5(ctx, path, "x")), 7140, "from_hdf5");
    remove(path);
}

static void printed(br_context *ctx, br_array *x, br_array *y)
{
    FILE *null = fopen("/dev/null", "w");
    worked(ctx, y, br_explain(y, null), "explain");
    worked(ctx, x, br_print_values(x, null), "print_values");
    worked(ctx, y, br_print_tree(y, null), "print_tree");
    fclose(null);
}

static void compute(br_context *ctx, const char *folder)
{
    static double data[120];
    for (int i = 0; i < 120; i++)
        data[i] = i;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(10, 12), .chunks = BR_CHUNKS(4, 5),
                                 .copy = true);
    br_array *y = br_sub(x, br_mean(x, .axis = BR_AXES(0)));
    expect(ctx, br_sum(y), 0, "sum of anomalies");
    expect(ctx, br_max(br_index(br_exp(br_mul(x, 0)), "::-2, 3")), 1, "slice of exp");
    expect(ctx, br_sum(br_matmul(x, br_permute_dims(br_ones(ctx, BR_SHAPE(2, 12)), BR_AXES(1, 0)))),
           14280, "matmul");
    expect(ctx, br_sum(br_tensordot(x, br_astype(x, BR_INT32), .axes = BR_NUM(0))), 50979600,
           "tensordot");
    expect(ctx, br_max(br_reshape(br_rechunk(x, BR_CHUNKS(3, 3)), BR_SHAPE(12, 10))), 119,
           "reshape");
    br_array *z = br_add(x, x);
    expect(ctx, br_add(br_sub(br_max(z), br_min(z)), br_sum(br_sub(x, x))), 238, "a pass");
    functions(ctx, x);
    masked(ctx, x);
    expect(ctx, br_sum(br_random_integers(ctx, 5, 5, BR_SHAPE(9), .endpoint = true)), 45, "random");
    joined(ctx, x);
    neighbours(ctx, x);
    graph(ctx);
    create(ctx, folder, x);
    pick(ctx, folder, x);
    by_arrays(ctx, x);
    br_array *p = br_persist(br_add(x, 1));
    if (worked(ctx, p, br_status_of(p), "persist"))
        expect(ctx, br_min(p), 1, "persisted");
    stored(ctx, folder, x);
    printed(ctx, x, y);
    br_scope_close(scope);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
