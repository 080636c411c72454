/* SPDX-License-Identifier: BSD-3-Clause
 * message.c - packing and unpacking the message that starts a run on every rank.
 */
#include "array/plan/message.h"

#include <string.h>

#include "array/expr/apart.h"
#include "array/plan/balance.h"
#include "array/plan/file_ranks.h"
#include "array/plan/persist.h"
#include "array/plan/store_shared.h"
#include "array/plan/told.h"
#include "runtime/alloc.h"

typedef struct sink_head {
    int64_t id;
    int32_t kind;
    int32_t has_form;
} sink_head;

void bri_message_note_dropped(br_context *ctx, int64_t id)
{
    bri_array_data *data = bri_array_data_of(ctx);
    if (ctx->nranks <= 1)
        return;
    int64_t *bigger = bri_realloc(data->dropped, (size_t)data->ndropped + 1, sizeof *bigger);
    if (bigger == NULL)
        return;
    bigger[data->ndropped++] = id;
    data->dropped = bigger;
}

typedef struct run_head {
    int32_t noutputs;
    uint32_t thrift;
} run_head;

/* Tells the other ranks which tables nothing mentions any more. */
static br_status pack_gone(br_context *ctx, bri_writer *w)
{
    const bri_apart *apart = &bri_array_data_of(ctx)->apart;
    BRI_TRY(bri_apart_sweep(ctx));
    const int n = (int)apart->ngone;
    BRI_TRY(bri_write(w, &n, sizeof n));
    return bri_write(w, apart->gone, apart->ngone * sizeof apart->gone[0]);
}

/* A bit for each chunk: a table, since chunks may be many. */
static br_status pack_stored(const bri_sink *sink, bri_writer *w)
{
    bri_table *bits = NULL;
    if (sink->stored != NULL) {
        bits = bri_table_new(sink->stored_bytes);
        if (bits == NULL)
            return BR_ENOMEM;
        memcpy(bits->data, sink->stored, sink->stored_bytes);
        bri_table_seal(bits);
    }
    br_status st = bri_write_table(w, bits);
    bri_table_release(bits);
    return st;
}

static br_status pack_sink(const bri_sink *sink, bri_writer *w)
{
    sink_head head = {sink->id, (int32_t)sink->kind, sink->form != NULL};
    BRI_TRY(bri_write(w, &head, sizeof head));
    if (sink->form != NULL)
        BRI_TRY(bri_write(w, sink->form, sizeof *sink->form));
    BRI_TRY(bri_sharing_pack(sink->sharing, w));
    return pack_stored(sink, w);
}

/* ---- pieces ---- */

/* A message begins with its number of pieces: 0 when it goes in one, else their numbers are all
 * that follows. With its head a piece is as long as the longest message. */
enum { PIECE_BYTES = BRI_MESSAGE_BYTES - 64 };

static br_status send_piece(br_context *ctx, const unsigned char *from, size_t bytes, int64_t *id)
{
    bri_table *piece = bri_table_new(bytes);
    if (piece == NULL)
        return BR_ENOMEM;
    memcpy(piece->data, from, bytes);
    bri_table_seal(piece);
    br_status st = bri_apart_number(ctx, piece, id);
    bri_table_release(piece); /* nothing mentions it from the next message on */
    return st;
}

/* Expressions of some 500 nodes and more are longer than a message may be: they travel apart, and
 * the message lists the pieces. */
static br_status cut(br_context *ctx, bri_writer *w)
{
    bri_writer list = {0};
    int n = (int)((w->n - 1) / PIECE_BYTES) + 1;
    size_t room = (BRI_MESSAGE_BYTES - sizeof n) / sizeof(int64_t);
    if (w->n / PIECE_BYTES >= room)
        return bri_error(BR_EUNSUPPORTED,
                         "the expression has %zu MiB of nodes, of which %zu MiB can be sent to "
                         "other ranks: compute parts of it by br_persist",
                         w->n >> 20, room * PIECE_BYTES >> 20);
    br_status st = bri_write(&list, &n, sizeof n);
    for (size_t at = 0; at < w->n && st == BR_OK; at += PIECE_BYTES) {
        int64_t id = 0;
        size_t left = w->n - at;
        st = send_piece(ctx, w->bytes + at, left < PIECE_BYTES ? left : PIECE_BYTES, &id);
        if (st == BR_OK)
            st = bri_write(&list, &id, sizeof id);
    }
    bri_free(w->bytes);
    *w = list;
    return st;
}

/* All of the bytes, in a buffer of the caller's; the pieces are gone. */
static br_status join(br_context *ctx, bri_reader *r, int n, bri_writer *whole)
{
    br_status st = BR_OK;
    for (int i = 0; i < n; i++) {
        int64_t id;
        bri_table *piece = NULL;
        BRI_TRY(bri_read(r, &id, sizeof id));
        if (st == BR_OK)
            st = bri_apart_find(ctx, id, &piece);
        if (st == BR_OK)
            st = bri_write(whole, piece->data, piece->bytes);
        bri_table_release(piece);
        bri_apart_drop(ctx, id);
    }
    return st;
}

/* ---- packing ---- */

static br_status pack(br_context *ctx, const bri_outputs *outputs, bri_plan *plan, bri_writer *w)
{
    const int in_one = 0;
    run_head run = {outputs->n, outputs->thrift};
    bri_array_data *data = bri_array_data_of(ctx);
    w->apart = ctx;
    BRI_TRY(bri_write(w, &in_one, sizeof in_one));
    BRI_TRY(pack_gone(ctx, w));
    BRI_TRY(bri_write(w, &data->ndropped, sizeof data->ndropped));
    BRI_TRY(bri_write(w, data->dropped, (size_t)data->ndropped * sizeof data->dropped[0]));
    BRI_TRY(bri_write(w, &run, sizeof run));
    BRI_TRY(bri_write_table(w, plan->weights));
    for (int i = 0; i < outputs->n; i++)
        BRI_TRY(pack_sink(&outputs->sink[i], w));
    BRI_TRY(bri_file_ranks_pack(outputs->files, w));
    BRI_TRY(bri_tellings_pack(plan, w));
    BRI_TRY(bri_pack_nodes(ctx, w, outputs->node, outputs->n));
    return BR_OK;
}

void bri_message_sent(br_context *ctx)
{
    bri_array_data_of(ctx)->ndropped = 0;
    bri_apart_gone_told(ctx);
}

br_status bri_message_pack(br_context *ctx, const bri_outputs *outputs, bri_plan *plan,
                           bri_writer *w)
{
    BRI_TRY(pack(ctx, outputs, plan, w));
    if (w->n > BRI_MESSAGE_BYTES)
        BRI_TRY(cut(ctx, w));
    BRI_ASSERT(w->n <= BRI_MESSAGE_BYTES);
    bri_array_data_of(ctx)->message_bytes = w->n;
    return BR_OK;
}

/* ---- unpacking ---- */

/* A list of numbers of what is gone. */
static br_status drop_all(br_context *ctx, bri_reader *r, void (*drop)(br_context *ctx, int64_t id))
{
    int n;
    BRI_TRY(bri_read(r, &n, sizeof n));
    for (int i = 0; i < n; i++) {
        int64_t id;
        BRI_TRY(bri_read(r, &id, sizeof id));
        drop(ctx, id);
    }
    return BR_OK;
}

static br_status unpack_stored(br_context *ctx, bri_reader *r, bri_sink *sink)
{
    bri_table *bits;
    BRI_TRY(bri_read_table(ctx, r, &bits));
    if (bits == NULL)
        return BR_OK;
    sink->stored = bri_memdup(bits->data, bits->bytes);
    bri_table_release(bits);
    return sink->stored != NULL ? BR_OK : BR_ENOMEM;
}

static br_status unpack_sink(br_context *ctx, bri_reader *r, bri_sink *sink)
{
    sink_head head;
    BRI_TRY(bri_read(r, &head, sizeof head));
    *sink = (bri_sink){.kind = (bri_sink_kind)head.kind, .id = head.id};
    if (head.has_form) {
        bri_h5_form *form = bri_malloc(sizeof *form);
        sink->form = form;
        if (form == NULL)
            return BR_ENOMEM;
        BRI_TRY(bri_read(r, form, sizeof *form));
    }
    bri_sharing *sharing;
    br_status st = bri_sharing_unpack(r, ctx->nranks, &sharing);
    sink->sharing = sharing;
    BRI_TRY(st);
    return unpack_stored(ctx, r, sink);
}

void bri_message_free(bri_sink *sinks, int n)
{
    for (int i = 0; i < n; i++) {
        bri_free((void *)sinks[i].form);
        bri_free((void *)sinks[i].sharing);
        bri_free((void *)sinks[i].stored);
    }
}

static br_status unpack_sinks(br_context *ctx, bri_reader *r, bri_sink *sinks, int n)
{
    for (int i = 0; i < n; i++)
        sinks[i] = (bri_sink){0};
    for (int i = 0; i < n; i++)
        BRI_TRY(unpack_sink(ctx, r, &sinks[i]));
    return BR_OK;
}

static br_status read_weights(br_context *ctx, bri_reader *r)
{
    bri_table *weights;
    BRI_TRY(bri_read_table(ctx, r, &weights));
    return bri_balance_set(ctx, weights);
}

static br_status unpack(br_context *ctx, bri_reader *r, bri_node **nodes, bri_sink *sinks,
                        bri_outputs *outputs)
{
    run_head run;
    BRI_TRY(drop_all(ctx, r, bri_apart_drop));
    BRI_TRY(drop_all(ctx, r, bri_persisted_drop));
    BRI_TRY(bri_read(r, &run, sizeof run));
    if (run.noutputs < 0 || run.noutputs > BRI_MAX_OUTPUTS)
        return bri_error(BR_EINTERNAL, "a run of rank 0 has %d outputs", (int)run.noutputs);
    outputs->thrift = run.thrift;
    BRI_TRY(read_weights(ctx, r));
    br_status st = unpack_sinks(ctx, r, sinks, run.noutputs);
    if (st == BR_OK)
        st = bri_file_ranks_unpack(r, ctx->nranks, &outputs->files);
    if (st == BR_OK)
        st = bri_tellings_unpack(ctx, r, &outputs->heard);
    if (st == BR_OK)
        st = bri_unpack_nodes(ctx, r, nodes, run.noutputs, &outputs->n);
    int made = st == BR_OK ? outputs->n : 0;
    if (st == BR_OK)
        st = bri_file_ranks_open(ctx, nodes, made, outputs->files);
    if (st == BR_OK)
        return BR_OK;
    for (int i = 0; i < made; i++)
        bri_node_release(nodes[i]);
    bri_file_ranks_release(outputs->files);
    bri_tellings_free(outputs->heard);
    outputs->files = NULL;
    outputs->heard = NULL;
    outputs->n = 0;
    bri_message_free(sinks, run.noutputs);
    return st;
}

br_status bri_message_unpack(br_context *ctx, bri_reader *r, bri_node **nodes, bri_sink *sinks,
                             bri_outputs *outputs)
{
    int npieces;
    *outputs = (bri_outputs){.node = nodes, .sink = sinks};
    BRI_TRY(bri_read(r, &npieces, sizeof npieces));
    if (npieces == 0)
        return unpack(ctx, r, nodes, sinks, outputs);
    bri_writer whole = {0};
    br_status st = join(ctx, r, npieces, &whole);
    bri_reader inner = {.at = whole.bytes, .left = whole.n};
    if (st == BR_OK)
        st = bri_read(&inner, &npieces, sizeof npieces); /* 0 */
    if (st == BR_OK)
        st = unpack(ctx, &inner, nodes, sinks, outputs);
    bri_free(whole.bytes);
    return st;
}
