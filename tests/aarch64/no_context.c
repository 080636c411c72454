/* SPDX-License-Identifier: BSD-3-Clause
 * no_context.c - stands for runtime/context.c, which needs MPI and BLAS: no context is opened here,
 * and nothing belongs to one.
 */
#include "runtime/context.h"

void bri_context_own(br_context *ctx, bri_owned *owned, void (*release)(bri_owned *owned))
{
    (void)ctx, (void)owned, (void)release;
}

void bri_context_disown(bri_owned *owned)
{
    (void)owned;
}

br_status bri_context_fail(br_context *ctx, br_status status, const char *text)
{
    (void)ctx, (void)text;
    return status;
}
