/* SPDX-License-Identifier: BSD-3-Clause
 * sizes.h - how large the inputs are; the same numbers stand in bench/peers. Those of files are in
 * files.def.
 */
#ifndef BENCH_SIZES_H
#define BENCH_SIZES_H

enum {
    SUM_N = 1 << 27,
    PAIR_N = 1 << 26,
    STD_ROWS = 100000,
    STD_COLUMNS = 512,
    MATMUL_N = 4096,
    SQUARE_N = 16384,
    STENCIL_N = 8192,
    STENCIL_CHUNK = 512, /* rows */
    PANELS_N = 8192,     /* square, rows by PANEL_WIDTH of them, columns likewise */
    PANEL_WIDTH = 512,
    SMALL_N = 1 << 14,  /* in the cache, */
    SMALL_RUNS = 10000, /* computed so many times */
    NORMAL_N = 1 << 27,
    DARTS_BLOCK = 51200,
    STORE_ROWS = 8192, /* float32, 128 MiB */
    STORE_COLUMNS = 4096,
    STORE_CHUNK_ROWS = 256, /* 1 MiB */
    STORE_CHUNK_COLUMNS = 1024,
    STORE_LEVEL = 4,
    DARTS_N = 100044800 /* the multiple of DARTS_BLOCK after 10^8 */
};

#endif
