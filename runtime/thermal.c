/* SPDX-License-Identifier: BSD-3-Clause
 * thermal.c - how hot the host is.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host.h"

/* Zones that are switched off tell temperatures beyond these. */
static const double coldest = -50, hottest = 200;

/* The kernel tells thousandths of a degree. */
static double read_zone(const char *directory, const char *zone)
{
    char path[512];
    long millis;
    int n = snprintf(path, sizeof path, "%s/%s/temp", directory, zone);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    if (f == NULL)
        return NAN;
    bool read = fscanf(f, "%ld", &millis) == 1;
    fclose(f);
    double celsius = 1e-3 * (double)millis;
    return read && celsius > coldest && celsius < hottest ? celsius : NAN;
}

double bri_host_celsius(const char *directory)
{
    double most = NAN;
    DIR *dir = opendir(directory);
    if (dir == NULL)
        return NAN;
    for (const struct dirent *zone; (zone = readdir(dir)) != NULL;)
        if (strncmp(zone->d_name, "thermal_zone", 12) == 0)
            most = fmax(most, read_zone(directory, zone->d_name));
    closedir(dir);
    return most;
}
