/* SPDX-License-Identifier: BSD-3-Clause
 * expr.h - array expressions as text, in the syntax of Python and NumPy.
 */
#ifndef BRAMBLE_EXPR_H
#define BRAMBLE_EXPR_H

#include <bramble/array.h>

/* Lets the compiler see that a list of arguments does not end in NULL. */
#if defined(__GNUC__)
#define BR_SENTINEL __attribute__((sentinel))
#else
#define BR_SENTINEL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* br_expr - an array from an expression as NumPy writes it:
 *     br_expr(ctx, "sqrt(x*x + y*y) - mean(x, axis=0)", "x", x, "y", y, NULL)
 *
 * ctx    the context; the arrays must belong to it
 * text   one expression, on any number of lines; read now, not kept:
 *          or  and  not  < <= > >= == !=  |  ^  &  << >>  + -  * / // % @  unary + - ~  **
 *        from loose to tight, as in Python; a < b < c is (a < b) and (b < c); `and`, `or` and `not`
 *        are logical_and, ...; `a if c else b` is where(c, a, b). Then x[2:, ::-1, None] as
 *        br_index takes it, x.T, and calls: sum(x, axis=(0, 1), keepdims=True), also as x.sum(0) or
 *        np.sum(x, 0). docs/expr.md lists the functions.
 * ...    pairs of a name and a br_array *, then NULL: what the names in the text stand for. They
 *        come before the constants True, False, None, pi, e, inf, nan and the names of dtypes.
 * Returns the array that the same calls in C would give, of the same nodes; nothing else is left in
 *        the scope. Numbers are weak, as in C calls: 2 * pi * x of a float32 x is float32.
 *        Operations on numbers alone are done by Python's rules while the text is read (7 / 2 is
 *        3.5, -7 // 2 is -4, integers don't wrap around); an expression without arrays gives a 0-d
 *        array.
 * Errors BR_EARG for the text and the names, with the column, the line and a caret below it; those
 *        of the operations with their column. An array that failed before passes its error on.
 * Cost   some microseconds an operation, of which most is making its node.
 * Limits 200 levels of nesting; numbers of 64 bits. Both sides of `if else`, `and` and `or` are
 *        always read and built.
 */
BR_API br_array *br_expr_(br_context *ctx, br_place at, const char *text, ...) BR_SENTINEL;

/* br_expr_with - the same with lists: .names, .values (arrays or numbers, BR_OPERAND(x)), and how
 * many in .n. Numbers stay weak. The lists are read during the call. Errors: as br_expr. */
typedef struct br_expr_args {
    br_place at;
    br_context *ctx;
    const char *text;
    const char *const *names;
    const br_operand *values;
    int n;
} br_expr_args;
BR_API br_array *br_expr_with_(br_expr_args args);

#ifndef __cplusplus
#define br_expr(ctx, ...) br_expr_((ctx), BR_HERE, __VA_ARGS__)
#define br_expr_with(...)                                                                          \
    br_expr_with_((br_expr_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
