/* SPDX-License-Identifier: BSD-3-Clause
 * ask.c - both sides of a question: rank 0 waits for all answers, another rank's thread for one;
 * they are given one by one.
 */
#include "scheduler/mpi/ask.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/replies.h"
#include "scheduler/mpi/thread.h"

_Static_assert((int)BRI_ASK_BYTES <= (int)BRI_LINK_INLINE, "questions travel inside packets");

/* A packet and what comes with it, on its way to or from the communication thread. */
typedef struct message {
    bri_packet packet;
    unsigned char payload[];
} message;

static message *message_new(const bri_packet *packet, const void *payload, size_t room)
{
    message *m = bri_malloc(sizeof *m + room);
    if (m == NULL)
        return NULL;
    *m = (message){.packet = *packet};
    if (payload != NULL)
        memcpy(m->payload, payload, packet->bytes);
    return m;
}

/* The thread has ended before. */
static void drop_message(const bri_request *request)
{
    bri_free(request->data);
}

/* ---- rank 0 asks ---- */

/* One question at a time (`asking`). */
static struct {
    pthread_mutex_t asking;
    bri_replies replies;
    unsigned char *answers;
    size_t each;
} asked = {.asking = PTHREAD_MUTEX_INITIALIZER, .replies = BRI_REPLIES_INIT};

static void send_to_all(const bri_request *request)
{
    message *m = request->data;
    for (int r = 1; r < bri_meet_nranks(); r++)
        bri_link_send(r, &m->packet, m->payload);
    bri_free(m);
}

br_status bri_ask(const void *question, size_t bytes, void *answers, size_t each)
{
    const bri_packet packet = {.kind = BRI_PACKET_ASK, .number = (int32_t)each, .bytes = bytes};
    BRI_ASSERT(bytes <= BRI_ASK_BYTES && each <= BRI_ASK_BYTES);
    message *m = message_new(&packet, question, bytes);
    if (m == NULL)
        return BR_ENOMEM;
    pthread_mutex_lock(&asked.asking);
    asked.answers = answers;
    asked.each = each;
    bri_replies_expect(&asked.replies, bri_meet_nranks() - 1);
    br_status st =
        bri_thread_post(&(bri_request){.run = send_to_all, .drop = drop_message, .data = m});
    if (st == BR_OK)
        st = bri_replies_wait(&asked.replies);
    else
        bri_free(m);
    pthread_mutex_unlock(&asked.asking);
    return st;
}

static void one_answered(int from, const bri_packet *packet, const void *payload)
{
    char name[96];
    if (packet->number == BR_OK)
        memcpy(asked.answers + (size_t)from * asked.each, payload, asked.each);
    bri_replies_take(&asked.replies, (br_status)packet->number, bri_meet_name(from, name), payload);
}

/* ---- other ranks ask rank 0 ---- */

/* A thread that waits for rank 0's answer, which names it by address. */
typedef struct inquiry {
    bri_replies replies;
    void *answer;
    size_t each;
} inquiry;

static void send_to_zero(const bri_request *request)
{
    message *m = request->data;
    bri_link_send(0, &m->packet, m->payload);
    bri_free(m);
}

br_status bri_inquire(const void *question, size_t bytes, void *answer, size_t each)
{
    inquiry q = {.replies = BRI_REPLIES_INIT, .answer = answer, .each = each};
    const bri_packet packet = {.kind = BRI_PACKET_ASK,
                               .number = (int32_t)each,
                               .job = (uint64_t)(uintptr_t)&q,
                               .bytes = bytes};
    BRI_ASSERT(bytes <= BRI_ASK_BYTES && each <= BRI_ASK_BYTES);
    message *m = message_new(&packet, question, bytes);
    if (m == NULL)
        return BR_ENOMEM;
    bri_replies_expect(&q.replies, 1);
    br_status st =
        bri_thread_post(&(bri_request){.run = send_to_zero, .drop = drop_message, .data = m});
    if (st == BR_OK)
        st = bri_replies_wait(&q.replies);
    else
        bri_free(m);
    return st;
}

static void zero_answered(const bri_packet *packet, const void *payload)
{
    inquiry *q = (inquiry *)(uintptr_t)packet->job; /* our own pointer, which came back */
    if (packet->number == BR_OK)
        memcpy(q->answer, payload, q->each);
    bri_replies_take(&q->replies, (br_status)packet->number, NULL, payload);
}

void bri_ask_on_answer(int from, const bri_packet *packet, const void *payload)
{
    if (bri_meet_rank() > 0)
        zero_answered(packet, payload);
    else
        one_answered(from, packet, payload);
}

/* ---- answering ---- */

static const bri_engine *engine; /* set before any question can come */

typedef struct question {
    bri_aside work; /* first */
    int from;
    message *asked;
} question;

static void send_answer(const bri_request *request)
{
    message *m = request->data;
    bri_link_send(request->rank, &m->packet, m->payload);
    bri_free(m);
}

/* What the engine says, or why it says nothing. */
static message *answer(const question *q)
{
    const bri_packet *asked_for = &q->asked->packet;
    size_t each = (size_t)asked_for->number;
    const bri_question of = {.from = q->from,
                             .to = bri_meet_rank(),
                             .asked = q->asked->payload,
                             .bytes = asked_for->bytes,
                             .each = each};
    bri_packet packet = {.kind = BRI_PACKET_ANSWER, .job = asked_for->job, .bytes = each};
    message *m = message_new(&packet, NULL, each > BRI_ERROR_TEXT ? each : BRI_ERROR_TEXT);
    if (m == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    br_status st = engine->answer(&of, m->payload);
    if (st == BR_OK)
        return m;
    m->packet.number = (int32_t)st;
    m->packet.bytes =
        (size_t)snprintf((char *)m->payload, BRI_ERROR_TEXT, "%s", bri_last_error()) + 1;
    return m;
}

static void run(bri_aside *work)
{
    question *q = (question *)work; /* its first member */
    bri_thread_must_post(&(bri_request){
        .run = send_answer, .drop = drop_message, .data = answer(q), .rank = q->from});
    bri_free(q->asked);
    bri_free(q);
}

void bri_ask_answers_of(const bri_engine *of)
{
    engine = of;
}

void bri_ask_on_ask(int from, const bri_packet *packet, const void *payload)
{
    question *q = bri_calloc(1, sizeof *q);
    message *m = q != NULL ? message_new(packet, payload, packet->bytes) : NULL;
    if (m == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    *q = (question){.work.run = run, .from = from, .asked = m};
    bri_aside_add(&q->work);
}
