/* SPDX-License-Identifier: BSD-3-Clause
 * pick.c - the elements that a mask keeps, one after the other.
 */
#include <string.h>

#include "array/kernels/kernels.h"

int64_t bri_count_true(const unsigned char *mask, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += mask[i] != 0;
    return count;
}

/* Writes every element and then goes on or not: no branch to be guessed, but that eight at a time
 * are not kept. `kept` of the mask are true, and the loop ends with the last of them. */
static inline __attribute__((always_inline)) void
pick(size_t size, const unsigned char *mask, int64_t n, int64_t kept, const char *from, char *to)
{
    const char *end = to + (size_t)kept * size;
    uint64_t eight;
    while (to < end) {
        if (n >= 8 && (memcpy(&eight, mask, 8), eight == 0)) {
            mask += 8;
            from += 8 * size;
            n -= 8;
            continue;
        }
        int few = n < 8 ? (int)n : 8;
        for (int i = 0; i < few && to < end; i++, mask++, from += size) {
            memcpy(to, from, size);
            to += *mask != 0 ? size : 0;
        }
        n -= few;
    }
}

/* Long elements: whole runs of kept ones at a time. */
static void pick_runs(size_t size, const unsigned char *mask, int64_t kept, const char *from,
                      char *to)
{
    for (int64_t i = 0; kept > 0;) {
        while (mask[i] == 0)
            i++;
        int64_t n = 1;
        while (n < kept && mask[i + n] != 0)
            n++;
        memcpy(to, from + (size_t)i * size, (size_t)n * size);
        to += (size_t)n * size;
        kept -= n;
        i += n;
    }
}

void bri_pick(size_t size, const unsigned char *mask, int64_t n, int64_t kept, const char *from,
              char *to)
{
    switch (size) {
    case 1:
        pick(1, mask, n, kept, from, to);
        break;
    case 2:
        pick(2, mask, n, kept, from, to);
        break;
    case 4:
        pick(4, mask, n, kept, from, to);
        break;
    case 8:
        pick(8, mask, n, kept, from, to);
        break;
    case 16:
        pick(16, mask, n, kept, from, to);
        break;
    default:
        pick_runs(size, mask, kept, from, to);
    }
}
