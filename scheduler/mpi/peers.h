/* SPDX-License-Identifier: BSD-3-Clause
 * peers.h - signs of life between rank 0 and the others. On the communication thread.
 *
 * mpirun ends the job when a process dies; a host that freezes or loses its network it may never
 * notice.
 */
#ifndef BRI_MPI_PEERS_H
#define BRI_MPI_PEERS_H

/* From now on ranks must be heard of. */
void bri_peers_begin(void);
void bri_peers_end(void);
/* Something came from the rank. */
void bri_peers_heard(int rank);
/* Sends beats that are due; aborts when a rank has been silent for longer than
 * BRAMBLE_PEER_TIMEOUT. */
void bri_peers_step(double now);

#endif
