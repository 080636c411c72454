/* SPDX-License-Identifier: BSD-3-Clause
 * index_text.c - parser of index texts.
 *
 * items := item ("," item)*      item := integer | [integer] ":" [integer] [":" [integer]] | "None"
 * | "newaxis" | "..."
 */
#include "array/ops/index_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

typedef struct parser {
    const char *text, *at;
} parser;

static br_status complain(const parser *p, const char *what)
{
    return bri_error(BR_EINDEX, "%s at column %d of \"%s\"", what, (int)(p->at - p->text) + 1,
                     p->text);
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static bool accept(parser *p, const char *word)
{
    skip_space(p);
    size_t n = strlen(word);
    if (strncmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static br_status optional_integer(parser *p, bool *given, int64_t *value)
{
    skip_space(p);
    *given = isdigit((unsigned char)*p->at) || *p->at == '-' || *p->at == '+';
    if (!*given)
        return BR_OK;
    char *end;
    errno = 0;
    *value = strtoll(p->at, &end, 10);
    if (end == p->at)
        return complain(p, "a number is missing");
    if (errno == ERANGE)
        return complain(p, "a number is too large");
    p->at = end;
    return BR_OK;
}

static br_status parse_slice(parser *p, br_index_item *item)
{
    bool has_step = false;
    item->kind = ':';
    BRI_TRY(optional_integer(p, &item->has_stop, &item->stop));
    if (!accept(p, ":"))
        return BR_OK;
    const char *step = p->at;
    BRI_TRY(optional_integer(p, &has_step, &item->step));
    if (!has_step || item->step != 0)
        return BR_OK;
    p->at = step;
    return complain(p, "the step is 0");
}

static br_status parse_item(parser *p, br_index_item *item)
{
    memset(item, 0, sizeof *item);
    if (accept(p, "...")) {
        item->kind = '.';
        return BR_OK;
    }
    if (accept(p, "None") || accept(p, "newaxis")) {
        item->kind = 'n';
        return BR_OK;
    }
    BRI_TRY(optional_integer(p, &item->has_start, &item->start));
    if (accept(p, ":"))
        return parse_slice(p, item);
    item->kind = 'i';
    return item->has_start ? BR_OK : complain(p, "an integer, a slice, None or ... is expected");
}

br_status bri_index_parse(const char *text, br_index_item *items, int *n)
{
    parser p = {text, text};
    *n = 0;
    skip_space(&p);
    if (*p.at == '\0')
        return complain(&p, "an index is missing");
    for (;;) {
        if (*n == BRI_MAX_INDEX_ITEMS)
            return complain(&p, "too many items");
        BRI_TRY(parse_item(&p, &items[(*n)++]));
        skip_space(&p);
        if (*p.at == '\0')
            return BR_OK;
        if (!accept(&p, ","))
            return complain(&p, "a comma is expected");
        skip_space(&p);
        if (*p.at == '\0')
            return BR_OK;
    }
}
