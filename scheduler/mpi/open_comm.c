/* SPDX-License-Identifier: BSD-3-Clause
 * open_comm.c - br_open_comm: contexts inside a program that runs MPI itself.
 *
 * MPI is called here on the program's thread, before the communication thread starts: whether one
 * may be started is what has to be found out first. A rank that has duplicated the communicator
 * takes part in the agreement, whatever fails on it, so that none waits for another.
 */
#include <bramble/mpi.h>

#include <unistd.h>

#include "runtime/scheduler.h"
#include "scheduler/mpi/invitation.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/thread.h"

/* ---- what can be said without asking others ---- */

static br_status check_comm(MPI_Comm comm)
{
    int inter = 0;
    if (comm == MPI_COMM_NULL)
        return bri_error(BR_EARG, "br_open_comm: MPI_COMM_NULL has no ranks: processes outside of "
                                  "a communicator must not open it");
    MPI_Comm_test_inter(comm, &inter);
    if (inter)
        return bri_error(BR_EARG, "br_open_comm: ranks of an inter-communicator are in two groups; "
                                  "MPI_Intercomm_merge makes one of them");
    return BR_OK;
}

static br_status check_mpi(void)
{
    int initialised = 0;
    int finalised = 0;
    MPI_Initialized(&initialised);
    MPI_Finalized(&finalised);
    if (!initialised)
        return bri_error(BR_EMPI, "br_open_comm: MPI is not initialised: call MPI_Init_thread with "
                                  "MPI_THREAD_MULTIPLE first, or br_open, which does it itself");
    if (finalised)
        return bri_error(BR_EMPI, "br_open_comm: MPI is finalised");
    if (bri_thread_runs() && !bri_link_is_shared())
        return bri_error(BR_EMPI, "br_open_comm: br_open runs MPI in this process");
    return BR_OK;
}

static const char one_at_a_time[] =
    "a context is open on a communicator: br_close it before the next br_open_comm";

/* Ranks that serve this one cannot come to the call: nobody may be asked. */
static br_status check_that_others_can_come(MPI_Comm comm)
{
    if (bri_thread_runs() && bri_link_shares_ranks_with(comm))
        return bri_error(BR_EMPI, "br_open_comm: %s", one_at_a_time);
    return BR_OK;
}

/* ---- the agreement ---- */

static const char *name_of(int level)
{
    if (level == MPI_THREAD_SINGLE)
        return "MPI_THREAD_SINGLE";
    return level == MPI_THREAD_FUNNELED ? "MPI_THREAD_FUNNELED" : "MPI_THREAD_SERIALIZED";
}

static br_status check_threads(void)
{
    int level;
    MPI_Query_thread(&level);
    if (level >= MPI_THREAD_MULTIPLE)
        return BR_OK;
    return bri_error(BR_EMPI,
                     "MPI was initialised with %s: br_open_comm needs MPI_Init_thread with "
                     "MPI_THREAD_MULTIPLE, since a thread of its own communicates",
                     name_of(level));
}

/* The status and text of the first rank that failed, told by it. */
static br_status hear_of(const bri_invitation *invitation, int first, int rank, br_status mine)
{
    struct {
        int32_t status;
        char text[BRI_ERROR_TEXT];
    } told = {.status = (int32_t)mine};
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    if (rank == first)
        snprintf(told.text, sizeof told.text, "rank %d on %s: %.900s", rank, host,
                 bri_last_error());
    MPI_Bcast(&told, sizeof told, MPI_BYTE, first, invitation->comm);
    return bri_error((br_status)told.status, "%s", told.text);
}

br_status bri_invitation_agree(bri_invitation *invitation, br_status mine)
{
    int rank;
    int nranks;
    int first;
    if (mine == BR_OK)
        mine = check_threads();
    if (mine == BR_OK && bri_thread_runs())
        mine = bri_error(BR_EMPI, "%s", one_at_a_time);
    invitation->agreed = true;
    MPI_Comm_rank(invitation->comm, &rank);
    MPI_Comm_size(invitation->comm, &nranks);
    int failed = mine != BR_OK ? rank : nranks;
    MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, invitation->comm);
    return first == nranks ? BR_OK : hear_of(invitation, first, rank, mine);
}

/* ---- MPI_Finalize ---- */

/* Attributes of MPI_COMM_SELF are deleted before anything else is finalised. */
static int on_finalise(MPI_Comm comm, int key, void *value, void *state)
{
    (void)comm, (void)key, (void)value, (void)state;
    if (bri_thread_runs() && bri_link_is_shared())
        bri_leave_abort(1, "MPI_Finalize was called while a context of br_open_comm is open: "
                           "br_close it before");
    return MPI_SUCCESS;
}

static void watch_finalise(void)
{
    static int key = MPI_KEYVAL_INVALID;
    if (key != MPI_KEYVAL_INVALID)
        return;
    MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, on_finalise, &key, NULL);
    MPI_Comm_set_attr(MPI_COMM_SELF, key, NULL);
}

/* ---- opening ---- */

/* A duplicate reports its errors to us; the program's own handler stays with its own. */
static br_status accept(MPI_Comm comm, bri_invitation *invitation)
{
    BRI_TRY(check_mpi());
    BRI_TRY(check_comm(comm));
    BRI_TRY(check_that_others_can_come(comm));
    if (MPI_Comm_dup(comm, &invitation->comm) != MPI_SUCCESS)
        return bri_error(BR_EMPI, "br_open_comm: MPI_Comm_dup failed");
    MPI_Comm_set_errhandler(invitation->comm, MPI_ERRORS_ARE_FATAL);
    watch_finalise();
    return BR_OK;
}

/* A context may have failed before the others could be told. */
static void fail_together(br_context *ctx, bri_invitation *invitation)
{
    int rank;
    if (!invitation->agreed)
        bri_invitation_agree(invitation, bri_error(ctx->status, "%s", ctx->message));
    MPI_Comm_rank(invitation->comm, &rank);
    MPI_Comm_free(&invitation->comm);
    bri_context_failed_on_all(ctx, rank);
}

static br_context *open_together(bri_invitation *invitation)
{
    br_context *ctx = bri_context_open(&bri_scheduler_mpi, invitation);
    if (!invitation->taken)
        fail_together(ctx, invitation);
    return ctx;
}

br_context *br_open_comm(MPI_Comm comm)
{
    bri_invitation invitation = {.comm = MPI_COMM_NULL};
    br_status st = accept(comm, &invitation);
    return st == BR_OK ? open_together(&invitation) : bri_context_refuse(st);
}

bool br_is_worker(const br_context *ctx)
{
    return ctx->worker;
}
