/* SPDX-License-Identifier: BSD-3-Clause
 * job.h - one run of a plan on this rank: tasks and values, emitted in serial order, run in any
 * order.
 *
 * The plan defines one total order of all tasks of a run, the same on every rank, in which a task's
 * inputs come before it (the order in which one thread would run them). Each rank emits, in that
 * order, only the tasks it owns. Emission goes on while the task's bytes fit the budget and not too
 * many are in flight; when they don't fit it waits until what was emitted has run, and by then the
 * memory is as it would be on one thread. So the peak is that of the serial order or the limit,
 * whichever is larger, and is known beforehand; task records exist only while in flight.
 *
 * Locks: `emit` guards emission, the table of values, the records of tasks and values and the list
 * of tasks in flight. Everything that finishing tasks touch (pending counts, readers, waiters) is
 * atomic, and says which order it needs where it is used. So records are only freed by who emits
 * next; until then what is done with waits in `finished` and `dead`.
 *
 * job.c has its life and its end, job_values.c the values and their table, job_route.c who passes
 * them on, job_bundle.c which are asked for together, job_emit.c emission, job_patience.c its
 * waiting for other ranks, job_run.c the running of tasks, job_dry.c the counting instead of
 * running, job_spill.c values that go to disk and come back.
 */
#ifndef BRI_JOB_H
#define BRI_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/job_records.h"
#include "runtime/turns.h"

typedef struct bri_task bri_task;
typedef struct bri_value bri_value;
typedef struct bri_job bri_job;

/* Names a value the same on every rank: a chunk (level 0) of a stage or a node of its reduction
 * tree. */
typedef struct bri_key {
    uint32_t stage;
    uint32_t level;
    int64_t index;
} bri_key;

static inline bool bri_key_equal(bri_key a, bri_key b)
{
    return a.index == b.index && a.stage == b.stage && a.level == b.level;
}

/* Values in flight are neighbours, so the index alone would fill runs of a table. */
static inline uint64_t bri_key_hash(bri_key key)
{
    uint64_t h = (uint64_t)key.index * 0x9e3779b97f4a7c15u;
    h ^= ((uint64_t)key.stage << 32 | key.level) * 0xc2b2ae3d27d4eb4fu;
    return h ^ h >> 29;
}

/* One input of a task; also its link in the list of those who wait for the value. */
typedef struct bri_use {
    bri_value *value;
    bri_task *task;
    struct bri_use *next;
} bri_use;

/* Bytes that a value's own record has room for: numbers, and states of reductions to few. */
enum { BRI_SMALL_VALUE = 64 };

/* A value that more ranks read than that comes to them along a tree (job_route.c). */
enum { BRI_FEW_READERS = 4, BRI_MOST_HOPS = 31, BRI_ALL_READERS = -1 /* instead of a rank */ };

/* A rank of the tree; of the ranks below it there are size - 1. */
typedef struct bri_hop {
    int32_t rank, size;
} bri_hop;

/* This rank's place in it. */
typedef struct bri_route {
    int size, nhops;
    bri_hop hop[BRI_MOST_HOPS]; /* from the next one above this rank to the owner */
} bri_route;

struct bri_value {
    bri_key key;
    size_t bytes;
    size_t used; /* of bytes, from the first on, that mean something; the task may lower it */
    void *data;  /* set before the value is ready: `small`, or a block of the pool's */
    /* Tasks and sends that have yet to be done with it; acq_rel: the last one frees. */
    atomic_int readers;
    bool borrowed; /* data belongs to somebody else (a persisted chunk) */
    bool foreseen; /* promised by bri_job_foresee, before a task of this rank reads it (emit) */
    /* Of another rank's value: its bytes are promised with those of the first task that reads it,
     * which may still be staged (emit). */
    enum { BRI_PROMISED, BRI_UNASKED, BRI_UNPROMISED /* but a bundle asks for it */ } asked;
    /* A stack of uses, or BRI_READY once data is there (release/acquire). */
    _Atomic(bri_use *) waiters;
    bri_value *next_output; /* of the same task, or bundle */
    bri_value *next_dead;
    int owner;             /* rank that computes it */
    int ndestinations;     /* other ranks that read it; each counts in readers */
    struct bri_page *page; /* of a run that spills: where it is (job_spill.c); or NULL */
    int *destinations;     /* `few` while they fit there */
    int few[2];
    bri_route *route; /* of another rank's value with many readers; or NULL */
    _Alignas(64) char small[BRI_SMALL_VALUE]; /* data of a value that fits there, on its own line */
};

struct bri_task {
    bri_key key;
    int kind;            /* the plan's own */
    atomic_int pending;  /* inputs not ready, plus one until it is admitted */
    bri_value *output;   /* the first of what it makes, linked by next_output; or NULL */
    size_t scratch;      /* bytes beside the output */
    int64_t argument[2]; /* the plan's own */
    bri_job *job;        /* set by the thread pool when it takes the task */
    bri_task *next;      /* in lists of ready tasks, owned by whoever holds the list */
    unsigned place;      /* among job->in_flight (emit) */
    unsigned keeps : 1;  /* its first input outlives the run: bri_task_take */
    unsigned ninputs : 31;
    bri_use inputs[];
};

/* Two cache lines for a task with up to two inputs. */
enum { BRI_TASK_BYTES = 128 };
_Static_assert(sizeof(bri_task) + 2 * sizeof(bri_use) <= BRI_TASK_BYTES, "a task's record");

/* Partial results of one rank for one chunk's tree, asked for together (job_bundle.c). */
enum { BRI_BUNDLES = 8, BRI_BUNDLE_VALUES = 24, BRI_BUNDLED_BYTES = 1024 };
typedef struct bri_bundle {
    bri_value *first, **last; /* linked by next_output; NULL: it is free */
    int64_t chunk;
    uint64_t begun; /* so many were begun before */
    int n;
} bri_bundle;

/* Waiting for other ranks to take what this one holds for them (job_patience.c). */
typedef struct bri_patience {
    atomic_llong sent;      /* values that they have taken */
    atomic_int owed;        /* of nsends: what is not held, but made when they ask */
    _Atomic(int64_t) until; /* when it ends, 0 when nobody need look */
    bool waiting, asked;    /* (emit) */
    int shorter;            /* halvings of the longest one (emit) */
    long long seen;         /* `sent` when it began (emit) */
} bri_patience;

/* In nanoseconds; a test of memory limits sets it before br_open. */
extern int64_t bri_patience_longest;

/* The table of values: open addressing, linear probing, at most three quarters full. */
typedef struct bri_values {
    struct bri_values_entry *entry;
    size_t room, n; /* room is a power of two */
} bri_values;

/* A thread that runs tasks. */
typedef struct bri_worker {
    int index;
} bri_worker;

typedef struct bri_job_stats {
    atomic_llong tasks, bytes_read, bytes_written, bytes_sent, bytes_received, messages;
    atomic_llong bytes_spilled, bytes_fetched; /* to the spill file and back */
    /* Tasks that other ranks ran for this one, in so many messages, and bytes that came back. */
    atomic_llong lent, loans, returned;
    /* Of the plan's own choice (settle): nanoseconds in some tasks, what those did, and which. */
    atomic_llong busy, work, stage;
    /* Of all ranks together these are the largest, not the sum: promised bytes; bytes_sent; bytes
     * of long values that were asked of one rank and had not come. */
    atomic_llong peak, most_sent, most_asked;
} bri_job_stats;

/* What a rank has done. */
typedef struct bri_rank_work {
    int64_t busy, work, stage;
} bri_rank_work;

/* A task that another rank has lent, as it is named in messages. */
typedef struct bri_borrowed {
    bri_key key;
    int32_t kind;
    int32_t inside; /* what it makes is read by one task, which was lent with it */
    int64_t argument[2];
} bri_borrowed;

/* Lending a task that takes less is not worth its messages. */
enum { BRI_WORTH_LENDING_NS = 100000 };

/* What tasks read where it lies and another rank would ask for (supply). */
typedef struct bri_at_hand {
    int chunks;
    size_t bytes;
} bri_at_hand;

/* What other ranks get of sources. A value that takes more room than BRI_SUPPLY_PART is made and
 * sent in parts where it can be, so that much is all the room it needs. */
enum { BRI_SUPPLY_PART = 4 << 20 };
typedef struct bri_source_value {
    size_t bytes, scratch; /* of it; beside it, while it is made */
    const void *at_hand;   /* it stands there as it is sent, until the job's end; or NULL */
    bool in_parts;         /* any part of its bytes can be made by itself */
} bri_source_value;
typedef struct bri_source_part {
    bri_key key;
    size_t from, bytes; /* all, if it cannot be made in parts */
    void *data, *scratch;
} bri_source_part;

/* What the plan provides. */
typedef struct bri_job_ops {
    /* The next task of the serial order that this rank owns, made by bri_task_new; *task is NULL at
     * the end. Called with `emit` held. */
    br_status (*next)(bri_job *job, bri_task **task);
    /* Runs a task: its inputs are ready, each output's data is a block of the right size. */
    br_status (*execute)(bri_job *job, bri_task *task, void *scratch);
    /* "mean of climate.c:12, chunk (0, 3)", for messages. */
    void (*describe)(bri_job *job, const bri_task *task, char *text, size_t size);
    /* The same of a value; NULL: its number will do. */
    void (*name)(bri_job *job, bri_key key, char *text, size_t size);
    /* The user's function that the task calls, "" when there is none; NULL: never. */
    void (*function)(bri_job *job, const bri_task *task, char *text, size_t size);
    /* Is it a value that no task makes for other ranks, but `supply` when they ask? Then what there
     * is to know about it. NULL: there are none such. Any thread. */
    bool (*supplies)(bri_job *job, bri_key key, bri_source_value *value);
    br_status (*supply)(bri_job *job, const bri_source_part *part);
    /* How many tasks of this rank read a chunk of another one's, whoever else does. With `emit`
     * held. NULL: nobody knows beforehand. */
    br_status (*readers)(bri_job *job, bri_key key, int *n);
    /* All tasks have run: ends the statistics. NULL: nothing to do. */
    void (*settle)(bri_job *job);
    /* Can another rank run this task, knowing the same plan, from what bri_borrowed says? It is
     * ready, or else reads nothing but what other tasks make that go there with it. About how long
     * it takes, 0 when nobody knows. NULL: none can. */
    bool (*lendable)(bri_job *job, const bri_task *task, bool ready, int64_t *nanoseconds);
    /* Does it nothing but compute: no function of the user's, no file, and it waits for nobody?
     * Then any thread can run it. NULL: none does. */
    bool (*computes_only)(bri_job *job, const bri_task *task);
    /* What such tasks read together, each chunk counted once. */
    br_status (*at_hand)(bri_job *job, bri_task *const *task, int n, bri_at_hand *at_hand);
    /* Makes such a task of another rank's, in a job of its own, after those that it reads of; its
     * outputs go to that rank, unless it is inside. */
    br_status (*borrow)(bri_job *job, const bri_borrowed *what, int lender, bri_task **task);
} bri_job_ops;

/* Records for tasks with more inputs double in size. */
enum { BRI_TASK_SIZES = 28 };

#define BRI_ONE_READY (1LL << 32)

struct bri_job {
    br_context *ctx;
    uint64_t id;     /* the same on every rank */
    uint64_t serial; /* of this process, never 0 */
    const bri_job_ops *ops;
    void *plan;
    bool dry;                    /* in bri_job_dry_run: nothing is asked of other ranks */
    struct bri_job_spill *spill; /* values may wait in the spill file; or NULL (emit) */

    pthread_mutex_t emit;
    bri_task *staged;     /* emitted by the plan but not yet admitted (emit) */
    bri_task **in_flight; /* all admitted tasks, in no order (emit) */
    size_t nin_flight, in_flight_room;
    bri_task *abandoned;                      /* by failed emission (emit) */
    bri_values values;                        /* (emit) */
    bri_records value_records;                /* (emit) */
    bri_records task_records[BRI_TASK_SIZES]; /* of BRI_TASK_BYTES << i each (emit) */
    bri_bundle bundle[BRI_BUNDLES];           /* open ones (emit) */
    uint64_t nbundles;                        /* so many were begun (emit) */
    bool end;                                 /* the plan has no more tasks (emit) */
    atomic_int max_in_flight; /* relaxed: over ranks some may emit before the pool has set it */
    bri_turn turn;            /* (the lock of the budget's turns) */
    atomic_bool waits;        /* for its turn to emit */

    /* What every task counts, off the lines that only emission writes. */
    char before_counts[64];
    /* Tasks in flight, plus those of them that are ready or running times BRI_ONE_READY. Relaxed
     * hints, acquire when compared with 0. */
    atomic_llong counts;
    atomic_size_t ahead;          /* bytes promised to tasks in flight; relaxed, for emission */
    _Atomic(bri_task *) finished; /* tasks that are done, to be freed with what died by them */
    _Atomic(bri_value *) dead;    /* values whose last reader was a send */
    bri_patience patience;
    atomic_int nsends;    /* values on their way to other ranks, or owed to them */
    size_t expecting;     /* bytes of the staged task's inputs that are not promised, */
    int nexpected;        /*  and their number (emit) */
    size_t granted;       /* of a guest: bytes promised before, for all tasks of its loan (emit) */
    size_t foreseen;      /* bytes of values with that flag, (emit) */
    size_t spare;         /*  of which there are no more than the serial order never needs */
    size_t supply_room;   /* bytes promised for supplying values, one at a time; */
    atomic_int supplying; /*  others, and sends under way: they give memory back by themselves */
    atomic_bool end_seen; /* `end`, for those without the lock */
    bri_job_stats stats;
    bri_rank_work *by_rank; /* rank 0, when the job has ended on several; freed with it */
    char after_counts[64];

    atomic_int status;  /* first error (compare and swap) */
    atomic_bool failed; /* error_text is complete */
    char error_text[BRI_ERROR_TEXT];

    /* Of a job that nobody waits for: see bri_pool_launch. */
    bool (*over)(bri_job *job);
    void (*landed)(bri_job *job);
    bool inside;            /* who waits for it does so inside a task */
    void *transport;        /* what the scheduler needs to know in `over` */
    bri_job *next_launched; /* (launcher's mutex) */

    bri_job *next_watched, **link_watched; /* runtime/watch.c's list */
    bool watched;                          /* neighbours write the link */
    bri_job *next_attached;                /* the thread pool's list of jobs (pool's mutex) */
    atomic_int users; /* pool threads that may touch the job now; seq_cst, see scheduler/threads */
    atomic_int pulling; /* whether one of them emits, and whether another one wanted to meanwhile */
};

br_status bri_job_init(bri_job *job, br_context *ctx, const bri_job_ops *ops, void *plan);
/* Of which the watch thread knows nothing before bri_watch_begin: what it prints, as the id, is set
 * before that. Jobs that never run, and those of threads that must not wait for its lock, stay
 * so. */
br_status bri_job_init_unwatched(bri_job *job, br_context *ctx, const bri_job_ops *ops, void *plan);
/* Frees whatever is left; no thread may be inside the job any more. */
void bri_job_fini(bri_job *job);

/* Emits everything and frees it again as if each task ran at once: the peak of bytes in the
 * serial order, the number of tasks, and the task at the peak (*worst, described). Nothing runs;
 * the plan must start its emission anew afterwards. */
typedef struct bri_dry_run {
    size_t peak;
    int64_t tasks;
    char worst[256];
    size_t largest;     /* task: what it makes, its scratch, and inputs from other ranks */
    int64_t messages;   /* values that come from other ranks, */
    size_t received;    /*  and their bytes */
    size_t sends;       /* the largest value for other ranks that could go to disk */
    size_t least;       /* the peak where all that can be spilled is, while it is not read; */
    char neediest[256]; /*  the task at it. Only of a job with job->spill */
} bri_dry_run;
br_status bri_job_dry_run(bri_job *job, bri_dry_run *result);

/* ---- for the plan, with `emit` held ---- */

bri_task *bri_task_new(bri_job *job, bri_key key, int kind, int ninputs);
/* The task reads value as input i; the value's reader count already includes it. */
void bri_task_input(bri_task *task, int i, bri_value *value);
/* Emission failed half way: the task will never run, but values know it; the job keeps it until its
 * end. */
void bri_task_abandon(bri_job *job, bri_task *task);
bri_value *bri_value_find(bri_job *job, bri_key key);
/* Other ranks will ask for n more values that are supplied, or have got -n: the job is not done
 * before. Any thread. */
void bri_job_owe(bri_job *job, int n);
/* Promises bytes for supplying one value at a time, whatever else runs, until the job's end. */
void bri_job_keep_room(bri_job *job, size_t bytes);
/* A new value in the table with its number of readers (local tasks only; destinations add
 * theirs). */
bri_value *bri_value_new(bri_job *job, bri_key key, size_t bytes, int readers);
br_status bri_value_destination(bri_value *value, int rank);
/* The route of a value of `owner` that this rank reads and those with reads[rank] set; NULL where
 * they are few. For value->route. BR_ENOMEM. */
br_status bri_route_new(const br_context *ctx, int owner, const unsigned char *reads,
                        bri_route **route);
/* The value is computed by another rank, and the task that is being made reads it: asks the
 * transport for it when that task is admitted, since its bytes are promised with the task's. */
void bri_value_expect(bri_job *job, bri_value *value);
/* The plan hands out a task that it has made earlier, with others: what this one is the first to
 * read is asked for with it. */
void bri_task_expects(bri_job *job, const bri_task *task);
/* The same of a partial result for the tree of a chunk: short ones of one rank are asked for
 * together, when the bundle is closed, at the latest when emission pauses. */
void bri_value_expect_bundled(bri_job *job, bri_value *value, int64_t chunk);
void bri_bundles_close(bri_job *job, uint32_t stage, int64_t chunk);
/* The value is there already (persisted): data stays the caller's. */
void bri_value_borrow(bri_job *job, bri_value *value, void *data);

/* ---- for tasks ---- */

/* When this task is the only reader left of its input i, the output takes over the input's block
 * (and true is returned);
 * the output's own block goes back. Both must have the same size. */
bool bri_task_steal(bri_job *job, bri_task *task, int i);
/* When this task is the only reader left of its input i: takes the block, with the promise of its
 * bytes, out of the run. Else, or when there is no block, NULL. */
void *bri_task_take(bri_task *task, int i);

/* ---- for schedulers ---- */

/* Emits up to max tasks and returns those that are ready, linked; NULL when none is, or when
 * another thread is emitting. */
bri_task *bri_job_pull(bri_job *job, int max);
/* Should more be emitted although there are tasks to run? What they need of other ranks takes time.
 */
bool bri_job_short_of_tasks(const bri_job *job);
/* What tasks of at most `largest` bytes may need that are emitted ahead of the serial order. */
size_t bri_job_ahead_bytes(const br_context *ctx, size_t largest);
/* Runs a ready task and returns the tasks that became ready by it, linked. After a failure it only
 * passes through. */
bri_task *bri_job_exec(bri_job *job, bri_task *task);
/* Another rank runs the task: what it takes is not needed here, nor, when it is inside, its
 * outputs. */
void bri_job_lent(bri_job *job, bri_task *task, bool inside);
/* Tasks that were lent together have run, from the ready ones `leaves`, which are linked, to `top`,
 * whose outputs' data is there; they may be one: as bri_job_exec. */
bri_task *bri_job_returned(bri_job *job, bri_task *leaves, const bri_task *top);
/* Emits one task and runs it on this thread; the same to the end of the job. */
void bri_job_step(bri_job *job);
void bri_job_run_here(bri_job *job);
/* How many tasks are admitted and not done. */
static inline int bri_job_in_flight(const bri_job *job, memory_order order)
{
    return (int)(atomic_load_explicit(&job->counts, order) & (BRI_ONE_READY - 1));
}
/* All work of this rank is done, or the job has failed and nothing runs any more. */
bool bri_job_done(const bri_job *job);
/* Emission has waited long enough for other ranks: those who emit should look again. Once true. */
bool bri_job_overdue(bri_job *job);
/* Stores the first error; cheap to call again. Makes the rest of the job pass through. */
void bri_job_fail(bri_job *job, br_status status, const char *text);
br_status bri_job_status(const bri_job *job);

/* What it does at the moment and what it waits for: a line for each task that runs or waits, then
 * what the scheduler adds. Takes `emit`, but not for longer than a second. */
void bri_job_print(bri_job *job, FILE *to);
void bri_job_name_value(bri_job *job, bri_key key, char *text, size_t size);

/* ---- for the transport ---- */

/* Looks a value up by key (takes `emit`); NULL when this rank has not asked for it yet. */
bri_value *bri_job_lookup(bri_job *job, bri_key key);
typedef struct bri_foreseen {
    size_t bytes;
    int owner;
} bri_foreseen;
/* Before a task of this rank asks for another rank's value: makes it, with its bytes promised, when
 * they are free and this rank's own tasks never need them. *value is NULL when that cannot be;
 * *known: a task has asked meanwhile. False when emission is under way: try again. */
bool bri_job_foresee(bri_job *job, bri_key key, bri_foreseen of, bri_value **value, bool *known);
/* An expected value will also be sent to n ranks: bri_job_sent for each. */
void bri_job_pass_on(bri_job *job, bri_value *value, int n);
/* A block for an expected value, already within the budget; NULL with an error. */
void *bri_job_receive_block(bri_job *job, bri_value *value);
/* An expected value's bytes are in value->data: returns the tasks that became ready, linked. */
bri_task *bri_job_arrived(bri_job *job, bri_value *value);
/* A send to one destination is complete. */
void bri_job_sent(bri_job *job, bri_value *value);

#endif
