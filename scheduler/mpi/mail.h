/* SPDX-License-Identifier: BSD-3-Clause
 * mail.h - packets with bytes of any length, which the receiver did not ask for.
 *
 * Long ones follow their packet as a transfer among the commands, where order alone matches sends
 * and receives; so letters of all kinds between two ranks arrive in the order of their packets, but
 * short ones are there at once and may overtake a long one before them. They take memory that
 * nobody has reserved for them: whoever sends many has to bound them.
 */
#ifndef BRI_MPI_MAIL_H
#define BRI_MPI_MAIL_H

#include "scheduler/mpi/link.h"

/* Sends head->bytes bytes (from bri_malloc, NULL when there are none), which are freed by bri_free
 * once they are gone. Any thread. BR_ENOMEM: nothing is sent, and the bytes stay the caller's. */
br_status bri_mail_post(int to, const bri_packet *head, void *bytes);

/* ---- the communication thread ---- */

void bri_mail_send(int to, const bri_packet *head, void *bytes);

/* A letter has come with all its bytes (aligned to 16), which are the taker's to free by bri_free;
 * NULL when there are none. */
typedef void bri_mail_taker(int from, const bri_packet *head, void *bytes);
/* For a packet handler: calls take now, or when the rest has come. */
void bri_mail_receive(int from, const bri_packet *packet, const void *payload,
                      bri_mail_taker *take);

#endif
