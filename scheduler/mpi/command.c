/* SPDX-License-Identifier: BSD-3-Clause
 * command.c - rank 0's side of serve.h: commands go out in the order in which they were given.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/config.h"
#include "runtime/scheduler.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/replies.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"

/* Somebody waits until a command is gone, so that large ones are in memory one at a time. */
typedef struct departure {
    pthread_mutex_t lock; /* guards gone */
    pthread_cond_t changed;
    bool gone;
} departure;

/* A command of any size on its way to one rank or to all. */
typedef struct command {
    bri_packet packet;
    int only;             /* the rank, or BRI_ALL_RANKS */
    departure *departure; /* NULL: nobody waits */
    int receivers;        /* to which it has not been sent entirely */
    unsigned char message[];
} command;

/* One rank's share of a long command. */
typedef struct delivery {
    bri_transfer transfer;
    command *command;
} delivery;

/* The answers to OPEN; one context opens at a time. */
static struct {
    pthread_mutex_t opening;
    bri_replies replies;
} answers = {.opening = PTHREAD_MUTEX_INITIALIZER, .replies = BRI_REPLIES_INIT};

/* ---- sending ---- */

static void end_command(command *c)
{
    departure *d = c->departure;
    bri_free(c);
    if (d == NULL)
        return;
    pthread_mutex_lock(&d->lock);
    d->gone = true;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void delivered(bri_transfer *transfer)
{
    delivery *d = (delivery *)transfer; /* its first member */
    if (--d->command->receivers == 0)
        end_command(d->command);
    bri_free(d);
}

static void deliver_long(command *c, int rank)
{
    delivery *d = bri_malloc(sizeof *d);
    if (d == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    *d = (delivery){.transfer.done = delivered, .command = c};
    bri_link_send(rank, &c->packet, NULL);
    bri_link_send_long(&d->transfer, (bri_link_place){.rank = rank, .command = true}, c->message,
                       c->packet.bytes, c->packet.bytes);
}

static void send_out(const bri_request *request)
{
    command *c = request->data;
    int nranks = bri_meet_nranks();
    bool is_long = c->packet.bytes > BRI_LINK_INLINE;
    bool is_exit = c->packet.kind == BRI_PACKET_EXIT;
    int first = c->only == BRI_ALL_RANKS ? 1 : c->only;
    int end = c->only == BRI_ALL_RANKS ? nranks : c->only + 1;
    c->receivers = end - first;
    for (int r = first; r < end; r++) {
        if (is_long)
            deliver_long(c, r);
        else
            bri_link_send(r, &c->packet, c->message);
    }
    if (!is_long || first == end)
        end_command(c);
    if (is_exit)
        bri_thread_stop();
}

static command *new_command(const bri_packet *packet, const void *message)
{
    command *c = bri_malloc(sizeof *c + packet->bytes);
    if (c == NULL)
        return NULL;
    c->packet = *packet;
    c->only = BRI_ALL_RANKS;
    c->departure = NULL;
    if (message != NULL)
        memcpy(c->message, message, packet->bytes);
    return c;
}

static void drop_command(const bri_request *request)
{
    end_command(request->data);
}

static br_status post(command *c)
{
    br_status st =
        bri_thread_post(&(bri_request){.run = send_out, .drop = drop_command, .data = c});
    if (st != BR_OK)
        bri_free(c);
    return st;
}

static br_status give(const bri_packet *packet, const void *message)
{
    command *c = new_command(packet, message);
    return c != NULL ? post(c) : BR_ENOMEM;
}

/* For commands that nobody can miss. */
static void must_give(const bri_packet *packet)
{
    if (give(packet, NULL) != BR_OK)
        bri_leave_abort(1, "%s", bri_last_error());
}

/* ---- contexts ---- */

static char *exported_settings(size_t *bytes)
{
    size_t n = bri_config_export(NULL, 0);
    char *text = bri_malloc(n + 1);
    if (text != NULL)
        bri_config_export(text, n + 1);
    *bytes = n + 1;
    return text;
}

void bri_serve_on_opened(int from, const bri_packet *packet, const void *payload)
{
    char name[96];
    bri_replies_take(&answers.replies, (br_status)packet->number, bri_meet_name(from, name),
                     payload);
}

br_status bri_serve_open(unsigned number)
{
    bri_packet packet = {.kind = BRI_PACKET_OPEN, .job = number};
    char *settings = exported_settings(&packet.bytes);
    if (settings == NULL)
        return BR_ENOMEM;
    pthread_mutex_lock(&answers.opening);
    bri_replies_expect(&answers.replies, bri_meet_nranks() - 1);
    br_status st = give(&packet, settings);
    if (st == BR_OK)
        st = bri_replies_wait(&answers.replies);
    pthread_mutex_unlock(&answers.opening);
    bri_free(settings);
    return st;
}

void bri_serve_close(unsigned number)
{
    must_give(&(bri_packet){.kind = BRI_PACKET_CLOSE, .job = number});
}

br_status bri_serve_announce(uint64_t part, const void *message, size_t bytes)
{
    bri_packet packet = {.kind = BRI_PACKET_SERVE, .job = part, .bytes = bytes};
    command *c = new_command(&packet, message);
    br_status st = BR_ENOMEM;
    if (c != NULL)
        st = bri_part_announce(part, &(bri_request){.run = send_out, .data = c});
    if (st != BR_OK)
        bri_free(c);
    return st;
}

br_status bri_serve_share(unsigned number, int rank, const void *message, size_t bytes)
{
    const bri_packet packet = {.kind = BRI_PACKET_SHARE, .job = number, .bytes = bytes};
    departure d = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    command *c = new_command(&packet, message);
    if (c == NULL)
        return BR_ENOMEM;
    c->only = rank;
    c->departure = &d;
    BRI_TRY(post(c));
    pthread_mutex_lock(&d.lock);
    while (!d.gone)
        pthread_cond_wait(&d.changed, &d.lock);
    pthread_mutex_unlock(&d.lock);
    pthread_cond_destroy(&d.changed);
    pthread_mutex_destroy(&d.lock);
    return BR_OK;
}

void bri_serve_send_exit(int code)
{
    must_give(&(bri_packet){.kind = BRI_PACKET_EXIT, .number = code});
}
