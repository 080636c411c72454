/* SPDX-License-Identifier: BSD-3-Clause
 * moves.h - what must travel, counted element by element from where persisted chunks lie, for
 * sweep_messages and sweep_overlap.
 */
#ifndef MOVES_H
#define MOVES_H

#include "array/plan/persist.h"
#include "tests/sweep.h"

/* Where the chunks of what was persisted last lie. */
static inline const bri_persisted *last_persisted(void)
{
    return bri_array_data_of(sweep.ctx)->persisted;
}

/* The rank that has element (i, j) of an array of two axes. */
static inline int owner_at(const bri_persisted *p, int64_t i, int64_t j)
{
    return p
        ->owner[bri_axis_find(&p->axis[0], i) * p->axis[1].nchunks + bri_axis_find(&p->axis[1], j)];
}

/* Elements that lie elsewhere in b than in a: what a rechunk must send, each of them once. */
static inline double elements_moved(const bri_persisted *a, const bri_persisted *b)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->axis[0].extent; i++)
        for (int64_t j = 0; j < a->axis[1].extent; j++)
            n += owner_at(a, i, j) != owner_at(b, i, j);
    return (double)n;
}

/* Elements (i, j) whose neighbour (i + down, j + right) lies on another rank. */
static inline double elements_apart(const bri_persisted *p, int down, int right)
{
    int64_t n = 0;
    for (int64_t i = 0; i + down < p->axis[0].extent; i++)
        for (int64_t j = 0; j + right < p->axis[1].extent; j++)
            n += owner_at(p, i, j) != owner_at(p, i + down, j + right);
    return (double)n;
}

/* Pairs of chunks, so many rows and columns of chunks from each other, that lie on two ranks. */
static inline int64_t chunks_apart(const bri_persisted *p, int down, int right)
{
    int64_t n = 0;
    int64_t rows = p->axis[0].nchunks;
    int64_t columns = p->axis[1].nchunks;
    for (int64_t c = 0; c < p->nchunks; c++) {
        int64_t i = c / columns + down;
        int64_t j = c % columns + right;
        if (i >= 0 && i < rows && j >= 0 && j < columns)
            n += p->owner[c] != p->owner[i * columns + j];
    }
    return n;
}

/* Partial results of the fixed tree over n leaves that go to another rank: a node belongs to the
 * owner of its leftmost leaf, so what travels is its right child, wherever that begins elsewhere.
 * Leaf i is on owner[i * step]. */
static inline double partials_sent(const int *owner, int64_t n, int64_t step)
{
    double sent = 0;
    for (int64_t half = 1; half < n; half *= 2)
        for (int64_t left = 0; left + half < n; left += 2 * half)
            sent += owner[left * step] != owner[(left + half) * step];
    return sent;
}

/* In the same way for each row of chunks, and for each column. */
static inline double partials_along_rows(const bri_persisted *p)
{
    int64_t columns = p->axis[1].nchunks;
    double n = 0;
    for (int64_t i = 0; i < p->axis[0].nchunks; i++)
        n += partials_sent(p->owner + i * columns, columns, 1);
    return n;
}

static inline double partials_down_columns(const bri_persisted *p)
{
    int64_t columns = p->axis[1].nchunks;
    double n = 0;
    for (int64_t j = 0; j < columns; j++)
        n += partials_sent(p->owner + j, p->axis[0].nchunks, columns);
    return n;
}

/* Chunks as those of the first row, each sent to all other ranks that have some of its column, of
 * which each has a run. */
static inline double handed_down(const bri_persisted *p)
{
    int64_t columns = p->axis[1].nchunks;
    double n = 0;
    for (int64_t c = columns; c < p->nchunks; c++)
        n += p->owner[c] != p->owner[c - columns] && p->owner[c] != p->owner[c % columns];
    return n;
}

/* Chunks of a product's left factor that are read on other ranks, once by each: for the product's
 * chunks of their row. */
static inline double left_chunks_apart(const bri_persisted *left, const bri_persisted *product)
{
    int64_t columns = product->axis[1].nchunks;
    int64_t inner = left->axis[1].nchunks;
    double n = 0;
    for (int64_t c = 0; c < product->nchunks; c++) {
        bool first = c % columns == 0 || product->owner[c - 1] != product->owner[c];
        for (int64_t k = 0; k < inner; k++)
            n += first && product->owner[c] != left->owner[c / columns * inner + k];
    }
    return n;
}

#endif
