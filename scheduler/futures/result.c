/* SPDX-License-Identifier: BSD-3-Clause
 * result.c - what tasks have returned, for who handed them in.
 */
#include <string.h>

#include "runtime/error.h"
#include "runtime/inside.h"
#include "scheduler/futures/store.h"

static br_status refuse(br_future *future, const char *text)
{
    br_status st = bri_error(BR_EARG, "%s", text);
    if (future != NULL && bri_inside_here == NULL)
        bri_context_fail(future->ctx, st, text);
    return st;
}

/* Waits; the errand of one that went well. */
static br_status get(br_future *future, bri_errand **out)
{
    BRI_TRY(br_wait(future));
    *out = bri_errand_of(future);
    return *out != NULL ? BR_OK : refuse(future, "this future is of no task, so it has no bytes");
}

br_status br_future_result(br_future *future, void *buffer, size_t bytes)
{
    bri_errand *e = NULL;
    BRI_TRY(get(future, &e));
    bri_input output = bri_errand_output(e);
    if (output.bytes != bytes) {
        char name[400];
        char text[BRI_ERROR_TEXT];
        bri_errand_describe(e, name, sizeof name);
        snprintf(text, sizeof text, "%s returned %zu bytes, not %zu", name, output.bytes, bytes);
        return refuse(future, text);
    }
    if (bytes > 0)
        memcpy(buffer, output.data, bytes);
    return BR_OK;
}

const void *br_future_view(br_future *future, size_t *bytes)
{
    bri_errand *e = NULL;
    if (get(future, &e) != BR_OK)
        return NULL;
    bri_input output = bri_errand_output(e);
    if (bytes != NULL)
        *bytes = output.bytes;
    return output.data;
}

br_status br_future_status(const br_future *future)
{
    if (future == NULL)
        return BR_ENOMEM;
    return bri_future_done(future) ? future->status : BR_OK;
}

int br_future_attempts(const br_future *future)
{
    if (future == NULL || future->kind != &bri_errand_kind)
        return 0;
    return atomic_load_explicit(&((const bri_errand *)future)->attempts, memory_order_relaxed);
}
