/* SPDX-License-Identifier: BSD-3-Clause
 * message.c - packing and unpacking the message that starts a run on every rank.
 */
#include "array/plan/message.h"

#include <string.h>

#include "array/plan/persist.h"
#include "runtime/alloc.h"

typedef struct sink_head {
    int64_t id;
    int32_t kind;
    int32_t unused;
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

br_status bri_message_pack(br_context *ctx, bri_node *const *outputs, const bri_sink *sinks, int n,
                           bri_writer *w)
{
    bri_array_data *data = bri_array_data_of(ctx);
    BRI_TRY(bri_write(w, &data->ndropped, sizeof data->ndropped));
    BRI_TRY(bri_write(w, data->dropped, (size_t)data->ndropped * sizeof data->dropped[0]));
    BRI_TRY(bri_write(w, &n, sizeof n));
    for (int i = 0; i < n; i++) {
        sink_head head = {sinks[i].id, (int32_t)sinks[i].kind, 0};
        BRI_TRY(bri_write(w, &head, sizeof head));
    }
    BRI_TRY(bri_pack_nodes(ctx, w, outputs, n));
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

br_status bri_message_unpack(br_context *ctx, bri_reader *r, bri_node **outputs, bri_sink *sinks,
                             int *n)
{
    int nsinks;
    BRI_TRY(drop_persisted(ctx, r));
    BRI_TRY(bri_read(r, &nsinks, sizeof nsinks));
    if (nsinks < 0 || nsinks > BRI_MAX_OUTPUTS)
        return bri_error(BR_EINTERNAL, "a run of rank 0 has %d outputs", nsinks);
    for (int i = 0; i < nsinks; i++) {
        sink_head head;
        BRI_TRY(bri_read(r, &head, sizeof head));
        sinks[i] = (bri_sink){.kind = (bri_sink_kind)head.kind, .id = head.id};
    }
    return bri_unpack_nodes(ctx, r, outputs, nsinks, n);
}
