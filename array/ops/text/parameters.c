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

static br_status read_array(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_ARRAY)
        return expected("an array", v);
    *(br_array **)out = v->array;
    return BR_OK;
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

static br_status read_axes(const bri_parser *p, const bri_term *v, void *out)
{
    br_axes *axes = out;
    int64_t list[BR_MAX_NDIM];
    if (v->kind == BRI_TERM_NONE)
        return BR_OK;
    int n = read_list(p, v, list);
    if (n < 0)
        return expected("an integer, a tuple of integers or None", v);
    axes->n = n > 0 ? n : -1;
    for (int i = 0; i < n; i++) {
        if (list[i] < INT_MIN || list[i] > INT_MAX)
            return bri_error(BR_EAXIS, "axis %lld is out of range", (long long)list[i]);
        axes->axis[i] = (int)list[i];
    }
    return BR_OK;
}

static br_status read_extents(const bri_parser *p, const bri_term *v, void *out)
{
    br_extents *extents = out;
    int n = read_list(p, v, extents->extent);
    if (n < 0)
        return expected("an integer or a tuple of integers", v);
    extents->ndim = n > 0 ? n : -1;
    return BR_OK;
}

static br_status read_flag(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER || v->number.kind != 'b')
        return expected("True or False", v);
    *(bool *)out = bri_number_is_true(v->number);
    return BR_OK;
}

static br_status read_dtype(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind == BRI_TERM_NONE)
        return BR_OK;
    if (v->kind != BRI_TERM_DTYPE)
        return expected("a dtype", v);
    *(br_dtype *)out = v->dtype;
    return BR_OK;
}

static br_status read_real(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER || v->number.kind == 'c')
        return expected("a real number", v);
    *(double *)out = v->number.re;
    return BR_OK;
}

static br_status read_integer(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER || v->number.kind != 'i')
        return expected("an integer", v);
    *(br_number *)out = v->number;
    return BR_OK;
}

static br_status read_number(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER)
        return expected("a number", v);
    *(br_number *)out = v->number;
    return BR_OK;
}

static br_status read_operand(const bri_parser *p, const bri_term *v, void *out)
{
    (void)p;
    if (v->kind != BRI_TERM_NUMBER && v->kind != BRI_TERM_ARRAY)
        return expected("an array or a number", v);
    *(br_operand *)out =
        v->kind == BRI_TERM_NUMBER ? br_operand_number(v->number) : br_operand_array(v->array);
    return BR_OK;
}

/* None for no bound. */
static br_status read_bound(const bri_parser *p, const bri_term *v, void *out)
{
    return v->kind == BRI_TERM_NONE ? BR_OK : read_operand(p, v, out);
}

#define FIELD(name) offsetof(bri_parameters, name)
static const struct {
    const char *name;
    br_status (*read)(const bri_parser *p, const bri_term *v, void *out);
    size_t field;
} readers[] = {
    {"x", read_array, FIELD(x)},
    {"y", read_array, FIELD(y)},
    {"where", read_array, FIELD(where)},
    {"weights", read_array, FIELD(weights)},
    {"condition", read_array, FIELD(condition)},
    {"indices", read_array, FIELD(indices)},
    {"counts", read_array, FIELD(indices)},
    {"prepend", read_array, FIELD(prepend)},
    {"append", read_array, FIELD(append)},
    {"initial", read_number, FIELD(initial)},
    {"ord", read_number, FIELD(ord)},
    {"fill_value", read_number, FIELD(fill)},
    {"offset", read_integer, FIELD(count)},
    {"n", read_integer, FIELD(count)},
    {"k", read_integer, FIELD(count)},
    {"repeats", read_integer, FIELD(count)},
    {"edge_order", read_integer, FIELD(count)},
    {"spacing", read_number, FIELD(spacing)},
    {"axis", read_axes, FIELD(axis)},
    {"axes", read_axes, FIELD(axis)},
    {"axis1", read_axes, FIELD(axis)},
    {"axis2", read_axes, FIELD(destination)},
    {"source", read_axes, FIELD(axis)},
    {"destination", read_axes, FIELD(destination)},
    {"shape", read_extents, FIELD(shape)},
    {"chunks", read_extents, FIELD(shape)},
    {"shift", read_extents, FIELD(shape)},
    {"repetitions", read_extents, FIELD(shape)},
    {"keepdims", read_flag, FIELD(keepdims)},
    {"dtype", read_dtype, FIELD(dtype)},
    {"correction", read_real, FIELD(correction)},
    {"ddof", read_real, FIELD(correction)},
    {"a", read_operand, FIELD(a)},
    {"b", read_operand, FIELD(b)},
    {"min", read_bound, FIELD(min)},
    {"max", read_bound, FIELD(max)},
    {"rtol", read_number, FIELD(rtol)},
    {"atol", read_number, FIELD(atol)},
    {"posinf", read_number, FIELD(posinf)},
    {"neginf", read_number, FIELD(neginf)},
    {"nan", read_real, FIELD(nan)},
    {"equal_nan", read_flag, FIELD(equal_nan)},
};

enum { NREADERS = sizeof readers / sizeof readers[0] };

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
        size_t name = strcspn(text, "?+ ");
        bool optional = memchr(text, '?', length) != NULL;
        BRI_ASSERT(n < BRI_MAX_ARGUMENTS);
        list[n++] = (parameter){text, name, optional, by_keyword, false};
    }
    return n;
}

/* Everything about the call that is being matched. */
typedef struct match {
    const bri_parser *p;
    const char *function;
    parameter list[BRI_MAX_ARGUMENTS];
    int n;
    size_t read[BRI_MAX_ARGUMENTS]; /* the fields that are filled */
    int nread;
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

/* The row of readers for a parameter, or -1. */
static int find_reader(const parameter *parameter)
{
    for (int r = 0; r < NREADERS; r++)
        if (bri_same_name(parameter->name, parameter->length, readers[r].name))
            return r;
    return -1;
}

/* Two names of one argument cannot be given together either. */
static br_status read_argument(match *m, int i, const bri_argument *argument, bri_parameters *out)
{
    parameter *parameter = &m->list[i];
    size_t at = argument->length > 0 ? argument->keyword : argument->value.at;
    int r = find_reader(parameter);
    if (r < 0)
        return bri_error(BR_EINTERNAL, "%s has parameter %s", m->function, parameter->name);
    for (int k = 0; k < m->nread; k++)
        if (m->read[k] == readers[r].field)
            return bri_text_error(m->p, at,
                                  bri_error(BR_EARG, "%s is given twice", readers[r].name));
    m->read[m->nread++] = readers[r].field;
    parameter->given = true;
    br_status st = readers[r].read(m->p, &argument->value, (char *)out + readers[r].field);
    if (st == BR_OK)
        return BR_OK;
    bri_error_context(st, "%s of %s", readers[r].name, m->function);
    return bri_text_error(m->p, argument->value.at, st);
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
