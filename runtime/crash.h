/* SPDX-License-Identifier: BSD-3-Clause
 * crash.h - a signal that ends the process inside a task says which one it was: rank, host,
 * operation, chunk and function. What happens then is what would have happened without us.
 */
#ifndef BRI_CRASH_H
#define BRI_CRASH_H

#include <signal.h>

/* Handles SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT from the first call to the last undo. */
void bri_crash_open(void);
void bri_crash_close(void);

/* What threads of ours block: all signals, which go to the program's own threads, but these. The
 * kernel kills a process at once for a fault whose signal is blocked. */
void bri_crash_blocked(sigset_t *set);

/* A stack for the handler, so that an overflow of the thread's own is told, too. On the thread; one
 * that has such a stack keeps it. */
void bri_crash_thread_begin(void);
void bri_crash_thread_end(void);

#endif
