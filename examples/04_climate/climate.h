/* SPDX-License-Identifier: BSD-3-Clause
 * climate.h - what 04_climate.c leaves to other files: the invented climate and the picture.
 */
#ifndef CLIMATE_H
#define CLIMATE_H

#include <bramble/bramble.h>

/* Daily means on a grid of 1.5 degrees, both poles included, longitudes from -180. */
enum { NLAT = 121, NLON = 240 };
static const double DEGREES = 1.5;

static inline double latitude(int64_t row)
{
    return -90 + DEGREES * (double)row;
}
static inline double longitude(int64_t column)
{
    return -180 + DEGREES * (double)column;
}

/* world.c: the share of land at every grid point, 0 to 1, as an array (NLAT, NLON). */
br_array *world_land(br_context *ctx);

/* weather.c: `days` of temperature in kelvin, (days, NLAT, NLON). */
br_array *weather_temperature(br_context *ctx, int64_t days);

/* coordinates.c: names the axes of a dataset as netCDF-4 does. `days` 0: it has no axis of time. 0,
 * or -1 if HDF5 failed. */
int coordinates_add(const char *path, const char *dataset, int64_t days);

/* picture.c: a map as a PPM file, north up, with the scale below it. 0, or -1 if the file could not
 * be written. */
int picture_write(const char *path, const float *values, float low, float high);

#endif
