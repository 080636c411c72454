/* SPDX-License-Identifier: BSD-3-Clause
 * test_overlap.c - functions on chunks with halos: what they see, what they hold and read, and what
 * is refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "tests/suite.h"

static br_context *ctx;

static void open_context(const char *scheduler)
{
    setenv("BRAMBLE_SCHEDULER", scheduler, 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static double computed(br_array *x)
{
    double value = -1;
    ck_assert_msg(br_compute_f64(x, &value) == BR_OK, "%s", br_message(ctx));
    return value;
}

/* ---- functions ---- */

static int64_t elements(const br_block *b)
{
    int64_t n = 1;
    for (int a = 0; a < b->ndim; a++)
        n *= b->extent[a];
    return n;
}

/* The sum of five neighbours, beyond the array 0: the halo is one element or, there, none. */
static int cross(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in->data;
    double *y = out->data;
    (void)data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < out->extent[1]; j++) {
            int64_t r = i + out->origin[0] - in->origin[0];
            int64_t c = j + out->origin[1] - in->origin[1];
            const double *at = x + r * in->extent[1] + c;
            double sum = at[0];
            sum += r > 0 ? at[-in->extent[1]] : 0;
            sum += r + 1 < in->extent[0] ? at[in->extent[1]] : 0;
            sum += c > 0 ? at[-1] : 0;
            sum += c + 1 < in->extent[1] ? at[1] : 0;
            y[i * out->extent[1] + j] = sum;
        }
    return n - 1;
}

static int same(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in->data, (size_t)elements(out) * br_dtype_size(out->dtype));
    return n - 1;
}

static int fails(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in;
    (void)n;
    (void)data;
    return out->chunk[0] == 2 && out->chunk[1] == 0 ? 7 : same(in, n, out, data);
}

static int fails_on_values(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)out;
    (void)data;
    return ((const double *)in->data)[0] == 5;
}

static br_array *square(int64_t n, int64_t chunk)
{
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(chunk));
    br_array *y = br_arange(ctx, BR_NUM(0.0), BR_NUM(n), .chunks = BR_CHUNKS(chunk));
    return br_add(br_mul(br_index(x, ":, None"), 2), y);
}

/* ---- blocks ---- */

/* What a function sees of a line of 10 in chunks of 4, with 2 elements before and 1 after. */
typedef struct seen {
    int64_t origin, extent, out_origin, out_extent;
} seen;

static seen saw[3];

static int look(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    saw[out->chunk[0]] = (seen){in->origin[0], in->extent[0], out->origin[0], out->extent[0]};
    memset(out->data, 0, (size_t)out->extent[0] * 8);
    bool whole = in->nchunks[0] == 3 && out->nchunks[0] == 3 && in->shape[0] == 10;
    return !whole || in->chunk[0] != out->chunk[0] || in->dtype != BR_FLOAT64;
}

START_TEST(blocks_say_where_they_are)
{
    static const seen none[] = {{0, 5, 0, 5}, {2, 7, 2, 7}, {6, 4, 6, 4}};
    static const seen wrapped[] = {{-2, 7, -2, 7}, {2, 7, 2, 7}, {6, 5, 6, 5}};
    static const seen inner[] = {{-2, 7, 0, 4}, {2, 7, 4, 4}, {6, 5, 8, 2}};
    open_context("sync");
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(10), .chunks = BR_CHUNKS(4));
    computed(br_sum(br_map_overlap(x, look, .depth = BR_SHAPE(2), .after = BR_SHAPE(1))));
    ck_assert_mem_eq(saw, none, sizeof none);
    computed(br_sum(br_map_overlap(x, look, .depth = BR_SHAPE(2), .after = BR_SHAPE(1),
                                   .boundary = BR_BOUNDARIES(BR_PERIODIC))));
    ck_assert_mem_eq(saw, wrapped, sizeof wrapped);
    br_array *y = br_map_overlap(x, look, .depth = BR_SHAPE(2), .after = BR_SHAPE(1),
                                 .boundary = BR_BOUNDARIES(BR_CONSTANT(2.5)), .inner = true);
    computed(br_sum(y));
    ck_assert_mem_eq(saw, inner, sizeof inner);
    ck_assert_int_eq(br_shape(y)[0], 10);
    br_array *grown = br_map_overlap(x, look, .depth = BR_SHAPE(2), .no_trim = true);
    ck_assert_int_eq(br_shape(grown)[0], 6 + 8 + 4);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(equal_calls_are_one)
{
    static const int one = 1;
    open_context("sync");
    br_array *x = square(8, 4);
    br_array *a =
        br_map_overlap(x, cross, .depth = BR_SHAPE(1), .data = &one, .data_bytes = sizeof one);
    br_array *b = br_map_overlap(x, cross, .depth = BR_SHAPE(1, 1), .after = BR_SHAPE(1),
                                 .data = &one, .data_bytes = sizeof one);
    br_array *c = br_map_overlap(x, cross, .depth = BR_SHAPE(1, 1), .impure = true);
    br_run_info info[2];
    computed(br_sum(br_add(a, b)));
    ck_assert_int_eq(br_last_run(ctx, &info[0]), BR_OK);
    computed(br_sum(br_add(a, c)));
    ck_assert_int_eq(br_last_run(ctx, &info[1]), BR_OK);
    ck_assert_int_eq(info[1].tasks - info[0].tasks, 4);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- errors ---- */

static void check_message(br_array *x, br_status status, const char *text)
{
    ck_assert_int_eq(br_status_of(x), status);
    ck_assert_msg(strstr(br_error(x), text) != NULL, "\"%s\" has no \"%s\"", br_error(x), text);
    ck_assert_msg(strstr(br_error(x), "(test_overlap.c:") != NULL, "%s", br_error(x));
}

START_TEST(wrong_calls_are_refused)
{
    static const br_boundaries wrong = {1, {{(br_boundary_kind)9, {0}}}};
    open_context("sync");
    br_array *x = square(8, 4);
    br_halo halo = {.depth = BR_SHAPE(1)};
    check_message(br_map_overlap(x, NULL, .depth = BR_SHAPE(1)), BR_EARG, "function is NULL");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(9, 1)), BR_ESHAPE,
                  "depth 9 is beyond the 8 elements of axis 0 of input 0");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .after = BR_SHAPE(1, 10)),
                  BR_ESHAPE, "depth 10 is beyond");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(-1)), BR_ESHAPE, "depth -1 of axis 0");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1, 1, 1)), BR_ESHAPE,
                  "the depths of input 0 are neither one nor 2");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .after = BR_SHAPE(1, 1, 1)),
                  BR_ESHAPE, "the .after of input 0");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1),
                                 .boundary = BR_BOUNDARIES(BR_NEAREST, BR_NEAREST, BR_NEAREST)),
                  BR_ESHAPE, "the boundaries of input 0");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .boundary = wrong), BR_EARG,
                  "no boundary 9");
    check_message(br_map_overlap(br_astype(x, BR_INT8), cross, .depth = BR_SHAPE(1),
                                 .boundary = BR_BOUNDARIES(BR_CONSTANT(1000))),
                  BR_EARG, "1000");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .halos = &halo), BR_EARG,
                  ".halos stand instead");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .inner = true, .no_trim = true),
                  BR_EARG, ".no_trim");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .nmore = 1), BR_EARG,
                  "1 further inputs");
    check_message(br_map_overlap(x, cross, .depth = BR_SHAPE(1),
                                 .more = (br_array *[]){square(5, 5)}, .nmore = 1),
                  BR_ESHAPE, "do not broadcast");
    check_message(
        br_map_overlap(br_reshape(br_zeros(ctx, BR_SHAPE(128)), BR_SHAPE(2, 2, 2, 2, 2, 2, 2)),
                       same, .depth = BR_SHAPE(1), .boundary = BR_BOUNDARIES(BR_REFLECT)),
        BR_EUNSUPPORTED, "along 7 axes");
    check_message(br_map_overlap(br_index(x, "9"), cross), BR_EINDEX, "9");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(wrong_windows_are_refused)
{
    open_context("sync");
    br_array *x = square(8, 4);
    check_message(br_sliding_window_view(x, BR_SHAPE(9, 1)), BR_ESHAPE,
                  "a window of 9 elements along axis 0, which has 8");
    check_message(br_sliding_window_view(x, BR_SHAPE(0, 1)), BR_ESHAPE, "a window of 0");
    check_message(br_sliding_window_view(x, BR_SHAPE(1)), BR_ESHAPE, "1 window extents for 2 axes");
    check_message(br_sliding_window_view(x, BR_SHAPE(1, 2), .axis = BR_AXES(0, 2)), BR_EAXIS,
                  "axis 2");
    check_message(br_sliding_window_view(x, BR_SHAPE(5, 5), .axis = BR_AXES(0, 0)), BR_ESHAPE,
                  "a window of 5 elements along axis 0, which has 4");
    check_message(br_sliding_window_view(x, (br_extents){0}), BR_EARG, "no shape");
    check_message(br_sliding_window_view(br_index(x, "9"), BR_SHAPE(1)), BR_EINDEX, "9");
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(wrong_convolutions_are_refused)
{
    open_context("sync");
    br_array *x = square(8, 4);
    br_array *line = br_arange(ctx, BR_NUM(0.0), BR_NUM(3));
    br_array *bits = br_less(line, 2);
    check_message(br_convolve(x, line), BR_ESHAPE, "an array with 2 axes and a kernel with 1");
    check_message(br_convolve(br_sum(line), br_sum(line)), BR_ESHAPE, "with 0 axes");
    check_message(br_convolve(line, br_tile(line, BR_SHAPE(2)), .mode = BR_CONVOLVE_VALID),
                  BR_ESHAPE, "a kernel of 6 elements along axis 0, which has 3");
    check_message(br_convolve(line, br_index(line, "3:")), BR_ESHAPE, "axis 0 is empty");
    check_message(br_convolve(bits, bits), BR_ETYPE, "bool");
    check_message(br_convolve(line, line, (br_convolve_mode)3), BR_EARG, "no mode 3");
    check_message(br_correlate(x, br_index(line, "9")), BR_EINDEX, "9");
    ck_assert_int_eq(br_dtype_of(br_convolve(bits, line)), BR_FLOAT64);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

START_TEST(a_failing_function_ends_the_run)
{
    static const char *const schedulers[] = {"sync", "threads"};
    double sum;
    open_context(schedulers[_i]);
    br_set_log(ctx, NULL, NULL);
    br_array *x = br_map_overlap(square(12, 4), fails, .depth = BR_SHAPE(0, 0));
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_EUSER);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "function fails returned 7"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "chunk (2, 0)"));
    br_clear_error(ctx);
    br_array *y = br_map_overlap(square(12, 4), fails_on_values, .depth = BR_SHAPE(1, 1));
    ck_assert_int_eq(br_compute_f64(br_sum(y), &sum), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* ---- memory ---- */

enum { SIDE = 2048, PART = 64, PART_BYTES = PART * PART * 8 };

static const char *file_path(void)
{
    static char path[64];
    if (path[0] == '\0')
        snprintf(path, sizeof path, "test_overlap.%d.h5", (int)getpid());
    return path;
}

typedef enum where { MEMORY, FILE_PLAIN, FILE_PACKED } where;

/* n x n elements in chunks of 32 KiB, in memory or in a file of as many stored chunks. */
static br_array *large(where from, int64_t n, double *memory)
{
    br_array *x =
        br_from_memory(ctx, memory, BR_FLOAT64, BR_SHAPE(n, n), .chunks = BR_CHUNKS(PART, PART));
    if (from == MEMORY)
        return x;
    ck_assert_msg(br_store_hdf5(x, file_path(), "x", .chunks = BR_CHUNKS(PART, PART),
                                .deflate = from == FILE_PACKED) == BR_OK,
                  "%s", br_message(ctx));
    br_array *y = br_from_hdf5(ctx, file_path(), "x", .chunks = BR_CHUNKS(PART, PART));
    ck_assert_msg(br_status_of(y) == BR_OK, "%s", br_error(y));
    return y;
}

static double *numbers(int64_t n)
{
    double *x = malloc(sizeof *x * (size_t)(n * n));
    for (int64_t i = 0; i < n * n; i++)
        x[i] = (double)(i * 7919 % 1000);
    return x;
}

/* Each element and its neighbours that are inside, all added up. */
static double sum_of_crosses(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            sum += x[i * n + j] * (1 + (i > 0) + (i < n - 1) + (j > 0) + (j < n - 1));
    return sum;
}

static double sum_of_steps(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i * n + n - 1] - x[i * n];
    return sum;
}

typedef struct cost {
    double peak;        /* in chunks */
    double bytes, read; /* of the array, and of the file */
} cost;

static cost last_cost(int64_t n)
{
    br_run_info info;
    ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
    return (cost){(double)info.peak_bytes / PART_BYTES, (double)(n * n * 8),
                  (double)info.bytes_read};
}

enum { KINDS = 5 };
static const char *const kinds[KINDS] = {"map_overlap", "map_overlap of a sum", "diff", "gradient",
                                         "rolling mean"};

static cost run(int kind, where from, int64_t n)
{
    double *memory = numbers(n);
    br_scope *scope = br_scope_open(ctx);
    br_array *x = large(from, n, memory);
    switch (kind) {
    case 0:
        ck_assert(computed(br_sum(br_map_overlap(x, cross, .depth = BR_SHAPE(1), .inner = true))) ==
                  sum_of_crosses(memory, n));
        break;
    case 1:
        computed(br_sum(br_map_overlap(br_add(x, 1), cross, .depth = BR_SHAPE(1))));
        break;
    case 2:
        ck_assert(computed(br_sum(br_diff(x))) == sum_of_steps(memory, n));
        break;
    case 3:
        computed(br_max(br_gradient(x, .axis = BR_AXIS(0))));
        break;
    default:
        computed(br_max(br_mean(br_sliding_window_view(x, BR_SHAPE(3), .axis = BR_AXIS(1)),
                                .axis = BR_AXIS(-1))));
    }
    cost c = last_cost(n);
    br_scope_close(scope);
    free(memory);
    unlink(file_path());
    return c;
}

/* Of 1024 chunks each is made and given up: what is held doesn't grow with their number. */
START_TEST(little_is_held)
{
    int kind = _i % KINDS;
    where from = _i / KINDS % 2 ? FILE_PLAIN : MEMORY;
    open_context("sync");
    cost few = run(kind, from, SIDE / 2);
    cost many = run(kind, from, SIDE);
    ck_assert_msg(many.peak <= few.peak + 2 && many.peak <= 64,
                  "%s: one after the other %.1f chunks are held, of a quarter %.1f", kinds[kind],
                  many.peak, few.peak);
    ck_assert_msg(many.read <= (kind < 2 ? 3 : 2.05) * many.bytes,
                  "%s: %.0f of %.0f bytes are read", kinds[kind], many.read, many.bytes);
    ck_assert_int_eq(br_close(ctx), 0);
    /* At most 32 tasks are in flight. */
    open_context("threads");
    cost both = run(kind, from, SIDE);
    ck_assert_msg(both.peak <= 32 * 12, "%s: by two threads %.1f chunks are held", kinds[kind],
                  both.peak);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

/* Decoding a chunk for each of its neighbours would cost more than keeping two rows of chunks. */
START_TEST(packed_files_are_decoded_once)
{
    open_context("sync");
    for (int kind = 0; kind < 2; kind++) {
        cost c = run(kind, FILE_PACKED, SIDE);
        ck_assert_msg(c.peak <= 2 * 32 + 64, "%s: %.1f chunks are held", kinds[kind], c.peak);
        ck_assert_msg(c.read <= c.bytes, "%s: %.0f of %.0f bytes are read", kinds[kind], c.read,
                      c.bytes);
    }
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("all");
    tcase_add_test(all, blocks_say_where_they_are);
    tcase_add_test(all, equal_calls_are_one);
    tcase_add_test(all, wrong_calls_are_refused);
    tcase_add_test(all, wrong_windows_are_refused);
    tcase_add_test(all, wrong_convolutions_are_refused);
    tcase_add_loop_test(all, a_failing_function_ends_the_run, 0, 2);
    tcase_add_loop_test(all, little_is_held, 0, 2 * KINDS);
    tcase_add_test(all, packed_files_are_decoded_once);
    return run_case("overlap", all);
}
