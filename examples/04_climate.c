/* SPDX-License-Identifier: BSD-3-Clause
 * 04_climate.c - a whole job: how much does the temperature vary, at every place on earth?
 *
 * 04_climate --make FILE [MB]      writes a netCDF-4 style file of daily temperatures, by default
 *                                  about 200 MB
 * 04_climate FILE OUT.nc OUT.ppm   reads it twice, stores and draws the standard deviation of the
 *                                  anomaly
 */
#include "04_climate/climate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static float deviation[NLAT][NLON];

static int make(br_context *ctx, const char *path, double megabytes)
{
    /* Compressed, a day takes about 56 % of its 116 KB. */
    int64_t days = (int64_t)(megabytes * 1e6 / (0.56 * NLAT * NLON * sizeof(float))) + 2;
    br_run_info run;
    remove(path);
    if (br_store_hdf5(weather_temperature(ctx, days), path, "temperature", .deflate = 1) != BR_OK ||
        br_last_run(ctx, &run) != BR_OK)
        return 1;
    if (coordinates_add(path, "temperature", days) != 0) {
        fprintf(stderr, "04_climate: cannot write coordinates to %s\n", path);
        return 1;
    }
    printf("%s: %" PRId64 " days x %d latitudes x %d longitudes, made in %.1f s\n", path, days,
           NLAT, NLON, run.seconds);
    return 0;
}

/* The mean over the globe: a row of the grid counts by its length on the sphere. */
static br_array *global_mean(br_context *ctx, br_array *x, const char *path)
{
    br_array *lat = br_from_hdf5(ctx, path, "lat");
    br_array *weight = br_cos(br_mul(lat, 3.14159265358979323846 / 180));
    br_array *rows = br_mean(x, .axis = BR_AXES(1));
    return br_div(br_sum(br_mul(rows, weight)), br_sum(weight));
}

/* FNV-1a, 64 bits. */
static uint64_t digest(uint64_t hash, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return hash;
}

static void print_result(double mean, float low, float high)
{
    static const struct {
        const char *name;
        double lat, lon;
    } places[] = {{"Yakutsk", 62, 129.5},  {"Winnipeg", 50, -97},  {"Hamburg", 53.5, 10},
                  {"Singapore", 1.5, 104}, {"Sydney", -33.5, 151}, {"South Pole", -90, 0}};

    printf("global mean       %8.3f K\n", mean);
    printf("deviation         %8.3f K to %.3f K\n", low, high);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int row = (int)((places[i].lat - latitude(0)) / DEGREES + 0.5);
        int column = (int)((places[i].lon - longitude(0)) / DEGREES + 0.5);
        printf("  %-14s  %8.3f K\n", places[i].name, deviation[row][column]);
    }
    uint64_t hash = digest(0xcbf29ce484222325u, deviation, sizeof deviation);
    printf("digest %016" PRIx64 "\n", digest(hash, &mean, sizeof mean));
}

/* What differs from run to run and from machine to machine. */
static void print_cost(br_context *ctx, const br_run_info *run, size_t bytes)
{
    printf("\nthis run: %s, %d rank%s\n", br_scheduler(ctx), br_num_ranks(ctx),
           br_num_ranks(ctx) == 1 ? "" : "s");
    printf("  time            %8.2f s\n", run->seconds);
    printf("  speed           %8.0f MB of temperatures a second\n",
           (double)bytes / run->seconds / 1e6);
    printf("  read            %8.1f MB from the file\n", (double)run->bytes_read / 1e6);
    printf("  peak of chunks  %8.1f MB on the largest rank; all temperatures take %.1f MB\n",
           (double)run->peak_bytes / 1e6, (double)bytes / 1e6);
    printf("  tasks           %8" PRId64 "\n", run->tasks);
    printf("  messages        %8" PRId64 " of %.1f MB together\n", run->messages,
           (double)run->bytes_sent / 1e6);
}

static int job(br_context *ctx, const char *in, const char *out, const char *picture)
{
    br_array *t = br_from_hdf5(ctx, in, "temperature");
    br_array *mean = br_mean(t, .axis = BR_AXES(0));
    br_array *anomaly = br_sub(t, mean);
    br_array *sd = br_std(anomaly, .axis = BR_AXES(0), .correction = 1);

    /* One run for both, since they share the mean: a first pass over the file for it, a second for
     * the deviation. */
    double global;
    const br_result results[] = {{sd, deviation, sizeof deviation},
                                 {global_mean(ctx, mean, in), &global, sizeof global}};
    br_run_info run;
    if (br_compute_many(results, 2) != BR_OK || br_last_run(ctx, &run) != BR_OK)
        return 1;

    br_array *result = br_from_memory(ctx, deviation, BR_FLOAT32, BR_SHAPE(NLAT, NLON));
    float range[2];
    const br_result extremes[] = {{br_min(result), &range[0], sizeof range[0]},
                                  {br_max(result), &range[1], sizeof range[1]}};
    remove(out);
    if (br_compute_many(extremes, 2) != BR_OK ||
        br_store_hdf5(result, out, "std", .deflate = 4) != BR_OK)
        return 1;
    if (coordinates_add(out, "std", 0) != 0 ||
        picture_write(picture, deviation[0], range[0], range[1]) != 0) {
        fprintf(stderr, "04_climate: cannot write %s or %s\n", out, picture);
        return 1;
    }
    print_result(global, range[0], range[1]);
    print_cost(ctx, &run, br_nbytes(t));
    return 0;
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int failed = 2;
    if (argc >= 3 && strcmp(argv[1], "--make") == 0)
        failed = make(ctx, argv[2], argc > 3 ? atof(argv[3]) : 200);
    else if (argc == 4)
        failed = job(ctx, argv[1], argv[2], argv[3]);
    else
        fprintf(stderr,
                "usage: 04_climate --make FILE [MB]\n       04_climate FILE OUT.nc OUT.ppm\n");
    int status = br_close(ctx);
    return status ? status : failed;
}
