/* SPDX-License-Identifier: BSD-3-Clause
 * job_values.c - the values between tasks: their table, their readers and those who wait for them.
 */
#include <stddef.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/job_inside.h"
#include "runtime/job_spill.h"
#include "runtime/poison.h"
#include "runtime/scheduler.h"

enum { FIRST_ROOM = 64 };

struct bri_values_entry {
    uint64_t hash;
    bri_value *value;
};

/* The end of a ready value's stack of waiters: nobody can be pushed any more. */
static bri_use ready_mark;
#define BRI_READY (&ready_mark)

/* ---- the table ---- */

br_status bri_values_init(bri_values *values)
{
    values->entry = bri_calloc(FIRST_ROOM, sizeof *values->entry);
    if (values->entry == NULL)
        return BR_ENOMEM;
    values->room = FIRST_ROOM;
    return BR_OK;
}

static void insert(bri_values *t, uint64_t hash, bri_value *value)
{
    size_t at = hash & (t->room - 1);
    while (t->entry[at].value != NULL)
        at = (at + 1) & (t->room - 1);
    t->entry[at] = (struct bri_values_entry){hash, value};
    t->n++;
}

static br_status grow(bri_values *t)
{
    bri_values bigger = {.room = 2 * t->room};
    bigger.entry = bri_calloc(bigger.room, sizeof *bigger.entry);
    if (bigger.entry == NULL)
        return BR_ENOMEM;
    for (size_t i = 0; i < t->room; i++)
        if (t->entry[i].value != NULL)
            insert(&bigger, t->entry[i].hash, t->entry[i].value);
    bri_free(t->entry);
    *t = bigger;
    return BR_OK;
}

bri_value *bri_value_find(bri_job *job, bri_key key)
{
    const bri_values *t = &job->values;
    uint64_t hash = bri_key_hash(key);
    for (size_t at = hash & (t->room - 1);; at = (at + 1) & (t->room - 1)) {
        bri_value *v = t->entry[at].value;
        if (v == NULL || (t->entry[at].hash == hash && bri_key_equal(v->key, key)))
            return v;
    }
}

/* Entries behind the hole move up where that brings them nearer to their place, so that searches
 * end at the first hole. */
static void take_out(bri_values *t, const bri_value *value)
{
    size_t mask = t->room - 1;
    size_t hole = bri_key_hash(value->key) & mask;
    while (t->entry[hole].value != value)
        hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; t->entry[at].value != NULL; at = (at + 1) & mask) {
        size_t home = t->entry[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        t->entry[hole] = t->entry[at];
        hole = at;
    }
    t->entry[hole].value = NULL;
    t->n--;
}

/* ---- their life ---- */

bri_value *bri_value_new(bri_job *job, bri_key key, size_t bytes, int readers)
{
    bri_values *t = &job->values;
    BRI_ASSERT(bri_value_find(job, key) == NULL);
    if (4 * (t->n + 1) > 3 * t->room && grow(t) != BR_OK)
        return NULL;
    bri_value *v = bri_record_take(&job->value_records);
    if (v == NULL)
        return NULL;
    memset(v, 0, offsetof(bri_value, small));
    v->key = key;
    v->bytes = v->used = bytes;
    v->owner = job->ctx->rank;
    v->destinations = v->few;
    atomic_init(&v->readers, readers);
    if (job->spill != NULL && bri_spill_value_new(job, v, readers) != BR_OK) {
        bri_record_give(&job->value_records, v);
        return NULL;
    }
    insert(t, bri_key_hash(key), v);
    return v;
}

/* The list doubles whenever its length is a power of two, from what fits into the record on. */
static br_status make_room(bri_value *v)
{
    const int few = (int)(sizeof v->few / sizeof v->few[0]);
    int n = v->ndestinations;
    if (n < few || (n & (n - 1)) != 0)
        return BR_OK;
    int *old = v->destinations == v->few ? NULL : v->destinations;
    int *bigger = bri_realloc(old, 2 * (size_t)n, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    if (old == NULL)
        memcpy(bigger, v->few, sizeof v->few);
    v->destinations = bigger;
    return BR_OK;
}

br_status bri_value_destination(bri_value *value, int rank)
{
    BRI_TRY(make_room(value));
    value->destinations[value->ndestinations++] = rank;
    atomic_fetch_add_explicit(&value->readers, 1, memory_order_relaxed);
    return BR_OK;
}

static void free_record(bri_job *job, bri_value *v)
{
    if (v->page != NULL)
        bri_spill_value_free(job, v);
    if (v->destinations != v->few)
        bri_free(v->destinations);
    bri_free(v->route);
    bri_record_give(&job->value_records, v);
}

void bri_value_free(bri_job *job, bri_value *value)
{
    take_out(&job->values, value);
    free_record(job, value);
}

/* Small ones need no lock of the pool. */
void *bri_value_block(bri_job *job, bri_value *v)
{
    if (v->bytes <= BRI_SMALL_VALUE) {
        ASAN_UNPOISON_MEMORY_REGION(v->small, v->bytes);
        v->data = v->small;
    } else {
        v->data = bri_memory_get(job->ctx->memory, v->bytes);
    }
    return v->data;
}

void bri_value_drop(bri_job *job, bri_value *v)
{
    if (v->data != NULL && !v->borrowed) {
        if (v->data == v->small)
            ASAN_POISON_MEMORY_REGION(v->small, sizeof v->small);
        else
            bri_memory_put(job->ctx->memory, v->data, v->bytes);
        bri_memory_release(job->ctx->memory, v->bytes);
    }
    v->data = NULL;
}

/* acq_rel: whoever frees must see all that the other readers did with the bytes. Who is alone needs
 * no atomic subtraction: nobody else has a count to change. */
bool bri_value_done(bri_job *job, bri_value *v)
{
    if (atomic_load_explicit(&v->readers, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&v->readers, 1, memory_order_acq_rel) != 1)
        return false;
    bri_value_drop(job, v);
    return true;
}

/* An expected value holds a promise from the moment it was asked for, or its task was admitted. */
static bool never_received(const bri_job *job, bri_value *v)
{
    return v->owner != job->ctx->rank && v->data == NULL && !v->borrowed &&
           v->asked == BRI_PROMISED && bri_spill_is_present(v) &&
           atomic_load_explicit(&v->waiters, memory_order_acquire) != BRI_READY;
}

/* Of a value that nobody will read; one in a bundle may have come before its task was admitted. */
static void drop_last(bri_job *job, bri_value *v)
{
    if (never_received(job, v))
        bri_memory_release(job->ctx->memory, v->bytes);
    if (v->data != NULL && v->asked != BRI_PROMISED)
        bri_memory_force(job->ctx->memory, v->bytes);
    bri_value_drop(job, v);
}

void bri_values_fini(bri_job *job)
{
    bri_values *t = &job->values;
    for (size_t i = 0; i < t->room; i++) {
        bri_value *v = t->entry[i].value;
        if (v == NULL)
            continue;
        drop_last(job, v);
        free_record(job, v);
    }
    bri_free(t->entry);
    *t = (bri_values){0};
}

/* ---- who waits ---- */

/* A value that is there costs nothing; else the task counts one more before it can be found. */
void bri_task_input(bri_task *task, int i, bri_value *value)
{
    bri_use *use = &task->inputs[i];
    use->value = value;
    use->task = task;
    if (value->page != NULL)
        bri_spill_value_read(value);
    bri_use *first = atomic_load_explicit(&value->waiters, memory_order_acquire);
    if (first == BRI_READY)
        return;
    atomic_fetch_add_explicit(&task->pending, 1, memory_order_relaxed);
    do
        use->next = first;
    while (!atomic_compare_exchange_weak_explicit(&value->waiters, &first, use,
                                                  memory_order_release, memory_order_acquire) &&
           first != BRI_READY);
    if (first == BRI_READY)
        atomic_fetch_sub_explicit(&task->pending, 1, memory_order_relaxed);
}

bool bri_value_is_ready(const bri_value *value)
{
    return atomic_load_explicit(&value->waiters, memory_order_acquire) == BRI_READY;
}

void bri_value_unready(bri_value *value)
{
    atomic_store_explicit(&value->waiters, NULL, memory_order_relaxed);
}

/* acquire-release: the tasks see the bytes, we see all the uses. */
bri_task *bri_value_ready(bri_job *job, bri_value *value, bri_task *ready)
{
    bri_use *use = atomic_exchange_explicit(&value->waiters, BRI_READY, memory_order_acq_rel);
    while (use != NULL && use != BRI_READY) {
        bri_use *next = use->next;
        bri_task *t = use->task;
        if (atomic_load_explicit(&t->pending, memory_order_acquire) == 1 ||
            atomic_fetch_sub_explicit(&t->pending, 1, memory_order_acq_rel) == 1) {
            atomic_fetch_add_explicit(&job->counts, BRI_ONE_READY, memory_order_relaxed);
            t->next = ready;
            ready = t;
        }
        use = next;
    }
    return ready;
}

/* ---- blocks that pass on ---- */

bool bri_task_steal(bri_job *job, bri_task *task, int i)
{
    bri_value *from = task->inputs[i].value;
    bri_value *to = task->output;
    if (from->borrowed || from->bytes != to->bytes ||
        atomic_load_explicit(&from->readers, memory_order_acquire) != 1)
        return false;
    if (to->data == to->small) {
        memcpy(to->small, from->data, to->bytes);
        return true;
    }
    /* The output's own promise is given back with its block, the input's passes on. */
    bri_value_drop(job, to);
    to->data = from->data;
    from->data = NULL;
    return true;
}

void *bri_task_take(bri_task *task, int i)
{
    bri_value *from = task->inputs[i].value;
    if (from->borrowed || from->data == from->small ||
        atomic_load_explicit(&from->readers, memory_order_acquire) != 1)
        return NULL;
    void *block = from->data;
    from->data = NULL;
    return block;
}

/* ---- values of other ranks, and of nobody's task ---- */

void bri_value_expect(bri_job *job, bri_value *value)
{
    if (job->dry)
        return;
    value->asked = BRI_UNASKED;
    job->expecting += value->bytes;
    job->nexpected++;
}

static bool is_first(const bri_task *t, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (t->inputs[k].value == t->inputs[i].value)
            return false;
    return true;
}

void bri_task_expects(bri_job *job, const bri_task *t)
{
    job->expecting = 0;
    job->nexpected = 0;
    for (unsigned i = 0; i < t->ninputs; i++) {
        const bri_value *v = t->inputs[i].value;
        if (v->asked != BRI_UNASKED || !is_first(t, i))
            continue;
        job->expecting += v->bytes;
        job->nexpected++;
    }
}

void bri_value_borrow(bri_job *job, bri_value *value, void *data)
{
    (void)job;
    value->data = data;
    value->borrowed = true;
    atomic_store_explicit(&value->waiters, BRI_READY, memory_order_release);
}

static bri_value *foresee(bri_job *job, bri_key key, bri_foreseen of)
{
    int readers = 0;
    if (job->ops->readers == NULL || job->ops->readers(job, key, &readers) != BR_OK ||
        readers == 0 || job->foreseen + of.bytes > job->spare ||
        !bri_memory_reserve(job->ctx->memory, of.bytes))
        return NULL;
    bri_value *v = bri_value_new(job, key, of.bytes, readers);
    if (v == NULL) {
        bri_memory_release(job->ctx->memory, of.bytes);
        return NULL;
    }
    v->owner = of.owner;
    v->foreseen = true;
    job->foreseen += of.bytes;
    return v;
}

/* The staged task reads it, and waits for room: it is asked for at once, when it fits alone. */
static bri_value *hurry(bri_job *job, bri_value *v)
{
    if (!bri_memory_reserve(job->ctx->memory, v->bytes))
        return NULL;
    v->asked = BRI_PROMISED;
    job->expecting -= v->bytes;
    return v;
}

/* In a run that spills, values are made in the order that its trace has. */
bool bri_job_foresee(bri_job *job, bri_key key, bri_foreseen of, bri_value **value, bool *known)
{
    *value = NULL;
    *known = false;
    if (pthread_mutex_trylock(&job->emit) != 0)
        return false;
    bri_value *v = bri_value_find(job, key);
    *known = v != NULL && v->asked != BRI_UNASKED;
    if (v != NULL && !*known)
        *value = hurry(job, v);
    else if (!*known && job->spill == NULL)
        *value = foresee(job, key, of);
    pthread_mutex_unlock(&job->emit);
    return true;
}

/* Whoever reads it has not read it yet, so it cannot go meanwhile. */
void bri_job_pass_on(bri_job *job, bri_value *value, int n)
{
    atomic_fetch_add_explicit(&value->readers, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&job->nsends, n, memory_order_relaxed);
}

bri_value *bri_job_lookup(bri_job *job, bri_key key)
{
    pthread_mutex_lock(&job->emit);
    bri_value *v = bri_value_find(job, key);
    pthread_mutex_unlock(&job->emit);
    return v;
}

void *bri_job_receive_block(bri_job *job, bri_value *value)
{
    return bri_value_block(job, value);
}

bri_task *bri_job_arrived(bri_job *job, bri_value *value)
{
    return bri_value_ready(job, value, NULL);
}

void bri_job_sent(bri_job *job, bri_value *value)
{
    if (bri_value_done(job, value)) {
        bri_value *first = atomic_load_explicit(&job->dead, memory_order_relaxed);
        do
            value->next_dead = first;
        while (!atomic_compare_exchange_weak_explicit(&job->dead, &first, value,
                                                      memory_order_release, memory_order_relaxed));
    }
    atomic_fetch_add_explicit(&job->patience.sent, 1, memory_order_release);
    atomic_fetch_sub_explicit(&job->nsends, 1, memory_order_release);
}
