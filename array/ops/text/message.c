/* SPDX-License-Identifier: BSD-3-Clause
 * message.c - errors in the text of an expression: the column, the line with a caret below it, and
 * what may have been meant.
 */
#include <ctype.h>
#include <string.h>

#include "array/ops/text/text.h"

enum {
    WIDTH = 76,      /* of the line that is shown */
    BEFORE = 40,     /* characters before the caret, when the line is longer */
    WHAT_SIZE = 700, /* of a message without the line: all of it must fit BRI_ERROR_TEXT */
    LONGEST = 31,    /* of names that are compared */
};

/* The part of the text's line that is shown. */
typedef struct excerpt {
    int line, column; /* from 1 */
    size_t first, length, caret;
} excerpt;

static excerpt excerpt_at(const char *text, size_t at)
{
    excerpt e = {.line = 1};
    size_t start = 0;
    for (size_t i = 0; i < at; i++)
        if (text[i] == '\n') {
            e.line++;
            start = i + 1;
        }
    size_t length = strcspn(text + start, "\n");
    size_t offset = at - start;
    size_t skipped = length > WIDTH && offset > BEFORE ? offset - BEFORE : 0;
    e.column = (int)offset + 1;
    e.first = start + skipped;
    e.length = length - skipped < WIDTH ? length - skipped : WIDTH;
    e.caret = offset - skipped;
    return e;
}

/* The lines below the message: plain ASCII, so that the caret stands where it should. */
static void draw(const char *text, const excerpt *e, char *out)
{
    char *to = out;
    for (size_t i = 0; i < e->length; i++) {
        unsigned char c = (unsigned char)text[e->first + i];
        *to++ = (char)(c < 128 && isprint(c) ? c : isspace(c) ? ' ' : '?');
    }
    to += sprintf(to, "\n    ");
    memset(to, ' ', e->caret);
    to += e->caret;
    *to++ = '^';
    *to = '\0';
}

br_status bri_text_error(const bri_parser *p, size_t at, br_status status)
{
    char what[WHAT_SIZE];
    char lines[2 * WIDTH + 16];
    char place[64] = "";
    excerpt e = excerpt_at(p->text, at);
    snprintf(what, sizeof what, "%s", bri_last_error());
    draw(p->text, &e, lines);
    if (e.line > 1)
        snprintf(place, sizeof place, "line %d, ", e.line);
    return bri_error(status, "%scolumn %d: %s\n    %s", place, e.column, what, lines);
}

const char *bri_term_text(const bri_term *term)
{
    switch (term->kind) {
    case BRI_TERM_NUMBER:
        return "a number";
    case BRI_TERM_ARRAY:
        return "an array";
    case BRI_TERM_TUPLE:
        return "a tuple";
    case BRI_TERM_DTYPE:
        return "a dtype";
    default:
        return "None";
    }
}

bool bri_same_name(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

/* ---- what may have been meant ---- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Characters to insert, delete or replace to get from one name to the other (Levenshtein); a is at
 * most LONGEST long. */
static int distance(const char *a, size_t na, const char *b)
{
    int row[LONGEST + 1];
    for (size_t i = 0; i <= na; i++)
        row[i] = (int)i;
    for (int j = 1; *b != '\0'; j++, b++) {
        int diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= na; i++) {
            int change = diagonal + (a[i - 1] != *b);
            diagonal = row[i];
            row[i] = least(change, least(row[i], row[i - 1]) + 1);
        }
    }
    return row[na];
}

void bri_suggest(bri_suggestion *s, const char *name)
{
    if (s->length > LONGEST || strlen(name) > LONGEST)
        return;
    int d = distance(s->wrong, s->length, name);
    if (d > 2 || d >= (int)s->length || (s->best != NULL && d >= s->distance))
        return;
    s->best = name;
    s->distance = d;
}

const char *bri_suggestion_text(const bri_suggestion *s, char *text, size_t size)
{
    *text = '\0';
    if (s->best != NULL)
        snprintf(text, size, " (did you mean %s?)", s->best);
    return text;
}
