/* SPDX-License-Identifier: BSD-3-Clause
 * parts.c - the list of parts, and the agreement on how a job ends.
 */
#include "scheduler/mpi/parts.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/supply.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/tree.h"
#include "scheduler/mpi/values.h"

/* Contexts have numbers of their own for jobs; together they name a job of the process. */
enum { JOB_BITS = 40 };

/* `lock` guards the list and the fields marked so in parts.h. Parts are added in front by any
 * thread and taken out by the communication thread, which may therefore walk along `next` without
 * it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bri_part *first;
} parts = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

uint64_t bri_part_id(unsigned context, uint64_t job)
{
    BRI_ASSERT(job >> JOB_BITS == 0);
    return (uint64_t)context << JOB_BITS | job;
}

unsigned bri_part_context(uint64_t id, uint64_t *job)
{
    *job = id & (((uint64_t)1 << JOB_BITS) - 1);
    return (unsigned)(id >> JOB_BITS);
}

/* ---- the list ---- */

static bri_part *find_locked(uint64_t id)
{
    bri_part *part = parts.first;
    while (part != NULL && part->id != id)
        part = part->next;
    return part;
}

static bri_part *get_locked(uint64_t id)
{
    bri_part *part = find_locked(id);
    if (part != NULL)
        return part;
    part = bri_calloc(1, sizeof *part);
    if (part == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    part->id = id;
    part->next = parts.first;
    parts.first = part;
    return part;
}

static void remove_locked(bri_part *part)
{
    bri_part **link = &parts.first;
    while (*link != part)
        link = &(*link)->next;
    *link = part->next;
}

bri_part *bri_part_find(uint64_t id)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = find_locked(id);
    pthread_mutex_unlock(&parts.lock);
    return part;
}

bri_part *bri_part_get(uint64_t id)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = get_locked(id);
    pthread_mutex_unlock(&parts.lock);
    return part;
}

void bri_part_forget(uint64_t id)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = find_locked(id);
    remove_locked(part);
    pthread_mutex_unlock(&parts.lock);
    bri_free(part);
}

static bri_part *first_part(void)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = parts.first;
    pthread_mutex_unlock(&parts.lock);
    return part;
}

bool bri_parts_any(void)
{
    return first_part() != NULL;
}

/* ---- threads that work ---- */

bri_part *bri_part_start(uint64_t id, bri_job *job, bri_pool *pool)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = get_locked(id);
    part->job = job;
    part->pool = pool;
    if (part->status != BR_OK) /* it has failed elsewhere before it began here */
        bri_job_fail(job, part->status, part->text);
    pthread_mutex_unlock(&parts.lock);
    return part;
}

/* After all that the job's threads have asked for, since requests keep their order. */
static void note_left(const bri_request *request)
{
    pthread_mutex_lock(&parts.lock);
    request->part->left = true;
    pthread_mutex_unlock(&parts.lock);
}

void bri_part_leave(bri_part *part)
{
    pthread_mutex_lock(&parts.lock);
    bool already = part->leaving;
    part->leaving = true;
    pthread_mutex_unlock(&parts.lock);
    if (already)
        return;
    bri_pool_detach(part->pool, part->job);
    bri_thread_must_post(&(bri_request){.run = note_left, .part = part});
}

bool bri_part_wait(bri_part *part, bool block)
{
    pthread_mutex_lock(&parts.lock);
    while (block && !part->ended)
        pthread_cond_wait(&parts.ended, &parts.lock);
    bool ended = part->ended;
    pthread_mutex_unlock(&parts.lock);
    if (ended)
        bri_free(part);
    return ended;
}

static void take_for_done(const bri_request *request)
{
    bri_part *part = bri_part_get(request->number);
    bri_part_fail(part, (br_status)request->rank, request->data);
    pthread_mutex_lock(&parts.lock);
    part->left = true;
    pthread_mutex_unlock(&parts.lock);
    bri_free(request->data);
}

void bri_part_absent(uint64_t id, br_status status, const char *text)
{
    char *copy = bri_strdup(text);
    if (copy == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    bri_thread_must_post(
        &(bri_request){.run = take_for_done, .number = id, .rank = (int)status, .data = copy});
}

/* A part that never started has nobody who waits for it; the communication thread frees it. */
static void wait_until_gone(uint64_t id)
{
    pthread_mutex_lock(&parts.lock);
    while (find_locked(id) != NULL)
        pthread_cond_wait(&parts.ended, &parts.lock);
    pthread_mutex_unlock(&parts.lock);
}

/* The first part that others see to: it may go while they do. */
static bool abandon_launched(const char *why)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = parts.first;
    bool found = part != NULL && part->job != NULL && part->job->landed != NULL;
    uint64_t id = found ? part->id : 0;
    if (found) {
        bri_job_fail(part->job, BR_ECANCELLED, why);
        bri_pool_notify(part->pool);
    }
    pthread_mutex_unlock(&parts.lock);
    if (found)
        wait_until_gone(id);
    return found;
}

static void abandon(bri_part *part, const char *why)
{
    if (part->job == NULL) {
        uint64_t id = part->id;
        bri_part_absent(id, BR_EUSER, why);
        wait_until_gone(id);
        return;
    }
    bri_job_fail(part->job, BR_EUSER, why);
    bri_pool_notify(part->pool);
    bri_pool_work(part->pool, part->job, true);
    bri_part_leave(part);
    bri_part_wait(part, true);
}

void bri_parts_abandon(void)
{
    static const char why[] = "the program ended before the job";
    for (;;) {
        if (abandon_launched(why))
            continue;
        bri_part *part = first_part();
        if (part == NULL)
            return;
        abandon(part, why);
    }
}

bool bri_part_cancel(uint64_t id, const char *why)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = find_locked(id);
    bool found = part != NULL && part->job != NULL;
    if (found) {
        bri_job_fail(part->job, BR_ECANCELLED, why);
        bri_pool_notify(part->pool);
    }
    pthread_mutex_unlock(&parts.lock);
    return found;
}

/* ---- counters ---- */

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

void bri_part_read_stats(bri_job *job, int64_t stats[BRI_PART_STATS])
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

/* What a guest has done elsewhere is not this rank's speed; its peak is the other's. */
void bri_part_add_stats(bri_part *part, const void *stats)
{
    int64_t more[BRI_PART_STATS];
    memcpy(more, stats, sizeof more);
    more[number_of(offsetof(bri_job_stats, busy))] = 0;
    more[number_of(offsetof(bri_job_stats, work))] = 0;
    more[number_of(offsetof(bri_job_stats, stage))] = 0;
    for (int i = 0; i < BRI_PART_STATS; i++)
        if (!is_peak(i))
            atomic_fetch_add_explicit(counter(part->job, i), more[i], memory_order_relaxed);
}

/* ---- the end ---- */

/* Nothing of this rank touches the job any more, so the text may be written. */
static void set_outcome(bri_job *job, br_status status, const char *text)
{
    snprintf(job->error_text, sizeof job->error_text, "%s", text);
    atomic_store_explicit(&job->status, (int)status, memory_order_release);
    if (status != BR_OK)
        atomic_store_explicit(&job->failed, true, memory_order_release);
}

static void end_part(bri_part *part, br_status status, const char *text)
{
    bri_match_fini(&part->matches);
    bri_tree_free(part);
    bri_lend_free(part);
    pthread_mutex_lock(&parts.lock);
    if (part->job != NULL)
        set_outcome(part->job, status, text);
    remove_locked(part);
    part->ended = true;
    bool waited_for = part->job != NULL;
    pthread_cond_broadcast(&parts.ended);
    if (waited_for && (part->job->landed != NULL || part->job->inside))
        bri_pool_notify(part->pool); /* with the lock, since the pool may go right after */
    pthread_mutex_unlock(&parts.lock);
    if (!waited_for)
        bri_free(part);
}

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

/* Rank 0, when everybody has reported. */
static void end_everywhere(bri_part *part)
{
    char text[BRI_ERROR_TEXT];
    memcpy(text, part->text, sizeof text);
    bri_packet packet = verdict(BRI_PACKET_END, part, part->status, text);
    tell_all(&packet, text);
    for (int i = 0; part->job != NULL && i < BRI_PART_STATS; i++)
        atomic_store_explicit(counter(part->job, i),
                              together(i, atomic_load(counter(part->job, i)), part->elsewhere[i]),
                              memory_order_relaxed);
    if (part->job != NULL) {
        part->job->by_rank = part->by_rank;
        part->by_rank = NULL;
    }
    bri_free(part->by_rank);
    part->by_rank = NULL;
    end_part(part, part->status, text);
}

void bri_parts_on_end(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    end_part(bri_part_get(packet->job), (br_status)packet->number, payload);
}

/* ---- failures ---- */

/* From now on this rank wants and gives nothing for the job. */
static void cancel_here(bri_part *part, br_status status, const char *text)
{
    pthread_mutex_lock(&parts.lock);
    part->status = status;
    snprintf(part->text, sizeof part->text, "%s", text);
    bri_job *job = part->job;
    pthread_mutex_unlock(&parts.lock);
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

static void tell_of_failure(bri_part *part, br_status status, const char *text)
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

bri_job *bri_part_job(bri_part *part)
{
    pthread_mutex_lock(&parts.lock);
    bri_job *job = part->job;
    pthread_mutex_unlock(&parts.lock);
    return job;
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
        tell_of_failure(part, status, copy);
}

/* ---- progress ---- */

bool bri_part_hold(bri_part *part)
{
    pthread_mutex_lock(&parts.lock);
    bool there = part->job != NULL && !part->leaving;
    if (there)
        bri_pool_hold(part->job);
    pthread_mutex_unlock(&parts.lock);
    return there;
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

void bri_part_arrived(bri_part *part, bri_job *job, bri_value *value)
{
    pthread_mutex_lock(&parts.lock);
    /* After a failure nobody needs it. While the lock is held the pool cannot be left, so the tasks
     * get through it; a guest that has failed may be off the pool already. */
    bool takes = job == part->job ? !part->leaving
                                  : !atomic_load_explicit(&job->failed, memory_order_acquire);
    if (takes)
        bri_pool_push(part->pool, job, bri_job_arrived(job, value));
    pthread_mutex_unlock(&parts.lock);
}

static void note_rank(bri_part *part, int rank, const int64_t stats[BRI_PART_STATS])
{
    if (part->by_rank == NULL)
        part->by_rank = bri_calloc((size_t)bri_meet_nranks(), sizeof *part->by_rank);
    if (part->by_rank != NULL)
        part->by_rank[rank] = (bri_rank_work){stats[number_of(offsetof(bri_job_stats, busy))],
                                              stats[number_of(offsetof(bri_job_stats, work))],
                                              stats[number_of(offsetof(bri_job_stats, stage))]};
}

static void hear_of_end(bri_part *part, int from, const int64_t stats[BRI_PART_STATS])
{
    note_rank(part, from, stats);
    for (int i = 0; i < BRI_PART_STATS && from != 0; i++)
        part->elsewhere[i] = together(i, part->elsewhere[i], stats[i]);
    if (++part->nreported == bri_meet_nranks())
        end_everywhere(part);
}

void bri_parts_on_done(int from, const bri_packet *packet, const void *payload)
{
    int64_t stats[BRI_PART_STATS];
    memcpy(stats, payload, sizeof stats);
    hear_of_end(bri_part_get(packet->job), from, stats);
}

static void report(bri_part *part)
{
    int64_t stats[BRI_PART_STATS];
    if (part->job != NULL && !part->failed && part->job->ops->settle != NULL)
        part->job->ops->settle(part->job);
    bri_part_read_stats(part->job, stats);
    bri_lend_over(part);
    part->reported = true;
    if (bri_meet_rank() == 0) {
        hear_of_end(part, 0, stats);
        return;
    }
    bri_packet packet = {.kind = BRI_PACKET_DONE, .job = part->id, .bytes = sizeof stats};
    bri_link_send(0, &packet, stats);
}

/* The part may be gone afterwards. */
static bool step(bri_part *part)
{
    pthread_mutex_lock(&parts.lock);
    bri_job *job = part->job;
    bool left = part->left;
    pthread_mutex_unlock(&parts.lock);
    bool news =
        job != NULL && !part->failed && atomic_load_explicit(&job->failed, memory_order_acquire);
    if (news)
        tell_of_failure(part, bri_job_status(job), job->error_text);
    if (job != NULL && !part->begun) {
        part->begun = true;
        bri_supply_early(part);
    }
    if (job != NULL && bri_job_overdue(job))
        bri_pool_notify(part->pool);
    bool over = left && !part->reported && part->moving == 0;
    if (over) {
        report(part);
        return true;
    }
    news |= bri_tree_step(part);
    return bri_lend_step(part) || news;
}

bool bri_parts_step(void)
{
    bool something = false;
    for (bri_part *part = first_part(), *next; part != NULL; part = next) {
        next = part->next;
        something |= step(part);
    }
    return something;
}
