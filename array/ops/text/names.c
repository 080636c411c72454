/* SPDX-License-Identifier: BSD-3-Clause
 * names.c - what a name in the text stands for: what the caller gave, a constant, a dtype.
 */
#include <math.h>

#include "array/ops/text/text.h"

static const struct {
    const char *name;
    double value;
} constants[] = {{"pi", M_PI}, {"e", M_E}, {"inf", INFINITY}, {"nan", NAN}};

static const struct {
    const char *name;
    br_dtype dtype;
} dtypes[] = {
    {"bool", BR_BOOL}, {"int", BR_INT64}, {"float", BR_FLOAT64}, {"complex", BR_COMPLEX128}};

static const char *const literals[] = {"True", "False", "None"};

static bool named_dtype(const char *s, size_t n, br_dtype *dtype)
{
    for (*dtype = BR_BOOL; *dtype < BR_NDTYPE; (*dtype)++)
        if (bri_same_name(s, n, br_dtype_name(*dtype)))
            return true;
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (bri_same_name(s, n, dtypes[i].name)) {
            *dtype = dtypes[i].dtype;
            return true;
        }
    return false;
}

int bri_binding_named(const bri_parser *p, const char *s, size_t n)
{
    for (int i = 0; i < p->nvalues; i++)
        if (bri_same_name(s, n, p->names[i]))
            return i;
    return -1;
}

/* True, None, pi, float32: unless the caller has given the name another meaning. */
static bool built_in(const char *s, size_t n, bri_term *out)
{
    if (bri_same_name(s, n, "True") || bri_same_name(s, n, "False")) {
        out->kind = BRI_TERM_NUMBER;
        out->number = br_number_bool(s[0] == 'T');
        return true;
    }
    if (bri_same_name(s, n, "None")) {
        out->kind = BRI_TERM_NONE;
        return true;
    }
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (bri_same_name(s, n, constants[i].name)) {
            out->kind = BRI_TERM_NUMBER;
            out->number = br_number_float(constants[i].value);
            return true;
        }
    out->kind = BRI_TERM_DTYPE;
    return named_dtype(s, n, &out->dtype);
}

static br_status unknown_name(const bri_parser *p, size_t at, size_t n)
{
    const char *s = p->text + at;
    bri_suggestion suggestion = {s, n, 0, NULL};
    char hint[60];
    int shown = n < 60 ? (int)n : 60;
    if (bri_is_function(s, n))
        return bri_text_error(p, at,
                              bri_error(BR_EARG, "'%.*s' is a function: '(' is missing", shown, s));
    for (int i = 0; i < p->nvalues; i++)
        bri_suggest(&suggestion, p->names[i]);
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        bri_suggest(&suggestion, constants[i].name);
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
        bri_suggest(&suggestion, literals[i]);
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        bri_suggest(&suggestion, br_dtype_name(d));
    return bri_text_error(p, at,
                          bri_error(BR_EARG, "unknown name '%.*s'%s", shown, s,
                                    bri_suggestion_text(&suggestion, hint, sizeof hint)));
}

br_status bri_value_of_name(const bri_parser *p, size_t at, size_t n, bri_term *out)
{
    const char *s = p->text + at;
    int i = bri_binding_named(p, s, n);
    *out = (bri_term){.kind = BRI_TERM_NUMBER, .at = at};
    if (i < 0)
        return built_in(s, n, out) ? BR_OK : unknown_name(p, at, n);
    const br_operand *value = &p->values[i];
    if (value->array == NULL) {
        out->number = value->number;
        return BR_OK;
    }
    out->kind = BRI_TERM_ARRAY;
    out->array = value->array;
    return BR_OK;
}
