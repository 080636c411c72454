/* SPDX-License-Identifier: BSD-3-Clause
 * job_spill.c - which values go to the spill file, and when they come back.
 *
 * The value whose next reader is farthest away goes first (Belady), which is best where all have
 * the same size. It can go while no emitted task is to read it, that is, while its count of readers
 * is that of those not yet emitted; this comparison is the only thing that finished tasks on other
 * threads take part in. Several go at a time, so that the list of values is not searched for each.
 *
 * Writing and bringing back are tasks of the job, which any thread runs. A value that goes counts
 * that task as one more reader. One that comes back is the output of its task. What has been
 * written once keeps its place in the file until it is read last: it goes a second time for
 * nothing.
 */
#include "runtime/job_spill.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/job_inside.h"

/* So many times fit values that go at a time in the limit. */
enum { PARTS_OF_LIMIT = 32 };

typedef struct bri_job_spill bri_job_spill;

/* PRESENT also while it is being made; in a dry run it is COMING then. */
typedef enum page_state { PRESENT, GOING, AWAY, COMING } page_state;

struct bri_page {
    bri_value *value;
    bri_job_spill *of;
    bri_spill_block block;     /* where it is in the file, once it has been there */
    bool lent;                 /*  the block is somebody else's */
    int64_t next;              /* event of its next reader */
    int64_t last;              /* recording: its event before */
    int left;                  /* tasks of this rank that read it and are not yet emitted */
    _Atomic(page_state) state; /* GOING ends on any thread (release), the rest with `emit` */
    size_t place;              /* among the job's pages */
};

struct bri_job_spill {
    bri_spill *file;            /* NULL: dry */
    bri_spill_trace *recording; /* or NULL */
    br_status status;           /* of recording */
    const bri_spill_trace *trace;
    int64_t event;
    size_t limit;
    bri_page **page; /* all there are */
    size_t n, room;
    bri_page **chosen; /* as long as the list of pages */
    size_t chosen_room;
    atomic_size_t going; /* bytes */
};

static page_state state_of(const bri_page *page)
{
    return atomic_load_explicit(&page->state, memory_order_acquire);
}

static void set_state(bri_page *page, page_state state)
{
    atomic_store_explicit(&page->state, state, memory_order_release);
}

void bri_spill_trace_free(bri_spill_trace *trace)
{
    bri_free(trace->next);
    *trace = (bri_spill_trace){0};
}

/* ---- the job's ---- */

static br_status begin(bri_job *job, const bri_job_spill *like)
{
    BRI_ASSERT(job->spill == NULL);
    job->spill = bri_calloc(1, sizeof *job->spill);
    if (job->spill == NULL)
        return BR_ENOMEM;
    *job->spill = *like;
    return BR_OK;
}

br_status bri_job_spill_record(bri_job *job, bri_spill_trace *trace)
{
    return begin(job, &(bri_job_spill){.recording = trace});
}

br_status bri_job_spill_begin(bri_job *job, const bri_spill_trace *trace, size_t limit,
                              bri_spill *file)
{
    BRI_TRY(begin(job, &(bri_job_spill){.trace = trace, .limit = limit, .file = file}));
    if (file != NULL)
        bri_memory_force(job->ctx->memory, trace->room * sizeof trace->next[0]);
    return BR_OK;
}

br_status bri_job_spill_status(const bri_job *job)
{
    return job->spill->status;
}

void bri_job_spill_counts(const bri_job *job, bri_spill_counts *counts)
{
    const bri_job_stats *s = &job->stats;
    *counts = (bri_spill_counts){atomic_load_explicit(&s->bytes_spilled, memory_order_relaxed),
                                 atomic_load_explicit(&s->bytes_fetched, memory_order_relaxed)};
}

void bri_job_spill_fini(bri_job *job)
{
    bri_job_spill *s = job->spill;
    if (s == NULL)
        return;
    BRI_ASSERT(s->n == 0);
    if (s->file != NULL)
        bri_memory_release(job->ctx->memory, s->trace->room * sizeof s->trace->next[0]);
    bri_free(s->page);
    bri_free(s->chosen);
    bri_free(s);
    job->spill = NULL;
}

/* ---- events ---- */

static br_status record(bri_job_spill *s, bri_page *page)
{
    bri_spill_trace *t = s->recording;
    BRI_TRY(bri_grow(&t->next, &t->room, t->n, sizeof *t->next));
    t->next[t->n] = BRI_NEVER;
    if (page->last >= 0)
        t->next[page->last] = s->event;
    page->last = s->event;
    t->n++;
    return BR_OK;
}

static void note(bri_page *page)
{
    bri_job_spill *s = page->of;
    if (s->recording != NULL && s->status == BR_OK)
        s->status = record(s, page);
    else if (s->recording == NULL && s->event < (int64_t)s->trace->n)
        page->next = s->trace->next[s->event];
    s->event++;
}

br_status bri_spill_value_new(bri_job *job, bri_value *value, int readers)
{
    bri_job_spill *s = job->spill;
    if (value->bytes < BRI_SPILL_LEAST)
        return BR_OK;
    BRI_TRY(bri_grow(&s->page, &s->room, s->n, sizeof *s->page));
    bri_page *page = bri_calloc(1, sizeof *page);
    if (page == NULL)
        return BR_ENOMEM;
    page->value = value;
    page->of = s;
    page->left = readers;
    page->last = -1;
    page->next = BRI_NEVER;
    page->place = s->n;
    s->page[s->n++] = page;
    value->page = page;
    if (job->dry)
        set_state(page, COMING);
    note(page);
    return BR_OK;
}

void bri_spill_value_read(bri_value *value)
{
    value->page->left--;
    note(value->page);
}

void bri_spill_value_has_copy(bri_value *value, const bri_spill_block *block)
{
    if (value->page == NULL)
        return;
    value->page->block = *block;
    value->page->lent = true;
}

void bri_spill_value_free(bri_job *job, bri_value *value)
{
    bri_job_spill *s = job->spill;
    bri_page *page = value->page;
    if (page == NULL)
        return;
    if (s->file != NULL && !page->lent)
        bri_spill_drop(s->file, &page->block);
    bri_page *last = s->page[--s->n];
    s->page[page->place] = last;
    last->place = page->place;
    value->page = NULL;
    bri_free(page);
}

static void count(atomic_llong *counter, size_t bytes)
{
    atomic_fetch_add_explicit(counter, (long long)bytes, memory_order_relaxed);
}

/* ---- who can go ---- */

/* acquire: what its readers did with the bytes is done. */
static bool can_go(const bri_job *job, const bri_page *page)
{
    bri_value *v = page->value;
    return state_of(page) == PRESENT && page->left > 0 &&
           atomic_load_explicit(&v->readers, memory_order_acquire) == page->left &&
           (job->dry || (bri_value_is_ready(v) && !v->borrowed));
}

static int farther(const void *a, const void *b)
{
    const bri_page *const *x = a;
    const bri_page *const *y = b;
    return ((*x)->next < (*y)->next) - ((*x)->next > (*y)->next);
}

/* Those that can go, farthest first, until they have `wanted` bytes and some more. */
static size_t choose(bri_job *job, size_t wanted)
{
    bri_job_spill *s = job->spill;
    size_t n = 0;
    size_t count = 0;
    size_t bytes = 0;
    while (s->chosen_room < s->n)
        if (bri_grow(&s->chosen, &s->chosen_room, s->chosen_room, sizeof *s->chosen) != BR_OK)
            return 0;
    for (size_t i = 0; i < s->n; i++)
        if (can_go(job, s->page[i]))
            s->chosen[n++] = s->page[i];
    qsort(s->chosen, n, sizeof *s->chosen, farther);
    if (wanted < s->limit / PARTS_OF_LIMIT)
        wanted = s->limit / PARTS_OF_LIMIT;
    while (count < n && bytes < wanted)
        bytes += s->chosen[count++]->value->bytes;
    return count;
}

/* ---- going ---- */

/* It is in the file already. */
static void leave_at_once(bri_job *job, bri_page *page)
{
    set_state(page, AWAY);
    bri_value_drop(job, page->value);
}

static void leave(bri_job *job, bri_page *page, bri_task **moves)
{
    bri_value *v = page->value;
    bri_task *t = page->block.bytes == 0 ? bri_task_new(job, v->key, BRI_TASK_SPILL, 1) : NULL;
    if (t == NULL && page->block.bytes == 0) {
        bri_job_fail(job, BR_ENOMEM, bri_last_error());
        return;
    }
    bri_value_unready(v);
    if (t == NULL) {
        leave_at_once(job, page);
        return;
    }
    t->inputs[0].value = v;
    atomic_fetch_add_explicit(&v->readers, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&job->spill->going, v->bytes, memory_order_relaxed);
    set_state(page, GOING);
    t->next = *moves;
    *moves = t;
}

bri_spill_room bri_spill_make_room(bri_job *job, size_t wanted, bri_task **moves)
{
    bri_job_spill *s = job->spill;
    bri_memory_stats memory;
    size_t going = atomic_load_explicit(&s->going, memory_order_acquire);
    bri_memory_about(job->ctx->memory, &memory);
    size_t room = (memory.limit > memory.promised ? memory.limit - memory.promised : 0) + going;
    if (room >= wanted)
        return going > 0 ? BRI_ROOM_COMES : BRI_ROOM_MADE;
    size_t n = choose(job, wanted - room);
    for (size_t i = 0; i < n; i++)
        leave(job, s->chosen[i], moves);
    if (n > 0)
        return BRI_ROOM_MADE;
    return going > 0 ? BRI_ROOM_COMES : BRI_ROOM_NONE;
}

static br_status write_away(bri_job *job, const bri_task *task)
{
    bri_job_spill *s = job->spill;
    bri_value *v = task->inputs[0].value;
    bri_page *page = v->page;
    br_status st = bri_spill_write(s->file, v->data, v->bytes, &page->block);
    if (st == BR_OK) {
        bri_value_drop(job, v);
        count(&job->stats.bytes_spilled, v->bytes);
    }
    atomic_fetch_sub_explicit(&s->going, v->bytes, memory_order_release);
    if (st == BR_OK) /* else it is going until the job's end, so that nobody brings it back */
        set_state(page, AWAY);
    return st;
}

/* ---- coming back ---- */

/* Does an input before this one read the same value? */
static bool is_known(const bri_task *task, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (task->inputs[k].value == task->inputs[i].value)
            return true;
    return false;
}

bool bri_spill_absent(const bri_task *task, size_t *bytes)
{
    *bytes = 0;
    for (unsigned i = 0; i < task->ninputs; i++) {
        const bri_page *page = task->inputs[i].value->page;
        page_state state = page != NULL ? state_of(page) : PRESENT;
        if (state == GOING)
            return false;
        if (state == AWAY && !is_known(task, i))
            *bytes += page->value->bytes;
    }
    return true;
}

/* The value is the task's output: its block is taken, filled, and whoever waits becomes ready. */
static bool bring_one(bri_job *job, bri_page *page, bri_task **moves)
{
    bri_value *v = page->value;
    bri_task *t = bri_task_new(job, v->key, BRI_TASK_LOAD, 0);
    if (t == NULL)
        return false;
    v->next_output = NULL;
    v->ndestinations = 0; /* all have got it */
    t->output = v;
    set_state(page, COMING);
    t->next = *moves;
    *moves = t;
    return true;
}

bool bri_spill_bring(bri_job *job, const bri_task *task, size_t absent, bri_task **moves)
{
    for (unsigned i = 0; i < task->ninputs; i++) {
        bri_page *page = task->inputs[i].value->page;
        if (page == NULL || state_of(page) != AWAY)
            continue;
        if (!bring_one(job, page, moves)) {
            bri_memory_release(job->ctx->memory, absent + bri_task_bytes(task));
            bri_job_fail(job, BR_ENOMEM, bri_last_error());
            return false;
        }
        absent -= page->value->bytes;
    }
    return true;
}

static br_status read_back(bri_job *job, const bri_task *task)
{
    bri_job_spill *s = job->spill;
    bri_value *v = task->output;
    BRI_TRY(bri_spill_read(s->file, &v->page->block, v->data));
    count(&job->stats.bytes_fetched, v->bytes);
    set_state(v->page, PRESENT);
    return BR_OK;
}

br_status bri_spill_execute(bri_job *job, bri_task *task)
{
    return task->kind == BRI_TASK_SPILL ? write_away(job, task) : read_back(job, task);
}

/* ---- dry ---- */

bool bri_spill_is_present(const bri_value *value)
{
    return value->page == NULL || state_of(value->page) == PRESENT;
}

void bri_spill_dry_made(bri_value *value)
{
    if (value->page != NULL)
        set_state(value->page, PRESENT);
}

size_t bri_spill_dry_held(const bri_task *task)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < task->ninputs; i++)
        if (task->inputs[i].value->page != NULL && !is_known(task, i))
            bytes += task->inputs[i].value->bytes;
    for (const bri_value *v = task->output; v != NULL; v = v->next_output)
        bytes += v->page != NULL ? v->bytes : 0;
    return bytes;
}

static void dry_leave(bri_job *job, size_t wanted, size_t *live)
{
    bri_job_spill *s = job->spill;
    size_t n = choose(job, wanted);
    for (size_t i = 0; i < n; i++) {
        bri_page *page = s->chosen[i];
        if (page->block.bytes == 0)
            count(&job->stats.bytes_spilled, page->value->bytes);
        page->block.bytes = page->value->bytes;
        set_state(page, AWAY);
        *live -= page->value->bytes;
    }
}

void bri_spill_dry_room(bri_job *job, const bri_task *task, size_t bytes, size_t *live)
{
    bri_job_spill *s = job->spill;
    size_t absent = 0;
    if (s->recording != NULL)
        return;
    bri_spill_absent(task, &absent);
    if (*live + bytes + absent > s->limit)
        dry_leave(job, *live + bytes + absent - s->limit, live);
    for (unsigned i = 0; i < task->ninputs; i++) {
        bri_page *page = task->inputs[i].value->page;
        if (page != NULL && state_of(page) == AWAY)
            set_state(page, PRESENT);
    }
    count(&job->stats.bytes_fetched, absent);
    *live += absent;
}
