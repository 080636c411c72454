/* SPDX-License-Identifier: BSD-3-Clause
 * matrix.h - the generated matrix of cases: every public function that takes or makes arrays, on
 * every dtype, odd shapes and cuts, over sources and computed arrays, below views and on its own,
 * against naive references.
 *
 * A function is a row: `make` draws parameters and operands, builds by the public API, works out
 * the reference and hands both to expect(). All that is drawn follows from the seed, the row and
 * the number of the case, so `--row NAME --case K` repeats one case.
 */
#ifndef MATRIX_MATRIX_H
#define MATRIX_MATRIX_H

#include <bramble/bramble.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/matrix/nd.h"

typedef struct row {
    const char *name;  /* public functions without br_ and the last _, separated by blanks */
    const char *kinds; /* of dtypes it is defined for; behind a / those that give BR_ETYPE */
    void (*make)(void);
} row;

/* The lists of rows, by the header of the functions; each ends with a row without name. */
extern const row creation_rows[], elementwise_rows[], choice_rows[], index_rows[], shape_rows[],
    join_rows[], pad_rows[], reduction_rows[], product_rows[], random_rows[], user_rows[],
    file_rows[], text_rows[], compute_rows[], indexing_rows[], mask_rows[], blocks_rows[],
    overlap_rows[];

/* The case that is being made. */
extern struct the {
    br_context *ctx;
    bool refused;   /* whatever the case expects, it gets BR_ETYPE */
    br_dtype dtype; /* rows take it for their operand or result */
    const char *name;
    int64_t number;
} the;

/* ---- what is drawn (draw.c) ---- */

void seed_with(uint64_t seed);
uint64_t draw_bits(void);
int64_t draw(int64_t low, int64_t high); /* both included */
bool chance(int percent);
long double draw_real(long double low, long double high);
br_dtype draw_dtype(const char *kinds);

typedef enum values {
    SMALL, /* integers up to 11, eighths of them: sums of a few are exact */
    REAL,  /* up to 4, with all digits */
    HOLES, /* SMALL, with NaNs */
    ANY,   /* of all sizes, with NaNs, infinities and -0 */
} values;

number draw_number(br_dtype dtype, values how);
nd *draw_values(br_dtype dtype, int ndim, const int64_t *shape, values how);
nd *draw_between(br_dtype dtype, int ndim, const int64_t *shape, long double low, long double high);
/* An odd shape with `least` to `most` axes: empty, 0-d, of ones, of primes, longer than blocks. */
int draw_shape(int least, int most, int64_t *shape);
/* Chunks of 1, 2, 3, uneven ones, a half, the whole axis; or automatic ones. */
br_extents draw_chunks(int ndim, const int64_t *shape);
int draw_axis(int ndim); /* also negative ones; ndim > 0 */
int positive_axis(int axis, int ndim);

/* ---- operands (present.c) ---- */

/* An array and its elements. */
typedef struct arg {
    br_array *x;
    nd *v;
} arg;

/* An array with just these elements, got in a way that is drawn: from memory, strides, a file, by a
 * view of another one, as the result of another operation. */
br_array *present(nd *v);
arg arg_of(nd *v);
arg any_arg(int least, int most, values how); /* of the case's dtype */
arg same_shape(br_dtype dtype, const nd *as, values how);
/* Operands that broadcast to the shape of v: with fewer axes, and extents of 1. */
arg part_of_shape(br_dtype dtype, const nd *v, values how);
br_extents extents_of(int ndim, const int64_t *shape); /* BR_0D without axes */

/* ---- what is expected (expect.c) ---- */

/* The elements, shape and dtype of x are those of `want`, and so are those of views of it. */
void expect(br_array *x, nd *want);
/* Only these, no views. */
void expect_plain(br_array *x, nd *want);
/* The same for an array whose shape only the data tell. */
void expect_resolved(br_array *x, nd *want);
void expect_status(br_array *x, br_status status);
/* Anything else that must hold. */
void check(bool holds, const char *format, ...) BR_PRINTF(2, 3);
void compare(const nd *want, const void *elements); /* at once */
/* x below a few more moves, which `v` follows (above.c). */
arg below(br_array *x, nd *v);
nd *nd_items(const nd *v, const br_index_item *item, int n);
int draw_items(const nd *v, br_index_item *item); /* at most 2 * ND_AXES */

/* A path for a file that lives until the batch is done. */
const char *new_path(const char *suffix);
void write_npy(const char *path, const nd *v);
void write_hdf5(const char *path, const nd *v);
void read_npy(const char *path, const nd *want); /* and compares */
void read_hdf5(const char *path, const char *dataset, const nd *want);

void open_cases(void);
void finish_cases(void);   /* computes all that is expected */
uint64_t finish_row(void); /* a digest of all results of the row */
int64_t failures(void);
extern bool verbose;

#endif
