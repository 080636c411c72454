/* SPDX-License-Identifier: BSD-3-Clause
 * log.h - the part of the log that only br_close uses; bri_log_info and bri_log_warning are in
 * context.h.
 */
#ifndef BRI_LOG_H
#define BRI_LOG_H

#include "runtime/context.h"

/* Prints the context's failure to standard error, unless a log function was told of it or
 * BRAMBLE_LOG=quiet. */
void bri_log_failure(const br_context *ctx);

#endif
