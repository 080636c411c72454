/* SPDX-License-Identifier: BSD-3-Clause
 * stats.c - a job's counters, as they travel between ranks.
 */
#include "scheduler/mpi/stats.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/meet.h"

_Static_assert(sizeof(bri_job_stats) == BRI_PART_STATS * sizeof(atomic_llong),
               "bri_job_stats has other counters than travel with DONE");

static atomic_llong *counter(bri_job *job, int i)
{
    return (atomic_llong *)&job->stats + i;
}

static int number_of(size_t offset)
{
    return (int)(offset / sizeof(atomic_llong));
}

static bool is_peak(int i)
{
    return i >= number_of(offsetof(bri_job_stats, peak));
}

/* Adds a rank's counter to what is known of the others; of some the largest counts. */
static int64_t together(int i, int64_t known, int64_t more)
{
    if (is_peak(i))
        return known > more ? known : more;
    return known + more;
}

void bri_stats_read(bri_job *job, int64_t stats[BRI_PART_STATS])
{
    bri_memory_stats memory;
    if (job != NULL) {
        bri_memory_about(job->ctx->memory, &memory);
        atomic_store_explicit(&job->stats.peak, (long long)memory.peak, memory_order_relaxed);
        atomic_store_explicit(&job->stats.most_sent,
                              atomic_load_explicit(&job->stats.bytes_sent, memory_order_relaxed),
                              memory_order_relaxed);
    }
    for (int i = 0; i < BRI_PART_STATS; i++)
        stats[i] = job != NULL ? atomic_load_explicit(counter(job, i), memory_order_relaxed) : 0;
}

void bri_stats_note_sent(bri_part *part, int rank, int64_t bytes)
{
    if (part->sent_by == NULL)
        part->sent_by = bri_calloc((size_t)bri_meet_nranks(), sizeof *part->sent_by);
    if (part->sent_by != NULL) /* else the run ends without that number */
        part->sent_by[rank] += bytes;
}

int64_t bri_stats_most_sent(const bri_part *part)
{
    int64_t most = 0;
    for (int r = 0; part->sent_by != NULL && r < bri_meet_nranks(); r++)
        most = part->sent_by[r] > most ? part->sent_by[r] : most;
    return most;
}

/* What a guest has done elsewhere is not this rank's speed; its peak and the bytes it has sent are
 * the other's, who may have said DONE before. */
void bri_stats_add_guest(bri_part *part, int rank, const void *stats)
{
    int64_t more[BRI_PART_STATS];
    memcpy(more, stats, sizeof more);
    int64_t peak = more[number_of(offsetof(bri_job_stats, peak))];
    int64_t sent = more[number_of(offsetof(bri_job_stats, bytes_sent))];
    more[number_of(offsetof(bri_job_stats, busy))] = 0;
    more[number_of(offsetof(bri_job_stats, work))] = 0;
    more[number_of(offsetof(bri_job_stats, stage))] = 0;
    for (int i = 0; i < BRI_PART_STATS; i++)
        if (!is_peak(i))
            atomic_fetch_add_explicit(counter(part->job, i), more[i], memory_order_relaxed);
    part->peak_of_helpers = peak > part->peak_of_helpers ? peak : part->peak_of_helpers;
    part->sent_by_helpers += sent;
    bri_stats_note_sent(part, rank, sent);
}

void bri_stats_report(bri_part *part, int64_t stats[BRI_PART_STATS])
{
    int64_t *peak = &stats[number_of(offsetof(bri_job_stats, peak))];
    bri_stats_read(part->job, stats);
    stats[number_of(offsetof(bri_job_stats, most_sent))] -= part->sent_by_helpers;
    *peak = *peak > part->peak_of_helpers ? *peak : part->peak_of_helpers;
    if (part->job != NULL)
        atomic_store(&part->job->stats.peak, *peak);
}

void bri_stats_join(int64_t known[BRI_PART_STATS], const int64_t more[BRI_PART_STATS])
{
    for (int i = 0; i < BRI_PART_STATS; i++)
        known[i] = together(i, known[i], more[i]);
}

void bri_stats_add_others(bri_job *job, const int64_t others[BRI_PART_STATS])
{
    for (int i = 0; i < BRI_PART_STATS; i++)
        atomic_store_explicit(counter(job, i), together(i, atomic_load(counter(job, i)), others[i]),
                              memory_order_relaxed);
}

static bri_rank_work work_of(const int64_t stats[BRI_PART_STATS])
{
    return (bri_rank_work){stats[number_of(offsetof(bri_job_stats, busy))],
                           stats[number_of(offsetof(bri_job_stats, work))],
                           stats[number_of(offsetof(bri_job_stats, stage))]};
}

void bri_stats_note_rank(bri_part *part, int rank, const int64_t stats[BRI_PART_STATS])
{
    bri_stats_note_sent(part, rank, stats[number_of(offsetof(bri_job_stats, most_sent))]);
    if (part->by_rank == NULL)
        part->by_rank = bri_calloc((size_t)bri_meet_nranks(), sizeof *part->by_rank);
    if (part->by_rank != NULL)
        part->by_rank[rank] = work_of(stats);
}
