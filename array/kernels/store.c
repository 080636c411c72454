/* SPDX-License-Identifier: BSD-3-Clause
 * store.c - runs that write every element of a box.
 */
#include <string.h>

#include "array/kernels/vm.h"

/* Rows shorter than this are evaluated several at a time. */
enum { SHORT_ROW = 256 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static char *place(const bri_run *run, const int64_t *idx)
{
    char *p = run->out.base;
    for (int a = 0; a < run->ndim; a++)
        p += idx[a] * run->out.stride[a];
    return p;
}

static bool aligned(const char *p, const bri_run *run)
{
    br_dtype real = bri_real_dtype(run->p->values[run->p->result].dtype);
    return (uintptr_t)p % bri_dtypes[real].size == 0;
}

/* n elements of one row: straight to their place when it is dense. */
static void store_piece(bri_run *run, const int64_t *idx, int64_t n)
{
    size_t size = bri_size_of_result(run->p);
    char *to = place(run, idx);
    int64_t stride = run->out.stride[run->ndim - 1];
    bool dense = (stride == (int64_t)size || n == 1) && aligned(to, run);
    const char *made = bri_run_eval(run, idx, n, dense ? to : run->rows);
    if (made != to)
        bri_mover_of(size)->copy(n, to, n == 1 ? (int64_t)size : stride, made, (int64_t)size);
}

static void store_rows(bri_run *run)
{
    const int last = run->ndim - 1;
    int64_t idx[BR_MAX_NDIM] = {0};
    int64_t step[BR_MAX_NDIM];
    for (int a = 0; a < last; a++)
        step[a] = 1;
    step[last] = run->p->block;
    do
        store_piece(run, idx, smaller(run->extent[last] - idx[last], step[last]));
    while (bri_next_index(run->ndim, run->extent, step, idx));
}

/* Tiles of rows along the panels' axis, so that transposed inputs are read by whole cache lines. */
static void store_tiles(bri_run *run)
{
    const int last = run->ndim - 1;
    const int across = run->panel_axis;
    int64_t idx[BR_MAX_NDIM] = {0};
    int64_t step[BR_MAX_NDIM];
    for (int a = 0; a < last; a++)
        step[a] = 1;
    step[across] = run->panel_rows;
    step[last] = BRI_PANEL_COLS;
    do {
        int64_t rows = smaller(run->extent[across] - idx[across], step[across]);
        int64_t cols = smaller(run->extent[last] - idx[last], step[last]);
        bri_run_fill_panels(run, idx, rows, cols);
        for (int64_t r = 0; r < rows; r++, idx[across]++)
            store_piece(run, idx, cols);
        idx[across] -= rows;
    } while (bri_next_index(run->ndim, run->extent, step, idx));
}

static bool dense_out(const bri_run *run)
{
    int64_t bytes = (int64_t)bri_size_of_result(run->p);
    for (int a = run->ndim - 1; a >= 0; a--) {
        if (run->out.stride[a] != bytes && run->extent[a] > 1)
            return false;
        bytes *= run->extent[a];
    }
    return aligned(run->out.base, run);
}

/* Rows of `cols` elements one after the other in `from` to their places, as many at a time as stand
 * along the axis before the last. */
static void scatter(const bri_run *run, int64_t *idx, int64_t rows, char *from)
{
    static const int64_t ones[BR_MAX_NDIM] = {[0 ... BR_MAX_NDIM - 1] = 1};
    const int last = run->ndim - 1;
    int64_t cols = run->extent[last];
    int64_t size = (int64_t)bri_size_of_result(run->p);
    for (int64_t m; rows > 0; rows -= m) {
        m = smaller(rows, run->extent[last - 1] - idx[last - 1]);
        bri_plane2 to = {place(run, idx), run->out.stride[last - 1], run->out.stride[last]};
        bri_mover_of((size_t)size)->copy2(m, cols, to, (bri_plane2){from, cols * size, size});
        from += m * cols * size;
        idx[last - 1] += m - 1;
        bri_next_index(last, run->extent, ones, idx);
    }
}

/* Several short rows make one block. */
static void store_short_rows(bri_run *run)
{
    const int last = run->ndim - 1;
    int64_t nrows = 1;
    for (int a = 0; a < last; a++)
        nrows *= run->extent[a];
    int64_t cols = run->extent[last];
    int64_t step = cols < run->p->block ? run->p->block / cols : 1;
    bool dense = dense_out(run);
    int64_t size = (int64_t)bri_size_of_result(run->p);
    for (int64_t row = 0; row < nrows; row += step) {
        int64_t idx[BR_MAX_NDIM] = {0};
        int64_t rows = smaller(nrows - row, step);
        bri_index_at(last, run->extent, row, idx);
        char *to = dense ? run->out.base + row * cols * size : run->rows;
        const char *made = bri_run_eval(run, idx, rows * cols, to);
        if (!dense)
            scatter(run, idx, rows, (char *)made);
        else if (made != to)
            memcpy(to, made, (size_t)(rows * cols * size));
    }
}

void bri_run_store(bri_run *run)
{
    int64_t cols = run->extent[run->ndim - 1];
    if (cols < SHORT_ROW && run->ndim > 1) {
        store_short_rows(run);
        return;
    }
    bri_run_plan_panels(run);
    if (run->panel_axis >= 0)
        store_tiles(run);
    else
        store_rows(run);
}
