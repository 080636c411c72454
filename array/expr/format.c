/* SPDX-License-Identifier: BSD-3-Clause
 * format.c - NumPy's rules for printing elements.
 *
 * Floats have as many digits (at most 8) as the one needs that needs most to be read back as
 * itself, are padded with blanks after the last digit, and go scientific when the largest is 1e8 or
 * more, the smallest below 1e-4 or their ratio above 1000 (numpy.core.arrayprint).
 */
#include "array/expr/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/program.h"

enum { PRECISION = 8, NUMBER_TEXT = 400 /* 1e308 written out */ };

static double component(br_dtype dtype, const char *element, int part)
{
    double z[2];
    bri_convert(BR_COMPLEX128, z, dtype, element, 1);
    return z[part];
}

static bool reads_back(const char *text, double value, bool single)
{
    return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* The fewest digits after the point with which the number reads back as itself, at most
 * PRECISION. */
static int digits_needed(double value, bool single, bool scientific)
{
    char text[NUMBER_TEXT];
    for (int digits = 0; digits < PRECISION; digits++) {
        snprintf(text, sizeof text, scientific ? "%.*e" : "%.*f", digits, value);
        if (reads_back(text, value, single))
            return digits;
    }
    /* At the full precision trailing zeros are dropped. */
    snprintf(text, sizeof text, scientific ? "%.*e" : "%.*f", PRECISION, value);
    char *end = strchr(text, 'e');
    if (end != NULL)
        *end = '\0';
    int digits = PRECISION;
    for (char *last = text + strlen(text) - 1; digits > 0 && *last == '0'; last--)
        digits--;
    return digits;
}

static int digits_before_point(double value)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%.0f", trunc(value));
    return (int)strlen(text) + (signbit(value) && text[0] != '-');
}

static bool wants_scientific(double smallest, double largest)
{
    return largest >= 1e8 || (smallest > 0 && (smallest < 1e-4 || largest / smallest > 1000.0));
}

static bool find_scientific(br_dtype dtype, const char *elements, int64_t n, int part)
{
    double smallest = 0;
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = fabs(component(dtype, elements + (size_t)i * br_dtype_size(dtype), part));
        if (!isfinite(v) || v == 0)
            continue;
        smallest = smallest == 0 || v < smallest ? v : smallest;
        largest = v > largest ? v : largest;
    }
    return wants_scientific(smallest, largest);
}

static void measure_part(bri_format *f, const char *elements, int64_t n, int part)
{
    bool single = bri_real_dtype(f->dtype) == BR_FLOAT32;
    int *digits = part == 0 ? &f->digits : &f->imaginary_digits;
    int *left = part == 0 ? &f->left : &f->imaginary_left;
    int other = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = component(f->dtype, elements + (size_t)i * br_dtype_size(f->dtype), part);
        if (!isfinite(v)) {
            other = isinf(v) && v < 0 ? 4 : other > 3 ? other : 3;
            continue;
        }
        int before = f->scientific ? 1 + (v < 0) : digits_before_point(v);
        int after = digits_needed(v, single, f->scientific);
        *digits = after > *digits ? after : *digits;
        *left = before > *left ? before : *left;
    }
    /* "nan" and "-inf" may reach over the point and the digits behind it. */
    other -= 1 + *digits + (f->scientific ? 4 : 0);
    *left = other > *left ? other : *left;
}

/* Numbers written out are below 1e8 and have at most PRECISION digits, so they are much shorter
 * than this. */
enum { NUMBER = 48 };

static int at_most(int n, int most)
{
    return n < 0 ? 0 : n < most ? n : most;
}

static void put_float(const bri_format *f, double v, int part, char *text, size_t size)
{
    int digits = part == 0 ? f->digits : f->imaginary_digits;
    int left = part == 0 ? f->left : f->imaginary_left;
    int width = left + 1 + digits + (f->scientific ? 4 : 0);
    char number[NUMBER];
    if (!isfinite(v)) {
        /* "nan" and "inf" stand at the right end, as in NumPy. */
        snprintf(text, size, "%*s", at_most(width, NUMBER),
                 isnan(v) ? "nan"
                 : v < 0  ? "-inf"
                          : "inf");
        return;
    }
    if (f->scientific) {
        snprintf(number, sizeof number, "%.*e", digits, v);
        if (digits == 0) {
            char *e = strchr(number, 'e');
            memmove(e + 1, e, strlen(e) + 1);
            *e = '.';
        }
        snprintf(text, size, "%*s", at_most(width, NUMBER), number);
        return;
    }
    int own = digits_needed(v, bri_real_dtype(f->dtype) == BR_FLOAT32, false);
    snprintf(number, sizeof number, own == 0 ? "%.*f." : "%.*f", own, v);
    int pad = left - (int)(strchr(number, '.') - number);
    snprintf(text, size, "%*s%s%*s", at_most(pad, NUMBER / 2), "", number,
             at_most(digits - own, PRECISION), "");
}

static void put_exact(const bri_format *f, const char *element, char *text, size_t size)
{
    int64_t i;
    uint64_t u;
    if (bri_kind(f->dtype) == 'b') {
        snprintf(text, size, "%*s", f->width, *element ? "True" : "False");
    } else if (bri_kind(f->dtype) == 'i') {
        bri_convert(BR_INT64, &i, f->dtype, element, 1);
        snprintf(text, size, "%*lld", f->width, (long long)i);
    } else {
        bri_convert(BR_UINT64, &u, f->dtype, element, 1);
        snprintf(text, size, "%*llu", f->width, (unsigned long long)u);
    }
}

/* The imaginary part has its sign, and "j" right behind its last digit. */
static void put_complex(const bri_format *f, const char *element, char *text, size_t size)
{
    char im[BRI_FORMAT_TEXT];
    put_float(f, component(f->dtype, element, 0), 0, text, size);
    double v = component(f->dtype, element, 1);
    put_float(f, fabs(v), 1, im, sizeof im);
    char *first = im + strspn(im, " ");
    size_t blanks = strlen(first);
    while (blanks > 0 && first[blanks - 1] == ' ')
        blanks--;
    size_t padding = strlen(first) - blanks;
    size_t n = strlen(text);
    snprintf(text + n, size - n, "%c%.*sj%*s", signbit(v) ? '-' : '+', (int)blanks, first,
             (int)padding, "");
}

/* The shortest text that reads back as the number, with a point. */
static void shortest(double v, bool single, char text[BRI_FORMAT_TEXT])
{
    if (!isfinite(v)) {
        snprintf(text, BRI_FORMAT_TEXT, "%s", isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, BRI_FORMAT_TEXT - 3, "%.*g", digits, v);
        /* Up to 1e16 a whole number is written out. */
        if (strchr(text, 'e') != NULL && fabs(v) >= 1 && fabs(v) < 1e16)
            snprintf(text, BRI_FORMAT_TEXT - 3, "%.0f", v);
        if (reads_back(text, v, single))
            break;
    }
    if (strcspn(text, ".e") == strlen(text))
        strcat(text, ".0");
}

void bri_format_scalar(br_dtype dtype, const char *element, char text[BRI_FORMAT_TEXT])
{
    bool single = bri_real_dtype(dtype) == BR_FLOAT32;
    bri_format plain = {.dtype = dtype};
    char re[BRI_FORMAT_TEXT];
    char im[BRI_FORMAT_TEXT];
    if (bri_kind(dtype) == 'f') {
        shortest(component(dtype, element, 0), single, text);
    } else if (bri_kind(dtype) == 'c') {
        shortest(component(dtype, element, 0), single, re);
        shortest(component(dtype, element, 1), single, im);
        snprintf(text, BRI_FORMAT_TEXT, "(%.50s%s%.50sj)", re, im[0] == '-' ? "" : "+", im);
    } else {
        put_exact(&plain, element, text, BRI_FORMAT_TEXT);
    }
}

void bri_format_element(const bri_format *format, const char *element, char text[BRI_FORMAT_TEXT])
{
    char kind = bri_kind(format->dtype);
    if (kind == 'c')
        put_complex(format, element, text, BRI_FORMAT_TEXT);
    else if (kind == 'f')
        put_float(format, component(format->dtype, element, 0), 0, text, BRI_FORMAT_TEXT);
    else
        put_exact(format, element, text, BRI_FORMAT_TEXT);
}

bri_format bri_format_of(br_dtype dtype, const char *elements, int64_t n)
{
    bri_format f = {.dtype = dtype};
    char kind = bri_kind(dtype);
    if (kind == 'f' || kind == 'c') {
        f.scientific = find_scientific(dtype, elements, n, 0) ||
                       (kind == 'c' && find_scientific(dtype, elements, n, 1));
        measure_part(&f, elements, n, 0);
        if (kind == 'c')
            measure_part(&f, elements, n, 1);
        return f;
    }
    for (int64_t i = 0; i < n; i++) {
        char text[BRI_FORMAT_TEXT];
        bri_format_element(&f, elements + (size_t)i * br_dtype_size(dtype), text);
        int width = (int)strlen(text);
        f.width = width > f.width ? width : f.width;
    }
    return f;
}
