/* SPDX-License-Identifier: BSD-3-Clause
 * test_wire.c - nodes with impossible parameters, rightly packed, are refused where they arrive.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/expr/wire.h"
#include "array/ops/ops.h"
#include "runtime/alloc.h"
#include "tests/suite.h"

static br_context *ctx;

static void open_context(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static void close_context(void)
{
    br_close(ctx);
}

/* ---- arrays, each with the parameters of its own node ---- */

static br_array *matrix(void)
{
    return br_ones(ctx, BR_SHAPE(6, 4), .chunks = BR_CHUNKS(2, 4));
}

static br_array *an_arange(void)
{
    return br_arange(ctx, BR_NUM(5), BR_NUM(20));
}

static br_array *a_random(void)
{
    return br_random_normal(ctx, BR_SHAPE(6, 4), .seed = BR_NUM(1));
}

static br_array *a_memory(void)
{
    static const double x[24] = {0};
    return br_from_memory(ctx, x, BR_FLOAT64, BR_SHAPE(6, 4));
}

static br_array *a_sum(void)
{
    return br_add(matrix(), br_arange(ctx, .stop = BR_NUM(4)));
}

static br_array *an_astype(void)
{
    return br_astype(matrix(), BR_INT8);
}

static br_array *a_reduce(void)
{
    return br_max(matrix(), .axis = BR_AXES(0));
}

static br_array *a_product(void)
{
    return br_matmul(matrix(), br_ones(ctx, BR_SHAPE(4, 3)));
}

static br_array *a_view(void)
{
    return br_index(matrix(), "1:5:2, 1:");
}

static br_array *a_rechunk(void)
{
    return br_rechunk(matrix(), BR_CHUNKS(3, 2));
}

static br_array *a_reshape(void)
{
    return br_reshape(matrix(), BR_SHAPE(8, 3));
}

static br_array *a_concat(void)
{
    br_array *both[] = {matrix(), a_random()};
    return br_concat(both, 2);
}

static br_array *a_diagonal(void)
{
    return br_diagonal(matrix(), .offset = 1);
}

static br_array *a_take(void)
{
    static const int64_t index[] = {3, 0, 1};
    return br_take(matrix(), br_from_memory(ctx, index, BR_INT64, BR_SHAPE(3), .copy = true),
                   .axis = BR_AXIS(0));
}

static br_array *a_repeat(void)
{
    return br_repeat(matrix(), 3, .axis = BR_AXIS(1));
}

static br_array *windows(void)
{
    return br_sliding_window_view(matrix(), BR_SHAPE(3), .axis = BR_AXES(0));
}

static int no_block(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)n, (void)out, (void)data;
    return 0;
}

static br_array *blocks(void)
{
    return br_map_blocks(matrix(), no_block);
}

static br_array *mapped_eye(void)
{
    return br_eye(ctx, 6, .columns = 4);
}

static br_array *full_like(void)
{
    return br_full_like(br_concat(((br_array *[]){a_random(), a_sum()}), 2), BR_NUM(2));
}

/* ---- what is made of a parameter ---- */

typedef struct lie {
    br_array *(*make)(void);
    size_t at, bytes; /* of the parameter; 0: the whole is that much longer */
    int64_t value;
    const char *message;
} lie;

static const char unfit[] = "has parameters that do not fit its inputs";

#define LIE(make, type, member, value)                                                             \
    {                                                                                              \
        make, offsetof(type, member), sizeof(((type *)0)->member), value, unfit                    \
    }

static const lie lies[] = {
    LIE(matrix, bri_layout, dtype, 99),
    LIE(matrix, bri_layout, ndim, BR_MAX_NDIM + 1),
    LIE(matrix, bri_layout, extent[0], -6),
    LIE(matrix, bri_layout, extent[1], INT64_MAX),
    LIE(matrix, bri_layout, chunk[1], -1),
    LIE(a_memory, bri_memory_params, data, 64),
    LIE(an_arange, bri_iota_params, layout.ndim, 2),
    LIE(a_random, bri_random_params, distribution, 77),
    LIE(mapped_eye, bri_diagonal_params, k, 5),
    LIE(a_sum, bri_elementwise_params, opcode, 1000000),
    LIE(a_sum, bri_elementwise_params, opcode, BRI_OP_WHERE),
    LIE(a_sum, bri_elementwise_params, dtype, -1),
    {an_astype, 0, sizeof(int32_t), 1 << 20, unfit},
    LIE(a_reduce, bri_reduce_params, redop, BRI_NREDS),
    LIE(a_reduce, bri_reduce_params, dtype, BR_INT8),
    LIE(a_reduce, bri_reduce_params, axes, 4),
    LIE(a_product, bri_matmul_params, nrow, 40),
    LIE(a_product, bri_matmul_params, index[0][1], 0),
    LIE(a_product, bri_matmul_params, index[1][0], 9),
    LIE(a_view, bri_view_params, source_ndim, 3),
    LIE(a_view, bri_view_params, word[0], 4),
    LIE(a_view, bri_view_params, word[2], 2),
    LIE(a_view, bri_view_params, word[3], -1),
    LIE(a_view, bri_view_params, word[4], 0),
    LIE(a_rechunk, bri_chunks_params, ndim, 20),
    LIE(a_rechunk, bri_chunks_params, before[0], -1),
    LIE(a_rechunk, bri_chunks_params, before[0], 3),
    LIE(a_reshape, bri_layout, extent[0], 9),
    LIE(a_concat, bri_concat_params, axis, 2),
    LIE(a_concat, bri_concat_params, axis, -1),
    {a_diagonal, 0, sizeof(int64_t), 5, unfit},
    LIE(a_take, bri_take_params, first, 2),
    LIE(a_take, bri_take_params, picked, 2),
    LIE(a_take, bri_take_params, extent[0], 4),
    LIE(a_repeat, bri_repeat_params, axis, 2),
    LIE(a_repeat, bri_repeat_params, count, INT64_MAX / 2),
    {windows, 0, sizeof(int32_t), 33, unfit},
    {windows, sizeof(int32_t), sizeof(int32_t), 2, unfit},
    LIE(blocks, bri_user_params, dtype, 99),
    LIE(full_like, bri_full_like_params, ndim, 1),
    LIE(full_like, bri_full_like_params, word[1], 1 << 20),
    {a_sum, 0, 0, 8, "has 16 bytes of parameters, not 8"},
    {a_product, 0, 0, 4, "bytes of parameters, not"},
    {a_view, 0, 0, 8, unfit},
};

/* Where the head of the last node stands. */
static size_t last_head(const bri_writer *w)
{
    size_t at = sizeof(int);
    size_t last = at;
    int n = 0;
    memcpy(&n, w->bytes, sizeof n);
    for (; n > 0; n--) {
        bri_node_head head;
        int64_t table;
        last = at;
        memcpy(&head, w->bytes + at, sizeof head);
        at += sizeof head + head.file_bytes + (size_t)head.ninputs * sizeof(int32_t) +
              head.params_bytes;
        memcpy(&table, w->bytes + at, sizeof table);
        at += sizeof table;
        if (table == BRI_TABLE_INSIDE) {
            uint64_t bytes;
            memcpy(&bytes, w->bytes + at, sizeof bytes);
            at += 2 * sizeof bytes + bytes;
        }
        if (table == BRI_TABLE_STAYS)
            at += 3 * sizeof table;
    }
    return last;
}

static void insert_zeros(bri_writer *w, size_t at, size_t n)
{
    const char zeros[16] = {0};
    size_t behind = w->n - at;
    ck_assert_int_eq(bri_write(w, zeros, n), BR_OK);
    memmove(w->bytes + at + n, w->bytes + at, behind);
    memset(w->bytes + at, 0, n);
}

/* With functions, parameters begin behind the function's place. */
static size_t params_at(const bri_node *node, size_t end)
{
    return end - node->params_bytes;
}

static void tell(const lie *l, const bri_node *node, bri_writer *w)
{
    bri_node_head head;
    size_t at = last_head(w);
    memcpy(&head, w->bytes + at, sizeof head);
    size_t rest = at + sizeof head;
    size_t n = head.file_bytes + (size_t)head.ninputs * sizeof(int32_t) + head.params_bytes;
    if (l->bytes > 0) {
        memcpy(w->bytes + params_at(node, rest + n) + l->at, &l->value, l->bytes);
    } else {
        insert_zeros(w, rest + n, (size_t)l->value);
        head.params_bytes += (uint32_t)l->value;
        n += (size_t)l->value;
    }
    head.hash = bri_node_head_hash(&head, w->bytes + rest, n);
    memcpy(w->bytes + at, &head, sizeof head);
}

static br_status unpack(const bri_writer *w)
{
    bri_node *out[1];
    bri_reader r = {.at = w->bytes, .left = w->n};
    int n = 0;
    br_status st = bri_unpack_nodes(ctx, &r, out, 1, &n);
    if (st == BR_OK)
        bri_node_release(out[0]);
    return st;
}

START_TEST(impossible_parameters_are_refused)
{
    const lie *l = &lies[_i];
    bri_writer w = {0};
    br_array *x = l->make();
    ck_assert_int_eq(br_status_of(x), BR_OK);
    ck_assert_int_eq(bri_pack_nodes(ctx, &w, &x->node, 1), BR_OK);
    ck_assert_int_eq(unpack(&w), BR_OK);
    tell(l, x->node, &w);
    ck_assert_int_eq(unpack(&w), BR_EINTERNAL);
    ck_assert_msg(strstr(bri_last_error(), l->message) != NULL, "%d: %s", _i, bri_last_error());
    ck_assert_msg(strstr(bri_last_error(), x->node->op->name) != NULL, "%s", bri_last_error());
    bri_free(w.bytes);
}
END_TEST

/* The number of another operation, with other parameters or inputs. */
START_TEST(other_operations_are_refused)
{
    bri_writer w = {0};
    br_array *x = a_product();
    ck_assert_int_eq(bri_pack_nodes(ctx, &w, &x->node, 1), BR_OK);
    size_t at = last_head(&w);
    bri_node_head head;
    memcpy(&head, w.bytes + at, sizeof head);
    const int own = head.op;
    size_t rest = at + sizeof head;
    size_t n = head.file_bytes + (size_t)head.ninputs * sizeof(int32_t) + head.params_bytes;
    for (head.op = 0; head.op < bri_op_count; head.op++) {
        head.hash = bri_node_head_hash(&head, w.bytes + rest, n);
        memcpy(w.bytes + at, &head, sizeof head);
        ck_assert_msg((unpack(&w) == BR_OK) == (head.op == own), "%s", bri_op_table[head.op]->name);
    }
    bri_free(w.bytes);
}
END_TEST

static br_status unpack_node(const bri_writer *w, bri_node **out)
{
    bri_reader r = {.at = w->bytes, .left = w->n};
    int n = 0;
    return bri_unpack_nodes(ctx, &r, out, 1, &n);
}

/* As from rank 0, of several: its indices stay there. */
static bri_writer pack_staying(br_array *x)
{
    bri_writer w = {.apart = ctx};
    bri_table_stay(x->node->table);
    ck_assert_int_eq(bri_pack_nodes(ctx, &w, &x->node, 1), BR_OK);
    return w;
}

START_TEST(indices_that_stay_are_known_by_number)
{
    bri_node *node[3];
    br_array *x = a_take();
    bri_writer w = pack_staying(x);
    /* The last node ends with length, hash and number of its table; then come the outputs. */
    unsigned char *table = w.bytes + w.n - 2 * sizeof(int) - 3 * sizeof(int64_t);
    const int64_t number = x->node->table->stays + 1;
    const uint64_t bytes = sizeof(int64_t);
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            memcpy(table + 2 * sizeof number, &number, sizeof number);
        ck_assert_int_eq(unpack_node(&w, &node[i]), BR_OK);
    }
    ck_assert(node[0]->table->absent && node[0]->table->bytes == x->node->table->bytes);
    ck_assert(node[0] == node[1] && node[0] != node[2] && node[0] != x->node);
    for (int i = 0; i < 3; i++)
        bri_node_release(node[i]);
    memcpy(table, &bytes, sizeof bytes); /* fewer than the parameters say */
    ck_assert_int_eq(unpack(&w), BR_EINTERNAL);
    ck_assert_msg(strstr(bri_last_error(), unfit) != NULL, "%s", bri_last_error());
    bri_free(w.bytes);
}
END_TEST

/* Other operations look into their tables. */
START_TEST(other_tables_cannot_stay)
{
    br_array *x = br_resolve(br_compress(br_greater(an_arange(), 7), an_arange()));
    ck_assert_ptr_nonnull(x->node->table);
    bri_writer w = pack_staying(x);
    ck_assert_int_eq(unpack(&w), BR_EINTERNAL);
    ck_assert_msg(strstr(bri_last_error(), unfit) != NULL, "%s", bri_last_error());
    bri_free(w.bytes);
    bri_table *table;
    const int64_t stays[] = {BRI_TABLE_STAYS, 8, 0, 1};
    bri_reader r = {.at = (const unsigned char *)stays, .left = sizeof stays};
    ck_assert_int_eq(bri_read_table(ctx, &r, &table), BR_EINTERNAL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("wire");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_loop_test(tests, impossible_parameters_are_refused, 0,
                        (int)(sizeof lies / sizeof lies[0]));
    tcase_add_test(tests, other_operations_are_refused);
    tcase_add_test(tests, indices_that_stay_are_known_by_number);
    tcase_add_test(tests, other_tables_cannot_stay);
    return run_case("wire", tests);
}
