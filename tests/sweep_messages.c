/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_messages.c - what travels between ranks: partial results of reductions, faces of stencils,
 * each element of a rechunk once, each chunk of a persisted array at most once to each rank,
 * records of stored chunks instead of these, and nothing at all where operands lie alike; and that
 * the message which starts a run is short, whatever the number of chunks, indices and bytes of the
 * user's, as is the number of packets about it.
 * With the argument "broadcasts" only what many ranks read; with "short" too, in little memory.
 */
#include <math.h>

#include "array/expr/node.h"
#include "array/plan/message.h"
#include "scheduler/mpi/link.h"
#include "tests/moves.h"
#include "tests/sweep.h"

enum { ROWS = 12, COLUMNS = 10, SIDE = 64, LINE = 100, LITTLE = 7 /* MiB */ };

static double ranks;
static bool in_little_memory;

/* At most so many values and bytes may have travelled in the last run. */
static void check_sent(const char *name, double messages, double bytes)
{
    br_run_info info;
    if (br_last_run(sweep.ctx, &info) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if ((double)info.messages > messages)
        fail(name, "%" PRId64 " messages between %g ranks, at most %g are needed", info.messages,
             ranks, messages);
    if ((double)info.bytes_sent > bytes)
        fail(name, "%" PRId64 " bytes between %g ranks, at most %g are needed", info.bytes_sent,
             ranks, bytes);
}

/* Exactly so many bytes of values, in at most so many messages. */
static void check_moved(const char *name, double messages, double bytes)
{
    br_run_info info;
    check_sent(name, messages, bytes);
    if (br_last_run(sweep.ctx, &info) != BR_OK || (double)info.bytes_sent != bytes)
        fail(name, "%" PRId64 " bytes between %g ranks, not %g", info.bytes_sent, ranks, bytes);
}

static void check_value(const char *name, double got, double want)
{
    if (got != want)
        fail(name, "is %.17g, expected %.17g", got, want);
    printf("%s %.17g\n", name, got);
    sweep.cases++;
}

static br_array *kept(const char *name, br_array *x)
{
    br_array *p = br_persist(x);
    if (br_status_of(p) != BR_OK)
        fail(name, "%s", br_error(p));
    return p;
}

/* Computes sum(x), whose value is known. */
static void sum_of(const char *name, br_array *x, double want)
{
    double got = 0;
    if (br_compute_f64(br_sum(x), &got) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    check_value(name, got, want);
}

/* 0, 1, 2, ... in chunks of SIDE, kept where they are made. */
static br_array *line(int64_t n)
{
    return kept("line", br_arange(sweep.ctx, .stop = BR_NUM(n * SIDE), .dtype = BR_FLOAT64,
                                  .chunks = BR_CHUNKS(SIDE)));
}

/* 12 x 10 chunks of 64 x 64, whose element (i, j) is i * 640 + j. */
static br_array *plane(void)
{
    br_array *all =
        br_arange(sweep.ctx, .stop = BR_NUM(ROWS * COLUMNS * SIDE * SIDE), .dtype = BR_FLOAT64);
    br_array *x = br_reshape(all, BR_SHAPE(ROWS * SIDE, COLUMNS * SIDE));
    return kept("plane", br_rechunk(x, .chunks = BR_CHUNKS(SIDE, SIDE)));
}

static const double plane_elements = (double)ROWS * COLUMNS * SIDE * SIDE;
static const double chunk_bytes = SIDE * SIDE * 8.0;

static double sum_to(double n)
{
    return n * (n - 1) / 2;
}

/* ---- reductions ---- */

/* Of each rank's run of n leaves, at most 2 log2(n) nodes of the tree are complete subtrees. */
static double partials(double n)
{
    return (ranks - 1) * 2 * ceil(log2(n));
}

/* They travel together: those complete on one rank, and at most one that others complete. */
static double bundles(void)
{
    return (ranks - 1) * 2;
}

static void reductions(void)
{
    br_array *x = line(LINE);
    sum_of("sum of a line", x, sum_to(LINE * SIDE));
    check_sent("sum of a line", bundles(), partials(LINE) * 8);
    check_moved("sum of a line", bundles(), partials_sent(last_persisted()->owner, LINE, 1) * 8);
    x = line(128); /* on 2 and 4 ranks, runs that are subtrees */
    sum_of("sum of 128 chunks", x, sum_to(128.0 * SIDE));
    bool even = 128 % (int)ranks == 0;
    check_sent("sum of 128 chunks", even ? ranks - 1 : bundles(),
               even ? (ranks - 1) * 8 : partials(128) * 8);
    check_moved("sum of 128 chunks", bundles(), partials_sent(last_persisted()->owner, 128, 1) * 8);
    x = line(1);
    sum_of("sum of one chunk", x, sum_to(SIDE));
    check_moved("sum of one chunk", 0, 0);
    x = line(2);
    sum_of("sum of two chunks", x, sum_to(2.0 * SIDE));
    check_moved("sum of two chunks", 1, ranks > 1 ? 8 : 0);
    x = line(0);
    sum_of("sum of nothing", x, 0);
    check_moved("sum of nothing", 0, 0);
}

static void reductions_of_a_plane(const br_array *plane, const bri_persisted *p)
{
    double rows = (ranks - 1) * ceil(log2(ROWS)) * COLUMNS;
    double across = partials_down_columns(p) * SIDE * 8;
    br_array *x = (br_array *)(uintptr_t)plane;
    sum_of("sum of a plane", x, sum_to(plane_elements));
    check_moved("sum of a plane", 2 * bundles(),
                partials_along_rows(p) * SIDE * 8 + partials_sent(p->owner, ROWS, COLUMNS) * 8);
    br_array *mean = kept("mean", br_mean(x, .axis = BR_AXIS(0)));
    check_moved("mean along the rows", rows, across);
    sum_of("mean along the rows", mean, sum_to(plane_elements) / (ROWS * SIDE));
    mean = kept("mean", br_mean(x, .axis = BR_AXIS(1)));
    check_moved("mean along the columns", (ranks - 1) * ceil(log2(COLUMNS)),
                partials_along_rows(p) * SIDE * 8);
    sum_of("mean along the columns", mean, sum_to(plane_elements) / (COLUMNS * SIDE));
    br_array *less = kept("less", br_sub(x, br_mean(x, .axis = BR_AXIS(0))));
    check_moved("plane - mean", rows + (ranks - 1) * COLUMNS, across + handed_down(p) * SIDE * 8);
    sum_of("plane - mean", less, 0);
}

/* ---- packets ---- */

/* Those that this rank has sent about runs: not about tasks of submit.h, which bring the numbers,
 * nor signs of life. */
static int count_packets(br_task *task, const void *args, size_t bytes)
{
    static const bri_packet_kind others[] = {BRI_PACKET_TASKS, BRI_PACKET_RESULTS, BRI_PACKET_BEAT};
    int64_t n = 0;
    (void)args, (void)bytes;
    for (int kind = 0; kind < BRI_PACKET_KINDS; kind++)
        n += bri_link_sent((bri_packet_kind)kind);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        n -= bri_link_sent(others[i]);
    return br_task_return(task, &n, sizeof n);
}

static double packets_of_all(void)
{
    enum { MOST_RANKS = 64 };
    int64_t sent[MOST_RANKS];
    double all = 0;
    if (br_run_on(sweep.ctx, NULL, count_packets, .results = sent, .each = sizeof sent[0]) != BR_OK)
        fail("packets", "%s", br_message(sweep.ctx));
    for (int r = 0; r < (int)ranks; r++)
        all += (double)sent[r];
    return all;
}

/* Each other rank hears of the run and of its end and says that it is done; each message is asked
 * for. Nothing else travels, whatever the number of chunks. */
static double packets_of_sum(int64_t chunks)
{
    char name[64];
    br_run_info info;
    snprintf(name, sizeof name, "packets of a sum of %" PRId64 " chunks", chunks);
    br_array *x = br_arange(sweep.ctx, .stop = BR_NUM(2 * chunks), .dtype = BR_FLOAT64,
                            .chunks = BR_CHUNKS(2));
    double sent = packets_of_all();
    sum_of(name, x, sum_to(2.0 * (double)chunks));
    sent = packets_of_all() - sent;
    check_sent(name, bundles(), partials((double)chunks) * 8);
    if (br_last_run(sweep.ctx, &info) != BR_OK ||
        sent != 3 * (ranks - 1) + 2 * (double)info.messages)
        fail(name, "%g packets with %" PRId64 " messages", sent, info.messages);
    return sent;
}

/* Where ranks have the same part of a larger tree each time it is the same number. */
static void packets(void)
{
    enum { FEW = 24 };
    double few = packets_of_sum(FEW);
    packets_of_sum(10);
    packets_of_sum(1000);
    packets_of_sum(100000);
    for (int64_t n = 64 * FEW; n < 100000; n *= 64) {
        double sent = packets_of_sum(n);
        if (FEW % (int)ranks == 0 && sent != few)
            fail("packets", "%g of %" PRId64 " chunks, %g of %d", sent, n, few, FEW);
    }
}

/* ---- what lies alike ---- */

static void aligned(br_array *x, const int *owner)
{
    br_array *y = kept("y", br_add(x, 1));
    check_moved("x + 1", 0, 0);
    br_array *z = kept("z", br_add(br_mul(x, 2), y));
    check_moved("2 x + y", 0, 0);
    sum_of("2 x + y", z, 3 * sum_to(plane_elements) + plane_elements);
    br_array *turned = kept("turned", br_permute_dims(x, BR_AXES(1, 0)));
    check_moved("turned", 0, 0);
    turned = kept("turned again", br_sub(turned, br_permute_dims(y, BR_AXES(1, 0))));
    check_moved("turned - turned y", 0, 0);
    sum_of("turned - turned y", turned, -plane_elements);
    sum_of("part", br_index(x, "64:128"),
           sum_to(2 * plane_elements / ROWS) - sum_to(plane_elements / ROWS));
    check_moved("part", bundles(),
                partials_sent(owner + COLUMNS, COLUMNS, 1) * SIDE * 8 + 8 * (owner[COLUMNS] != 0));
}

/* ---- faces ---- */

static void stencils(br_array *x, const bri_persisted *p)
{
    const double row = COLUMNS * SIDE;
    br_array *l = line(LINE);
    br_array *d =
        br_sub(br_add(br_index(l, ":-2"), br_index(l, "2:")), br_mul(2, br_index(l, "1:-1")));
    d = kept("d", d);
    check_moved("second difference", (ranks - 1) * 3, (ranks - 1) * 3 * 8);
    sum_of("second difference", d, 0);
    d = kept("d", br_sub(br_index(x, "1:"), br_index(x, ":-1")));
    check_moved("difference of rows", (ranks - 1) * COLUMNS, elements_apart(p, 1, 0) * 8);
    sum_of("difference of rows", d, (ROWS * SIDE - 1) * row * row);
    d = kept("d", br_sub(br_index(x, ":, 1:"), br_index(x, ":, :-1")));
    check_moved("difference of columns", ranks - 1, elements_apart(p, 0, 1) * 8);
    sum_of("difference of columns", d, ROWS * SIDE * (row - 1));
}

/* ---- everything moves ---- */

static void rechunks(br_array *x, const bri_persisted *p)
{
    static const int64_t cut[][2] = {{ROWS * SIDE, 32},
                                     {48, COLUMNS * SIDE},
                                     {56, 80},
                                     {100, 100},
                                     {ROWS * SIDE, COLUMNS * SIDE}};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "rechunk %" PRId64 " x %" PRId64, cut[i][0], cut[i][1]);
        br_array *r = kept(name, br_rechunk(x, .chunks = BR_CHUNKS(cut[i][0], cut[i][1])));
        check_moved(name, INFINITY, elements_moved(p, last_persisted()) * 8);
        sum_of(name, br_sub(br_mul(r, 1), 1), sum_to(plane_elements) - plane_elements);
        check_sent(name, INFINITY, partials(ROWS * COLUMNS) * (double)cut[i][0] * 8);
    }
}

/* Each chunk to each other rank once, however often it is read there. */
static void products(br_array *x, const bri_persisted *p)
{
    const double chunks = ROWS * COLUMNS;
    br_array *turned = br_permute_dims(x, BR_AXES(1, 0));
    kept("x x'", br_matmul(x, turned));
    check_moved("x x'", (ranks - 1) * chunks, (ranks - 1) * chunks * chunk_bytes);
    br_array *both = br_add(br_matmul(x, turned), br_matmul(br_mul(x, 2), turned));
    kept("x x' + 2 x x'", both);
    check_moved("x x' + 2 x x'", (ranks - 1) * chunks * 2,
                ((ranks - 1) * chunks + left_chunks_apart(p, last_persisted())) * chunk_bytes);
}

/* ---- stores ---- */

/* 16 bytes for each stored chunk, of which each chunk has four; into a new file, then into one that
 * exists. What replaces chunks travels. */
static void stores(br_array *x, const int *owner)
{
    double others = 0;
    for (int c = 0; c < ROWS * COLUMNS; c++)
        others += owner[c] != 0;
    for (int deflate = 0; deflate < 3; deflate++) {
        br_status st = br_store_hdf5(x, "stores.h5", "x", .mode = BR_STORE_TRUNCATE,
                                     .deflate = deflate, .chunks = BR_CHUNKS(SIDE / 2, SIDE / 2));
        if (st != BR_OK)
            fail("store", "%s", br_message(sweep.ctx));
        check_moved("store", others, others * 4 * 16);
        sum_of("stored", br_from_hdf5(sweep.ctx, "stores.h5", "x"), sum_to(plane_elements));
    }
    if (br_store_hdf5(x, "stores.h5", "y", .deflate = 1, .chunks = BR_CHUNKS(SIDE / 2, SIDE / 2)) !=
        BR_OK)
        fail("store", "%s", br_message(sweep.ctx));
    check_moved("store beside it", others, others * 4 * 16);
    sum_of("stored beside it", br_from_hdf5(sweep.ctx, "stores.h5", "y"), sum_to(plane_elements));
    if (br_store_hdf5(x, "stores.h5", "y", .region = "...") != BR_OK)
        fail("store", "%s", br_message(sweep.ctx));
    check_sent("store over it", others, others * chunk_bytes);
    sum_of("stored over it", br_from_hdf5(sweep.ctx, "stores.h5", "y"), sum_to(plane_elements));
}

/* ---- many readers ---- */

/* No rank sends more than log2(ranks) copies, but where none has memory to keep one for others; all
 * together `each` for each other rank. */
static void check_tree(const char *name, double each, double bytes)
{
    br_run_info info;
    check_sent(name, each * (ranks - 1), each * (ranks - 1) * bytes);
    if (br_last_run(sweep.ctx, &info) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    double most = ranks > 5 ? ceil(log2(ranks)) : ranks - 1;
    if (in_little_memory && (double)info.most_sent != (ranks - 1) * bytes)
        fail(name, "%" PRId64 " bytes leave one rank, not all", info.most_sent);
    if (!in_little_memory && (double)info.most_sent > most * bytes)
        fail(name, "%" PRId64 " bytes leave one rank, at most %g are needed", info.most_sent,
             most * bytes);
    if ((double)info.bytes_sent != each * (ranks - 1) * bytes)
        fail(name, "%" PRId64 " bytes travel", info.bytes_sent);
}

/* 8 chunks of rows of `width` elements, each of which reads all of one other row. */
static void broadcasts_of(int64_t rows, int64_t width)
{
    const double all = (double)rows * (double)width;
    char name[64];
    br_array *row = br_arange(sweep.ctx, .stop = BR_NUM(width), .dtype = BR_FLOAT64,
                              .chunks = BR_CHUNKS(width));
    br_array *x = br_full(sweep.ctx, BR_SHAPE(rows, width), BR_NUM(2), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(rows / 8, width));
    row = kept("row", row);
    x = kept("x", x);
    snprintf(name, sizeof name, "a persisted chunk of %" PRId64, width);
    br_array *y = kept(name, br_add(x, row));
    check_tree(name, 1, (double)width * 8);
    sum_of(name, y, 2 * all + (double)rows * sum_to((double)width));
    /* Column sums are made on rank 0, along a tree, and read by all. */
    snprintf(name, sizeof name, "a computed chunk of %" PRId64, width);
    br_array *mean = br_mean(y, .axis = BR_AXIS(0));
    y = kept(name, br_sub(y, mean));
    if (ranks != 3 && ranks != 5) /* else more partial results travel, since chunks lie unevenly */
        check_tree(name, 2, (double)width * 8);
    sum_of(name, y, 0);
}

/* Fails in the chunk that begins at row *data. */
static int fail_at(const br_block *in, int n, const br_block *out, const void *data)
{
    memcpy(out->data, in->data, (size_t)(out->extent[0] * out->extent[1]) * sizeof(double));
    return out->origin[0] == *(const int64_t *)data ? n : 0;
}

/* What readers have promised to pass on when a task fails is not missed afterwards. */
static void failures(void)
{
    const int64_t width = 1024 * SIDE;
    br_array *x = br_full(sweep.ctx, BR_SHAPE(32, width), BR_NUM(2), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(4, width));
    for (int64_t at = 0; at <= 32; at += 4) {
        double got = 0;
        br_scope *inner = br_scope_open(sweep.ctx);
        br_array *y = br_map_blocks(br_add(x, 1), fail_at, .data = &at, .data_bytes = sizeof at);
        br_array *less = br_sub(br_mul(y, x), br_mean(x, .axis = BR_AXIS(0)));
        br_status st = br_compute_f64(br_sum(less), &got);
        if ((st == BR_OK) != (at == 32) || (at == 32 && got != 4.0 * 32 * (double)width))
            fail("failures", "at %" PRId64 ": %s, %g", at, br_message(sweep.ctx), got);
        br_scope_close(inner);
    }
    printf("failures\n");
    sweep.cases++;
}

/* Panels of the caller's memory that all read, in which rows lie apart, and of which rank 0 has no
 * room for a copy. */
static void panels(void)
{
    enum { TALL = 640, WIDE = 1024 };
    const int64_t n = (int64_t)TALL * 2 * WIDE;
    const double bytes = TALL * WIDE * 8.0;
    double *data = malloc((size_t)n * sizeof *data);
    for (int64_t i = 0; i < n; i++)
        data[i] = (double)i;
    br_array *m = br_from_memory(sweep.ctx, data, BR_FLOAT64, BR_SHAPE(TALL, 2 * WIDE),
                                 .chunks = BR_CHUNKS(TALL, WIDE));
    br_array *x = br_full(sweep.ctx, BR_SHAPE(8, TALL, 2 * WIDE), BR_NUM(1), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(1, TALL, WIDE));
    br_run_info info;
    sum_of("panels", br_mul(x, m), 8 * sum_to((double)n));
    check_sent("panels", 2 * (ranks - 1) + bundles(), 2 * (ranks - 1) * bytes + partials(16) * 8);
    if (br_last_run(sweep.ctx, &info) != BR_OK || info.peak_bytes > LITTLE << 20)
        fail("panels", "%" PRId64 " KiB are held", info.peak_bytes >> 10);
    free(data);
}

static void broadcasts(void)
{
    if (in_little_memory) { /* of 8 rows */
        panels();
        broadcasts_of(8, 2048 * SIDE);
        return;
    }
    broadcasts_of(32, SIDE);
    broadcasts_of(32, 1024 * SIDE);
    failures();
    reductions();
    br_array *x = plane();
    products(x, last_persisted());
}

/* ---- the message ---- */

enum { MESSAGE = BRI_MESSAGE_BYTES, MANY = 50000, DATA = 100000 };

static void check_message(const char *name, int64_t apart)
{
    const bri_array_data *data = bri_array_data_of(sweep.ctx);
    if (data->message_bytes > MESSAGE || (data->message_bytes == 0) != (ranks == 1))
        fail(name, "the message has %zu bytes", data->message_bytes);
    if (data->apart.sent != (ranks > 1 ? apart : 0))
        fail(name, "%" PRId64 " bytes have travelled apart, expected %" PRId64, data->apart.sent,
             apart);
    if (data->apart.ngone != 0)
        fail(name, "%zu tables are gone of which the message has not told", data->apart.ngone);
}

static int add_byte(const br_block *in, int n, const br_block *out, const void *data)
{
    const unsigned char *table = data;
    const double *x = in->data;
    double *y = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] + table[(out->origin[0] + i) % DATA];
    return n - 1;
}

/* Bytes of the user's, as data of a function. */
static void long_data(void)
{
    static unsigned char data[DATA];
    double want = sum_to(LINE * SIDE);
    int64_t before = bri_array_data_of(sweep.ctx)->apart.sent;
    br_array *x = line(LINE);
    for (int i = 0; i < DATA; i++)
        data[i] = (unsigned char)(i % 251);
    for (int i = 0; i < LINE * SIDE; i++)
        want += i % 251;
    br_array *y = br_map_blocks(x, add_byte, .data = data, .data_bytes = sizeof data);
    for (int again = 0; again < 2; again++) {
        sum_of("long data", br_add(y, again), want + again * (double)LINE * SIDE);
        int64_t sent = bri_array_data_of(sweep.ctx)->apart.sent - before;
        if (ranks > 1 && (sent < DATA || sent > DATA + 4096))
            fail("long data", "%" PRId64 " bytes travelled apart", sent);
        check_message("long data", bri_array_data_of(sweep.ctx)->apart.sent);
    }
}

/* Bytes of the parts of points: of each of the blocks that other ranks than 0 make, the indices, the
 * order and where the runs begin, which are as many as the source has chunks. */
static int64_t part_bytes(const bri_persisted *taken)
{
    int64_t bytes = ranks > 1 ? 8 * ((int64_t)ranks - 1) : 0;
    for (int64_t c = 0; c < taken->axis[0].nchunks; c++) {
        int64_t n = bri_axis_count(&taken->axis[0], c);
        if (taken->owner[c] != 0)
            bytes += 16 + 8 * n + (4 * (n + ROWS) + 7) / 8 * 8;
    }
    return bytes;
}

/* The indices of a take, in two expressions, go to the ranks that make what they name, once; then
 * others, when nothing mentions the first ones. All ranks hear only in which chunks they lie. */
static void long_tables(void)
{
    static int64_t index[MANY];
    const bri_apart *apart = &bri_array_data_of(sweep.ctx)->apart;
    const int64_t sent = apart->sent;
    br_array *x = kept("columns", br_index(plane(), ":, :64"));
    br_scope *inner = br_scope_open(sweep.ctx);
    for (int round = 0; round < 2; round++) {
        int64_t dealt = apart->dealt;
        double want = 0;
        for (int i = 0; i < MANY; i++) {
            index[i] = (int64_t)i * (7 + 4 * round) % (ROWS * SIDE);
            want += (double)(SIDE * COLUMNS * SIDE * index[i] + SIDE * (SIDE - 1) / 2);
        }
        br_array *at = br_from_memory(sweep.ctx, index, BR_INT64, BR_SHAPE(MANY), .copy = true);
        br_array *taken = br_take(x, at, .axis = BR_AXIS(0));
        br_array *p = kept("taken", taken);
        dealt += part_bytes(last_persisted());
        check_message("take", sent);
        sum_of("take", p, want);
        sum_of("take, doubled", br_mul(taken, 2), 2 * want);
        check_message("take, doubled", sent);
        if (apart->dealt != dealt)
            fail("take", "%" PRId64 " bytes of indices more than %" PRId64, apart->dealt - dealt,
                 dealt);
        br_scope_close(inner);
        inner = br_scope_open(sweep.ctx);
        sum_of("between", x, SIDE * sum_to(ROWS * SIDE) * COLUMNS * SIDE + 2016.0 * ROWS * SIDE);
        if (apart->ndeals > 0)
            fail("take", "%zu deals are still there", apart->ndeals);
    }
    br_scope_close(inner);
}

/* A source in rank 0's memory: each chunk goes to its owner, once, and nothing of it with the
 * expression. */
static void a_source(void)
{
    enum { EACH = 512 };
    static double data[LINE * EACH];
    int64_t apart = bri_array_data_of(sweep.ctx)->apart.sent;
    for (int i = 0; i < LINE * EACH; i++)
        data[i] = i;
    br_array *m = br_from_memory(sweep.ctx, data, BR_FLOAT64, BR_SHAPE(LINE * EACH),
                                 .chunks = BR_CHUNKS(EACH));
    br_array *x = kept("a source", br_add(m, 1));
    double away = 0;
    for (int c = 0; c < LINE; c++)
        away += last_persisted()->owner[c] != 0;
    check_moved("a source", away, away * EACH * 8);
    check_message("a source", apart);
    sum_of("a source", x, sum_to(LINE * EACH) + LINE * EACH);
}

static void many_chunks(void)
{
    int64_t apart = bri_array_data_of(sweep.ctx)->apart.sent;
    br_array *x =
        br_arange(sweep.ctx, .stop = BR_NUM(4 * MANY), .dtype = BR_FLOAT64, .chunks = BR_CHUNKS(4));
    sum_of("50000 chunks", br_add(br_mul(x, 2), x), 3 * sum_to(4.0 * MANY));
    check_message("50000 chunks", apart);
}

/* Longer than a message may be: it goes in pieces, which are gone with the next one. */
static void many_nodes(void)
{
    enum { NODES = 3000, OUTPUTS = 3 };
    br_scope *inner = br_scope_open(sweep.ctx);
    br_array *y = line(2);
    double want = sum_to(2.0 * SIDE);
    int64_t before = bri_array_data_of(sweep.ctx)->apart.sent;
    size_t tables = bri_array_data_of(sweep.ctx)->apart.n;
    for (int i = 0; i < NODES; i++) {
        y = br_add(y, i % 7);
        want += 2.0 * SIDE * (i % 7);
    }
    for (int again = 0; again < OUTPUTS; again++)
        sum_of("3000 nodes", br_mul(y, 1 << again), want * (1 << again));
    const bri_array_data *data = bri_array_data_of(sweep.ctx);
    int64_t sent = data->apart.sent - before;
    check_message("3000 nodes", before + sent);
    if (ranks > 1 && (sent < OUTPUTS * (int64_t)MESSAGE || sent > OUTPUTS * NODES * 200))
        fail("3000 nodes", "%" PRId64 " bytes travelled apart", sent);
    br_scope_close(inner);
    sum_of("after 3000 nodes", line(1), sum_to(SIDE));
    if (data->apart.n > tables)
        fail("after 3000 nodes", "%zu pieces are still there", data->apart.n - tables);
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_BALANCE", "off", 1); /* what is counted must not depend on timing */
    char little[8];
    snprintf(little, sizeof little, "%dM", LITTLE);
    in_little_memory = argc > 2 && strcmp(argv[2], "short") == 0;
    if (in_little_memory)
        setenv("BRAMBLE_MEMORY_LIMIT", little, 1);
    sweep_open(&argc, &argv);
    ranks = br_num_ranks(sweep.ctx);
    if (argc > 1 && strcmp(argv[1], "broadcasts") == 0) {
        broadcasts();
        return sweep_close();
    }
    br_array *x = plane();
    const bri_persisted *p = last_persisted();
    broadcasts_of(32, SIDE);
    reductions();
    packets();
    reductions_of_a_plane(x, p);
    aligned(x, p->owner);
    stencils(x, p);
    rechunks(x, p);
    products(x, p);
    stores(x, p->owner);
    a_source();
    many_chunks();
    long_data();
    long_tables();
    many_nodes();
    return sweep_close();
}
