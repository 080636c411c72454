/* SPDX-License-Identifier: BSD-3-Clause
 * message.h - what rank 0 tells the others to run: expressions, kinds of sinks, and persisted
 * arrays that are gone.
 */
#ifndef BRI_MESSAGE_H
#define BRI_MESSAGE_H

#include "array/expr/wire.h"
#include "array/plan/stage.h"

enum { BRI_MAX_OUTPUTS = 1024 };

/* A message is never longer; the nodes of large expressions travel apart, in pieces. */
enum { BRI_MESSAGE_BYTES = 64 << 10 };

/* Remembers a freed persisted array for the next message (rank 0). Best effort: without memory the
 * others free it when they close. */
void bri_message_note_dropped(br_context *ctx, int64_t id);

/* With the plan's weights and what it tells. What travels apart has been sent when it returns. */
br_status bri_message_pack(br_context *ctx, const bri_outputs *outputs, bri_plan *plan,
                           bri_writer *w);
/* Rank 0: the others have it, so what it says is gone need not be said again. (Where a message in
 * pieces finds no memory for one of them, that stays until the context is closed.) */
void bri_message_sent(br_context *ctx);
/* Drops what is gone, sets the ranks' weights, then rebuilds the outputs in nodes and sinks, arrays
 * of BRI_MAX_OUTPUTS. The caller's are: the nodes, counted; the sinks (bri_message_free); what was
 * told (bri_tellings_free). */
br_status bri_message_unpack(br_context *ctx, bri_reader *r, bri_node **nodes, bri_sink *sinks,
                             bri_outputs *outputs);
/* Frees what the sinks of a message have. */
void bri_message_free(bri_sink *sinks, int n);

#endif
