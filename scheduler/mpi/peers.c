/* SPDX-License-Identifier: BSD-3-Clause
 * peers.c - rank 0 watches everybody, everybody watches rank 0; a lost rank ends the job, since MPI
 * cannot go on.
 */
#include "scheduler/mpi/peers.h"

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/thread.h"

/* Several beats fit into the timeout, so that one late one means nothing. */
#define BEATS 6

static struct {
    double *heard; /* when, by rank */
    double timeout, stepped, beaten;
} peers;

static bool watched(int rank)
{
    return rank != bri_meet_rank() && (bri_meet_rank() == 0 || rank == 0);
}

static void forgive(double now)
{
    for (int r = 0; r < bri_meet_nranks(); r++)
        peers.heard[r] = now;
}

void bri_peers_begin(void)
{
    peers.heard = bri_calloc((size_t)bri_meet_nranks(), sizeof *peers.heard);
    if (peers.heard == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    peers.timeout = bri_meet_about(0)->peer_timeout;
    peers.stepped = peers.beaten = bri_now();
    forgive(peers.stepped);
}

void bri_peers_end(void)
{
    bri_free(peers.heard);
    peers.heard = NULL;
}

void bri_peers_heard(int rank)
{
    peers.heard[rank] = peers.stepped;
}

static void beat(double now)
{
    static const bri_packet packet = {.kind = BRI_PACKET_BEAT};
    peers.beaten = now;
    for (int r = 0; r < bri_meet_nranks(); r++)
        if (watched(r))
            bri_link_send(r, &packet, NULL);
}

static void look(double now)
{
    char name[96];
    for (int r = 0; r < bri_meet_nranks(); r++)
        if (watched(r) && now - peers.heard[r] > peers.timeout)
            bri_leave_lost(
                "no sign of life from %s for %.0f s (BRAMBLE_PEER_TIMEOUT): the host hangs or "
                "its network is down",
                bri_meet_name(r, name), now - peers.heard[r]);
}

/* When this process itself stood still (stopped by a debugger, a suspended laptop), silence says
 * nothing about others. */
void bri_peers_step(double now)
{
    double interval = peers.timeout / BEATS;
    if (now - peers.stepped > interval)
        forgive(now);
    peers.stepped = now;
    if (now - peers.beaten < interval)
        return;
    beat(now);
    look(now);
}
