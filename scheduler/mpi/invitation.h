/* SPDX-License-Identifier: BSD-3-Clause
 * invitation.h - the communicator on which ranks meet when the program runs MPI itself; between
 * open_comm.c, mpi.c and link.c. Without one, bramble runs MPI and its ranks are all there are.
 */
#ifndef BRI_MPI_INVITATION_H
#define BRI_MPI_INVITATION_H

#include <mpi.h>

#include <bramble/base.h>

typedef struct bri_invitation {
    MPI_Comm comm; /* our duplicate */
    bool agreed;   /* all its ranks know how opening went on each */
    bool taken;    /* the communication thread has started, and will free comm */
} bri_invitation;

/* Collective: BR_OK when `mine` is BR_OK on every rank, else the first failure of any (its text is
 * this thread's last error). On the thread that called br_open_comm, before another one calls
 * MPI. */
br_status bri_invitation_agree(bri_invitation *invitation, br_status mine);

/* Another process is both in comm and among the ranks of the link, which is open and shared. Any
 * thread. */
bool bri_link_shares_ranks_with(MPI_Comm comm);

#endif
