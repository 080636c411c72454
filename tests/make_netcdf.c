/* SPDX-License-Identifier: BSD-3-Clause
 * make_netcdf.c - writes what test_tools.sh looks at with h5py, netCDF4, xarray and HDF5's tools.
 *
 * make_netcdf FOLDER    source.nc in it was made by test_tools.py
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

enum { TIMES = 6, LATS = 8, LONS = 10 };

static const char *folder;
static br_context *ctx;

static const char *in_folder(const char *name)
{
    static char text[4][400];
    static int next;
    char *path = text[next++ % 4];
    snprintf(path, sizeof text[0], "%s/%s", folder, name);
    return path;
}

static void ok(br_status st)
{
    if (st == BR_OK)
        return;
    fprintf(stderr, "make_netcdf: %s\n", br_message(ctx));
    exit(1);
}

static br_array *numbers(br_dtype dtype)
{
    br_array *n = br_arange(ctx, BR_NUM(0.0), BR_NUM((double)(TIMES * LATS * LONS)));
    n = br_reshape(n, BR_SHAPE(TIMES, LATS, LONS));
    return br_astype(br_rechunk(n, BR_CHUNKS(2, 4, 5)), dtype);
}

static void temperature(const char *path)
{
    const double range[2] = {0, 479};
    ok(br_store_hdf5(numbers(BR_FLOAT32), path, "temp", .deflate = 4, .fletcher32 = true,
                     .dims = BR_DIMS("time", "lat", "lon"),
                     .attributes = BR_ATTRIBUTES(
                         BR_TEXT("units", "K"), BR_TEXT("long_name", "Temperatur, gemessen in °"),
                         BR_TEXT("empty", ""), BR_NUMBER("_FillValue", -999), BR_NUMBER("level", 2),
                         BR_NUMBER("factor", 0.5), BR_NUMBER("flag", true),
                         BR_VALUES("valid_range", BR_FLOAT64, 2, range))));
}

/* Coordinates first, then what has them. */
static void from_scratch(void)
{
    const char *path = in_folder("made.nc");
    ok(br_store_hdf5(br_arange(ctx, BR_NUM(0.0), BR_NUM((double)TIMES)), path, "time",
                     .dims = BR_DIMS("time"),
                     .attributes = BR_ATTRIBUTES(BR_TEXT("units", "days since 2000-01-01"),
                                                 BR_TEXT("calendar", "standard")),
                     .file_attributes =
                         BR_ATTRIBUTES(BR_TEXT("Conventions", "CF-1.7"), BR_NUMBER("version", 3))));
    ok(br_store_hdf5(br_linspace(ctx, -70, 70, LATS), path, "lat", .dims = BR_DIMS("lat"),
                     .attributes = BR_ATTRIBUTES(BR_TEXT("units", "degrees_north")),
                     .file_attributes = BR_ATTRIBUTES(BR_TEXT("Conventions", "CF-1.8"))));
    temperature(path);
    ok(br_store_hdf5(br_arange(ctx, BR_NUM(0), BR_NUM(TIMES)), in_folder("notes.nc"), "time"));
    temperature(in_folder("notes.nc"));
    ok(br_store_hdf5(numbers(BR_INT16), path, "group/deep/count", .deflate = 1,
                     .dims = BR_DIMS("time", "lat", "level")));
    ok(br_store_hdf5(br_mean(numbers(BR_FLOAT64)), path, "mean",
                     .attributes = BR_ATTRIBUTES(BR_TEXT("units", "K"))));
    ok(br_store_hdf5(br_mul(numbers(BR_FLOAT32), 2), path, "temp", .mode = BR_STORE_OVERWRITE,
                     .dims = BR_DIMS("time", "lat", "lon")));
    ok(br_store_hdf5(numbers(BR_COMPLEX64), in_folder("plain.h5"), "z", .deflate = 2));
    ok(br_store_hdf5(br_greater(numbers(BR_INT32), 5), in_folder("plain.h5"), "b",
                     .fletcher32 = true));
}

/* One time after the other. */
static void step_by_step(void)
{
    const char *path = in_folder("steps.nc");
    for (int t = 0; t < TIMES; t++) {
        br_array *slab = br_index(numbers(BR_FLOAT32), t == 0 ? "0:1" : t % 2 ? "1" : "2:3");
        const br_store_hdf5_args stores[] = {
            {.x = slab,
             .path = path,
             .dataset = "temp",
             .mode = BR_STORE_APPEND,
             .deflate = 1,
             .dims = BR_DIMS("time", "lat", "lon")},
            {.x = br_astype(br_full(ctx, BR_SHAPE(1), BR_NUM(t)), BR_FLOAT64),
             .dataset = "time",
             .mode = BR_STORE_APPEND,
             .dims = BR_DIMS("time")},
            {.x = slab,
             .dataset = "bare/temp",
             .mode = BR_STORE_APPEND,
             .dims = BR_DIMS("step", "lat", "lon")},
        };
        ok(br_store_many(stores, 3));
    }
}

static void like_the_source(void)
{
    br_array *x = br_from_hdf5(ctx, in_folder("source.nc"), "temp");
    const char *path = in_folder("like.nc");
    ok(br_store_hdf5(br_mul(x, 2.0), path, "twice", .like = x, .deflate = 4));
    ok(br_store_hdf5(br_mean(x, .axis = BR_AXIS(0)), path, "mean", .like = x,
                     .attributes = BR_ATTRIBUTES(BR_TEXT("cell_methods", "time: mean"))));
    ok(br_store_hdf5(br_index(x, "::2"), in_folder("half.nc"), "temp", .like = x));
    ok(br_store_hdf5(br_add(x, 0), in_folder("group.nc"), "inner/temp", .like = x));
    ok(br_store_hdf5(br_negative(x), in_folder("source.nc"), "minus", .like = x));
    br_array *packed = br_from_hdf5(ctx, in_folder("source.nc"), "packed");
    ok(br_store_hdf5(packed, in_folder("packed.nc"), "packed", .like = packed));
}

int main(int argc, char **argv)
{
    ctx = br_open(&argc, &argv);
    if (argc != 2)
        return 2;
    folder = argv[1];
    from_scratch();
    step_by_step();
    like_the_source();
    return br_close(ctx);
}
