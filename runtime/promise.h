/* SPDX-License-Identifier: BSD-3-Clause
 * promise.h - futures with bytes that are no task's: who made them brings the result
 * (scheduler/futures/promise.c). Tasks may depend on them as on those of br_submit.
 */
#ifndef BRI_PROMISE_H
#define BRI_PROMISE_H

#include <bramble/future.h>

/* Not done, owned by the context, called `name` in messages. Who makes it ends it, once. NULL with
 * a BR_ENOMEM error. */
br_future *bri_promise_new(br_context *ctx, const char *name, br_place at);
/* The same without a handle, for what depends on it alone. */
br_future *bri_promise_anonymous(br_context *ctx, const char *name);
/* It ends when that job does, at the latest: for who looks for cycles. Before it is waited for. */
void bri_promise_of_job(br_future *promise, uint64_t serial);
/* A block for the result, which counts in the memory limit; NULL with a BR_ENOMEM error. Once. */
void *bri_promise_room(br_future *promise, size_t bytes);
/* It is done, well or with an error. The last touch. */
void bri_promise_end(br_future *promise, br_status status, const char *text);

/* ---- of all futures that have bytes ---- */

/* Whether it can be held: it is of br_submit or a promise. */
bool bri_future_has_bytes(const br_future *future);
/* Its result stays, also when its user frees it, until it is let go as often. */
void bri_future_hold(br_future *future);
void bri_future_let_go(br_future *future);
/* Waits, and gives its result's bytes; its error is the caller's to tell. BR_EARG for a future
 * without bytes. */
br_status bri_future_get(br_future *future, const void **data, size_t *bytes);
/* "task NAME (file.c:12)" */
void bri_future_describe(const br_future *future, char *text, size_t size);

#endif
