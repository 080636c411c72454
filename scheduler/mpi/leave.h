/* SPDX-License-Identifier: BSD-3-Clause
 * leave.h - how the process ends: all ranks together with rank 0's exit code, or all at once with a
 * message.
 */
#ifndef BRI_MPI_LEAVE_H
#define BRI_MPI_LEAVE_H

#include <bramble/base.h>

/* Prints "bramble: rank r on host: text" and aborts every rank. Any thread; does not return. */
_Noreturn void bri_leave_abort(int code, const char *format, ...) BR_PRINTF(2, 3);

/* The same when a host may be lost, which mpirun would wait for. */
_Noreturn void bri_leave_lost(const char *format, ...) BR_PRINTF(1, 2);

/* Registers what exit() has to do in this process. Before the communication thread starts. */
br_status bri_leave_prepare(void);

/* Rank 0 of a communicator of the program's closes: the other ranks leave br_open_comm. Waits until
 * nothing of bramble uses MPI any more. */
void bri_leave_comm(void);

/* Ranks above 0: joins the communication thread, which rank 0 has told to stop, and exits. */
_Noreturn void bri_leave_exit(int code);
/* The same where the program goes on. */
void bri_leave_served(void);

#endif
