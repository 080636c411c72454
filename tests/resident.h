/* SPDX-License-Identifier: BSD-3-Clause
 * resident.h - resident memory of the processes, by the kernel's account.
 */
#ifndef TEST_RESIDENT_H
#define TEST_RESIDENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

/* KiB of a line of /proc/self/status ("VmHWM:" is the most so far), -1 when there is none. */
static inline double status_kib(const char *line_name)
{
    char line[256];
    double kib = -1;
    FILE *from = fopen("/proc/self/status", "r");
    while (from != NULL && fgets(line, sizeof line, from) != NULL)
        if (strncmp(line, line_name, strlen(line_name)) == 0)
            kib = atof(line + strlen(line_name));
    if (from != NULL)
        fclose(from);
    return kib;
}

static inline int most_resident(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)in, (void)data;
    *(double *)out->data = status_kib("VmHWM:");
    return n;
}

/* What each rank has had at most. */
static inline br_array *resident_by_rank(br_context *ctx)
{
    return br_from_blocks(ctx, most_resident, BR_SHAPE(br_num_ranks(ctx)), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(1), .impure = true);
}

#endif
