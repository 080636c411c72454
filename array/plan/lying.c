/* SPDX-License-Identifier: BSD-3-Clause
 * lying.c - chunks at hand, the caller's memory, and rectangles of both, as runs of bytes.
 */
#include "array/plan/lying.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/face.h"
#include "array/plan/inputs.h"
#include "array/plan/persist.h"

static void add_axis(bri_lying *lies, int64_t count, int64_t stride)
{
    if (count == 1)
        return;
    lies->count[lies->ndim] = count;
    lies->stride[lies->ndim++] = stride;
}

/* Axes that lie densely inside those before them become one with these, and the last with the
 * runs. */
static void join(bri_lying *lies)
{
    int n = 0;
    add_axis(lies, (int64_t)lies->run, 1);
    for (int a = 1; a < lies->ndim; a++)
        if (lies->stride[n] == lies->count[a] * lies->stride[a]) {
            lies->count[n] *= lies->count[a];
            lies->stride[n] = lies->stride[a];
        } else {
            n++;
            lies->count[n] = lies->count[a];
            lies->stride[n] = lies->stride[a];
        }
    bool runs = lies->ndim > 0 && lies->stride[n] == 1;
    lies->run = runs ? (size_t)lies->count[n] : 1;
    lies->ndim = lies->ndim == 0 ? 0 : n + !runs;
}

static void lies_in_chunk(const bri_stage *s, int64_t chunk, bri_lying *lies)
{
    lies->data = bri_direct_chunk(s, chunk);
    add_axis(lies, bri_chunk_nelem(s, chunk), (int64_t)lies->run);
}

static void lies_in_memory(const bri_stage *s, int64_t chunk, bri_lying *lies)
{
    const bri_memory_params *p = s->node->params;
    bri_leaf leaf;
    bri_leaf_box(s, chunk, 0, &leaf);
    lies->data = p->data;
    for (int a = 0; a < s->ndim; a++) {
        lies->data += leaf.origin[a] * p->stride[a];
        add_axis(lies, leaf.extent[a], p->stride[a]);
    }
}

static void lies_in_face(const bri_stage *s, int64_t number, bri_lying *lies)
{
    static const int64_t start[BR_MAX_NDIM];
    const bri_input *input = &s->inputs[0];
    bri_work work = {.plan = s->plan, .stage = s->plan->stages[s->id]};
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    if (!bri_face_part(s, number, coord, &part))
        return;
    bri_spot at = bri_in_one_piece(s, input) ? bri_spot_in_memory(input, &part)
                                             : bri_spot_in_chunk(&work, input, &part, coord, start);
    lies->data = at.data;
    for (int a = 0; a < part.ndim; a++)
        add_axis(lies, part.count[a], at.stride[a]);
}

bool bri_lies_at(const bri_stage *stage, int64_t number, bri_lying *lies)
{
    *lies = (bri_lying){.run = br_dtype_size(stage->dtype)};
    if (stage->kind == &bri_stage_face)
        lies_in_face(stage, number, lies);
    else if (stage->kind == &bri_stage_memory)
        lies_in_memory(stage, number, lies);
    else if (stage->direct)
        lies_in_chunk(stage, number, lies);
    else
        return false;
    join(lies);
    return true;
}

/* The place of run number i. */
static const char *place_of(const bri_lying *lies, size_t i, int64_t *coord)
{
    const char *at = lies->data;
    for (int a = lies->ndim - 1; a >= 0; a--) {
        coord[a] = (int64_t)(i % (size_t)lies->count[a]);
        i /= (size_t)lies->count[a];
        at += coord[a] * lies->stride[a];
    }
    return at;
}

static const char *next_place(const bri_lying *lies, const char *at, int64_t *coord)
{
    for (int a = lies->ndim - 1; a >= 0; a--) {
        at += lies->stride[a];
        if (++coord[a] < lies->count[a])
            break;
        at -= lies->count[a] * lies->stride[a];
        coord[a] = 0;
    }
    return at;
}

void bri_lying_copy(const bri_lying *lies, size_t from, size_t bytes, char *out)
{
    int64_t coord[BR_MAX_NDIM + 1];
    const char *at = place_of(lies, from / lies->run, coord);
    size_t skip = from % lies->run;
    while (bytes > 0) {
        size_t n = lies->run - skip < bytes ? lies->run - skip : bytes;
        memcpy(out, at + skip, n);
        out += n;
        bytes -= n;
        skip = 0;
        at = next_place(lies, at, coord);
    }
}
