/* SPDX-License-Identifier: BSD-3-Clause
 * literal.c - numbers as Python writes them: 12, 1_000, 0xff, 0b101, 0o17, 1.5e-3, .5, 2j.
 */
#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "array/ops/text/text.h"

/* The characters of a number without its underscores. */
typedef struct digits {
    char text[200];
    size_t n;
    bool too_long;
} digits;

static void put(digits *d, const char *s, size_t n)
{
    if (d->n + n >= sizeof d->text) {
        d->too_long = true;
        return;
    }
    memcpy(d->text + d->n, s, n);
    d->n += n;
    d->text[d->n] = '\0';
}

static int digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* A run of digits; an underscore stands only between two of them, or between a prefix and one. */
static size_t take_digits(digits *d, const char *s, int base)
{
    size_t n = 0;
    for (;; n++) {
        if (digit(s[n]) < base)
            put(d, &s[n], 1);
        else if (s[n] != '_' || digit(s[n + 1]) >= base || (n == 0 ? base == 10 : s[n - 1] == '_'))
            return n;
    }
}

/* Up to 2^64 - 1; what does not fit int64 is an unsigned number. */
static br_status whole(const digits *d, int base, br_number *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < d->n; i++)
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit(d->text[i]), &value))
            return bri_error(BR_EARG, "the integer does not fit in 64 bits");
    *out = value <= INT64_MAX ? br_number_int((long long)value) : br_number_uint(value);
    return BR_OK;
}

static int prefix_base(const char *s)
{
    if (s[0] != '0')
        return 10;
    switch (s[1]) {
    case 'x':
    case 'X':
        return 16;
    case 'o':
    case 'O':
        return 8;
    case 'b':
    case 'B':
        return 2;
    default:
        return 10;
    }
}

static br_status read_prefixed(const char *s, int base, size_t *length, br_number *out)
{
    digits d = {.n = 0};
    *length = 2 + take_digits(&d, s + 2, base);
    if (d.n == 0 || d.too_long)
        return bri_error(BR_EARG, d.too_long ? "the number is too long" : "digits are missing");
    return whole(&d, base, out);
}

/* strtod wants the locale's decimal point. */
static size_t take_fraction(digits *d, const char *s)
{
    if (*s != '.')
        return 0;
    const char *point = localeconv()->decimal_point;
    put(d, point, strlen(point));
    return 1 + take_digits(d, s + 1, 10);
}

static size_t take_exponent(digits *d, const char *s)
{
    size_t sign = s[0] != '\0' && (s[1] == '-' || s[1] == '+');
    if ((s[0] != 'e' && s[0] != 'E') || !isdigit((unsigned char)s[1 + sign]))
        return 0;
    put(d, s, 1 + sign);
    return 1 + sign + take_digits(d, s + 1 + sign, 10);
}

static br_status read_decimal(const char *s, size_t *length, br_number *out)
{
    digits d = {.n = 0};
    size_t n = take_digits(&d, s, 10);
    size_t more = take_fraction(&d, s + n);
    more += take_exponent(&d, s + n + more);
    bool imaginary = s[n + more] == 'j' || s[n + more] == 'J';
    *length = n + more + imaginary;
    if (d.too_long)
        return bri_error(BR_EARG, "the number is too long");
    if (imaginary)
        *out = br_number_complex(0, strtod(d.text, NULL));
    else if (more > 0)
        *out = br_number_float(strtod(d.text, NULL));
    else if (d.text[0] == '0' && strspn(d.text, "0") != d.n)
        return bri_error(BR_EARG, "an integer starts with 0; octal numbers start with 0o");
    else
        return whole(&d, 10, out);
    return BR_OK;
}

br_status bri_literal(const bri_parser *p, size_t at, size_t *length, br_number *out)
{
    const char *s = p->text + at;
    int base = prefix_base(s);
    br_status st = base != 10 ? read_prefixed(s, base, length, out) : read_decimal(s, length, out);
    return st == BR_OK ? BR_OK : bri_text_error(p, at, st);
}
