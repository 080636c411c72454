/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_datasets.c - HDF5 datasets with missing and packed elements, fields of compounds, and many
 * files as one array, on all ranks. Rank 0 makes the files by the HDF5 library.
 */
#include "tests/made_files.h"
#include "tests/sweep.h"

enum { COLUMNS = 11, FILES = 6 };

static int16_t number(int row, int column)
{
    return (int16_t)((row * COLUMNS + column) * 37 % 113 - 30);
}

/* A float32 product and sum, rounded as in the file's unpacking. */
static double unpacked(int16_t stored, double scale, double offset)
{
    if (stored == 5 || stored > 70)
        return (double)NAN;
    float x = (float)stored * (float)scale;
    return offset != 0 ? (double)(x + (float)offset) : (double)x;
}

static void make(const char *name, int rows, double scale, double offset)
{
    const made_attribute attributes[] = {{"_FillValue", 5},
                                         {"valid_max", 70},
                                         {"scale_factor", scale},
                                         {offset != 0 ? "add_offset" : NULL, offset},
                                         {NULL, 0}};
    make_numbers(name, rows, COLUMNS, number, attributes);
}

static ref *stored_ref(int rows)
{
    ref *r = ref_new(BR_INT16, 2, (int64_t[]){rows, COLUMNS});
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = number((int)i / COLUMNS, (int)i % COLUMNS);
    return r;
}

static ref *unpacked_ref(int rows, double scale, double offset)
{
    ref *r = ref_new(BR_FLOAT32, 2, (int64_t[]){rows, COLUMNS});
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = unpacked(number((int)i / COLUMNS, (int)i % COLUMNS), scale, offset);
    return r;
}

static void append(ref *to, int64_t row, const ref *from)
{
    memcpy(to->v + row * COLUMNS, from->v, (size_t)from->n * sizeof *from->v);
}

static ref *sum_of_rows(const ref *a)
{
    ref *r = ref_new(BR_FLOAT32, 1, (int64_t[]){COLUMNS});
    for (int64_t i = 0; i < a->n; i++)
        if (!isnan(creall(a->v[i])))
            r->v[i % COLUMNS] += a->v[i];
    return r;
}

static ref *every_other(const ref *a)
{
    int64_t rows = (a->shape[0] + 1) / 2, columns = COLUMNS - 3;
    ref *r = ref_new(a->dtype, 2, (int64_t[]){rows, columns});
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = a->v[(a->shape[0] - 1 - i / columns * 2) * COLUMNS + 3 + i % columns];
    return r;
}

/* All that is computed of an array with this reference. */
static void uses(br_array *x, const ref *want, const char *name)
{
    expect(x, want, 0, 0, "%s", name);
    expect(br_index(x, "::-2, 3:"), every_other(want), 0, 0, "%s, sliced", name);
    if (want->dtype == BR_FLOAT32)
        expect(br_nansum(x, .axis = BR_AXES(0)), sum_of_rows(want), 8, 4000, "%s, summed", name);
}

static void one_file(void)
{
    const br_extents cuts[] = {{0}, BR_CHUNKS(5, 4), BR_CHUNKS(1, -1)};
    make("one.h5", 23, 0.13, 0);
    make("offset.h5", 23, 0.13, 271.3);
    make_pairs("pairs.h5", 23, COLUMNS);
    ref *a = ref_new(BR_INT8, 2, (int64_t[]){23, COLUMNS});
    ref *b = ref_new(BR_FLOAT64, 2, a->shape);
    for (int64_t i = 0; i < a->n; i++) {
        a->v[i] = i / COLUMNS;
        b->v[i] = (value)(i % COLUMNS) / 2;
    }
    for (int k = 0; k < 3; k++) {
        char name[40];
        br_context *ctx = sweep.ctx;
        snprintf(name, sizeof name, "packed, cut %d", k);
        uses(br_from_hdf5(ctx, "one.h5", "x", .chunks = cuts[k]), unpacked_ref(23, 0.13, 0), name);
        snprintf(name, sizeof name, "offset, cut %d", k);
        uses(br_from_hdf5(ctx, "offset.h5", "x", .chunks = cuts[k]), unpacked_ref(23, 0.13, 271.3),
             name);
        snprintf(name, sizeof name, "raw, cut %d", k);
        uses(br_from_hdf5(ctx, "one.h5", "x", .chunks = cuts[k], .raw = true), stored_ref(23),
             name);
        snprintf(name, sizeof name, "field a, cut %d", k);
        uses(br_from_hdf5(ctx, "pairs.h5", "pairs", .chunks = cuts[k], .field = "a"), a, name);
        snprintf(name, sizeof name, "field b, cut %d", k);
        uses(br_from_hdf5(ctx, "pairs.h5", "pairs", .chunks = cuts[k], .field = "b"), b, name);
    }
    flush();
}

/* Files of equal and of different lengths, packed alike or not. */
static void many_files(int which)
{
    static const char *const names[] = {"equal", "months", "mixed"};
    static const int rows[][FILES] = {{8, 8, 8, 8, 8, 8}, {7, 4, 12, 0, 1, 9}, {7, 4, 12, 0, 1, 9}};
    const br_extents cuts[] = {{0}, BR_CHUNKS(5, 4), BR_CHUNKS(16, -1), BR_CHUNKS(-1, 3)};
    int64_t total = 0, at = 0;
    char name[40];
    for (int i = 0; i < FILES; i++)
        total += rows[which][i];
    ref *want = ref_new(BR_FLOAT32, 2, (int64_t[]){total, COLUMNS});
    ref *raw = ref_new(BR_INT16, 2, want->shape);
    for (int i = 0; i < FILES; i++) {
        double scale = which == 2 ? 0.5 + i : 0.37;
        snprintf(name, sizeof name, "%s_%d.h5", names[which], i);
        make(name, rows[which][i], scale, 0);
        append(want, at, unpacked_ref(rows[which][i], scale, 0));
        append(raw, at, stored_ref(rows[which][i]));
        at += rows[which][i];
    }
    for (int k = 0; k < 4; k++) {
        char pattern[40];
        snprintf(pattern, sizeof pattern, "%s_?.h5", names[which]);
        snprintf(name, sizeof name, "%s, cut %d", names[which], k);
        uses(br_from_hdf5_many(sweep.ctx, pattern, "x", 0, .chunks = cuts[k]), want, name);
        snprintf(name, sizeof name, "%s, raw, cut %d", names[which], k);
        uses(br_from_hdf5_many(sweep.ctx, pattern, "x", -2, .chunks = cuts[k], .raw = true), raw,
             name);
    }
    flush();
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    one_file();
    for (int which = 0; which < 3; which++)
        many_files(which);
    return sweep_close();
}
