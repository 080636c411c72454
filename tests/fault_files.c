/* SPDX-License-Identifier: BSD-3-Clause
 * fault_files.c - lists files, reads packed elements, fields and many files once, for
 * fault_files.sh to run with BRAMBLE_FAIL_ALLOC=n. Argument: a folder to write into.
 */
#include "tests/lacking.h"
#include "tests/made_files.h"

static int16_t number(int row, int column)
{
    return (int16_t)(row * 10 + column);
}

/* The numbers of a file are 0..9, 10..19, ...; those of 5 rows have the sum 1225. */
static void make_files(const char *folder)
{
    char path[300];
    for (int i = 0; i < 4; i++) {
        double scale = i < 2 ? 2 : i;
        const made_attribute attributes[] = {
            {"missing_value", 7}, {"valid_max", 1000}, {"scale_factor", scale}, {NULL, 0}};
        snprintf(path, sizeof path, "%s/%c_%d.h5", folder, i < 2 ? 'a' : 'b', i);
        make_numbers(path, 5, 10, number, attributes);
    }
    snprintf(path, sizeof path, "%s/pairs.h5", folder);
    make_pairs(path, 5, 10);
}

static const char *path_in(const char *folder, const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void compute(br_context *ctx, const char *folder)
{
    br_file *file;
    br_scope *scope = br_scope_open(ctx);
    make_files(folder);
    if (worked(ctx, NULL, br_open_file(ctx, path_in(folder, "a_0.h5"), &file), "open_file")) {
        const br_item *x = br_file_find(file, "x");
        wrong |= x == NULL || br_attribute_f64(br_item_attribute(x, "scale_factor"), 0) != 2;
        br_close_file(file);
    }
    expect(ctx, br_nansum(br_from_hdf5(ctx, path_in(folder, "a_0.h5"), "x")), 2436, "packed");
    expect(ctx, br_sum(br_from_hdf5(ctx, path_in(folder, "a_0.h5"), "x", .raw = true)), 1225,
           "raw");
    expect(ctx, br_nansum(br_from_hdf5_many(ctx, path_in(folder, "a_*.h5"), "x", 0)), 4872,
           "files that are packed alike");
    expect(ctx, br_nansum(br_from_hdf5_many(ctx, path_in(folder, "[ab]_*.h5"), "x", 0)),
           1218 * (2 + 2 + 2 + 3), "files that are not");
    expect(ctx, br_nansum(br_from_hdf5(ctx, path_in(folder, "a_1.h5"), "x", .untrusted = true)),
           2436, "a file that is not trusted");
    br_array *a = br_from_hdf5(ctx, path_in(folder, "pairs.h5"), "pairs", .field = "a");
    br_array *b = br_from_hdf5(ctx, path_in(folder, "pairs.h5"), "pairs", .field = "b");
    expect(ctx, br_add(br_sum(a), br_sum(b)), 100 + 112.5, "fields");
    br_scope_close(scope);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
