/* SPDX-License-Identifier: BSD-3-Clause
 * index_text.h - the text form of basic indexing, "10:20, ::-1, None, ...".
 */
#ifndef BRI_INDEX_TEXT_H
#define BRI_INDEX_TEXT_H

#include <bramble/array.h>

enum { BRI_MAX_INDEX_ITEMS = 2 * BR_MAX_NDIM + 1 };

/* Parses text into at most BRI_MAX_INDEX_ITEMS items; BR_EINDEX names the column. */
br_status bri_index_parse(const char *text, br_index_item *items, int *n);

#endif
