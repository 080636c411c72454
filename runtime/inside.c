/* SPDX-License-Identifier: BSD-3-Clause
 * inside.c - the innermost task of each thread.
 */
#include "runtime/inside.h"

#include "runtime/alloc.h"

_Thread_local bri_inside *bri_inside_here;

br_status bri_inside_refuse(const char *text)
{
    if (bri_inside_here->why == NULL)
        bri_inside_here->why = bri_strdup(text);
    return bri_error(BR_EARG, "%s", text);
}
