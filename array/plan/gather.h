/* SPDX-License-Identifier: BSD-3-Clause
 * gather.h - where the elements that a list of indices names lie: the list sorted by the chunks of
 * the result and of the source.
 *
 * The result's axes of the indices are cut so that a block of them is a range of points, points
 * being counted in C order. A cell is a chunk of the source along the axes that are picked. What
 * lies in one cell for one block is a run.
 *
 * Which cells each block reads every rank knows. The points themselves may be dealt out: then a
 * rank has those of the blocks that it makes (points.h).
 */
#ifndef BRI_GATHER_H
#define BRI_GATHER_H

#include "array/expr/node.h"

typedef struct bri_gather {
    int first, picked; /* the source's axes that are picked, one after the other */
    int index_ndim;    /* axes of the indices, which stand in their place */
    const bri_node *x; /* the source */
    int64_t npoints;
    int64_t nblocks, ncells;
    int64_t *block_first; /* first point of each block, and npoints */

    bri_table *lists;         /* has the next three: */
    const int64_t *block_run; /* first run of each block, and nruns */
    const int64_t *span;      /* most elements along the picked axes that a run of each block */
                              /*  reads of a file; else 0 */
    const int64_t *run_cell;  /* runs are sorted by block, then by cell */
    int64_t nruns;
    int64_t most_runs; /* of a block */
    int64_t *by_cell;  /* numbers of runs, sorted by cell, then by block */
    int64_t *cell_run; /* each cell's first place in by_cell, and nruns */

    const int64_t *index; /* picked lists of npoints indices, in range; NULL: they are elsewhere */
    uint32_t *order;      /* each block's points, counted from its first one, sorted by run */
    uint32_t *run_start;  /* where a run begins in its block's order */
    bri_table *part;      /* the points of this rank's blocks, where they are dealt (points.h) */
    size_t promised;      /* bytes of lists of its own */
} bri_gather;

/* How points of one cell are put into runs that are read one by one: by the place in the file. */
typedef struct bri_granules {
    int64_t size[BR_MAX_NDIM];  /* indices that are read together along each picked axis, */
    int64_t start[BR_MAX_NDIM]; /*  counted from these in the file, */
    int64_t step[BR_MAX_NDIM];  /*  as many of which an index goes on */
    int64_t most;               /* indices that a run along one axis spans at most */
} bri_granules;

/* How a gather node's indices are sorted. */
typedef struct bri_sorting {
    const bri_node *node, *x; /* its input, or what has been picked of that */
    const bri_table *indices;
    const bri_granules *granules; /* NULL: a run is all of a cell */
} bri_sorting;

/* Sorts; freed by bri_gather_free, also after a failure. */
br_status bri_gather_new(const bri_sorting *how, bri_gather **out);
/* What rank 0 has sorted: its lists, and the points of this rank's blocks, NULL where nobody asks
 * for them; both are counted. */
br_status bri_gather_told(const bri_sorting *how, bri_table *lists, bri_table *part,
                          bri_gather **out);
void bri_gather_free(bri_gather *g);

/* Bytes of the source's chunks per element of the axes that are picked. */
int64_t bri_gather_across(const bri_gather *g);
/* The block of a run. */
int64_t bri_gather_block(const bri_gather *g, int64_t run);
/* The picked axes of a cell: first index and extent of each. */
void bri_gather_cell_box(const bri_gather *g, int64_t cell, int64_t *origin, int64_t *extent);

#endif
