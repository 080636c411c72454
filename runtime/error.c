/* SPDX-License-Identifier: BSD-3-Clause
 * error.c - the calling thread's last error, and the static texts of statuses.
 */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char last_error[BRI_ERROR_TEXT];

/* Set when the ranks meet, whatever other threads do then: release, so that its text is there. */
static _Atomic(const char *) file_host;

static void abort_if_asked(void)
{
    const char *ask = getenv("BRAMBLE_ABORT");
    if (ask != NULL && strcmp(ask, "1") == 0) {
        fprintf(stderr, "bramble: BRAMBLE_ABORT: %s\n", last_error);
        abort();
    }
}

br_status bri_error(br_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(last_error, sizeof last_error, format, args);
    va_end(args);
    abort_if_asked();
    return status;
}

br_status bri_file_error(br_status status, const char *format, ...)
{
    char text[BRI_ERROR_TEXT];
    const char *host = atomic_load_explicit(&file_host, memory_order_acquire);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return bri_error(status, "%s%s%s", host != NULL ? host : "", host != NULL ? ":" : "", text);
}

void bri_file_errors_name(const char *host)
{
    atomic_store_explicit(&file_host, host, memory_order_release);
}

br_status bri_error_context(br_status status, const char *format, ...)
{
    char old[BRI_ERROR_TEXT];
    memcpy(old, last_error, sizeof old);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(last_error, sizeof last_error, format, args);
    va_end(args);
    if (n >= 0) {
        strncat(last_error, ": ", sizeof last_error - strlen(last_error) - 1);
        strncat(last_error, old, sizeof last_error - strlen(last_error) - 1);
    }
    return status;
}

const char *bri_last_error(void)
{
    return last_error;
}

br_status bri_no_memory(size_t bytes, const char *what)
{
    return bri_error(BR_ENOMEM, "no memory for %zu bytes of %s", bytes, what);
}

const char *br_status_text(br_status status)
{
    static const char *const text[BR_NSTATUS] = {
#define BRI_TEXT(name, text) [BR_##name] = text,
        BR_STATUS_TABLE(BRI_TEXT)
#undef BRI_TEXT
    };
    return (unsigned)status < BR_NSTATUS ? text[status] : "unknown status";
}

int br_version(void)
{
    return BR_VERSION;
}
