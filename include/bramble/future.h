/* SPDX-License-Identifier: BSD-3-Clause
 * future.h - something that is being done meanwhile: a compute that was started, a task that was
 * handed in.
 *
 * A call that makes a future returns at once. br_test looks whether it is done, br_wait waits,
 * br_cancel asks it to stop, br_future_free forgets it. A call that failed gives a future that is
 * done and has the error; only without memory for the future itself is it NULL, which all functions
 * here take for a future that failed so. The context has the error in both cases.
 *
 * Futures belong to their context. br_close cancels those that are not done, waits for them and
 * frees all; it returns BR_ECANCELLED then, if nothing failed before.
 *
 * These functions may be called by any thread, also by tasks; two threads may wait for one future.
 * None of them may be called once br_future_free or br_close has begun.
 */
#ifndef BRAMBLE_FUTURE_H
#define BRAMBLE_FUTURE_H

#include <bramble/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct br_future br_future;

/* br_wait - waits until the future is done, and works on tasks of its context meanwhile, also
 * inside a task.
 *
 * Returns BR_OK, the error it ended with, or BR_ECANCELLED; the same when called again. The first
 * call that returns an error stores it in the context (br_message), unless br_cancel was the
 * reason. Inside a task BR_EARG when the future cannot be done before the task is; the task fails
 * then, with a message that names who waits for whom. Over ranks contexts take turns in the
 * memory limit, so a task of a compute may not wait for a later compute of another context.
 */
BR_API br_status br_wait(br_future *future);

/* br_wait_all - waits for n futures and returns the first error in their order. NULL among them is
 * one that failed for want of memory. */
BR_API br_status br_wait_all(br_future *const futures[], size_t n);

/* br_test - true when the future is done: br_wait returns at once then. Does not wait, but may work
 * for a moment. */
BR_API bool br_test(br_future *future);

/* br_cancel - asks the future to stop. Returns at once.
 *
 * Tasks that have begun run to their end, others don't begin; br_wait then returns BR_ECANCELLED,
 * unless it was done before. What it was to write is undefined then. The context stays usable.
 */
BR_API void br_cancel(br_future *future);

/* br_future_message - the text of the error of a future that is done, "" when there is none or it
 * is not done. It lives as long as the future. */
BR_API const char *br_future_message(const br_future *future);

/* br_future_free - forgets a future: one that is not done is cancelled and waited for. NULL is
 * fine. An error that no br_wait has returned is stored in the context. BR_EARG, in the context,
 * for one that another thread waits for: br_close frees it. */
BR_API void br_future_free(br_future *future);

#ifdef __cplusplus
}
#endif
#endif
