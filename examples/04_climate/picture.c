/* SPDX-License-Identifier: BSD-3-Clause
 * picture.c - a map in false colours: every step of the ramp looks equally large, also without
 * colour vision.
 */
#include "climate.h"

#include <math.h>

enum { ZOOM = 4, WIDTH = NLON * ZOOM, HEIGHT = NLAT * ZOOM, MARGIN = 12, BAR = 24, NCOLOURS = 9 };

/* Inferno of Smith and van der Walt (2015), every 32nd of its colours. */
static const unsigned char colours[NCOLOURS][3] = {
    {0, 0, 4},     {27, 12, 65},   {74, 12, 107}, {120, 28, 109},  {165, 44, 96},
    {207, 68, 70}, {237, 105, 37}, {251, 155, 6}, {252, 255, 164},
};

static void put_colour(FILE *f, double share)
{
    double x = fmin(fmax(share, 0), 1) * (NCOLOURS - 1);
    int i = (int)fmin(x, NCOLOURS - 2);
    for (int c = 0; c < 3; c++)
        putc((int)lround(colours[i][c] + (x - i) * (colours[i + 1][c] - colours[i][c])), f);
}

/* Between grid points, linearly; rows run from the south, columns around the earth. */
static double value_at(const float *values, double row, double column)
{
    int i = (int)fmin(fmax(row, 0), NLAT - 2), j = (int)(column + NLON) % NLON,
        right = (j + 1) % NLON;
    double v = fmin(fmax(row - i, 0), 1), u = column - floor(column);
    const float *low = values + (size_t)i * NLON, *high = low + NLON;
    return (1 - v) * ((1 - u) * low[j] + u * low[right]) +
           v * ((1 - u) * high[j] + u * high[right]);
}

int picture_write(const char *path, const float *values, float low, float high)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    fprintf(f, "P6\n%d %d\n255\n", WIDTH, HEIGHT + MARGIN + BAR);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double row = NLAT - 0.5 - (y + 0.5) / ZOOM, column = (x + 0.5) / ZOOM - 0.5;
            put_colour(f, (value_at(values, row, column) - low) / (high - low));
        }
    for (int i = 0; i < MARGIN * WIDTH * 3; i++)
        putc(255, f);
    for (int y = 0; y < BAR; y++)
        for (int x = 0; x < WIDTH; x++)
            put_colour(f, (double)x / (WIDTH - 1));
    int failed = ferror(f);
    return fclose(f) || failed ? -1 : 0;
}
