/* SPDX-License-Identifier: BSD-3-Clause
 * error.h - how errors are made and passed on inside the library.
 *
 * Every new error is made by bri_error(): it formats the text into the calling thread's last-error
 * buffer and returns the status, so `return bri_error(BR_ESHAPE, "...")` is the whole of it.
 * Whoever stops the propagation (a node, a context, a job) copies bri_last_error() before the next
 * call.
 */
#ifndef BRI_ERROR_H
#define BRI_ERROR_H

#include <bramble/base.h>

enum { BRI_ERROR_TEXT = 1024 };

/* Makes an error: break here to see where one comes from. BRAMBLE_ABORT=1 aborts in it. */
br_status bri_error(br_status status, const char *format, ...) BR_PRINTF(2, 3);

/* The same of a file: the text begins with its path. Where ranks are on several hosts HOST: stands
 * before that. */
br_status bri_file_error(br_status status, const char *format, ...) BR_PRINTF(2, 3);
/* From now on file errors name this host, which stays where it is; NULL: none. */
void bri_file_errors_name(const char *host);

/* Puts "what: " before the text of the calling thread's last error and returns status. */
br_status bri_error_context(br_status status, const char *format, ...) BR_PRINTF(2, 3);

/* The text of the calling thread's last error, never NULL. */
const char *bri_last_error(void);

/* BR_ENOMEM with the number of bytes and what they were for. */
br_status bri_no_memory(size_t bytes, const char *what);

#define BRI_TRY(call)                                                                              \
    do {                                                                                           \
        br_status st_ = (call);                                                                    \
        if (st_ != BR_OK)                                                                          \
            return st_;                                                                            \
    } while (0)

#ifdef NDEBUG
#define BRI_ASSERT(condition) ((void)0)
#else
#include <assert.h>
#define BRI_ASSERT(condition) assert(condition)
#endif

#endif
