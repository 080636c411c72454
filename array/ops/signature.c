/* SPDX-License-Identifier: BSD-3-Clause
 * signature.c - the parser of signatures.
 *
 * signature = arguments "->" argument; arguments = argument {"," argument};
 * argument = "(" [name {"," name}] ")". Blanks may stand anywhere but inside names.
 */
#include "array/ops/signature.h"

#include <ctype.h>
#include <string.h>

#include "runtime/error.h"

typedef struct parser {
    const char *text;
    const char *at;
} parser;

static br_status expected(const parser *p, const char *what)
{
    return bri_error(BR_EARG, "signature \"%s\", column %d: %s expected", p->text,
                     (int)(p->at - p->text) + 1, what);
}

static char next(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
    return *p->at;
}

static bool take(parser *p, char c)
{
    if (next(p) != c)
        return false;
    p->at++;
    return true;
}

static br_status take_name(parser *p, bri_dimension *out)
{
    const char *start = p->at;
    *out = (bri_dimension){start, 0, -1};
    while (isalnum((unsigned char)*p->at) || *p->at == '_')
        p->at++;
    out->length = (int)(p->at - start);
    if (out->length == 0)
        return expected(p, "the name of a dimension");
    if (!isdigit((unsigned char)*start))
        return BR_OK;
    out->fixed = 0;
    for (const char *c = start; c < p->at; c++) {
        p->at = !isdigit((unsigned char)*c) || out->fixed > INT32_MAX ? start : p->at;
        if (p->at == start)
            return expected(p, "a number or a name");
        out->fixed = 10 * out->fixed + (*c - '0');
    }
    return BR_OK;
}

/* The number of a dimension, which is given one if it is new: fixed ones are always. */
static br_status number_of(const parser *p, const bri_dimension *dim, bri_signature *s, int8_t *out)
{
    for (int d = 0; d < s->ndims && dim->fixed < 0; d++)
        if (s->dim[d].length == dim->length &&
            memcmp(s->dim[d].name, dim->name, (size_t)dim->length) == 0) {
            *out = (int8_t)d;
            return BR_OK;
        }
    if (s->ndims == BR_MAX_NDIM)
        return expected(p, "no further dimension");
    s->dim[s->ndims] = *dim;
    *out = (int8_t)s->ndims++;
    return BR_OK;
}

static br_status take_argument(parser *p, bri_signature *s, int which)
{
    if (!take(p, '('))
        return expected(p, "'('");
    if (take(p, ')'))
        return BR_OK;
    do {
        bri_dimension dim;
        if (s->ncore[which] == BR_MAX_NDIM)
            return expected(p, "')'");
        next(p);
        BRI_TRY(take_name(p, &dim));
        BRI_TRY(number_of(p, &dim, s, &s->core[which][s->ncore[which]]));
        s->ncore[which]++;
    } while (take(p, ','));
    return take(p, ')') ? BR_OK : expected(p, "',' or ')'");
}

br_status bri_signature_parse(const char *text, bri_signature *out)
{
    memset(out, 0, sizeof *out);
    if (text == NULL)
        return bri_error(BR_EARG, "the signature is NULL");
    parser p = {text, text};
    do {
        if (out->ninputs == BRI_SIGNATURE_ARGUMENTS - 1)
            return expected(&p, "\"->\" after 8 arguments");
        BRI_TRY(take_argument(&p, out, out->ninputs));
        out->ninputs++;
    } while (take(&p, ','));
    if (next(&p) != '-' || p.at[1] != '>')
        return expected(&p, "',' or \"->\"");
    p.at += 2;
    BRI_TRY(take_argument(&p, out, out->ninputs));
    if (next(&p) == ',')
        return expected(&p, "the end (one result a call)");
    return next(&p) == '\0' ? BR_OK : expected(&p, "the end");
}
