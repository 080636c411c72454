/* SPDX-License-Identifier: BSD-3-Clause
 * mail.c - letters on their way out and in.
 */
#include "scheduler/mpi/mail.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/thread.h"

typedef struct letter {
    bri_transfer transfer; /* first */
    bri_packet head;
    int rank;
    void *bytes;
    bri_mail_taker *take;
} letter;

static letter *new_letter(int rank, const bri_packet *head, void *bytes)
{
    letter *l = bri_malloc(sizeof *l);
    if (l == NULL)
        return NULL;
    *l = (letter){.rank = rank, .head = *head, .bytes = bytes};
    return l;
}

/* ---- out ---- */

static void sent(bri_transfer *transfer)
{
    letter *l = (letter *)transfer;
    bri_free(l->bytes);
    bri_free(l);
}

static void send_long(int to, const bri_packet *head, void *bytes)
{
    letter *l = new_letter(to, head, bytes);
    if (l == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    l->transfer.done = sent;
    bri_link_send(to, head, NULL);
    bri_link_send_long(&l->transfer, (bri_link_place){.rank = to, .command = true}, bytes,
                       head->bytes, head->bytes);
}

void bri_mail_send(int to, const bri_packet *head, void *bytes)
{
    if (head->bytes > BRI_LINK_INLINE) {
        send_long(to, head, bytes);
        return;
    }
    bri_link_send(to, head, bytes);
    bri_free(bytes);
}

static void send_request(const bri_request *request)
{
    letter *l = request->data;
    bri_mail_send(l->rank, &l->head, l->bytes);
    bri_free(l);
}

static void drop_request(const bri_request *request)
{
    letter *l = request->data;
    sent(&l->transfer);
}

br_status bri_mail_post(int to, const bri_packet *head, void *bytes)
{
    letter *l = new_letter(to, head, bytes);
    if (l == NULL)
        return BR_ENOMEM;
    br_status st =
        bri_thread_post(&(bri_request){.run = send_request, .drop = drop_request, .data = l});
    if (st != BR_OK)
        bri_free(l);
    return st;
}

/* ---- in ---- */

/* Nobody reads any more what comes after EXIT. */
static void hand_over(const letter *l)
{
    if (bri_thread_left())
        bri_free(l->bytes);
    else
        l->take(l->rank, &l->head, l->bytes);
}

static void received(bri_transfer *transfer)
{
    letter *l = (letter *)transfer;
    hand_over(l);
    bri_free(l);
}

void bri_mail_receive(int from, const bri_packet *packet, const void *payload, bri_mail_taker *take)
{
    void *bytes = NULL;
    if (packet->bytes > 0 && (bytes = bri_malloc(packet->bytes)) == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    if (packet->bytes <= BRI_LINK_INLINE) {
        if (packet->bytes > 0)
            memcpy(bytes, payload, packet->bytes);
        hand_over(&(letter){.rank = from, .head = *packet, .bytes = bytes, .take = take});
        return;
    }
    letter *l = new_letter(from, packet, bytes);
    if (l == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    l->transfer.done = received;
    l->take = take;
    bri_link_receive_long(&l->transfer, (bri_link_place){.rank = from, .command = true}, bytes,
                          packet->bytes);
}
