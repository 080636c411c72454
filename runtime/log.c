/* SPDX-License-Identifier: BSD-3-Clause
 * log.c - what is written to standard error or to the user's log function.
 */
#include "runtime/log.h"

#include <stdarg.h>
#include <string.h>

/* In the order of the choices of BRAMBLE_LOG in config.def. */
typedef enum level { QUIET, WARNING, INFO, DEBUG } level;

static level level_of(const br_context *ctx)
{
    static const char first[] = "qwid";
    const char *found = strchr(first, ctx->config.log[0]);
    return found != NULL && *found != '\0' ? (level)(found - first) : WARNING;
}

static void write_line(const br_context *ctx, const char *kind, const char *text)
{
    if (ctx->nranks > 1)
        fprintf(stderr, "bramble[%d]: %s%s\n", ctx->rank, kind, text);
    else
        fprintf(stderr, "bramble: %s%s\n", kind, text);
}

static void BR_PRINTF(3, 0)
    log_text(const br_context *ctx, const char *kind, const char *format, va_list args)
{
    char text[BRI_ERROR_TEXT];
    vsnprintf(text, sizeof text, format, args);
    if (ctx->log != NULL)
        ctx->log(ctx->log_data, BR_OK, text);
    else
        write_line(ctx, kind, text);
}

void bri_log_info(const br_context *ctx, const char *format, ...)
{
    if (level_of(ctx) < INFO)
        return;
    va_list args;
    va_start(args, format);
    log_text(ctx, "", format, args);
    va_end(args);
}

void bri_log_warning(const br_context *ctx, const char *format, ...)
{
    if (level_of(ctx) < WARNING)
        return;
    va_list args;
    va_start(args, format);
    log_text(ctx, "warning: ", format, args);
    va_end(args);
}

void bri_log_failure(const br_context *ctx)
{
    if (ctx->log == NULL && level_of(ctx) > QUIET)
        fprintf(stderr, "bramble: %s\n", ctx->message);
}
