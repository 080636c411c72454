/* SPDX-License-Identifier: BSD-3-Clause
 * child.h - helper programs of the library: where they are, and running one for its answer.
 */
#ifndef BRI_CHILD_H
#define BRI_CHILD_H

#include <bramble/base.h>

enum { BRI_CHILD_PATH = 4096, BRI_CHILD_TEXT = 4096 };

/* How a program ended. */
typedef struct bri_child_end {
    char text[BRI_CHILD_TEXT]; /* what it wrote to standard output and error, as far as it fits */
    bool late;                 /* it was killed since it took too long */
    bool known;       /* code and signal are; not where the program around reaps children */
    int code, signal; /* signal 0: it exited with the code */
} bri_child_end;

/* The program's path: `given` if that is not empty, else where it is installed or built, beside
 * this library (docs/architecture.md). BR_ENOTFOUND lists the places. */
br_status bri_child_find(const char *program, const char *given, char path[BRI_CHILD_PATH]);

/* Starts a program by posix_spawn, with no descriptors of this process and no signals blocked, and
 * waits for its end at most so many seconds. Thread-safe; fork handlers are not run. Errors: BR_EIO
 * (cannot be started). */
br_status bri_child_run(const char *const *argv, double seconds, bri_child_end *end);

#endif
