/* SPDX-License-Identifier: BSD-3-Clause
 * text.h - expressions as text: what the lexer, the parser, the constants and the functions share.
 *
 * A text is read once, from left to right, and built as it is read; there is no tree between. A
 * value in it is a term. Functions return a status and leave the message, with its column, as the
 * calling thread's last error.
 */
#ifndef BRI_TEXT_H
#define BRI_TEXT_H

#include "array/expr/handle.h"

/* What a value of the text can be. Tuples, None and dtypes are only good as arguments. */
typedef enum bri_term_kind {
    BRI_TERM_NUMBER,
    BRI_TERM_ARRAY,
    BRI_TERM_TUPLE,
    BRI_TERM_NONE,
    BRI_TERM_DTYPE
} bri_term_kind;

typedef struct bri_term {
    bri_term_kind kind;
    size_t at; /* where it starts in the text, for messages */
    union {
        br_number number;
        br_array *array;
        br_dtype dtype;
        struct {
            size_t first; /* in the parser's items */
            int n;
        } tuple; /* of integers */
    };
} bri_term;

typedef enum bri_token_kind { BRI_END, BRI_NUMBER, BRI_WORD, BRI_SIGN } bri_token_kind;

typedef struct bri_token {
    bri_token_kind kind;
    size_t at, length;
    br_number number;
} bri_token;

typedef struct bri_parser {
    bri_call call;
    const char *text;
    const char *const *names; /* the arrays and numbers that the text may name */
    const br_operand *values;
    int nvalues;
    bri_token token; /* the current one */
    int depth;
    int64_t *items; /* of the tuples */
    size_t nitems, room;
} bri_parser;

/* ---- lexer.c, literal.c ---- */

/* The token after the current one; the first one when text has just been set. */
br_status bri_token_next(bri_parser *p);
bool bri_token_is(const bri_parser *p, const char *sign_or_word);
/* Reads the number that starts at text[at] (a digit, or a point before one). */
br_status bri_literal(const bri_parser *p, size_t at, size_t *length, br_number *out);

/* ---- parser.c, primary.c, names.c: each leaves the token after what it read ---- */

/* The whole text as one value. */
br_status bri_parse(bri_parser *p, bri_term *out);
br_status bri_parse_expression(bri_parser *p, bri_term *out);
br_status bri_parse_postfix(bri_parser *p, bri_term *out);
/* Goes over this sign, or says that it is missing. */
br_status bri_text_need(bri_parser *p, const char *sign);
/* The error that `what` is true, not the current token. */
br_status bri_text_wrong(const bri_parser *p, const char *what);
/* The value of the name of n characters at text[at]. */
br_status bri_value_of_name(const bri_parser *p, size_t at, size_t n, bri_term *out);
/* Which of the caller's names it is, or -1. */
int bri_binding_named(const bri_parser *p, const char *s, size_t n);

/* ---- fold.c: what Python does with numbers alone ---- */

/* name(v[0], ...) where name is an operation of ops.def; errors have no column yet. */
br_status bri_fold(const char *name, const br_number *v, int n, br_number *out);
bool bri_number_is_true(br_number v);
/* The operation of this name that can be folded, with its number of operands, or NULL. */
const char *bri_fold_name(const char *name, size_t length, int *arity);

/* ---- apply.c, functions.c ---- */

/* The elementwise function of this name on n terms; `at` is what messages point at. */
br_status bri_apply(bri_parser *p, size_t at, const char *name, const bri_term *terms, int n,
                    bri_term *out);
/* Turns what an operation returned into a term, or its error into one with a column. */
br_status bri_take_array(const bri_parser *p, size_t at, br_array *x, bri_term *out);
enum { BRI_MAX_ARGUMENTS = 8 };

typedef struct bri_argument {
    size_t keyword, length; /* where its name stands in the text; length 0: given by position */
    bri_term value;
} bri_argument;

/* Calls the function whose name stands at text[at]; may change the arguments. */
br_status bri_call_function(bri_parser *p, size_t at, size_t length, bri_argument *arguments, int n,
                            bri_term *out);
bool bri_is_function(const char *name, size_t length);
/* The names of all functions, one after the other; NULL at the end. */
const char *bri_text_function_name(int i);

/* ---- message.c ---- */

/* Puts the column before the calling thread's last error, and the text with a caret after it. */
br_status bri_text_error(const bri_parser *p, size_t at, br_status status);
/* What kind of term it is, for messages: "a tuple". */
const char *bri_term_text(const bri_term *term);

/* The most alike of some names: give each to bri_suggest. */
typedef struct bri_suggestion {
    const char *wrong;
    size_t length;
    int distance; /* of the best one so far; 0 before the first */
    const char *best;
} bri_suggestion;
void bri_suggest(bri_suggestion *s, const char *name);
/* " (did you mean sqrt?)", or "". */
const char *bri_suggestion_text(const bri_suggestion *s, char *text, size_t size);

/* True when the characters text[0 .. length) are name. */
bool bri_same_name(const char *text, size_t length, const char *name);

#endif
