/* SPDX-License-Identifier: BSD-3-Clause
 * cut.h - chunks that are cut before they are read (stage_cut.c).
 */
#ifndef BRI_CUT_H
#define BRI_CUT_H

#include "array/plan/stage.h"

/* When the input's chunks are cut otherwise than the reader's leaves, and thrift wants it, the
 * input becomes the stage of their pieces. */
br_status bri_cut_first(bri_stage *reader, bri_input *input);

/* The chunk that a piece is cut from: a task of pieces->inputs[0].stage. */
int64_t bri_cut_chunk(const bri_stage *pieces, int64_t piece);
/* How many pieces a chunk has, and which is number i of them; cutting->data is the stage of the
 * pieces. */
int64_t bri_cut_count(const bri_stage *cutting, int64_t chunk);
int64_t bri_cut_piece(const bri_stage *cutting, int64_t chunk, int64_t i);

#endif
