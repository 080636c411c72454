/* SPDX-License-Identifier: BSD-3-Clause
 * agree.c - how all ranks agree on the end of a job: FAIL, CANCEL, DONE and END.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/stats.h"
#include "scheduler/mpi/values.h"

/* A packet about a job with a status and a text. */
static bri_packet verdict(bri_packet_kind kind, const bri_part *part, br_status status,
                          const char *text)
{
    return (bri_packet){
        .kind = kind, .number = (int32_t)status, .job = part->id, .bytes = strlen(text) + 1};
}

static void tell_all(const bri_packet *packet, const void *payload)
{
    for (int r = 1; r < bri_meet_nranks(); r++)
        bri_link_send(r, packet, payload);
}

/* ---- failures ---- */

/* From now on this rank wants and gives nothing for the job. */
static void cancel_here(bri_part *part, br_status status, const char *text)
{
    bri_job *job = bri_part_note(part, status, text);
    part->failed = true;
    if (job != NULL) {
        bri_job_fail(job, status, text);
        bri_pool_notify(part->pool);
    }
    bri_values_give_up(part);
    bri_guests_cancel(part);
}

void bri_parts_on_cancel(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    cancel_here(bri_part_get(packet->job), (br_status)packet->number, payload);
}

/* Rank 0: the first failure becomes everybody's. */
static void hear_of_failure(bri_part *part, int from, br_status status, const char *text)
{
    if (part->status != BR_OK)
        return;
    char name[96];
    char full[BRI_ERROR_TEXT];
    if (bri_meet_nranks() > 1 && status != BR_ECANCELLED)
        snprintf(full, sizeof full, "%s: %.900s", bri_meet_name(from, name), text);
    else
        snprintf(full, sizeof full, "%s", text);
    bri_packet packet = verdict(BRI_PACKET_CANCEL, part, status, full);
    tell_all(&packet, full);
    cancel_here(part, status, full);
}

void bri_parts_on_fail(int from, const bri_packet *packet, const void *payload)
{
    hear_of_failure(bri_part_get(packet->job), from, (br_status)packet->number, payload);
}

void bri_part_tell(bri_part *part, br_status status, const char *text)
{
    part->failed = true;
    if (bri_meet_rank() == 0) {
        hear_of_failure(part, 0, status, text);
        return;
    }
    bri_packet packet = verdict(BRI_PACKET_FAIL, part, status, text);
    bri_link_send(0, &packet, text);
    bri_values_give_up(part);
    bri_guests_cancel(part);
}

void bri_part_fail(bri_part *part, br_status status, const char *text)
{
    char copy[BRI_ERROR_TEXT]; /* text may be the thread's last error, which another one replaces */
    snprintf(copy, sizeof copy, "%s", text);
    if (part->job != NULL) {
        bri_job_fail(part->job, status, copy);
        bri_pool_notify(part->pool);
    }
    if (!part->failed)
        bri_part_tell(part, status, copy);
}

void bri_part_give_up(bri_part *part)
{
    if (part->failed || part->job == NULL)
        return;
    part->failed = true;
    bri_job_fail(part->job, BR_ECANCELLED, "the run has failed on another rank");
    bri_pool_notify(part->pool);
    bri_values_give_up(part);
    bri_guests_cancel(part);
}

/* ---- the end ---- */

/* Rank 0, when everybody has reported. */
static void end_everywhere(bri_part *part)
{
    char text[BRI_ERROR_TEXT];
    memcpy(text, part->text, sizeof text);
    bri_packet packet = verdict(BRI_PACKET_END, part, part->status, text);
    tell_all(&packet, text);
    if (part->job != NULL) {
        bri_stats_add_others(part->job, part->elsewhere);
        atomic_store(&part->job->stats.most_sent, bri_stats_most_sent(part));
        part->job->by_rank = part->by_rank;
        part->by_rank = NULL;
    }
    bri_free(part->by_rank);
    part->by_rank = NULL;
    bri_part_end(part, part->status, text);
}

void bri_parts_on_end(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    bri_part_end(bri_part_get(packet->job), (br_status)packet->number, payload);
}

static void hear_of_end(bri_part *part, int from, const int64_t stats[BRI_PART_STATS])
{
    bri_stats_note_rank(part, from, stats);
    if (from != 0)
        bri_stats_join(part->elsewhere, stats);
    if (++part->nreported == bri_meet_nranks())
        end_everywhere(part);
}

/* What DONE says: the counters, then of each helper that has sent something who it is and how much.
 * That is a statistic: of more helpers than have room those with the highest ranks are left out. */
typedef struct sent_by_one {
    int64_t rank, bytes;
} sent_by_one;
enum { MOST_SENT_BY = (BRI_LINK_INLINE - BRI_PART_STATS * sizeof(int64_t)) / sizeof(sent_by_one) };
typedef struct done_message {
    int64_t stats[BRI_PART_STATS];
    sent_by_one by[MOST_SENT_BY];
} done_message;

static void say_done(const bri_part *part, const int64_t stats[BRI_PART_STATS])
{
    done_message m;
    int n = 0;
    memcpy(m.stats, stats, sizeof m.stats);
    for (int r = 0; part->sent_by != NULL && r < bri_meet_nranks() && n < MOST_SENT_BY; r++)
        if (part->sent_by[r] != 0)
            m.by[n++] = (sent_by_one){r, part->sent_by[r]};
    bri_packet packet = {.kind = BRI_PACKET_DONE,
                         .job = part->id,
                         .bytes = sizeof m.stats + (size_t)n * sizeof m.by[0]};
    bri_link_send(0, &packet, &m);
}

void bri_parts_on_done(int from, const bri_packet *packet, const void *payload)
{
    done_message m;
    bri_part *part = bri_part_get(packet->job);
    int n = (int)((packet->bytes - sizeof m.stats) / sizeof m.by[0]);
    memcpy(&m, payload, packet->bytes);
    for (int i = 0; i < n; i++)
        bri_stats_note_sent(part, (int)m.by[i].rank, m.by[i].bytes);
    hear_of_end(part, from, m.stats);
}

void bri_part_report(bri_part *part)
{
    int64_t stats[BRI_PART_STATS];
    if (part->job != NULL && !part->failed && part->job->ops->settle != NULL)
        part->job->ops->settle(part->job);
    bri_stats_report(part, stats);
    bri_lend_over(part);
    part->reported = true;
    if (bri_meet_rank() == 0)
        hear_of_end(part, 0, stats);
    else
        say_done(part, stats);
}
