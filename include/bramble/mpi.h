/* SPDX-License-Identifier: BSD-3-Clause
 * mpi.h - bramble inside an MPI program. The only header that includes mpi.h, so bramble.h leaves
 * it out: programs that mpirun starts need no more than br_open.
 */
#ifndef BRAMBLE_MPI_H
#define BRAMBLE_MPI_H

#include <mpi.h>

#include <bramble/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_open_comm - a context whose ranks are those of a communicator of the program's.
 *
 * comm  an intra-communicator: MPI_COMM_WORLD, a part of it from MPI_Comm_split, MPI_COMM_SELF.
 *       It is duplicated; the program may use it, and free it, at any time
 * Collective over comm; the program has initialised MPI with MPI_THREAD_MULTIPLE and finalises it
 * itself, after all contexts are closed. Rank 0 of comm gets a context as from br_open. The other
 * ranks compute inside the call what rank 0 asks for, until it closes its context; then the call
 * returns on them a worker's context (br_is_worker), on which every call fails with
 * BR_EUNSUPPORTED; br_close on it returns 0, after such a call that status. Ranks outside of comm
 * take no part. Afterwards comm, or any other communicator, can be opened again. A process is in
 * one such context at a time.
 *
 *     br_context *ctx = br_open_comm(MPI_COMM_WORLD);
 *     if (!br_is_worker(ctx))
 *         compute(ctx);
 *     failed = br_close(ctx);
 *
 * Returns a context, never NULL. Where one rank cannot open, all ranks of comm get contexts that
 * failed with the same status and a message that names the rank.
 * BRAMBLE_ settings are rank 0's, as under br_open, and stand in the environment of the workers
 * afterwards. "rank 2" in messages is one of comm.
 * Errors  BR_EMPI (MPI is not initialised or with less than MPI_THREAD_MULTIPLE; a context is open
 *         in this process), BR_EARG (MPI_COMM_NULL, an inter-communicator), BR_ECONFIG, BR_EPEER
 *         (ranks that do not fit together), BR_ENOMEM. A rank that is lost while a context is open
 *         ends the program by MPI_Abort.
 * Cost    four duplicates of comm and one thread for communication, each time.
 */
BR_API br_context *br_open_comm(MPI_Comm comm);

/* br_is_worker - true on the ranks above 0, after br_open_comm has returned there. */
BR_API bool br_is_worker(const br_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
