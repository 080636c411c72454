/* SPDX-License-Identifier: BSD-3-Clause
 * nobody.h - what may not be read or written, for tests that root runs as well: a while without
 * root's rights.
 */
#ifndef TEST_NOBODY_H
#define TEST_NOBODY_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Permissions hold from now on; false where root cannot become another. */
static inline bool as_nobody(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() != 0 || seteuid(NOBODY) == 0)
        return true;
    perror("root stays root, so nothing is denied: seteuid");
    return false;
}

/* Whose user has changed cannot be traced, which the leak sanitizer does. */
static inline void as_before(void)
{
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

#endif
