/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_corpus.c - some datasets of the files that tests/corpus.py makes, of every file, filter and
 * kind of chunk index, read in chunks that cut the stored ones. test_hdf5_corpus reads them all.
 */
#include "tests/sweep.h"

#include "tests/corpus.h" /* Check has a macro called fail, too */

/* Reads what the index says of a dataset. */
static const ref *wanted(const entry *e, const br_array *x)
{
    size_t size = br_dtype_size(br_dtype_of(x));
    ref *r = ref_new(br_dtype_of(x), br_ndim(x), br_shape(x));
    char *bytes = malloc((size_t)r->n * size + 1);
    FILE *f = fopen(in_corpus(e->raw), "rb");
    if (f == NULL || fread(bytes, 1, (size_t)r->n * size + 1, f) != (size_t)r->n * size)
        check(false, e->raw);
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = get(r->dtype, bytes, i);
    free(bytes);
    if (f != NULL)
        fclose(f);
    return r;
}

static const ref *odd_rows(const ref *all)
{
    int64_t shape[REF_NDIM];
    memcpy(shape, all->shape, sizeof shape);
    shape[0] /= 2;
    ref *r = ref_new(all->dtype, all->ndim, shape);
    int64_t row = shape[0] > 0 ? r->n / shape[0] : 0;
    for (int64_t i = 0; i < r->n; i++)
        r->v[i] = all->v[(i / row * 2 + 1) * row + i % row];
    return r;
}

static void read_entry(const entry *e)
{
    next_case(2);
    const char *path = in_corpus(e->file);
    br_array *x = br_from_hdf5(sweep.ctx, path, e->dataset, .field = e->field);
    if (br_status_of(x) != BR_OK) {
        fprintf(stderr, "%s\n", br_error(x));
        check(false, e->dataset);
        return;
    }
    const ref *want = wanted(e, x);
    x = br_from_hdf5(sweep.ctx, path, e->dataset, .field = e->field,
                     .chunks = cut_extents(CUT_3, br_ndim(x), br_shape(x)));
    expect(x, want, 0, 0, "%s:%s.%s", e->file, e->dataset, e->field);
    if (want->ndim > 0)
        expect(br_index(x, "1::2"), odd_rows(want), 0, 0, "odd rows of it");
}

/* One of every file, not always the first; every twentieth of one with many; and all that HDF5's
 * plugins decode. */
static bool is_chosen(const entry *e)
{
    static int file = -1, place;
    if (file < 0 || strcmp(e->file, e[-1].file) != 0) {
        file++;
        place = 0;
    }
    bool due = place % 20 == file % 2;
    place++;
    bool elements = strcmp(e->dtype, "error") != 0 && !is_packed(e);
    return elements && (due || strncmp(e->how, "H5Dread (filter", 15) == 0);
}

int main(int argc, char **argv)
{
    if (!read_index())
        return NO_CORPUS;
    sweep_open(&argc, &argv);
    for (int i = 0; i < nentries; i++)
        if (is_chosen(&entries[i]))
            read_entry(&entries[i]);
    return sweep_close();
}
