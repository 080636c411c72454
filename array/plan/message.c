/* SPDX-License-Identifier: BSD-3-Clause
 * message.c - packing and unpacking the message that starts a run on every rank.
 */
#include "array/plan/message.h"

#include <string.h>

#include "array/plan/file_ranks.h"
#include "array/plan/persist.h"
#include "runtime/alloc.h"

typedef struct sink_head {
    int64_t id;
    int32_t kind;
    int32_t has_form;
    uint64_t stored_bytes;
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

br_status bri_message_pack(br_context *ctx, const bri_outputs *outputs, bri_writer *w)
{
    run_head run = {outputs->n, outputs->thrift};
    bri_array_data *data = bri_array_data_of(ctx);
    BRI_TRY(bri_write(w, &data->ndropped, sizeof data->ndropped));
    BRI_TRY(bri_write(w, data->dropped, (size_t)data->ndropped * sizeof data->dropped[0]));
    BRI_TRY(bri_write(w, &run, sizeof run));
    for (int i = 0; i < outputs->n; i++) {
        const bri_sink *sink = &outputs->sink[i];
        sink_head head = {sink->id, (int32_t)sink->kind, sink->form != NULL, sink->stored_bytes};
        BRI_TRY(bri_write(w, &head, sizeof head));
        if (sink->form != NULL)
            BRI_TRY(bri_write(w, sink->form, sizeof *sink->form));
        BRI_TRY(bri_write(w, sink->stored, sink->stored_bytes));
    }
    BRI_TRY(bri_file_ranks_pack(outputs->files, w));
    BRI_TRY(bri_pack_nodes(ctx, w, outputs->node, outputs->n));
    data->ndropped = 0;
    return BR_OK;
}

static br_status drop_persisted(br_context *ctx, bri_reader *r)
{
    int n;
    BRI_TRY(bri_read(r, &n, sizeof n));
    for (int i = 0; i < n; i++) {
        int64_t id;
        BRI_TRY(bri_read(r, &id, sizeof id));
        bri_persisted_drop(ctx, id);
    }
    return BR_OK;
}

static br_status unpack_sink(bri_reader *r, bri_sink *sink)
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
    if (head.stored_bytes == 0)
        return BR_OK;
    const void *stored;
    BRI_TRY(bri_read_view(r, head.stored_bytes, &stored));
    sink->stored = bri_memdup(stored, head.stored_bytes);
    return sink->stored != NULL ? BR_OK : BR_ENOMEM;
}

void bri_message_free(bri_sink *sinks, int n)
{
    for (int i = 0; i < n; i++) {
        bri_free((void *)sinks[i].form);
        bri_free((void *)sinks[i].stored);
    }
}

static br_status unpack_sinks(bri_reader *r, bri_sink *sinks, int n)
{
    for (int i = 0; i < n; i++)
        sinks[i] = (bri_sink){0};
    for (int i = 0; i < n; i++)
        BRI_TRY(unpack_sink(r, &sinks[i]));
    return BR_OK;
}

br_status bri_message_unpack(br_context *ctx, bri_reader *r, bri_node **nodes, bri_sink *sinks,
                             bri_outputs *outputs)
{
    run_head run;
    *outputs = (bri_outputs){.node = nodes, .sink = sinks};
    BRI_TRY(drop_persisted(ctx, r));
    BRI_TRY(bri_read(r, &run, sizeof run));
    if (run.noutputs < 0 || run.noutputs > BRI_MAX_OUTPUTS)
        return bri_error(BR_EINTERNAL, "a run of rank 0 has %d outputs", (int)run.noutputs);
    outputs->thrift = run.thrift;
    br_status st = unpack_sinks(r, sinks, run.noutputs);
    if (st == BR_OK)
        st = bri_file_ranks_unpack(r, ctx->nranks, &outputs->files);
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
    outputs->files = NULL;
    outputs->n = 0;
    bri_message_free(sinks, run.noutputs);
    return st;
}
