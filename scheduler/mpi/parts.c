/* SPDX-License-Identifier: BSD-3-Clause
 * parts.c - the list of parts, and what is guarded by its lock.
 */
#include "scheduler/mpi/parts.h"

#include "runtime/alloc.h"
#include "scheduler/mpi/credits.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/sends.h"
#include "scheduler/mpi/supply.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/mpi/tree.h"

/* Contexts have numbers of their own for jobs; together they name a job of the process. */
enum { JOB_BITS = 40 };

/* `lock` guards the list and the fields marked so in parts.h. Parts are added in front by any
 * thread and taken out by the communication thread, which may therefore walk along `next` without
 * it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bri_part *first;
    bool leaving; /* the process ends (lock) */
} parts = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static const char program_ended[] = "the program ended before the job";

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

static void add_locked(bri_part *part, uint64_t id)
{
    part->id = id;
    part->next = parts.first;
    parts.first = part;
}

static bri_part *get_locked(uint64_t id)
{
    bri_part *part = find_locked(id);
    if (part != NULL)
        return part;
    part = bri_calloc(1, sizeof *part);
    if (part == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    add_locked(part, id);
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

static bool computes(const bri_part *part)
{
    bri_job *job = part->job;
    bool own = job != NULL && atomic_load_explicit(&job->users, memory_order_relaxed) > 0;
    return own || bri_guests_compute(part);
}

bool bri_parts_compute(void)
{
    for (const bri_part *part = first_part(); part != NULL; part = part->next)
        if (computes(part))
            return true;
    return false;
}

/* ---- threads that work ---- */

/* All with the lock: whoever sees the part, or what the request leads to, sees both. */
br_status bri_part_announce(uint64_t id, const bri_request *request)
{
    bri_part *part = bri_calloc(1, sizeof *part);
    if (part == NULL)
        return BR_ENOMEM;
    part->owner = pthread_self();
    pthread_mutex_lock(&parts.lock);
    br_status st =
        parts.leaving ? bri_error(BR_ECANCELLED, "%s", program_ended) : bri_thread_post(request);
    if (st == BR_OK)
        add_locked(part, id);
    pthread_mutex_unlock(&parts.lock);
    if (st != BR_OK)
        bri_free(part);
    return st;
}

bri_part *bri_part_start(uint64_t id, bri_job *job, bri_pool *pool, bool launched)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = get_locked(id);
    part->owner = pthread_self();
    part->launched = launched;
    part->pool = pool;
    part->job = job;           /* last: who sees it sees the pool */
    if (part->status != BR_OK) /* it has failed elsewhere before it began here */
        bri_job_fail(job, part->status, part->text);
    if (parts.leaving)
        bri_job_fail(job, BR_ECANCELLED, program_ended);
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

/* ---- when the process ends ---- */

static void cancel_locked(bri_part *part, const char *why)
{
    bri_job_fail(part->job, BR_ECANCELLED, why);
    bri_pool_notify(part->pool);
}

static void cancel_all(void)
{
    pthread_mutex_lock(&parts.lock);
    parts.leaving = true;
    for (bri_part *part = parts.first; part != NULL; part = part->next) {
        part->abandoned = true;
        if (part->job != NULL)
            cancel_locked(part, program_ended);
    }
    pthread_mutex_unlock(&parts.lock);
}

static bri_part *abandoned_locked(bool own)
{
    bri_part *part = parts.first;
    while (part != NULL &&
           !(part->abandoned &&
             (!own || (!part->launched && pthread_equal(part->owner, pthread_self())))))
        part = part->next;
    return part;
}

/* A signal's handler has called exit() where this thread sees to a job, and will not go on there.
 * Of a part that has not started the communication thread sees to the end. */
static void end_own(void)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = abandoned_locked(true);
    pthread_mutex_unlock(&parts.lock);
    if (part == NULL)
        return;
    if (part->job == NULL) {
        bri_part_absent(part->id, BR_ECANCELLED, program_ended);
        return;
    }
    bri_pool_work(part->pool, part->job, true);
    bri_part_leave(part);
    bri_part_wait(part, true);
}

/* Each part is freed by the thread that saw to its end before, too: it knows nothing of exit(). */
void bri_parts_abandon(void)
{
    cancel_all();
    end_own();
    pthread_mutex_lock(&parts.lock);
    while (abandoned_locked(false) != NULL)
        pthread_cond_wait(&parts.ended, &parts.lock);
    pthread_mutex_unlock(&parts.lock);
}

bool bri_part_cancel(uint64_t id, const char *why)
{
    pthread_mutex_lock(&parts.lock);
    bri_part *part = find_locked(id);
    bool found = part != NULL && part->job != NULL;
    if (found)
        cancel_locked(part, why);
    pthread_mutex_unlock(&parts.lock);
    return found;
}

/* ---- of use to the agreement ---- */

/* Nothing of this rank touches the job any more, so the text may be written. */
static void set_outcome(bri_job *job, br_status status, const char *text)
{
    snprintf(job->error_text, sizeof job->error_text, "%s", text);
    atomic_store_explicit(&job->status, (int)status, memory_order_release);
    if (status != BR_OK)
        atomic_store_explicit(&job->failed, true, memory_order_release);
}

void bri_part_end(bri_part *part, br_status status, const char *text)
{
    bri_match_fini(&part->matches);
    bri_tree_free(part);
    bri_credits_free(part);
    bri_lend_free(part);
    bri_free(part->idle_ranks);
    bri_free(part->sent_by);
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

bri_job *bri_part_note(bri_part *part, br_status status, const char *text)
{
    pthread_mutex_lock(&parts.lock);
    part->status = status;
    snprintf(part->text, sizeof part->text, "%s", text);
    bri_job *job = part->job;
    pthread_mutex_unlock(&parts.lock);
    return job;
}

bri_job *bri_part_job(bri_part *part)
{
    pthread_mutex_lock(&parts.lock);
    bri_job *job = part->job;
    pthread_mutex_unlock(&parts.lock);
    return job;
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

void bri_part_arrived(bri_part *part, bri_job *job, bri_value *value)
{
    pthread_mutex_lock(&parts.lock);
    /* After a failure nobody needs it. While the lock is held the pool cannot be left, so the tasks
     * get through it; a guest that has failed may be off the pool already. */
    bool guest = job != part->job;
    if (guest)
        bri_pool_hold(job); /* another of its tasks may fail right now, and nobody else is left */
    bool takes = guest ? !atomic_load_explicit(&job->failed, memory_order_acquire) : !part->leaving;
    if (takes)
        bri_pool_push_late(part->pool, job, bri_job_arrived(job, value));
    if (guest)
        bri_pool_let_go(part->pool, job);
    pthread_mutex_unlock(&parts.lock);
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
        bri_part_tell(part, bri_job_status(job), job->error_text);
    if (job != NULL && !part->begun) {
        part->begun = true;
        bri_supply_early(part);
    }
    if (job != NULL && bri_job_overdue(job))
        bri_pool_notify(part->pool);
    bool over = left && !part->reported && part->moving == 0;
    if (over) {
        bri_part_report(part);
        return true;
    }
    news |= bri_tree_step(part);
    news |= bri_sends_step(part);
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
