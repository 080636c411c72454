/* SPDX-License-Identifier: BSD-3-Clause
 * supply.c - from another rank's wish to the bytes that are sent.
 */
#include "scheduler/mpi/supply.h"

#include <pthread.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/park.h"
#include "scheduler/mpi/sends.h"
#include "scheduler/mpi/thread.h"

typedef struct supplied {
    bri_aside work;      /* first */
    bri_sending sending; /* of a long value */
    bri_part *part;      /* cannot end, since this is under way in it */
    bri_job *job;
    bri_match_entry wish;
    bri_parked *parked; /* where it is read from; NULL: the job makes it */
    bri_source_value value;
    size_t used;       /* of its bytes, */
    size_t made, more; /*  those before the ones that are in `data`, and these */
    bool in_room, given_up;
    void *data;            /* NULL: not taken yet, or the value is at hand */
    size_t room;           /* bytes of the data */
    struct supplied *next; /* in rooms.waiting */
    br_status status;
    char text[256]; /* why there is none */
} supplied;

/* Memory comes from the room that its job has for one value at a time, or from what is free; who
 * finds neither waits until somebody leaves. That is never in vain: who is in the room needs
 * nothing else to make its value, whose reader has posted its receives, and leaves when all of it
 * has gone. No thread waits, since those are needed for the next part of a value. `lock` guards who
 * is in the rooms and who waits. */
static struct {
    pthread_mutex_t lock;
    supplied *waiting, **last;
} rooms = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &rooms.waiting};

static size_t least_of(const bri_source_value *v)
{
    return v->in_parts && v->bytes > BRI_SUPPLY_PART ? BRI_SUPPLY_PART : v->bytes;
}

static bool enter(supplied *s)
{
    size_t least = least_of(&s->value);
    if (least + s->value.scratch > s->job->supply_room || s->part->room_taken)
        return false;
    s->room = least;
    return s->in_room = s->part->room_taken = true;
}

/* With the lock; then, without it, on the communication thread. */
static supplied *stop_waiting(void)
{
    supplied *first = rooms.waiting;
    rooms.waiting = NULL;
    rooms.last = &rooms.waiting;
    return first;
}

static void try_again(supplied *first)
{
    for (supplied *s = first, *next; s != NULL; s = next) {
        next = s->next;
        bri_aside_add(&s->work);
    }
}

bool bri_supply_needs_room(const bri_job *job, size_t bytes)
{
    return job->supply_room < bytes;
}

void bri_supply_grow_room(bri_job *job, size_t bytes)
{
    pthread_mutex_lock(&rooms.lock);
    bri_memory_release(job->ctx->memory, job->supply_room);
    job->supply_room = bytes;
    supplied *waiting = stop_waiting();
    pthread_mutex_unlock(&rooms.lock);
    try_again(waiting);
}

/* What tasks give back wakes nobody here. */
static bool take_free(supplied *s)
{
    s->room = s->value.bytes;
    return bri_memory_reserve(s->job->ctx->memory, s->room + s->value.scratch);
}

/* What would go in parts had better go as one. */
static bool find_memory(supplied *s)
{
    if (least_of(&s->value) < s->value.bytes)
        return take_free(s) || enter(s);
    return enter(s) || take_free(s);
}

/* False: it waits, and somebody else may have begun it again, and its job have ended, by now. */
static bool hold(supplied *s)
{
    pthread_mutex_lock(&rooms.lock);
    /* Before memory is taken: emission forces its way only when nobody will give any back. */
    atomic_fetch_add_explicit(&s->job->supplying, 1, memory_order_release);
    bool found = find_memory(s);
    if (!found) {
        s->next = NULL;
        *rooms.last = s;
        rooms.last = &s->next;
    }
    bool gives_back = found && !s->in_room;
    if (!gives_back) {
        atomic_fetch_sub_explicit(&s->job->supplying, 1, memory_order_release);
        bri_pool_notify(s->part->pool);
    }
    pthread_mutex_unlock(&rooms.lock);
    if (found)
        s->data = bri_memory_get(s->job->ctx->memory, s->room);
    return found;
}

static void let_go(supplied *s)
{
    bri_memory *memory = s->job->ctx->memory;
    if (s->data != NULL)
        bri_memory_put(memory, s->data, s->room);
    pthread_mutex_lock(&rooms.lock);
    if (s->in_room)
        s->part->room_taken = false;
    else
        bri_memory_release(memory, s->room + s->value.scratch);
    if (!s->in_room)
        atomic_fetch_sub_explicit(&s->job->supplying, 1, memory_order_release);
    supplied *waiting = stop_waiting();
    pthread_mutex_unlock(&rooms.lock);
    try_again(waiting);
}

/* ---- on a thread of its own ---- */

static br_status read_back(supplied *s)
{
    atomic_fetch_add_explicit(&s->job->stats.bytes_fetched, (long long)s->used,
                              memory_order_relaxed);
    return bri_spill_read(s->parked->file, &s->parked->block, s->data);
}

static br_status make(supplied *s)
{
    bri_memory *memory = s->job->ctx->memory;
    bri_source_part part = {.key = s->wish.key, .from = s->made, .bytes = s->more, .data = s->data};
    if (s->value.scratch > 0)
        part.scratch = bri_memory_get(memory, s->value.scratch);
    br_status st = BR_ENOMEM;
    if (s->value.scratch == 0 || part.scratch != NULL)
        st = s->job->ops->supply(s->job, &part);
    if (part.scratch != NULL)
        bri_memory_put(memory, part.scratch, s->value.scratch);
    return st;
}

/* A part holds whole pieces. */
static void choose_bytes(supplied *s)
{
    size_t piece = bri_link_piece(s->value.bytes);
    size_t most = s->room < s->value.bytes ? s->room / piece * piece : s->room;
    s->made += s->more;
    s->more = s->value.bytes - s->made < most ? s->value.bytes - s->made : most;
}

static void deliver(const bri_request *request);

static void run(bri_aside *work)
{
    supplied *s = (supplied *)work; /* its first member */
    if (s->data == NULL && !hold(s))
        return;
    if (s->data == NULL)
        s->status = BR_ENOMEM;
    choose_bytes(s);
    if (s->status == BR_OK && !atomic_load_explicit(&s->job->failed, memory_order_acquire))
        s->status = s->parked != NULL ? read_back(s) : make(s);
    else
        s->given_up = true;
    if (s->status != BR_OK)
        snprintf(s->text, sizeof s->text, "%s", bri_last_error());
    bri_thread_must_post(&(bri_request){.run = deliver, .data = s});
}

/* ---- on the communication thread ---- */

/* The last touch of the job: it may be done now. */
static void finish(supplied *s)
{
    bri_part *part = s->part;
    if (s->value.at_hand == NULL)
        let_go(s);
    if (s->parked != NULL)
        bri_parked_done(s->parked, s->job, s->wish.count);
    else
        bri_job_owe(s->job, -s->wish.count);
    bri_pool_notify(part->pool);
    part->moving--;
    bri_free(s);
}

static supplied *supplied_of(bri_sending *sending)
{
    return (supplied *)((char *)sending - offsetof(supplied, sending));
}

static void delivered(bri_sending *sending)
{
    finish(supplied_of(sending));
}

static void make_more(bri_sending *sending)
{
    bri_aside_add(&supplied_of(sending)->work);
}

static void refuse(supplied *s)
{
    bri_packet packet = {.kind = BRI_PACKET_REFUSE, .number = s->wish.slot};
    bri_link_send(s->wish.to, &packet, NULL);
    finish(s);
}

static void send_value(supplied *s)
{
    const void *data = s->value.at_hand != NULL ? s->value.at_hand : s->data;
    bri_packet packet = {.kind = BRI_PACKET_VALUE, .number = s->wish.slot, .bytes = s->used};
    atomic_fetch_add_explicit(&s->job->stats.bytes_sent, (long long)s->used, memory_order_relaxed);
    if (s->parked == NULL)
        atomic_fetch_add_explicit(&s->job->stats.tasks, 1, memory_order_relaxed);
    if (s->value.bytes <= BRI_LINK_INLINE) {
        bri_link_send(s->wish.to, &packet, data);
        finish(s);
        return;
    }
    bool parts = s->value.at_hand == NULL && s->more < s->value.bytes;
    s->sending = (bri_sending){.done = delivered,
                               .data = data,
                               .used = parts ? s->more : s->used,
                               .bytes = s->value.bytes,
                               .rest = parts ? s->value.bytes - s->more : 0,
                               .more = parts ? make_more : NULL};
    bri_sends_add(s->part, &s->sending, &s->wish);
}

static void deliver(const bri_request *request)
{
    supplied *s = request->data;
    if (s->status == BR_OK && s->wish.bytes != s->value.bytes) {
        s->status = BR_EINTERNAL;
        snprintf(s->text, sizeof s->text, "rank %d expects %llu bytes of a source that has %zu",
                 s->wish.to, (unsigned long long)s->wish.bytes, s->value.bytes);
    }
    if (s->status != BR_OK)
        bri_part_fail(s->part, s->status, s->text);
    if (s->made > 0) /* the reader has some of it, and takes the rest */
        bri_sends_go_on(&s->sending, s->more);
    else if (s->part->failed || s->given_up)
        refuse(s);
    else
        send_value(s);
}

static void begin(const supplied *like)
{
    supplied *s = bri_memdup(like, sizeof *like);
    if (s == NULL) /* failing the part would empty the table that is being sifted */
        bri_leave_abort(1, "%s", bri_last_error());
    s->part->moving++;
    if (s->value.at_hand != NULL)
        bri_thread_must_post(&(bri_request){.run = deliver, .data = s});
    else
        bri_aside_add(&s->work);
}

bool bri_supply(bri_part *part, const bri_match_entry *wish)
{
    bri_job *job = bri_part_job(part);
    supplied like = {.work.run = run, .part = part, .job = job, .wish = *wish};
    if (job == NULL || job->ops->supplies == NULL ||
        atomic_load_explicit(&job->failed, memory_order_acquire) ||
        !job->ops->supplies(job, wish->key, &like.value))
        return false;
    like.used = like.value.bytes;
    BRI_ASSERT(like.value.at_hand != NULL ||
               least_of(&like.value) + like.value.scratch <= job->supply_room);
    begin(&like);
    return true;
}

void bri_supply_parked(bri_part *part, const bri_match_entry *from, const bri_match_entry *wish)
{
    begin(&(supplied){.work.run = run,
                      .part = part,
                      .job = from->job,
                      .wish = *wish,
                      .parked = from->parked,
                      .value.bytes = from->parked->bytes,
                      .used = from->parked->block.bytes});
}

static bool supply_entry(void *part, const bri_match_entry *entry)
{
    return !bri_match_is_ready(entry) && bri_supply(part, entry);
}

void bri_supply_early(bri_part *part)
{
    bri_match_sift(&part->matches, supply_entry, part);
}
