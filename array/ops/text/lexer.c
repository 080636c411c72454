/* SPDX-License-Identifier: BSD-3-Clause
 * lexer.c - cuts the text of an expression into numbers, words and signs.
 */
#include <ctype.h>
#include <string.h>

#include "array/ops/text/text.h"

/* Longer signs stand before their beginnings. */
static const char *const signs[] = {
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "@",
    "&",  "|",  "^",  "~",  "<",  ">",  "=",  "(",  ")", "[", "]", ",", ".",
};

static size_t sign_length(const char *s)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strncmp(s, signs[i], strlen(signs[i])) == 0)
            return strlen(signs[i]);
    return 0;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool starts_number(const char *s)
{
    return isdigit((unsigned char)s[0]) || (s[0] == '.' && isdigit((unsigned char)s[1]));
}

static br_status unexpected(const bri_parser *p, size_t at)
{
    char c = p->text[at];
    if (isprint((unsigned char)c))
        return bri_text_error(p, at, bri_error(BR_EARG, "unexpected character '%c'", c));
    return bri_text_error(p, at, bri_error(BR_EARG, "unexpected byte 0x%02x", (unsigned char)c));
}

static br_status read_number(const bri_parser *p, bri_token *token)
{
    token->kind = BRI_NUMBER;
    BRI_TRY(bri_literal(p, token->at, &token->length, &token->number));
    const char *after = p->text + token->at + token->length;
    if (!is_word(*after) && (*after != '.' || !isdigit((unsigned char)after[1])))
        return BR_OK;
    size_t at = (size_t)(after - p->text);
    return bri_text_error(p, at, bri_error(BR_EARG, "a number ends in '%c'", *after));
}

br_status bri_token_next(bri_parser *p)
{
    bri_token *token = &p->token;
    token->at += token->length;
    while (isspace((unsigned char)p->text[token->at]))
        token->at++;
    const char *s = p->text + token->at;
    token->length = 0;
    if (*s == '\0') {
        token->kind = BRI_END;
        return BR_OK;
    }
    if (starts_number(s))
        return read_number(p, token);
    token->kind = BRI_WORD;
    while (is_word(s[token->length]))
        token->length++;
    if (token->length > 0)
        return BR_OK;
    token->kind = BRI_SIGN;
    token->length = sign_length(s);
    return token->length > 0 ? BR_OK : unexpected(p, token->at);
}

bool bri_token_is(const bri_parser *p, const char *sign_or_word)
{
    const bri_token *token = &p->token;
    return token->kind >= BRI_WORD &&
           bri_same_name(p->text + token->at, token->length, sign_or_word);
}
