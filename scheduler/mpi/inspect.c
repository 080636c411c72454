/* SPDX-License-Identifier: BSD-3-Clause
 * inspect.c - asks the communication thread what it knows of a job.
 *
 * The tables are that thread's own, so it writes the text. Who asked waits for a moment only: that
 * it does not answer may be what is wrong.
 */
#include "scheduler/mpi/inspect.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/alloc.h"
#include "runtime/watch.h"
#include "scheduler/mpi/credits.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/sends.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/values.h"

enum { PATIENCE_MILLISECONDS = 1000 };

/* Freed by the last of both threads. */
typedef struct question {
    atomic_int users;
    atomic_bool answered;
    uint64_t part;
    char *text;
    size_t size;
} question;

static void drop(question *q)
{
    if (atomic_fetch_sub(&q->users, 1) != 1)
        return;
    free(q->text);
    bri_free(q);
}

/* ---- the communication thread ---- */

static void print_entry(const bri_part *part, const bri_match_entry *e, FILE *to)
{
    char value[256];
    bri_job_name_value(part->job, e->key, value, sizeof value);
    if (bri_match_is_ready(e) && e->rank == BRI_MATCH_ANY)
        fprintf(to, "  ready, but %d ranks have not asked for it: %s\n", e->count, value);
    else if (bri_match_is_ready(e))
        fprintf(to, "  ready, but rank %d has not asked for it: %s\n", e->rank, value);
    else
        fprintf(to, "  rank %d waits for: %s\n", e->to, value);
}

static void print_matches(const bri_part *part, FILE *to)
{
    size_t n = 0;
    for (size_t i = 0; i < part->matches.nbuckets; i++)
        for (const bri_match_entry *e = part->matches.buckets[i]; e != NULL; e = e->next)
            if (++n <= BRI_INSPECT_LINES)
                print_entry(part, e, to);
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and %zu more messages are pending\n", n - BRI_INSPECT_LINES);
}

static void print_part(const bri_part *part, FILE *to)
{
    if (part->moving > 0)
        fprintf(to, "  %d values asked for or being sent\n", part->moving);
    bri_values_print(part, to);
    bri_credits_print(part, to);
    bri_sends_print(part, to);
    print_matches(part, to);
    bri_lend_print(part, to);
    bri_guests_print(part, to);
    if (part->reported && bri_meet_rank() == 0)
        fprintf(to, "  rank 0 is done; %d of %d ranks are\n", part->nreported, bri_meet_nranks());
    else if (part->reported)
        fprintf(to, "  this rank is done and waits for the others\n");
}

/* A part that is found has not ended, and cannot meanwhile: this thread would have to end it. */
static void answer(const bri_request *request)
{
    question *q = request->data;
    const bri_part *part = bri_part_find(q->part);
    FILE *to = open_memstream(&q->text, &q->size);
    if (to != NULL) {
        if (part != NULL && part->job != NULL)
            print_part(part, to);
        fclose(to);
    }
    atomic_store(&q->answered, true);
    drop(q);
}

/* The thread has ended before. */
static void drop_answer(const bri_request *request)
{
    drop(request->data);
}

void bri_inspect_on_print(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)packet, (void)payload;
    bri_watch_ask();
}

void bri_inspect_on_got_on(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)packet, (void)payload;
    bri_watch_progress();
}

static void send_tidings(const bri_request *request)
{
    (void)request;
    int rank = bri_meet_rank();
    bri_packet packet = {.kind = rank == 0 ? BRI_PACKET_PRINT : BRI_PACKET_GOT_ON};
    for (int r = 0; r < bri_meet_nranks(); r++)
        if (r != rank && (rank == 0 || r == 0))
            bri_link_send(r, &packet, NULL);
}

/* ---- the watch thread ---- */

void bri_inspect_tell(br_context *ctx)
{
    (void)ctx;
    if (bri_thread_runs())
        bri_thread_post(&(bri_request){.run = send_tidings});
}

static void wait_for_answer(question *q, FILE *to)
{
    for (int i = 0; i < PATIENCE_MILLISECONDS && !atomic_load(&q->answered); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (!atomic_load(&q->answered))
        fprintf(to, "  the communication thread does not answer\n");
    else if (q->text != NULL)
        fputs(q->text, to);
}

void bri_inspect(br_context *ctx, bri_job *job, FILE *to)
{
    const bri_mpi_context *mpi = ctx->scheduler_data;
    question *q = mpi != NULL ? bri_calloc(1, sizeof *q) : NULL;
    if (q == NULL)
        return;
    q->part = bri_part_id(mpi->number, job->id);
    atomic_init(&q->users, 2);
    const bri_request request = {.run = answer, .drop = drop_answer, .data = q};
    if (bri_thread_post(&request) != BR_OK)
        drop(q);
    else
        wait_for_answer(q, to);
    drop(q);
}
