/* SPDX-License-Identifier: BSD-3-Clause
 * gather.h - where the elements that a list of indices names lie: the list sorted by the chunks of
 * the result and of the source.
 *
 * The result's axes of the indices are cut so that a block of them is a range of points, points
 * being counted in C order. A cell is a chunk of the source along the axes that are picked. What
 * lies in one cell for one block is a run.
 */
#ifndef BRI_GATHER_H
#define BRI_GATHER_H

#include "array/expr/node.h"

typedef struct bri_run {
    int64_t block, cell;
    int64_t first; /* its points in the order; they end where the next run begins */
} bri_run;

typedef struct bri_gather {
    int first, picked; /* the source's axes that are picked, one after the other */
    int index_ndim;    /* axes of the indices, which stand in their place */
    const bri_node *x; /* the source */
    int64_t npoints;
    const int64_t *index; /* picked lists of npoints indices, in range */
    int64_t nblocks, ncells;
    int64_t *block_first; /* first point of each block, and npoints */
    uint32_t *order;      /* each block's points, counted from its first one, sorted by cell */
    bri_run *run;         /* sorted by block, then by cell; one more at the end */
    int64_t nruns;
    int64_t *block_run; /* first run of each block, and nruns */
    int64_t *by_cell;   /* numbers of runs, sorted by cell, then by block */
    int64_t *cell_run;  /* each cell's first place in by_cell, and nruns */
    int64_t most_runs;  /* of a block */
    size_t promised;    /* bytes of all these lists */
} bri_gather;

/* How points of one cell are put into runs that are read one by one: by the place in the file. */
typedef struct bri_granules {
    int64_t size[BR_MAX_NDIM];  /* indices that are read together along each picked axis, */
    int64_t start[BR_MAX_NDIM]; /*  counted from these in the file, */
    int64_t step[BR_MAX_NDIM];  /*  as many of which an index goes on */
    int64_t most;               /* indices that a run along one axis spans at most */
} bri_granules;

/* Sorts the indices with which a gather node reads x: its own when x is its input. granules NULL: a
 * run is all of a cell. Freed by bri_gather_free, also after a failure. */
br_status bri_gather_new(const bri_node *node, const bri_node *x, const bri_table *indices,
                         const bri_granules *granules, bri_gather **out);
void bri_gather_free(bri_gather *g);

/* The picked axes of a cell, or of a run's points only: first index and extent of each. */
void bri_gather_cell_box(const bri_gather *g, int64_t cell, int64_t *origin, int64_t *extent);
void bri_gather_run_box(const bri_gather *g, int64_t run, int64_t *origin, int64_t *extent);

#endif
