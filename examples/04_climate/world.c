/* SPDX-License-Identifier: BSD-3-Clause
 * world.c - land and sea, roughly as on earth.
 */
#include "climate.h"

#include <math.h>

enum { MAP_ROWS = 24, MAP_COLUMNS = 48 };

/* A cell is 7.5 degrees wide and high; the first row is at the north pole, the first column at the
 * date line. */
// clang-format off
static const char map[MAP_ROWS][MAP_COLUMNS + 1] = {
    "...............######...........................",
    "........#############.....#..........##.........",
    "...##...####.##..####....###....################",
    "..#############..##..#...####.##################",
    "......######.###.......##.##################.#..",
    ".......#########........###################.....",
    "........#######.......##.######.#########.##....",
    "........######.........###...############.#.....",
    ".........##..#........##################........",
    "..........##..#.......##########..##.##.#.......",
    "............#.##......#########...#...#.#.......",
    ".............####.....##.######......#.#........",
    ".............######.......####........##..##....",
    "..............#####.......####.............#....",
    "...............####.......###.#.........####....",
    "..............####........###..........######...",
    "..............###.........##...........##.###...",
    "..............##...........................#...#",
    "..............#...............................#.",
    "..............#.................................",
    "..............#.................................",
    "...............##.......######################..",
    "..###############....#########################..",
    "################################################",
};
// clang-format on

/* The map between the centres of its cells, so that coasts are soft. */
static float land(double lat, double lon)
{
    double row = fmin(fmax((90 - lat) / 7.5 - 0.5, 0), MAP_ROWS - 1),
           column = (lon + 180) / 7.5 - 0.5 + MAP_COLUMNS;
    int i = (int)row, j = (int)column, below = i + 1 < MAP_ROWS ? i + 1 : i;
    double v = row - i, u = column - j, sum = 0;
    sum += (1 - v) * (1 - u) * (map[i][j % MAP_COLUMNS] == '#');
    sum += (1 - v) * u * (map[i][(j + 1) % MAP_COLUMNS] == '#');
    sum += v * (1 - u) * (map[below][j % MAP_COLUMNS] == '#');
    sum += v * u * (map[below][(j + 1) % MAP_COLUMNS] == '#');
    return (float)(sum * sum * (3 - 2 * sum));
}

static int fill_land(const br_block *in, int nin, const br_block *out, const void *data)
{
    float *value = out->data;
    (void)in;
    (void)nin;
    (void)data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < out->extent[1]; j++)
            *value++ = land(latitude(out->origin[0] + i), longitude(out->origin[1] + j));
    return 0;
}

br_array *world_land(br_context *ctx)
{
    return br_map_blocks(br_zeros(ctx, BR_SHAPE(NLAT, NLON), .dtype = BR_FLOAT32), fill_land);
}
