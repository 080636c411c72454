/* SPDX-License-Identifier: BSD-3-Clause
 * fault_alloc_store.c - a program that writes HDF5 files in all ways once, for fault_alloc_store.sh
 * to run with BRAMBLE_FAIL_ALLOC=n; see fault_alloc.c. Argument: a folder to write into.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lacking.h"

static br_context *ctx;

/* What was stored without an error is right. */
static void holds(const char *path, const char *dataset, double want)
{
    br_array *x = br_from_hdf5(ctx, path, dataset);
    expect(ctx, br_sum(x, .dtype = BR_FLOAT64), want, dataset);
}

static void new_and_like(const char *path, br_array *x)
{
    br_array *time = br_arange(ctx, BR_NUM(0), BR_NUM(6));
    const br_store_hdf5_args stores[] = {
        {.x = x,
         .path = path,
         .dataset = "g/x",
         .deflate = 1,
         .fletcher32 = true,
         .dims = BR_DIMS("time", "place"),
         .attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"), BR_NUMBER("_FillValue", -1),
                                     BR_TEXT("coordinates", "aux"))},
        {.x = time, .dataset = "g/time", .dims = BR_DIMS("time")},
        {.x = time, .dataset = "g/aux", .dims = BR_DIMS("time")},
    };
    if (!worked(ctx, x, br_store_many(stores, 3), "store_many"))
        return;
    br_array *source = br_from_hdf5(ctx, path, "g/x");
    if (worked(ctx, source, br_store_hdf5(br_mul(source, 2), path, "twice", .like = source),
               "like"))
        holds(path, "twice", 2 * 435);
    if (worked(ctx, x,
               br_store_hdf5(x, path, "twice", .mode = BR_STORE_OVERWRITE, .safe_copy = true),
               "safe_copy"))
        holds(path, "twice", 435);
}

static void parts(const char *path, br_array *x)
{
    if (!worked(ctx, x, br_store_hdf5(x, path, "y", .mode = BR_STORE_APPEND, .deflate = 1),
                "append"))
        return;
    double sum = 435;
    if (worked(ctx, x, br_store_hdf5(x, path, "y", .mode = BR_STORE_APPEND), "append more"))
        sum *= 2;
    holds(path, "y", sum);
    if (worked(ctx, x, br_store_hdf5(x, path, "y", .region = "0:6, :"), "region") &&
        worked(ctx, x, br_store_hdf5(br_index(x, "0"), path, "y", .region = "1, :"), "row"))
        holds(path, "y", sum - 35 + 10);
}

/* Until it has worked: what a failed call has left must be good to go on with. */
static void resumed(const char *path, br_array *x)
{
    bool done = false;
    for (int i = 0; i < 2 && !done; i++)
        done = worked(ctx, x, br_store_hdf5(x, path, "x", .resume = true, .deflate = 1), "resume");
    if (done)
        holds(path, "x", 435);
}

static void store(const char *folder)
{
    static const char *const names[] = {"new.h5", "resumed.h5", "resumed.h5.part",
                                        "resumed.h5.part.log", "x.raw"};
    char path[5][300];
    double data[30];
    for (int i = 0; i < 5; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
        remove(path[i]);
    }
    for (int i = 0; i < 30; i++)
        data[i] = i;
    br_scope *scope = br_scope_open(ctx);
    br_array *x = br_from_memory(ctx, data, BR_FLOAT64, BR_SHAPE(6, 5), .chunks = BR_CHUNKS(4, 3),
                                 .copy = true);
    new_and_like(path[0], x);
    parts(path[0], x);
    resumed(path[1], x);
    if (worked(ctx, x, br_store_raw(x, path[4], .order = BR_BIG_ENDIAN), "store_raw")) {
        double got = 0;
        br_array *raw = br_from_raw(ctx, path[4], BR_FLOAT64, BR_SHAPE(-1), .order = BR_BIG_ENDIAN);
        if (worked(ctx, raw, br_compute_f64(br_sum(raw), &got), "from_raw") && got != 435)
            wrong = true;
    }
    br_scope_close(scope);
}

static void compute(br_context *opened, const char *folder)
{
    ctx = opened;
    store(folder);
}

int main(int argc, char **argv)
{
    return run_lacking(argc, argv, compute);
}
