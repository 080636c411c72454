/* SPDX-License-Identifier: BSD-3-Clause
 * npy_files.h - what the unit tests of .npy and raw files have in common: a context in a
 * folder of its own, and files made as numpy.save makes them.
 */
#ifndef TEST_NPY_FILES_H
#define TEST_NPY_FILES_H

#include <stdio.h>
#include <string.h>

#include "tests/store_folder.h"

static inline void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* The text is padded so that elements begin at a multiple of 64. */
static inline size_t make_file(char *to, int version, const char *text, const void *elements,
                               size_t n)
{
    size_t prefix = version == 1 ? 10 : 12, length = strlen(text);
    memcpy(to, "\x93NUMPY", 6);
    to[6] = (char)version;
    to[7] = 0;
    memcpy(to + prefix, text, length);
    while ((prefix + length + 1) % 64 != 0)
        to[prefix + length++] = ' ';
    to[prefix + length++] = '\n';
    to[8] = (char)(length & 0xff);
    to[9] = (char)(length >> 8);
    if (version > 1)
        to[10] = to[11] = 0;
    memcpy(to + prefix + length, elements, n);
    return prefix + length + n;
}

static inline void *elements_of(br_array *x)
{
    void *buffer = NULL;
    ck_assert_msg(br_compute_alloc(x, &buffer) == BR_OK, "%s", br_message(ctx));
    return buffer;
}

static inline void fails(br_array *x, br_status status, const char *text)
{
    ck_assert_msg(br_status_of(x) == status, "%d: %s", br_status_of(x), br_error(x));
    ck_assert_msg(strstr(br_error(x), text) != NULL, "\"%s\" lacks \"%s\"", br_error(x), text);
}

#endif
