/* SPDX-License-Identifier: BSD-3-Clause
 * test_seen.c - what tells copies of a file apart: where it begins, its superblock, samples.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "array/io/seen.h"
#include "tests/folder.h"
#include "tests/suite.h"

enum { USER_BLOCK = 8192, BYTES = 1 << 20, BLOCK = 4096 };

/* A file of HDF5's kind behind a user block; `place`: of a byte that another one does not have. All
 * are there until the end: of one that took another's inode within a tick of the clock nothing new
 * would be seen. */
static bri_seen seen_of(int number, long place)
{
    static unsigned char bytes[BYTES];
    bri_seen seen;
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    memset(bytes, 7, sizeof bytes);
    memcpy(bytes + USER_BLOCK, "\211HDF\r\n\032\n", 8);
    bytes[place] ^= 1;
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    ck_assert_int_eq(fclose(file), 0);
    bri_see(name, true, &seen);
    ck_assert_int_eq(seen.error, 0);
    return seen;
}

START_TEST(another_byte_shows)
{
    const bri_seen like = seen_of(0, BYTES / 2 - 1), same = seen_of(1, BYTES / 2 - 1);
    ck_assert(like.head == same.head && like.sampled == same.sampled);
    ck_assert(seen_of(2, 24).head != like.head);
    ck_assert(seen_of(3, USER_BLOCK + 24).head != like.head);
    ck_assert(seen_of(4, BYTES - 1).sampled != like.sampled);
    ck_assert(seen_of(5, (BYTES - BLOCK) / 15 * 7 + 11).sampled != like.sampled);
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        unlink(name);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("seen");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, another_byte_shows);
    return run_case("seen", tests);
}
