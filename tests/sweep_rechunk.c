/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_rechunk.c - chunks of every kind into chunks of every other, of sources, expressions and
 * computed chunks, after slices and transposes, with little memory; and reductions of a matrix and
 * its transpose, whose leaves are made in pairs.
 */
#include "tests/copies.h"
#include "tests/sweep.h"

/* So little that some of the cases below are planned thriftily. */
static const char limit[] = "2600K";

/* As it is, as chunks that tasks make, and as an expression with the same values. */
enum { AS_IS, BLOCKS, EXPRESSION, NKINDS };

static br_array *given(const ref *r, int how, int kind)
{
    br_array *x = source(r, how);
    switch (kind) {
    case BLOCKS:
        return br_map_blocks(x, copy_block);
    case EXPRESSION:
        return br_where(br_ones_like(x, .dtype = BR_BOOL), x, x);
    default:
        return x;
    }
}

/* ---- from every grid to every other ---- */

static ref *transposed(const ref *a)
{
    int64_t shape[REF_NDIM];
    int64_t coord[REF_NDIM];
    int64_t back[REF_NDIM];
    for (int d = 0; d < a->ndim; d++)
        shape[d] = a->shape[a->ndim - 1 - d];
    ref *out = ref_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < a->n; i++) {
        ref_coords(a, i, coord);
        for (int d = 0; d < a->ndim; d++)
            back[d] = coord[a->ndim - 1 - d];
        out->v[ref_linear(out, back)] = a->v[i];
    }
    return out;
}

/* Every other element from the second on, along the first axis. */
static ref *sliced(const ref *a)
{
    int64_t shape[REF_NDIM];
    int64_t coord[REF_NDIM];
    memcpy(shape, a->shape, sizeof shape);
    shape[0] = a->shape[0] / 2;
    ref *out = ref_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < out->n; i++) {
        ref_coords(out, i, coord);
        coord[0] = 2 * coord[0] + 1;
        out->v[i] = a->v[ref_linear(a, coord)];
    }
    return out;
}

static br_array *turned(br_array *x, int ndim)
{
    br_axes axes = {ndim, {0}};
    for (int a = 0; a < ndim; a++)
        axes.axis[a] = ndim - 1 - a;
    return br_permute_dims(x, axes);
}

static void one(br_dtype d, int ndim, const int64_t *shape, int how, br_extents cut)
{
    for (int kind = 0; kind < NKINDS; kind++) {
        char name[80];
        next_case(4);
        ref *a = ref_random(d, ndim, shape, false, false);
        br_array *x = given(a, how, kind);
        br_array *y = br_rechunk(x, cut);
        snprintf(name, sizeof name, "%s of %d axes, cut %d, kind %d, to %d", br_dtype_name(d), ndim,
                 how, kind, (int)cut.extent[0]);
        expect(y, a, 0, 0, "%s", name);
        expect(br_index(br_map_blocks(y, copy_block), "1::2"), sliced(a), 0, 0, "%s, sliced", name);
        expect(br_map_blocks(turned(y, ndim), copy_block), transposed(a), 0, 0, "%s, turned", name);
        expect(br_map_blocks(br_rechunk(br_index(x, "1::2"), cut), copy_block), sliced(a), 0, 0,
               "%s, of a slice", name);
    }
}

static void grids(void)
{
    const int64_t shapes[][3] = {{13, 17}, {2, 9}, {5, 1}, {7, 4, 6}};
    const int ndims[] = {2, 2, 2, 3};
    const br_extents cuts[] = {
        BR_CHUNKS(4, 7, 2), BR_CHUNKS(13, 1, 1),      BR_CHUNKS(1, 17, 6),      BR_CHUNKS(0, -1, 5),
        BR_CHUNKS(5, 5, 5), BR_CHUNKS(100, 100, 100), BR_CHUNKS(3, BR_AUTO, 3), BR_CHUNKS_AUTO};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++)
            for (int how = 0; how < NCUTS; how++) {
                br_extents cut = cuts[k];
                cut.ndim = cut.ndim > 0 ? ndims[s] : cut.ndim;
                one((br_dtype)(BR_BOOL + (int)(s + k + (size_t)how) % (BR_NDTYPE - BR_BOOL)),
                    ndims[s], shapes[s], how, cut);
            }
}

/* ---- little memory ---- */

enum { N = 512, PANEL = 32 };

/* Each chunk of the last is made of all chunks before it: directly, two arrays of 2 MiB are held.
 * */
static void there_and_back(void)
{
    const int64_t shape[] = {N, N};
    for (int uneven_cut = 0; uneven_cut < 2; uneven_cut++) {
        next_case(QUEUE);
        ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
        int64_t panel = uneven_cut ? 27 : PANEL;
        size_t bytes;
        void *data = ref_bytes(a, &bytes);
        br_array *x = br_from_memory(sweep.ctx, data, BR_FLOAT64, BR_SHAPE(N, N),
                                     .chunks = BR_CHUNKS(PANEL, -1), .copy = true);
        free(data);
        br_array *rows = br_map_blocks(x, copy_block);
        br_array *columns = br_map_blocks(br_rechunk(rows, BR_CHUNKS(-1, panel)), copy_block);
        br_array *back = br_map_blocks(br_rechunk(columns, BR_CHUNKS(panel, -1)), copy_block);
        expect(back, a, 0, 0, "rows, columns, rows of %d", (int)panel);
        flush();
        free_refs();
    }
}

/* ---- a matrix and its transpose ---- */

static ref *sums(const ref *a, unsigned axes, bool products)
{
    int64_t n = a->shape[0];
    bool all = axes == 3;
    ref *out = ref_new(BR_FLOAT64, all ? 0 : 1, &n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            value x = a->v[i * n + j];
            value t = a->v[j * n + i];
            out->v[all ? 0 : axes == 1 ? j : i] += products ? x * t + x : x - t / 2;
        }
    return out;
}

static void pairs(void)
{
    const int64_t sizes[] = {600, 37};
    for (int s = 0; s < 2; s++)
        for (int products = 0; products < 2; products++) {
            const int64_t shape[] = {sizes[s], sizes[s]};
            int64_t chunk = s == 0 ? 200 : 5;
            char name[40];
            next_case(QUEUE);
            ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
            snprintf(name, sizeof name, "v%d_%d", s, products);
            br_array *memory = br_rechunk(source(a, CUT_3), BR_CHUNKS(chunk, chunk));
            if (br_store_hdf5(memory, "pairs.h5", name) != BR_OK)
                fail(name, "%s", br_message(sweep.ctx));
            br_array *file =
                br_from_hdf5(sweep.ctx, "pairs.h5", name, .chunks = BR_CHUNKS(chunk, chunk));
            for (unsigned axes = 1; axes <= 3; axes++)
                for (int of_file = 0; of_file < 2; of_file++) {
                    br_array *x = of_file ? file : memory;
                    br_array *t = br_permute_dims(x, BR_AXES(1, 0));
                    br_array *v = products ? br_add(br_mul(x, t), x) : br_sub(x, br_div(t, 2));
                    br_axes which = axes == 3 ? BR_AXES(0, 1) : axes == 1 ? BR_AXES(0) : BR_AXES(1);
                    expect(br_sum(v, .axis = which), sums(a, axes, products), 64, 1e6,
                           "pairs %s axes %u file %d", name, axes, of_file);
                    flush();
                }
            free_refs();
        }
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_MEMORY_LIMIT", limit, 1);
    sweep_open(&argc, &argv);
    grids();
    there_and_back();
    pairs();
    return sweep_close();
}
