/* SPDX-License-Identifier: BSD-3-Clause
 * lacking.h - for programs that fault_alloc.sh runs: each call works, or says that memory is
 * missing.
 */
#ifndef LACKING_H
#define LACKING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

enum { NO_MEMORY = 3, WRONG = 4 };

static bool lacking; /* some call said that memory is missing */
static bool wrong;

/* What a call on x returned: success, or BR_ENOMEM with a text that says so, in the context or,
 * when x itself could not be made, in x. */
static inline bool worked(br_context *ctx, const br_array *x, br_status st, const char *what)
{
    if (st == BR_OK)
        return true;
    const char *text = br_message(ctx);
    bool told =
        strstr(text, "memory") != NULL || (x != NULL && strstr(br_error(x), "memory") != NULL);
    if (st != BR_ENOMEM || !told) {
        fprintf(stderr, "%s: status %d \"%s\", message \"%s\"\n", what, (int)st, br_status_text(st),
                text);
        wrong = true;
    }
    lacking = true;
    br_clear_error(ctx);
    return false;
}

static inline void expect(br_context *ctx, br_array *x, double want, const char *what)
{
    double got = 0;
    if (worked(ctx, x, br_compute_f64(x, &got), what) && got != want) {
        fprintf(stderr, "%s: %.17g instead of %.17g\n", what, got, want);
        wrong = true;
    }
}

/* main of such a program: compute does everything once. */
static inline int run_lacking(int argc, char **argv,
                              void (*compute)(br_context *ctx, const char *folder))
{
    if (argc != 2)
        return WRONG;
    br_context *ctx = br_open(NULL, NULL);
    if (br_error_status(ctx) == BR_OK)
        compute(ctx, argv[1]);
    else
        worked(ctx, NULL, br_error_status(ctx), "open");
    /* An array that could not be made and was not used leaves its failure in the context. */
    lacking |= br_error_status(ctx) == BR_ENOMEM;
    int st = br_close(ctx);
    if (wrong || (st != 0 && !lacking)) {
        fprintf(stderr, "br_close returned %d\n", st);
        return WRONG;
    }
    return lacking ? NO_MEMORY : 0;
}

#endif
