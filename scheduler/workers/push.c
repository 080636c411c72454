/* SPDX-License-Identifier: BSD-3-Clause
 * push.c - bytes of main's become values of workers, whole or in parts.
 */
#include <string.h>

#include "runtime/feed.h"
#include "scheduler/workers/values.h"
#include "scheduler/workers/workers.h"

static br_status refuse(br_context *ctx, br_place at, const char *function, const char *what)
{
    br_status st = bri_error(BR_EARG, "%s", what);
    return bri_workers_fail(ctx, bri_workers_place(st, at, function));
}

/* ---- all of it to each ---- */

typedef struct whole {
    const char *data;
    size_t bytes;
} whole;

static size_t whole_bytes(void *data, int k, int n)
{
    (void)k, (void)n;
    return ((const whole *)data)->bytes;
}

static br_status whole_fill(void *data, int k, int n, size_t offset, void *buffer, size_t bytes)
{
    const whole *w = data;
    (void)k, (void)n;
    if (bytes > 0)
        memcpy(buffer, w->data + offset, bytes);
    return BR_OK;
}

br_status br_push_(br_push_args a)
{
    whole w = {a.data, a.bytes};
    if (a.data == NULL && a.bytes > 0)
        return refuse(a.ctx, a.at, "push", "some bytes, but no pointer to them");
    return bri_feed_workers(&(bri_feed){.ctx = a.ctx,
                                        .at = a.at,
                                        .function = "push",
                                        .workers = a.workers,
                                        .name = a.name,
                                        .bytes = whole_bytes,
                                        .fill = whole_fill,
                                        .data = &w});
}

br_status br_broadcast_(br_broadcast_args a)
{
    whole w = {a.data, a.bytes};
    if (a.data == NULL && a.bytes > 0)
        return refuse(a.ctx, a.at, "broadcast", "some bytes, but no pointer to them");
    return bri_feed_workers(&(bri_feed){.ctx = a.ctx,
                                        .at = a.at,
                                        .function = "broadcast",
                                        .name = a.name,
                                        .bytes = whole_bytes,
                                        .fill = whole_fill,
                                        .data = &w});
}

/* ---- a part to each ---- */

typedef struct parts {
    const char *data;
    int64_t n;
    size_t size;
} parts;

static size_t begin_of(const parts *p, int k, int n)
{
    return (size_t)bri_feed_split(p->n, k, n) * p->size;
}

static size_t part_bytes(void *data, int k, int n)
{
    return begin_of(data, k + 1, n) - begin_of(data, k, n);
}

static br_status part_fill(void *data, int k, int n, size_t offset, void *buffer, size_t bytes)
{
    const parts *p = data;
    if (bytes > 0)
        memcpy(buffer, p->data + begin_of(p, k, n) + offset, bytes);
    return BR_OK;
}

br_status br_scatter_(br_scatter_args a)
{
    size_t total;
    parts p = {a.data, (int64_t)a.n, a.size};
    if (a.data == NULL && a.n > 0)
        return refuse(a.ctx, a.at, "scatter", "some elements, but no pointer to them");
    if (a.size == 0)
        return refuse(a.ctx, a.at, "scatter", "elements of 0 bytes");
    if (a.n > INT64_MAX || __builtin_mul_overflow(a.n, a.size, &total))
        return refuse(a.ctx, a.at, "scatter", "more bytes than an address can have");
    return bri_feed_workers(&(bri_feed){.ctx = a.ctx,
                                        .at = a.at,
                                        .function = "scatter",
                                        .workers = a.workers,
                                        .name = a.name,
                                        .bytes = part_bytes,
                                        .fill = part_fill,
                                        .data = &p});
}
