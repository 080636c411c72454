/* SPDX-License-Identifier: BSD-3-Clause
 * workers.h - for sweeps over workers. How many there are differs, so each case is checked where it
 * runs and what is printed is the same everywhere.
 */
#ifndef TEST_WORKERS_H
#define TEST_WORKERS_H

#include <stdlib.h>

#include "tests/sweep.h"

static int nworkers;

/* Byte i of a long value. */
static inline unsigned char byte_of(size_t i)
{
    return (unsigned char)((i * 2654435761u >> 13) ^ i);
}

static inline unsigned char *long_bytes(size_t n)
{
    unsigned char *bytes = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_of(i);
    return bytes;
}

#endif
