/* SPDX-License-Identifier: BSD-3-Clause
 * job.c - emission of tasks in serial order, their running, and the life of the values between
 * them.
 */
#include "runtime/job.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/scheduler.h"

enum {
    FIRST_BUCKETS = 256,
    /* Emission runs ahead of the workers by many small tasks, but by few that need many bytes. */
    AHEAD_BYTES = 4 << 20,
    AHEAD_TASKS = 2, /* for each thread */
};

/* The end of a ready value's stack of waiters: nobody can be pushed any more. */
static bri_use ready_mark;
#define BRI_READY (&ready_mark)

br_status bri_job_init(bri_job *job, br_context *ctx, const bri_job_ops *ops, void *plan)
{
    memset(job, 0, sizeof *job);
    job->ctx = ctx;
    job->ops = ops;
    job->plan = plan;
    job->max_in_flight = 1;
    pthread_mutex_init(&job->emit, NULL);
    job->nbuckets = FIRST_BUCKETS;
    job->buckets = bri_calloc(job->nbuckets, sizeof *job->buckets);
    return job->buckets != NULL ? BR_OK : BR_ENOMEM;
}

/* ---- the table of values ---- */

static size_t key_hash(bri_key key)
{
    uint64_t h = (uint64_t)key.index * 0x9e3779b97f4a7c15u;
    h ^= ((uint64_t)key.stage << 32 | key.level) * 0xc2b2ae3d27d4eb4fu;
    return (size_t)(h ^ h >> 29);
}

static bool same_key(bri_key a, bri_key b)
{
    return a.index == b.index && a.stage == b.stage && a.level == b.level;
}

static void grow_table(bri_job *job)
{
    size_t n = 2 * job->nbuckets;
    bri_value **bigger = bri_calloc(n, sizeof *bigger);
    if (bigger == NULL)
        return; /* the old table still works, only slower */
    for (size_t i = 0; i < job->nbuckets; i++) {
        for (bri_value *v = job->buckets[i], *next; v != NULL; v = next) {
            next = v->next_in_bucket;
            bri_value **bucket = &bigger[key_hash(v->key) & (n - 1)];
            v->next_in_bucket = *bucket;
            *bucket = v;
        }
    }
    bri_free(job->buckets);
    job->buckets = bigger;
    job->nbuckets = n;
}

bri_value *bri_value_find(bri_job *job, bri_key key)
{
    bri_value *v = job->buckets[key_hash(key) & (job->nbuckets - 1)];
    while (v != NULL && !same_key(v->key, key))
        v = v->next_in_bucket;
    return v;
}

bri_value *bri_value_new(bri_job *job, bri_key key, size_t bytes, int readers)
{
    BRI_ASSERT(bri_value_find(job, key) == NULL);
    bri_value *v = bri_calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    if (job->nvalues >= job->nbuckets)
        grow_table(job);
    v->key = key;
    v->bytes = v->used = bytes;
    v->owner = job->ctx->rank;
    atomic_init(&v->readers, readers);
    bri_value **bucket = &job->buckets[key_hash(key) & (job->nbuckets - 1)];
    v->next_in_bucket = *bucket;
    *bucket = v;
    job->nvalues++;
    return v;
}

br_status bri_value_destination(bri_value *value, int rank)
{
    int n = value->ndestinations;
    int *bigger = bri_realloc(value->destinations, (size_t)n + 1, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    bigger[n] = rank;
    value->destinations = bigger;
    value->ndestinations = n + 1;
    atomic_fetch_add_explicit(&value->readers, 1, memory_order_relaxed);
    return BR_OK;
}

static void free_value(bri_value *v)
{
    bri_free(v->destinations);
    bri_free(v);
}

static void take_out_of_table(bri_job *job, bri_value *value)
{
    bri_value **link = &job->buckets[key_hash(value->key) & (job->nbuckets - 1)];
    while (*link != value)
        link = &(*link)->next_in_bucket;
    *link = value->next_in_bucket;
    job->nvalues--;
}

/* Gives the bytes back at once; the record stays in the table until the next emission. */
static void drop_data(bri_job *job, bri_value *v)
{
    if (v->data != NULL && !v->borrowed) {
        bri_memory_put(job->ctx->memory, v->data, v->bytes);
        bri_memory_release(job->ctx->memory, v->bytes);
    }
    v->data = NULL;
}

/* acq_rel: whoever frees must see all that the other readers did with the bytes. */
static void done_reading(bri_job *job, bri_value *v)
{
    if (atomic_fetch_sub_explicit(&v->readers, 1, memory_order_acq_rel) != 1)
        return;
    drop_data(job, v);
    bri_value *first = atomic_load_explicit(&job->dead, memory_order_relaxed);
    do
        v->next_dead = first;
    while (!atomic_compare_exchange_weak_explicit(&job->dead, &first, v, memory_order_release,
                                                  memory_order_relaxed));
}

/* ---- tasks ---- */

bri_task *bri_task_new(bri_job *job, bri_key key, int kind, int ninputs)
{
    (void)job;
    bri_task *t = bri_calloc(1, sizeof *t + (size_t)ninputs * sizeof t->inputs[0]);
    if (t == NULL)
        return NULL;
    t->key = key;
    t->kind = kind;
    t->ninputs = ninputs;
    atomic_init(&t->pending, 1 + ninputs);
    return t;
}

void bri_task_abandon(bri_job *job, bri_task *task)
{
    task->next = job->abandoned;
    job->abandoned = task;
}

void bri_task_input(bri_task *task, int i, bri_value *value)
{
    bri_use *use = &task->inputs[i];
    use->value = value;
    use->task = task;
    bri_use *first = atomic_load_explicit(&value->waiters, memory_order_acquire);
    while (first != BRI_READY) {
        use->next = first;
        if (atomic_compare_exchange_weak_explicit(&value->waiters, &first, use,
                                                  memory_order_release, memory_order_acquire))
            return;
    }
    atomic_fetch_sub_explicit(&task->pending, 1, memory_order_relaxed);
}

/* Wakes who waits for the value. acquire-release: the tasks see the bytes, we see all the uses. */
static bri_task *make_ready(bri_job *job, bri_value *value, bri_task *ready)
{
    bri_use *use = atomic_exchange_explicit(&value->waiters, BRI_READY, memory_order_acq_rel);
    while (use != NULL && use != BRI_READY) {
        bri_use *next = use->next;
        if (atomic_fetch_sub_explicit(&use->task->pending, 1, memory_order_acq_rel) == 1) {
            atomic_fetch_add_explicit(&job->nready, 1, memory_order_relaxed);
            use->task->next = ready;
            ready = use->task;
        }
        use = next;
    }
    return ready;
}

bool bri_task_steal(bri_job *job, bri_task *task, int i)
{
    bri_value *from = task->inputs[i].value;
    bri_value *to = task->output;
    if (from->borrowed || from->bytes != to->bytes ||
        atomic_load_explicit(&from->readers, memory_order_acquire) != 1)
        return false;
    /* The output's own promise is given back with its block, the input's passes on. */
    drop_data(job, to);
    to->data = from->data;
    from->data = NULL;
    return true;
}

void *bri_task_take(bri_task *task, int i)
{
    bri_value *from = task->inputs[i].value;
    if (from->borrowed || atomic_load_explicit(&from->readers, memory_order_acquire) != 1)
        return NULL;
    void *block = from->data;
    from->data = NULL;
    return block;
}

/* ---- emission ---- */

static void reap(bri_job *job)
{
    bri_value *v = atomic_exchange_explicit(&job->dead, NULL, memory_order_acquire);
    while (v != NULL) {
        bri_value *next = v->next_dead;
        take_out_of_table(job, v);
        free_value(v);
        v = next;
    }
    bri_task *t = atomic_exchange_explicit(&job->finished, NULL, memory_order_acquire);
    while (t != NULL) {
        bri_task *next = t->next;
        if (t->previous_in_flight != NULL)
            t->previous_in_flight->next_in_flight = t->next_in_flight;
        else
            job->in_flight = t->next_in_flight;
        if (t->next_in_flight != NULL)
            t->next_in_flight->previous_in_flight = t->previous_in_flight;
        bri_free(t);
        t = next;
    }
}

static size_t output_bytes(const bri_task *t)
{
    size_t bytes = 0;
    for (const bri_value *v = t->output; v != NULL; v = v->next_output)
        bytes += v->bytes;
    return bytes;
}

static size_t task_bytes(const bri_task *t)
{
    return t->scratch + output_bytes(t);
}

static void link_in_flight(bri_job *job, bri_task *t)
{
    t->next_in_flight = job->in_flight;
    if (job->in_flight != NULL)
        job->in_flight->previous_in_flight = t;
    job->in_flight = t;
    atomic_fetch_add_explicit(&job->ntasks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&job->ahead, task_bytes(t), memory_order_relaxed);
}

static void see_end(bri_job *job)
{
    job->end = true;
    atomic_store_explicit(&job->end_seen, true, memory_order_release);
}

/* Makes sure a task is staged; false at the end or after an error. */
static bool stage_next(bri_job *job)
{
    if (job->staged != NULL)
        return true;
    br_status st = job->ops->next(job, &job->staged);
    if (st != BR_OK)
        bri_job_fail(job, st, bri_last_error());
    if (st == BR_OK && job->staged == NULL)
        see_end(job);
    return job->staged != NULL;
}

/* The staged task is admitted when its bytes fit, or when waiting would not free any: nothing else
 * is in flight. */
static bool admit(bri_job *job)
{
    size_t bytes = task_bytes(job->staged);
    if (bri_memory_reserve(job->ctx->memory, bytes))
        return true;
    if (atomic_load_explicit(&job->ntasks, memory_order_acquire) > 0)
        return false;
    bri_memory_force(job->ctx->memory, bytes);
    return true;
}

static bool far_enough_ahead(const bri_job *job)
{
    int tasks = atomic_load_explicit(&job->ntasks, memory_order_relaxed);
    return tasks >= job->max_in_flight ||
           (tasks >= AHEAD_TASKS * job->ctx->nthreads + 1 &&
            atomic_load_explicit(&job->ahead, memory_order_relaxed) > AHEAD_BYTES);
}

bri_task *bri_job_pull(bri_job *job, int max)
{
    if (atomic_load_explicit(&job->failed, memory_order_acquire) ||
        atomic_load_explicit(&job->end_seen, memory_order_relaxed) ||
        pthread_mutex_trylock(&job->emit) != 0)
        return NULL;
    bri_task *first = NULL;
    bri_task **last = &first;
    reap(job);
    for (int n = 0; n < max && !job->end; n++) {
        if (far_enough_ahead(job))
            break;
        if (!stage_next(job) || !admit(job))
            break;
        bri_task *t = job->staged;
        job->staged = NULL;
        link_in_flight(job, t);
        if (atomic_fetch_sub_explicit(&t->pending, 1, memory_order_acq_rel) == 1) {
            atomic_fetch_add_explicit(&job->nready, 1, memory_order_relaxed);
            t->next = NULL;
            *last = t;
            last = &t->next;
        }
    }
    pthread_mutex_unlock(&job->emit);
    return first;
}

/* ---- running ---- */

static br_status take_blocks(bri_job *job, bri_task *t, void **scratch)
{
    for (bri_value *v = t->output; v != NULL; v = v->next_output) {
        v->data = bri_memory_get(job->ctx->memory, v->bytes);
        if (v->data == NULL)
            return BR_ENOMEM;
    }
    if (t->scratch > 0) {
        *scratch = bri_memory_get(job->ctx->memory, t->scratch);
        if (*scratch == NULL)
            return BR_ENOMEM;
    }
    return BR_OK;
}

static void fail_task(bri_job *job, const bri_task *t, br_status st)
{
    char what[256] = "";
    if (job->ops->describe != NULL) {
        job->ops->describe(job, t, what, sizeof what);
        bri_error_context(st, "%s", what);
    }
    bri_job_fail(job, st, bri_last_error());
}

static void run_task(bri_job *job, bri_task *t)
{
    void *scratch = NULL;
    br_status st = take_blocks(job, t, &scratch);
    if (st == BR_OK)
        st = job->ops->execute(job, t, scratch);
    if (scratch != NULL)
        bri_memory_put(job->ctx->memory, scratch, t->scratch);
    bri_memory_release(job->ctx->memory, t->scratch);
    t->scratch = 0; /* so that bri_job_fini does not release it again after a failure */
    atomic_fetch_add_explicit(&job->stats.tasks, 1, memory_order_relaxed);
    if (st != BR_OK)
        fail_task(job, t, st);
}

static void send_away(bri_job *job, bri_value *v)
{
    for (int i = 0; i < v->ndestinations; i++) {
        atomic_fetch_add_explicit(&job->nsends, 1, memory_order_relaxed);
        job->ctx->scheduler->send(job->ctx, job, v, v->destinations[i]);
    }
}

/* A value that nobody will read goes at once. */
static void publish(bri_job *job, bri_value *v, bri_task **ready)
{
    if (atomic_load_explicit(&v->readers, memory_order_relaxed) == 0) {
        drop_data(job, v);
        return;
    }
    /* Its reader count may fall to 0 and free it while it is sent and waited for: hold it
     * meanwhile. */
    atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
    send_away(job, v);
    *ready = make_ready(job, v, *ready);
    done_reading(job, v);
}

static void push_finished(bri_job *job, bri_task *t)
{
    bri_task *first = atomic_load_explicit(&job->finished, memory_order_relaxed);
    do
        t->next = first;
    while (!atomic_compare_exchange_weak_explicit(&job->finished, &first, t, memory_order_release,
                                                  memory_order_relaxed));
}

bri_task *bri_job_exec(bri_job *job, bri_task *task)
{
    bri_task *ready = NULL;
    size_t bytes = task_bytes(task);
    if (!atomic_load_explicit(&job->failed, memory_order_acquire)) {
        run_task(job, task);
        if (!atomic_load_explicit(&job->failed, memory_order_acquire)) {
            for (int i = 0; i < task->ninputs; i++)
                done_reading(job, task->inputs[i].value);
            for (bri_value *v = task->output, *next; v != NULL; v = next) {
                next = v->next_output; /* its readers may free v */
                publish(job, v, &ready);
            }
            push_finished(job, task);
        }
    }
    atomic_fetch_sub_explicit(&job->ahead, bytes, memory_order_relaxed);
    /* release: who sees no task left sees what all of them wrote. nready last: the job may be gone
     * after it. */
    atomic_fetch_sub_explicit(&job->ntasks, 1, memory_order_release);
    atomic_fetch_sub_explicit(&job->nready, 1, memory_order_release);
    return ready;
}

bool bri_job_done(const bri_job *job)
{
    if (atomic_load_explicit(&job->failed, memory_order_acquire))
        return atomic_load_explicit(&job->nready, memory_order_acquire) == 0;
    return atomic_load_explicit(&job->end_seen, memory_order_acquire) &&
           atomic_load_explicit(&job->ntasks, memory_order_acquire) == 0 &&
           atomic_load_explicit(&job->nready, memory_order_acquire) == 0 &&
           atomic_load_explicit(&job->nsends, memory_order_acquire) == 0;
}

/* With one task in flight nothing else can become ready, and nobody else holds the lock. */
void bri_job_step(bri_job *job)
{
    job->max_in_flight = 1;
    bri_task *task = bri_job_pull(job, 1);
    if (task == NULL) {
        if (!bri_job_done(job))
            bri_job_fail(job, BR_EINTERNAL, "a task waits for a value that nobody computes");
        return;
    }
    while (task != NULL)
        task = bri_job_exec(job, task);
}

void bri_job_run_here(bri_job *job)
{
    do
        bri_job_step(job);
    while (!bri_job_done(job));
}

void bri_job_fail(bri_job *job, br_status status, const char *text)
{
    int none = BR_OK;
    if (!atomic_compare_exchange_strong_explicit(&job->status, &none, (int)status,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return;
    snprintf(job->error_text, sizeof job->error_text, "%s", text);
    atomic_store_explicit(&job->failed, true, memory_order_release);
}

br_status bri_job_status(const bri_job *job)
{
    return (br_status)atomic_load_explicit(&job->status, memory_order_acquire);
}

/* ---- values of other ranks ---- */

void bri_value_expect(bri_job *job, bri_value *value)
{
    if (job->dry)
        return;
    /* Receives are promised in serial order with the tasks that read them, so this only runs ahead
     * by one task's inputs. */
    bri_memory_force(job->ctx->memory, value->bytes);
    job->ctx->scheduler->expect(job->ctx, job, value);
}

void bri_value_borrow(bri_job *job, bri_value *value, void *data)
{
    (void)job;
    value->data = data;
    value->borrowed = true;
    atomic_store_explicit(&value->waiters, BRI_READY, memory_order_release);
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
    value->data = bri_memory_get(job->ctx->memory, value->bytes);
    return value->data;
}

bri_task *bri_job_arrived(bri_job *job, bri_value *value)
{
    return make_ready(job, value, NULL);
}

void bri_job_sent(bri_job *job, bri_value *value)
{
    done_reading(job, value);
    atomic_fetch_sub_explicit(&job->nsends, 1, memory_order_release);
}

/* ---- counting instead of running ---- */

static void dry_done(bri_job *job, bri_value *v, int readers, size_t *live)
{
    if (atomic_fetch_sub_explicit(&v->readers, readers, memory_order_relaxed) != readers)
        return;
    *live -= v->bytes;
    take_out_of_table(job, v);
    free_value(v);
}

/* The task's inputs are its last uses here; a value that was only asked for begins to live with its
 * first reader. */
static void dry_step(bri_job *job, bri_task *t, size_t *live, bri_dry_run *result)
{
    for (int i = 0; i < t->ninputs; i++) {
        bri_value *v = t->inputs[i].value;
        if (v->owner != job->ctx->rank && !v->borrowed) {
            v->borrowed = true; /* counted */
            *live += v->bytes;
        }
    }
    *live += output_bytes(t);
    if (t->keeps)
        *live += t->inputs[0].value->bytes;
    if (*live + t->scratch > result->peak) {
        result->peak = *live + t->scratch;
        job->ops->describe(job, t, result->worst, sizeof result->worst);
    }
    for (int i = 0; i < t->ninputs; i++)
        dry_done(job, t->inputs[i].value, 1, live);
    for (bri_value *v = t->output, *next; v != NULL; v = next) {
        next = v->next_output;
        dry_done(job, v, v->ndestinations, live);
    }
    result->tasks++;
    bri_free(t);
}

br_status bri_job_dry_run(bri_job *job, bri_dry_run *result)
{
    size_t live = 0;
    memset(result, 0, sizeof *result);
    job->dry = true;
    for (;;) {
        bri_task *t = NULL;
        BRI_TRY(job->ops->next(job, &t));
        if (t == NULL)
            return BR_OK;
        dry_step(job, t, &live, result);
    }
}

/* ---- the end ---- */

/* A task that never ran had its bytes promised but not taken. */
static void free_task(bri_job *job, bri_task *t, bool admitted)
{
    if (admitted)
        bri_memory_release(job->ctx->memory, t->scratch);
    for (const bri_value *v = t->output; admitted && v != NULL; v = v->next_output)
        if (v->data == NULL)
            bri_memory_release(job->ctx->memory, v->bytes);
    bri_free(t);
}

/* An expected value holds a promise from the moment it was asked for. */
static bool never_received(const bri_job *job, bri_value *v)
{
    return v->owner != job->ctx->rank && v->data == NULL && !v->borrowed &&
           atomic_load_explicit(&v->waiters, memory_order_acquire) != BRI_READY;
}

void bri_job_fini(bri_job *job)
{
    if (job->buckets == NULL)
        return;
    reap(job);
    for (bri_task *t = job->in_flight, *next; t != NULL; t = next) {
        next = t->next_in_flight;
        free_task(job, t, true);
    }
    if (job->staged != NULL)
        free_task(job, job->staged, false);
    for (bri_task *t = job->abandoned, *next; t != NULL; t = next) {
        next = t->next;
        free_task(job, t, false);
    }
    for (size_t i = 0; i < job->nbuckets; i++) {
        for (bri_value *v = job->buckets[i], *next; v != NULL; v = next) {
            next = v->next_in_bucket;
            if (never_received(job, v))
                bri_memory_release(job->ctx->memory, v->bytes);
            drop_data(job, v);
            free_value(v);
        }
    }
    bri_free(job->buckets);
    pthread_mutex_destroy(&job->emit);
}
