/* SPDX-License-Identifier: BSD-3-Clause
 * apply.c - elementwise functions on terms: folded for numbers alone, else the node that the C call
 * would make.
 */
#include <string.h>

#include "array/ops/ops.h"
#include "array/ops/text/text.h"

/* The operation's message without the place, which the message around it has too. */
static br_status failed_array(const bri_parser *p, size_t at, const br_array *x)
{
    char place[300];
    const char *why = br_error(x);
    int n = snprintf(place, sizeof place, " (%s:%d): ", bri_file_name(p->call.at.file),
                     p->call.at.line);
    const char *found = n > 0 && (size_t)n < sizeof place ? strstr(why, place) : NULL;
    int before = found != NULL ? (int)(found - why) : 0;
    const char *after = found != NULL ? found + n : why;
    bri_error(x->status, "%.*s%s%s", before, why, found != NULL ? ": " : "", after);
    return bri_text_error(p, at, x->status);
}

br_status bri_take_array(const bri_parser *p, size_t at, br_array *x, bri_term *out)
{
    if (br_status_of(x) != BR_OK)
        return failed_array(p, at, x);
    *out = (bri_term){.kind = BRI_TERM_ARRAY, .at = at, .array = x};
    return BR_OK;
}

static br_status fold(const bri_parser *p, size_t at, const char *name, const br_operand *operands,
                      int n, bri_term *out)
{
    br_number numbers[3];
    br_number result;
    for (int i = 0; i < n; i++)
        numbers[i] = operands[i].number;
    br_status st = bri_fold(name, numbers, n, &result);
    if (st != BR_OK)
        return bri_text_error(p, at, st);
    *out = (bri_term){.kind = BRI_TERM_NUMBER, .at = at, .number = result};
    return BR_OK;
}

br_status bri_apply(bri_parser *p, size_t at, const char *name, const bri_term *terms, int n,
                    bri_term *out)
{
    br_operand operands[3];
    bool numbers = true;
    for (int i = 0; i < n; i++) {
        const bri_term *t = &terms[i];
        if (t->kind != BRI_TERM_NUMBER && t->kind != BRI_TERM_ARRAY)
            return bri_text_error(
                p, t->at, bri_error(BR_EARG, "%s is no operand of %s", bri_term_text(t), name));
        operands[i] =
            t->kind == BRI_TERM_NUMBER ? br_operand_number(t->number) : br_operand_array(t->array);
        numbers &= t->kind == BRI_TERM_NUMBER;
    }
    if (numbers)
        return fold(p, at, name, operands, n, out);
    const bri_named *function = bri_named_find(name, strlen(name));
    if (function == NULL)
        return bri_text_error(p, at, bri_error(BR_EUNSUPPORTED, "%s is not supported", name));
    return bri_take_array(p, at, bri_named_apply(function, operands, p->call.at), out);
}
