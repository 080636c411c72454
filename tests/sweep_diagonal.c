/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_diagonal.c - diagonals of matrices and of stacks, stored, computed, turned, sliced, and
 * from files; matrices of diagonals.
 */
#include "tests/sweep.h"

/* clang-format off */
static const struct { int64_t rows, columns, k; } matrices[] = {
    {7, 7, 0}, {7, 5, 1}, {5, 9, -2}, {1, 1, 0}, {1, 6, 3}, {6, 1, -4}, {4, 4, 9}, {4, 4, -9},
    {0, 3, 0}, {3, 0, 1}, {33, 21, -12}, {9, 31, 8},
};
/* clang-format on */
enum { NMATRICES = sizeof matrices / sizeof matrices[0] };

static value r_twice(value a)
{
    return a + a;
}

static ref *diagonal(const ref *x, int64_t k)
{
    int64_t shape[REF_NDIM], c[REF_NDIM];
    int z = x->ndim - 2;
    int64_t i0 = k < 0 ? -k : 0, j0 = k > 0 ? k : 0;
    int64_t n = x->shape[z] - i0 < x->shape[z + 1] - j0 ? x->shape[z] - i0 : x->shape[z + 1] - j0;
    memcpy(shape, x->shape, sizeof shape);
    shape[z] = n > 0 ? n : 0;
    ref *r = ref_new(x->dtype, x->ndim - 1, shape);
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, c);
        c[z + 1] = c[z] + j0;
        c[z] += i0;
        r->v[i] = x->v[ref_linear(x, c)];
    }
    return r;
}

static ref *transposed(const ref *x)
{
    ref *r = ref_new(x->dtype, 2, (int64_t[]){x->shape[1], x->shape[0]});
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = x->v[i % x->shape[0] * x->shape[1] + i / x->shape[0]];
    return r;
}

static ref *sum_of(const ref *x)
{
    ref *r = ref_new(BR_FLOAT64, 0, NULL);
    for (int64_t i = 0; i < x->n; i++)
        r->v[0] += x->v[i];
    return r;
}

static void of_matrices(void)
{
    for (int m = 0; m < NMATRICES; m++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(7);
            int64_t shape[] = {matrices[m].rows, matrices[m].columns}, k = matrices[m].k;
            br_dtype d = m % 3 ? BR_FLOAT64 : BR_INT16;
            ref *a = ref_random(d, 2, shape, false, false), *twice = ref_map1(d, a, r_twice);
            br_array *x = source(a, how), *computed = br_add(x, x);
            ref *w = diagonal(a, k), *v = diagonal(twice, k),
                *half = ref_new(d, 1, (int64_t[]){(w->n + 1) / 2});
            for (int64_t i = 0; i < half->n; i++)
                half->v[i] = w->v[w->n - 1 - 2 * i];
            br_array *y = br_diagonal(x, k);
            expect(y, w, 0, 0, "diagonal %d cut %d", m, how);
            expect(br_diag(computed, k), v, 1, 0, "diagonal %d computed cut %d", m, how);
            expect(br_index(y, "::-2"), half, 0, 0, "diagonal %d[::-2] cut %d", m, how);
            expect(br_rechunk(y, BR_CHUNKS(-1)), w, 0, 0, "diagonal %d rechunked cut %d", m, how);
            expect(br_diagonal(br_permute_dims(computed, BR_AXES(1, 0)), k),
                   diagonal(transposed(twice), k), 1, 0, "diagonal %d turned cut %d", m, how);
            expect(br_sum(br_astype(br_diagonal(br_rechunk(computed, BR_CHUNKS(-1, 2)), k),
                                    BR_FLOAT64)),
                   sum_of(v), 1, 64, "trace %d cut %d", m, how);
            if (shape[0] != shape[1])
                continue;
            ref *both = diagonal(twice, 0);
            for (int64_t i = 0; i < both->n; i++)
                both->v[i] += twice->v[(shape[0] - 1 - i) * shape[1] + i];
            expect(br_add(br_diagonal(computed), br_diagonal(br_index(computed, "::-1"))), both, 1,
                   0, "both diagonals %d cut %d", m, how);
        }
}

static void of_stacks(void)
{
    const int64_t shape[] = {3, 2, 8, 9};
    for (int how = 0; how < NCUTS; how++)
        for (int64_t k = -9; k < 10; k += 3) {
            next_case(3);
            ref *a = ref_random(BR_FLOAT32, 4, shape, false, false);
            br_array *x = source(a, how);
            ref *w = diagonal(a, k), *last = ref_new(BR_FLOAT32, 2, w->shape + 1);
            for (int64_t i = 0; i < last->n; i++)
                last->v[i] = w->v[w->n - last->n + i] * 2;
            expect(br_diagonal(x, k), w, 0, 0, "stack %d cut %d", (int)k, how);
            expect(br_index(br_diagonal(br_add(x, x), k), "-1"), last, 1, 0, "stack %d[-1] cut %d",
                   (int)k, how);
            expect(br_diagonal(br_index(br_add(x, x), "2"), k), last, 1, 0, "stack[2] %d cut %d",
                   (int)k, how);
        }
}

static void of_files(void)
{
    const int64_t shape[] = {40, 30};
    remove("diagonal.h5");
    ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
    br_array *x = source(a, CUT_3);
    br_status st = br_store_npy(x, "diagonal.npy");
    if (st == BR_OK)
        st = br_store_hdf5(x, "diagonal.h5", "x", .chunks = BR_CHUNKS(7, 6), .deflate = 1);
    if (st != BR_OK)
        fail("store", "%s", br_message(sweep.ctx));
    for (int how = 0; how < CUT_UNEVEN; how++)
        for (int64_t k = -25; k < 30; k += 11) {
            br_extents chunks = cut_extents(how, 2, shape);
            br_array *y = br_from_npy(sweep.ctx, "diagonal.npy", .chunks = chunks);
            br_array *z = br_from_hdf5(sweep.ctx, "diagonal.h5", "x", .chunks = chunks);
            expect(br_diagonal(y, k), diagonal(a, k), 0, 0, "npy %d cut %d", (int)k, how);
            expect(br_diagonal(br_permute_dims(z, BR_AXES(1, 0)), k), diagonal(transposed(a), k), 0,
                   0, "hdf5 %d cut %d", (int)k, how);
            if (sweep.n > QUEUE - 2)
                flush();
        }
    flush();
    next_case(QUEUE + 1);
}

static void into_matrices(void)
{
    const int64_t lengths[] = {7, 1, 0, 40};
    for (int s = 0; s < 4; s++)
        for (int how = 0; how < NCUTS; how++)
            for (int64_t k = -3; k < 4; k++) {
                next_case(3);
                int64_t n = lengths[s], m = n + (k < 0 ? -k : k);
                br_dtype d = 1 + (int)(s + how + k + 3) % (BR_NDTYPE - 1);
                ref *a = ref_random(d, 1, &n, false, false), *r = ref_new(d, 2, (int64_t[]){m, m});
                if (!is_exact(d) && n > 2)
                    a->v[2] = INFINITY;
                ref *twice = ref_new(d, 2, r->shape);
                for (int64_t i = 0; i < n; i++) {
                    int64_t at = (k < 0 ? i - k : i) * m + (k < 0 ? i : i + k);
                    r->v[at] = a->v[i];
                    twice->v[at] = as(d, 2 * a->v[i]);
                }
                br_array *x = source(a, how);
                expect(br_diag(x, k), r, 0, 0, "diag %d %d cut %d", (int)n, (int)k, how);
                expect(br_diag(br_diag(x, k), k), a, 0, 0, "diag of diag %d %d cut %d", (int)n,
                       (int)k, how);
                if (d != BR_BOOL)
                    expect(br_diag(br_add(x, x), k), twice, 1, 0, "diag of a sum %d %d cut %d",
                           (int)n, (int)k, how);
            }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    of_matrices();
    of_stacks();
    flush();
    next_case(QUEUE + 1);
    of_files();
    into_matrices();
    return sweep_close();
}
