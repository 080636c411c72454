/* SPDX-License-Identifier: BSD-3-Clause
 * folder.h - a context as in opened.h, and a folder of its own, which is the current one.
 */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <stdio.h>
#include <unistd.h>

#include "tests/opened.h"

static char directory[64];

static inline void enter_folder(void)
{
    snprintf(directory, sizeof directory, "/tmp/bramble-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static inline void setup(void)
{
    enter_folder();
    open_context(NULL);
}

/* A test leaves nothing there but files of these names. */
static inline void teardown(void)
{
    static const char *const names[] = {"x.h5", "x.npy", "a.h5", "b.h5"};
    br_close(ctx);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(names[i]);
    ck_assert_int_eq(rmdir(directory), 0);
}

#endif
