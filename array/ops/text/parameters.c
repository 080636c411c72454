/* SPDX-License-Identifier: BSD-3-Clause
 * parameters.c - matches the arguments of a call with a function's parameters, and turns them into
 * what the C call takes.
 */
#include "array/ops/text/parameters.h"

#include <limits.h>
#include <string.h>

/* ---- arguments as C values; messages get their column from the caller ---- */

static br_status expected(const char *what, const bri_term *v)
{
    return bri_error(BR_EARG, "%s is expected, not %s", what, bri_term_text(v));
}

static br_status read_array(const bri_parser *p, const bri_term *v, br_array **out)
{
    (void)p;
    if (v->kind != BRI_TERM_ARRAY)
        return expected("an array", v);
    *out = v->array;
    return BR_OK;
}

static br_status read_x(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    return read_array(p, v, &out->x);
}

static br_status read_y(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    return read_array(p, v, &out->y);
}

static br_status read_where(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    return read_array(p, v, &out->where);
}

static br_status read_weights(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    return read_array(p, v, &out->weights);
}

static br_status read_number(const bri_term *v, br_number *out)
{
    if (v->kind != BRI_TERM_NUMBER)
        return expected("a number", v);
    *out = v->number;
    return BR_OK;
}

static br_status read_initial(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    (void)p;
    return read_number(v, &out->initial);
}

static br_status read_ord(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    (void)p;
    return read_number(v, &out->ord);
}

/* An integer or a tuple of them, as a list; -1 when it is neither. */
static int read_list(const bri_parser *p, const bri_term *v, int64_t *list)
{
    if (v->kind == BRI_TERM_NUMBER && v->number.kind == 'i') {
        list[0] = v->number.i;
        return 1;
    }
    if (v->kind != BRI_TERM_TUPLE)
        return -1;
    if (v->tuple.n > 0)
        memcpy(list, p->items + v->tuple.first, (size_t)v->tuple.n * sizeof *list);
    return v->tuple.n;
}

static br_status read_axis(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    int64_t list[BR_MAX_NDIM];
    if (v->kind == BRI_TERM_NONE)
        return BR_OK;
    int n = read_list(p, v, list);
    if (n < 0)
        return expected("an integer, a tuple of integers or None", v);
    out->axis.n = n > 0 ? n : -1;
    for (int i = 0; i < n; i++) {
        if (list[i] < INT_MIN || list[i] > INT_MAX)
            return bri_error(BR_EAXIS, "axis %lld is out of range", (long long)list[i]);
        out->axis.axis[i] = (int)list[i];
    }
    return BR_OK;
}

static br_status read_shape(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    int n = read_list(p, v, out->shape.extent);
    if (n < 0)
        return expected("an integer or a tuple of integers", v);
    out->shape.ndim = n > 0 ? n : -1;
    return BR_OK;
}

static br_status read_keepdims(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER || v->number.kind != 'b')
        return expected("True or False", v);
    out->keepdims = bri_number_is_true(v->number);
    return BR_OK;
}

static br_status read_dtype(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    (void)p;
    if (v->kind != BRI_TERM_DTYPE)
        return expected("a dtype", v);
    out->dtype = v->dtype;
    return BR_OK;
}

static br_status read_correction(const bri_parser *p, const bri_term *v, bri_parameters *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER || v->number.kind == 'c')
        return expected("a real number", v);
    out->correction = v->number.re;
    return BR_OK;
}

static const struct {
    const char *name;
    br_status (*read)(const bri_parser *p, const bri_term *v, bri_parameters *out);
} readers[] = {
    {"x", read_x},
    {"y", read_y},
    {"where", read_where},
    {"weights", read_weights},
    {"initial", read_initial},
    {"ord", read_ord},
    {"axis", read_axis},
    {"axes", read_axis},
    {"shape", read_shape},
    {"chunks", read_shape},
    {"keepdims", read_keepdims},
    {"dtype", read_dtype},
    {"correction", read_correction},
    {"ddof", read_correction},
};

/* ---- matching ---- */

/* One word of a parameters' text. */
typedef struct parameter {
    const char *name;
    size_t length;
    bool optional, by_keyword;
    bool given;
} parameter;

static int read_words(const char *text, parameter *list)
{
    int n = 0;
    bool by_keyword = false;
    for (size_t length; *text != '\0'; text += length) {
        text += strspn(text, " ");
        length = strcspn(text, " ");
        if (*text == '*') {
            by_keyword = true;
            continue;
        }
        bool optional = text[length - 1] == '?';
        BRI_ASSERT(n < BRI_MAX_ARGUMENTS);
        list[n++] = (parameter){text, length - optional, optional, by_keyword, false};
    }
    return n;
}

/* Everything about the call that is being matched. */
typedef struct match {
    const bri_parser *p;
    const char *function;
    parameter list[BRI_MAX_ARGUMENTS];
    int n;
} match;

static br_status unknown_keyword(const match *m, const bri_argument *argument)
{
    const char *name = m->p->text + argument->keyword;
    int shown = argument->length < 40 ? (int)argument->length : 40;
    char known[120] = "";
    size_t used = 0;
    for (int i = 0; i < m->n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%.*s", i > 0 ? ", " : "",
                                 (int)m->list[i].length, m->list[i].name);
    return bri_text_error(m->p, argument->keyword,
                          bri_error(BR_EARG, "%s has no argument '%.*s'; it has %s", m->function,
                                    shown, name, known));
}

/* The parameter that an argument is for; index counts the arguments. */
static br_status find_parameter(match *m, const bri_argument *argument, int index, int *found)
{
    if (argument->length == 0) {
        *found = index;
        if (index < m->n && !m->list[index].by_keyword)
            return BR_OK;
        int most = 0;
        while (most < m->n && !m->list[most].by_keyword)
            most++;
        return bri_text_error(m->p, argument->value.at,
                              bri_error(BR_EARG, "%s takes %d argument%s without a name",
                                        m->function, most, most == 1 ? "" : "s"));
    }
    for (*found = 0; *found < m->n; (*found)++)
        if (m->list[*found].length == argument->length &&
            memcmp(m->list[*found].name, m->p->text + argument->keyword, argument->length) == 0)
            return BR_OK;
    return unknown_keyword(m, argument);
}

static br_status read_argument(match *m, int i, const bri_argument *argument, bri_parameters *out)
{
    parameter *parameter = &m->list[i];
    size_t at = argument->length > 0 ? argument->keyword : argument->value.at;
    if (parameter->given)
        return bri_text_error(
            m->p, at,
            bri_error(BR_EARG, "%.*s is given twice", (int)parameter->length, parameter->name));
    parameter->given = true;
    for (size_t r = 0; r < sizeof readers / sizeof readers[0]; r++)
        if (bri_same_name(parameter->name, parameter->length, readers[r].name)) {
            br_status st = readers[r].read(m->p, &argument->value, out);
            if (st == BR_OK)
                return BR_OK;
            bri_error_context(st, "%s of %s", readers[r].name, m->function);
            return bri_text_error(m->p, argument->value.at, st);
        }
    return bri_error(BR_EINTERNAL, "parameter %s of %s is not known", parameter->name, m->function);
}

br_status bri_read_parameters(const bri_parser *p, size_t at, const char *function,
                              const char *parameters, const bri_argument *arguments, int n,
                              bri_parameters *out)
{
    match m = {.p = p, .function = function};
    bool keywords = false;
    m.n = read_words(parameters, m.list);
    for (int i = 0; i < n; i++) {
        int found;
        if (keywords && arguments[i].length == 0)
            return bri_text_error(
                p, arguments[i].value.at,
                bri_error(BR_EARG, "an argument without a name stands after one with a name"));
        keywords |= arguments[i].length > 0;
        BRI_TRY(find_parameter(&m, &arguments[i], i, &found));
        BRI_TRY(read_argument(&m, found, &arguments[i], out));
    }
    for (int i = 0; i < m.n; i++)
        if (!m.list[i].optional && !m.list[i].given)
            return bri_text_error(p, at,
                                  bri_error(BR_EARG, "%s needs the argument %.*s", function,
                                            (int)m.list[i].length, m.list[i].name));
    return BR_OK;
}
