/* SPDX-License-Identifier: BSD-3-Clause
 * values.h - how a value comes from the rank that computes it to a rank that reads it.
 *
 * The reader asks: when its job expects a value, it gives it a slot and tells the owner (WANT). The
 * owner answers when it has both the wish and the value: a short value in a packet, a long one in
 * pieces whose tag is the slot, for which the reader has posted its receives before asking. So
 * nothing arrives that nobody has memory for, whatever the speeds of the ranks, and the owner's
 * bytes stay in its own budget until they are wanted. Every wish has exactly one answer: the value,
 * or REFUSE after a failure.
 */
#ifndef BRI_MPI_VALUES_H
#define BRI_MPI_VALUES_H

#include <stdio.h>

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/thread.h"

struct bri_part;

/* Requests of other threads: part and value; rank for sends. */
void bri_values_send(const bri_request *request);
void bri_values_expect(const bri_request *request);

/* The rest is the communication thread's. A value of this rank's that another one makes: wanted of
 * it, and then bri_lend_output(lent) is called, also when it cannot be had. */
struct bri_lent;
void bri_values_fetch(struct bri_part *part, bri_value *value, int from, struct bri_lent *lent);

/* For tree.h and bundle.h: a wish; own: for a value of this rank's. */
struct bri_match_entry;
void bri_values_wish(struct bri_part *part, const struct bri_match_entry *wish, bool own);
/* For park.h: a value that is there, in memory or on disk. */
void bri_values_offer(struct bri_part *part, const struct bri_match_entry *ready);
/* Asks for a value along its route, for so many ranks below this one, too. */
void bri_values_seek(struct bri_part *part, bri_job *job, bri_value *value, const bri_route *route,
                     int below);

/* After a failure: refuses wishes and forgets values that wait. */
void bri_values_give_up(struct bri_part *part);

void bri_values_on_want(int from, const bri_packet *packet, const void *payload);
void bri_values_on_bundle(int from, const bri_packet *packet, const void *payload);
void bri_values_on_value(int from, const bri_packet *packet, const void *payload);
void bri_values_on_refuse(int from, const bri_packet *packet, const void *payload);

/* A line for each of the first few values asked for. */
void bri_values_print(const struct bri_part *part, FILE *to);
void bri_values_free(void);

#endif
