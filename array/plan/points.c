/* SPDX-License-Identifier: BSD-3-Clause
 * points.c - points of blocks, and tables of them.
 */
#include "array/plan/points.h"

#include <string.h>

/* Where a block's points are in a part. */
typedef struct place {
    int64_t block;
    uint64_t at;
} place;

typedef struct part_head {
    int64_t nblocks;
    place place[];
} part_head;

static int64_t count_points(const bri_gather *g, int64_t block)
{
    return g->block_first[block + 1] - g->block_first[block];
}

static int64_t count_runs(const bri_gather *g, int64_t block)
{
    return g->block_run[block + 1] - g->block_run[block];
}

static const part_head *head_of(const bri_table *part)
{
    return (const part_head *)(const void *)part->data;
}

/* ---- reading ---- */

static const place *find_place(const bri_table *part, int64_t block)
{
    const part_head *head = head_of(part);
    int64_t low = 0;
    int64_t high = head->nblocks;
    while (low < high) {
        int64_t half = (low + high) / 2;
        if (head->place[half].block < block)
            low = half + 1;
        else
            high = half;
    }
    return low < head->nblocks && head->place[low].block == block ? &head->place[low] : NULL;
}

bool bri_points_here(const bri_gather *g, int64_t block)
{
    return g->part == NULL ? g->index != NULL : find_place(g->part, block) != NULL;
}

bri_points bri_points_of(const bri_gather *g, int64_t block)
{
    bri_points p = {.n = count_points(g, block),
                    .first_run = g->block_run[block],
                    .nruns = count_runs(g, block)};
    if (g->part == NULL) {
        p.index = g->index + g->block_first[block];
        p.stride = g->npoints;
        p.order = g->order + g->block_first[block];
        p.start = g->run_start + g->block_run[block];
        return p;
    }
    const unsigned char *at = g->part->data + find_place(g->part, block)->at;
    p.index = (const int64_t *)(const void *)at;
    p.stride = p.n;
    p.order = (const uint32_t *)(p.index + g->picked * p.n);
    p.start = p.order + p.n;
    return p;
}

int64_t bri_points_start(const bri_points *points, int64_t run)
{
    const int64_t i = run - points->first_run;
    return i < points->nruns ? points->start[i] : points->n;
}

void bri_points_box(const bri_gather *g, const bri_points *points, int64_t run, int64_t *origin,
                    int64_t *extent)
{
    const int64_t start = bri_points_start(points, run);
    const int64_t end = bri_points_start(points, run + 1);
    for (int j = 0; j < g->picked; j++) {
        int64_t low = INT64_MAX;
        int64_t high = 0;
        for (int64_t i = start; i < end; i++) {
            int64_t at = points->index[j * points->stride + points->order[i]];
            low = at < low ? at : low;
            high = at > high ? at : high;
        }
        origin[j] = low;
        extent[j] = high - low + 1;
    }
}

/* ---- parts ---- */

/* A multiple of 8, so that the next block's indices are aligned. */
static uint64_t bytes_of(const bri_gather *g, int64_t block)
{
    const uint64_t n = (uint64_t)count_points(g, block);
    const uint64_t runs = (uint64_t)count_runs(g, block);
    return n * (uint64_t)g->picked * sizeof(int64_t) + ((n + runs) * sizeof(uint32_t) + 7) / 8 * 8;
}

static bool is_set(const unsigned char *bits, int64_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

static void copy_points(const bri_gather *g, int64_t block, unsigned char *to)
{
    const bri_points p = bri_points_of(g, block);
    const size_t list = (size_t)p.n * sizeof *p.index;
    memset(to, 0, bytes_of(g, block));
    for (int j = 0; j < g->picked; j++, to += list)
        memcpy(to, p.index + j * p.stride, list);
    memcpy(to, p.order, (size_t)p.n * sizeof *p.order);
    memcpy(to + (size_t)p.n * sizeof *p.order, p.start, (size_t)p.nruns * sizeof *p.start);
}

bri_table *bri_points_pack(const bri_gather *g, const unsigned char *blocks)
{
    int64_t n = 0;
    uint64_t bytes = 0;
    for (int64_t b = 0; b < g->nblocks; b++) {
        n += is_set(blocks, b);
        bytes += is_set(blocks, b) ? bytes_of(g, b) : 0;
    }
    uint64_t at = sizeof(part_head) + (uint64_t)n * sizeof(place);
    bri_table *part = bri_table_new(at + bytes);
    if (part == NULL)
        return NULL;
    part_head *head = (part_head *)(void *)part->data;
    head->nblocks = 0;
    for (int64_t b = 0; b < g->nblocks; b++) {
        if (!is_set(blocks, b))
            continue;
        head->place[head->nblocks++] = (place){b, at};
        copy_points(g, b, part->data + at);
        at += bytes_of(g, b);
    }
    bri_table_seal(part);
    return part;
}

bool bri_points_fit(const bri_gather *g, const bri_table *part)
{
    const part_head *head = head_of(part);
    int64_t before = -1;
    if (part->bytes < sizeof *head || head->nblocks < 0 || head->nblocks > g->nblocks)
        return false;
    uint64_t at = sizeof *head + (uint64_t)head->nblocks * sizeof(place);
    for (int64_t i = 0; i < head->nblocks; i++) {
        if (at > part->bytes || head->place[i].at != at || head->place[i].block <= before ||
            head->place[i].block >= g->nblocks)
            return false;
        before = head->place[i].block;
        at += bytes_of(g, before);
    }
    return at == part->bytes;
}
