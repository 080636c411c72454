/* SPDX-License-Identifier: BSD-3-Clause
 * cgroup.c - memory and processor limits of control groups, versions 1 and 2.
 *
 * A container often shows its own group as the root of the mount while /proc/self/cgroup has the
 * path on the host, so groups that are not there are passed over.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host.h"

enum { PATH_SIZE = 1024 };

static bool read_line(const char *directory, const char *file, char *line, size_t size)
{
    char path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    bool ok = fgets(line, (int)size, f) != NULL;
    fclose(f);
    return ok;
}

/* "max" (version 2) is no number and leaves the limit; so does the huge number that version 1 has
 * for none. */
static void limit_memory(const char *directory, const char *file, bri_cgroup_limits *limits)
{
    char line[64];
    char *end;
    if (!read_line(directory, file, line, sizeof line))
        return;
    uint64_t bytes = strtoull(line, &end, 10);
    if (end != line && bytes > 0 && bytes < (uint64_t)1 << 62 && bytes < limits->memory)
        limits->memory = bytes;
}

static void limit_cores(double quota, double period, bri_cgroup_limits *limits)
{
    if (quota > 0 && period > 0 && quota / period < limits->cores)
        limits->cores = quota / period;
}

static void see_v2(const char *directory, bri_cgroup_limits *limits)
{
    char line[64];
    double quota;
    double period;
    limit_memory(directory, "memory.max", limits);
    if (read_line(directory, "cpu.max", line, sizeof line) &&
        sscanf(line, "%lf %lf", &quota, &period) == 2)
        limit_cores(quota, period, limits);
}

static void see_v1(const char *directory, bri_cgroup_limits *limits)
{
    char quota[64];
    char period[64];
    limit_memory(directory, "memory.limit_in_bytes", limits);
    if (read_line(directory, "cpu.cfs_quota_us", quota, sizeof quota) &&
        read_line(directory, "cpu.cfs_period_us", period, sizeof period))
        limit_cores(atof(quota), atof(period), limits);
}

/* The group `path` under `root` and every group above it. */
static void walk_up(const char *root, const char *path,
                    void (*see)(const char *, bri_cgroup_limits *), bri_cgroup_limits *limits)
{
    char directory[PATH_SIZE];
    int n = snprintf(directory, sizeof directory, "%s%s", root, path);
    if (n < 0 || (size_t)n >= sizeof directory)
        return;
    size_t top = strlen(root);
    for (;;) {
        see(directory, limits);
        char *slash = strrchr(directory + top, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

/* One line: "0::/path" for version 2, "4:memory:/path" or "2:cpu,cpuacct:/path" for version 1. */
static void see_line(const char *mount, char *line, bri_cgroup_limits *limits)
{
    char root[PATH_SIZE];
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
        return;
    controllers++;
    *path++ = '\0';
    if (controllers[0] == '\0') {
        walk_up(mount, path, see_v2, limits);
    } else {
        snprintf(root, sizeof root, "%s/%s", mount, controllers);
        walk_up(root, path, see_v1, limits);
    }
}

void bri_cgroup_read(const char *mount, const char *membership, bri_cgroup_limits *limits)
{
    *limits = (bri_cgroup_limits){UINT64_MAX, INFINITY};
    FILE *f = fopen(membership, "re");
    if (f == NULL)
        return;
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, f) > 0)
        see_line(mount, line, limits);
    free(line);
    fclose(f);
}
