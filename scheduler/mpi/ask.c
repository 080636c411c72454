/* SPDX-License-Identifier: BSD-3-Clause
 * ask.c - both sides of a question: rank 0 waits for all answers, another rank's thread for one;
 * they are given one by one.
 */
#include "scheduler/mpi/ask.h"

#include <pthread.h>
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
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

/* ---- rank 0 asks ---- */

/* One question at a time (`asking`); `lock` guards the rest. */
static struct {
    pthread_mutex_t asking, lock;
    pthread_cond_t changed;
    unsigned char *answers;
    size_t each;
    int missing;
    br_status status;
    char text[BRI_ERROR_TEXT];
} asked = {.asking = PTHREAD_MUTEX_INITIALIZER,
           .lock = PTHREAD_MUTEX_INITIALIZER,
           .changed = PTHREAD_COND_INITIALIZER};

static void send_to_all(const bri_request *request)
{
    message *m = request->data;
    for (int r = 1; r < bri_meet_nranks(); r++)
        bri_link_send(r, &m->packet, m->payload);
    bri_free(m);
}

static void expect(void *answers, size_t each)
{
    pthread_mutex_lock(&asked.lock);
    asked.answers = answers;
    asked.each = each;
    asked.missing = bri_meet_nranks() - 1;
    asked.status = BR_OK;
    pthread_mutex_unlock(&asked.lock);
}

static br_status wait_for_all(void)
{
    pthread_mutex_lock(&asked.lock);
    while (asked.missing > 0)
        pthread_cond_wait(&asked.changed, &asked.lock);
    br_status st = asked.status;
    if (st != BR_OK)
        bri_error(st, "%s", asked.text);
    pthread_mutex_unlock(&asked.lock);
    return st;
}

br_status bri_ask(const void *question, size_t bytes, void *answers, size_t each)
{
    const bri_packet packet = {.kind = BRI_PACKET_ASK, .number = (int32_t)each, .bytes = bytes};
    BRI_ASSERT(bytes <= BRI_ASK_BYTES && each <= BRI_ASK_BYTES);
    message *m = message_new(&packet, question, bytes);
    if (m == NULL)
        return BR_ENOMEM;
    pthread_mutex_lock(&asked.asking);
    expect(answers, each);
    br_status st = bri_thread_post(&(bri_request){.run = send_to_all, .data = m});
    if (st == BR_OK)
        st = wait_for_all();
    else
        bri_free(m);
    pthread_mutex_unlock(&asked.asking);
    return st;
}

static void one_answered(int from, const bri_packet *packet, const void *payload)
{
    char name[96];
    pthread_mutex_lock(&asked.lock);
    if (packet->number == BR_OK) {
        memcpy(asked.answers + (size_t)from * asked.each, payload, asked.each);
    } else if (asked.status == BR_OK) {
        asked.status = (br_status)packet->number;
        snprintf(asked.text, sizeof asked.text, "%s: %.900s", bri_meet_name(from, name),
                 (const char *)payload);
    }
    asked.missing--;
    pthread_cond_broadcast(&asked.changed);
    pthread_mutex_unlock(&asked.lock);
}

/* ---- other ranks ask rank 0 ---- */

/* A thread that waits for rank 0's answer, which names it by address. */
typedef struct inquiry {
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    bool answered;
    void *answer;
    size_t each;
    br_status status;
    char text[BRI_ERROR_TEXT];
} inquiry;

static void send_to_zero(const bri_request *request)
{
    message *m = request->data;
    bri_link_send(0, &m->packet, m->payload);
    bri_free(m);
}

static br_status wait_for_zero(inquiry *q)
{
    pthread_mutex_lock(&q->lock);
    while (!q->answered)
        pthread_cond_wait(&q->changed, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return q->status == BR_OK ? BR_OK : bri_error(q->status, "%s", q->text);
}

br_status bri_inquire(const void *question, size_t bytes, void *answer, size_t each)
{
    inquiry q = {.lock = PTHREAD_MUTEX_INITIALIZER,
                 .changed = PTHREAD_COND_INITIALIZER,
                 .answer = answer,
                 .each = each};
    const bri_packet packet = {.kind = BRI_PACKET_ASK,
                               .number = (int32_t)each,
                               .job = (uint64_t)(uintptr_t)&q,
                               .bytes = bytes};
    BRI_ASSERT(bytes <= BRI_ASK_BYTES && each <= BRI_ASK_BYTES);
    message *m = message_new(&packet, question, bytes);
    if (m == NULL)
        return BR_ENOMEM;
    br_status st = bri_thread_post(&(bri_request){.run = send_to_zero, .data = m});
    if (st == BR_OK)
        st = wait_for_zero(&q);
    else
        bri_free(m);
    pthread_cond_destroy(&q.changed);
    pthread_mutex_destroy(&q.lock);
    return st;
}

static void zero_answered(const bri_packet *packet, const void *payload)
{
    inquiry *q = (inquiry *)(uintptr_t)packet->job; /* our own pointer, which came back */
    pthread_mutex_lock(&q->lock);
    q->status = (br_status)packet->number;
    if (q->status == BR_OK)
        memcpy(q->answer, payload, q->each);
    else
        snprintf(q->text, sizeof q->text, "%s", (const char *)payload);
    q->answered = true;
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
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
    bri_thread_must_post(&(bri_request){.run = send_answer, .data = answer(q), .rank = q->from});
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
