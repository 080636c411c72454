/* SPDX-License-Identifier: BSD-3-Clause
 * store_folder.h - a context on two threads and a folder of its own for tests that store: whatever
 * lies there, hidden files too, is counted, and goes at the end.
 */
#ifndef TEST_STORE_FOLDER_H
#define TEST_STORE_FOLDER_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

static br_context *ctx;
static char directory[] = "/tmp/bramble-store-XXXXXX";

static inline void set_up(void)
{
    strcpy(strrchr(directory, '-'), "-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    setenv("BRAMBLE_SCHEDULER", "threads", 1);
    setenv("BRAMBLE_NUM_THREADS", "2", 1);
    ctx = br_open(NULL, NULL);
    ck_assert_int_eq(br_error_status(ctx), BR_OK);
}

static inline int count_files(bool removing)
{
    int n = 0;
    DIR *list = opendir(directory);
    for (struct dirent *e = readdir(list); e != NULL; e = readdir(list)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        if (removing && remove(e->d_name) != 0)
            n = -1000;
    }
    closedir(list);
    return n;
}

static inline void tear_down(void)
{
    ck_assert_int_eq(br_close(ctx), 0);
    ck_assert_int_ge(count_files(true), 0);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

#endif
