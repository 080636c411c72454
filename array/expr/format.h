/* SPDX-License-Identifier: BSD-3-Clause
 * format.h - elements as text, all of one width, as NumPy prints arrays.
 */
#ifndef BRI_FORMAT_H
#define BRI_FORMAT_H

#include "runtime/dtype.h"

/* How the elements of one array are printed: found by looking at all that will be shown. */
typedef struct bri_format {
    br_dtype dtype;
    bool scientific; /* 1.5e+10 instead of 15000000000. */
    int digits;      /* after the point, of the element that needs most */
    int left;        /* characters before the point, with the sign */
    int imaginary_digits, imaginary_left;
    int width; /* of a whole element */
} bri_format;

enum { BRI_FORMAT_TEXT = 128 };

bri_format bri_format_of(br_dtype dtype, const char *elements, int64_t n);
/* One element, padded to format->width. */
void bri_format_element(const bri_format *format, const char *element, char text[BRI_FORMAT_TEXT]);
/* An element that stands alone: all its digits. */
void bri_format_scalar(br_dtype dtype, const char *element, char text[BRI_FORMAT_TEXT]);

#endif
