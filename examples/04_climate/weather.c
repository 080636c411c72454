/* SPDX-License-Identifier: BSD-3-Clause
 * weather.c - an invented but plausible temperature for every day and grid point.
 *
 * Climate, seasons and a slow oscillation in the tropical Pacific are ordinary bramble expressions
 * that broadcast over time, latitude and longitude; the weather is a function of the index, so any
 * chunk can be made by itself.
 */
#include "climate.h"

#include <math.h>

/* Lows and highs: about 18 degrees wide, five days long, moving east 6 degrees a day. */
enum { WIDTH = 12, HEIGHT = 12, PERIOD = 5, AROUND = NLON / WIDTH };
static const double EAST = 4;

/* A number in -1 to 1 that depends on the three in no visible way (a round of splitmix64 for each).
 */
static double chance(int64_t a, int64_t b, int64_t c)
{
    uint64_t h = 0;
    const int64_t in[3] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        h = (h ^ (uint64_t)in[i]) + 0x9e3779b97f4a7c15u;
        h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
        h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
        h ^= h >> 31;
    }
    return (double)(h >> 11) * 0x1p-52 - 1;
}

static double blend(double a, double b, double t)
{
    return a + (b - a) * t * t * (3 - 2 * t);
}

/* Adds a pattern of pressure systems along a row; each pattern is shifted by itself, or the grid of
 * systems would show. */
static void add_pattern(double share, int64_t number, int64_t day, int64_t row, int64_t n,
                        double *line)
{
    double y = (double)row / HEIGHT + chance(number, 1, 0), node[AROUND];
    int64_t i = (int64_t)floor(y);
    for (int j = 0; j < AROUND; j++)
        node[j] = blend(chance(number, i, j), chance(number, i + 1, j), y - (double)i);

    double shift = chance(number, 2, 0) - EAST * (double)day / WIDTH;
    shift -= AROUND * floor(shift / AROUND);
    for (int64_t column = 0; column < n; column++) {
        double x = (double)column / WIDTH + shift;
        int j = (int)x;
        line[column] += share * blend(node[j % AROUND], node[(j + 1) % AROUND], x - j);
    }
}

static int fill_weather(const br_block *in, int nin, const br_block *out, const void *data)
{
    float *value = out->data;
    (void)in;
    (void)nin;
    (void)data;
    for (int64_t k = 0; k < out->extent[0]; k++)
        for (int64_t i = 0; i < out->extent[1]; i++) {
            int64_t day = out->origin[0] + k, row = out->origin[1] + i, number = day / PERIOD;
            int64_t first = out->origin[2], end = first + out->extent[2];
            double next = blend(0, 1, (double)(day % PERIOD) / PERIOD), line[NLON] = {0};
            add_pattern(1 - next, number, day, row, end, line);
            add_pattern(next, number + 1, day, row, end, line);
            for (int64_t column = first; column < end; column++)
                *value++ = (float)(line[column] + 0.2 * chance(day, row, column));
        }
    return 0;
}

/* 1 at the centre, 0 far away from it. */
static br_array *bump(br_array *x, double centre, double width)
{
    return br_exp(br_negative(br_square(br_div(br_sub(x, centre), width))));
}

br_array *weather_temperature(br_context *ctx, int64_t days)
{
    const double degree = 3.14159265358979323846 / 180, year = 365.25;
    br_array *day = br_expand_dims(br_expand_dims(br_arange(ctx, BR_NUM(0), BR_NUM(days)), 1), 2);
    br_array *lat = br_expand_dims(br_linspace(ctx, -90, 90, NLAT), 1);
    br_array *lon = br_linspace(ctx, -180, 180, NLON, .no_endpoint = true);
    br_array *land = world_land(ctx);
    br_array *sine = br_sin(br_mul(lat, degree));

    /* Warm at the equator, cold at the poles, coldest on Antarctica. */
    br_array *climate = br_sub(br_sub(301, br_mul(48, br_square(sine))),
                               br_mul(18, br_mul(land, bump(lat, -90, 20))));

    /* Warmest at the end of July in the north and of January in the south; far more so on land. */
    br_array *summer = br_cos(br_mul(br_sub(day, 207), 360 / year * degree));
    br_array *season = br_mul(br_mul(sine, br_add(4.5, br_mul(11, land))), summer);

    /* Every four years the eastern Pacific along the equator is warmer. */
    br_array *nino =
        br_mul(br_mul(bump(lat, 0, 7), br_add(bump(lon, -110, 32), bump(lon, -150, 30))),
               br_mul(2.5, br_sin(br_mul(day, 90 / year * degree))));

    /* Storms follow the belts of middle latitudes. */
    br_array *storms = br_add(1.6, br_mul(5.5, br_add(bump(lat, 52, 17), bump(lat, -54, 14))));
    br_array *grid = br_zeros(ctx, BR_SHAPE(days, NLAT, NLON), .dtype = BR_FLOAT32,
                              .chunks = BR_CHUNKS(64, 61, 120));
    br_array *weather = br_mul(br_map_blocks(grid, fill_weather), storms);

    return br_astype(br_add(br_add(climate, season), br_add(nino, weather)), BR_FLOAT32);
}
