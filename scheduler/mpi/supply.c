/* SPDX-License-Identifier: BSD-3-Clause
 * supply.c - from another rank's wish to the bytes that are sent.
 */
#include "scheduler/mpi/supply.h"

#include <pthread.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/thread.h"

typedef struct supplied {
    bri_aside work;        /* first */
    bri_transfer transfer; /* of a long value */
    bri_part *part;        /* cannot end, since this is under way in it */
    bri_job *job;
    bri_match_entry wish;
    size_t bytes, scratch;
    bool in_room;
    void *data;
    br_status status;
    char text[256]; /* why there is none */
} supplied;

/* Memory comes from the room that its job has for one value at a time, or from what is free. `lock`
 * guards who is in the rooms. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
} rooms = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static bool enter(supplied *s)
{
    if (s->bytes + s->scratch > s->job->supply_room || s->part->room_taken)
        return false;
    return s->in_room = s->part->room_taken = true;
}

static void hold(supplied *s)
{
    pthread_mutex_lock(&rooms.lock);
    while (!enter(s) && !bri_memory_reserve(s->job->ctx->memory, s->bytes + s->scratch))
        pthread_cond_wait(&rooms.changed, &rooms.lock);
    if (!s->in_room)
        atomic_fetch_add_explicit(&s->job->supplying, 1, memory_order_release);
    pthread_mutex_unlock(&rooms.lock);
}

static void let_go(supplied *s)
{
    bri_memory *memory = s->job->ctx->memory;
    if (s->data != NULL)
        bri_memory_put(memory, s->data, s->bytes);
    pthread_mutex_lock(&rooms.lock);
    if (s->in_room)
        s->part->room_taken = false;
    else
        bri_memory_release(memory, s->bytes + s->scratch);
    if (!s->in_room)
        atomic_fetch_sub_explicit(&s->job->supplying, 1, memory_order_release);
    pthread_cond_broadcast(&rooms.changed);
    pthread_mutex_unlock(&rooms.lock);
}

/* ---- on a thread of its own ---- */

static br_status make(supplied *s)
{
    bri_memory *memory = s->job->ctx->memory;
    void *scratch = NULL;
    s->data = bri_memory_get(memory, s->bytes);
    if (s->scratch > 0 && s->data != NULL)
        scratch = bri_memory_get(memory, s->scratch);
    br_status st = BR_ENOMEM;
    if (s->data != NULL && (s->scratch == 0 || scratch != NULL))
        st = s->job->ops->supply(s->job, s->wish.key, s->data, scratch);
    if (scratch != NULL)
        bri_memory_put(memory, scratch, s->scratch);
    atomic_fetch_add_explicit(&s->job->stats.tasks, 1, memory_order_relaxed);
    return st;
}

static void deliver(const bri_request *request);

static void run(bri_aside *work)
{
    supplied *s = (supplied *)work; /* its first member */
    hold(s);
    if (!atomic_load_explicit(&s->job->failed, memory_order_acquire))
        s->status = make(s);
    if (s->status != BR_OK)
        snprintf(s->text, sizeof s->text, "%s", bri_last_error());
    bri_thread_must_post(&(bri_request){.run = deliver, .data = s});
}

/* ---- on the communication thread ---- */

/* The last touch of the job: it may be done now. */
static void finish(supplied *s)
{
    bri_part *part = s->part;
    let_go(s);
    bri_job_owe(s->job, -s->wish.count);
    bri_pool_notify(part->pool);
    part->moving--;
    bri_free(s);
}

static void delivered(bri_transfer *transfer)
{
    finish((supplied *)((char *)transfer - offsetof(supplied, transfer)));
}

static void refuse(supplied *s)
{
    bri_packet packet = {.kind = BRI_PACKET_REFUSE, .number = s->wish.slot};
    bri_link_send(s->wish.to, &packet, NULL);
    finish(s);
}

static void deliver(const bri_request *request)
{
    supplied *s = request->data;
    bri_packet packet = {.kind = BRI_PACKET_VALUE, .number = s->wish.slot, .bytes = s->bytes};
    if (s->status == BR_OK && s->wish.bytes != s->bytes) {
        s->status = BR_EINTERNAL;
        snprintf(s->text, sizeof s->text, "rank %d expects %llu bytes of a source that has %zu",
                 s->wish.to, (unsigned long long)s->wish.bytes, s->bytes);
    }
    if (s->status != BR_OK)
        bri_part_fail(s->part, s->status, s->text);
    if (s->part->failed || s->data == NULL) {
        refuse(s);
        return;
    }
    atomic_fetch_add_explicit(&s->job->stats.bytes_sent, (long long)s->bytes, memory_order_relaxed);
    if (s->bytes <= BRI_LINK_INLINE) {
        bri_link_send(s->wish.to, &packet, s->data);
        finish(s);
        return;
    }
    s->transfer.done = delivered;
    bri_link_send_long(&s->transfer, (bri_link_place){.rank = s->wish.to, .tag = s->wish.slot},
                       s->data, s->bytes, s->bytes);
}

bool bri_supply(bri_part *part, const bri_match_entry *wish)
{
    bri_job *job = bri_part_job(part);
    supplied like = {.work.run = run, .part = part, .job = job, .wish = *wish};
    if (job == NULL || job->ops->supplies == NULL ||
        atomic_load_explicit(&job->failed, memory_order_acquire) ||
        !job->ops->supplies(job, wish->key, &like.bytes, &like.scratch))
        return false;
    supplied *s = bri_memdup(&like, sizeof like);
    if (s == NULL) /* failing the part would empty the table that is being sifted */
        bri_leave_abort(1, "%s", bri_last_error());
    part->moving++;
    bri_aside_add(&s->work);
    return true;
}

static bool supply_entry(void *part, const bri_match_entry *entry)
{
    return entry->value == NULL && bri_supply(part, entry);
}

void bri_supply_early(bri_part *part)
{
    bri_match_sift(&part->matches, supply_entry, part);
}
