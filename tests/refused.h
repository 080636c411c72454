/* SPDX-License-Identifier: BSD-3-Clause
 * refused.h - calls that must fail, and what their messages must say.
 */
#ifndef TEST_REFUSED_H
#define TEST_REFUSED_H

#include <check.h>
#include <string.h>

#include <bramble/bramble.h>

static inline void check_says(int line, const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "line %d: \"%s\" instead of \"%s\"", line, text,
                  part);
}
#define says(text, part) check_says(__LINE__, text, part)

/* A call that fails at once, with this text and the place of the call. */
static inline void check_refused(br_context *ctx, const char *file, int line, br_array *x,
                                 br_status status, const char *part)
{
    const char *name = strrchr(file, '/');
    ck_assert_msg(br_status_of(x) == status, "line %d: status %d, \"%s\"", line,
                  (int)br_status_of(x), br_error(x));
    check_says(line, br_error(x), part);
    check_says(line, br_error(x), name != NULL ? name + 1 : file);
    br_clear_error(ctx);
}
#define refused(x, status, part) check_refused(ctx, __FILE__, __LINE__, x, status, part)

/* The call has failed so, with these words in its message. */
static inline void failed(br_context *ctx, br_status st, br_status want, const char *text)
{
    ck_assert_msg(st == want && br_error_status(ctx) == want, "status %d, \"%s\"", (int)st,
                  br_message(ctx));
    ck_assert_msg(strstr(br_message(ctx), text) != NULL, "\"%s\" has no \"%s\"", br_message(ctx),
                  text);
    br_clear_error(ctx);
}

#endif
