/* SPDX-License-Identifier: BSD-3-Clause
 * no_futures.c - stands for scheduler/futures where no context is opened: tasks that are handed in
 * need one.
 */
#include "scheduler/futures/store.h"

void bri_store_close(br_context *ctx)
{
    (void)ctx;
}
