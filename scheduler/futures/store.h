/* SPDX-License-Identifier: BSD-3-Clause
 * store.h - errands: tasks that were handed in by br_submit, from then until their results are
 * forgotten.
 *
 * An errand waits for those it depends on, then it is ready and stands in a queue, is taken by a
 * thread of this rank or handed out to another one, and is over. Its future is the handle; besides,
 * references hold the record: the store's until it is over, one for each errand that reads its
 * result.
 *
 * On ranks above 0 the store has what rank 0 handed out to it (foreign errands, which have no
 * handle) and what tasks of this rank have handed in.
 *
 * Lock: store->lock guards what is marked (lock). Who ends an errand needs it only when somebody
 * has asked to be told (BRI_ERRAND_WANTED), so a plain task costs one locking to hand it in and a
 * share of one to take it.
 */
#ifndef BRI_FUTURES_STORE_H
#define BRI_FUTURES_STORE_H

#include <bramble/submit.h>

#include "runtime/future.h"
#include "runtime/running.h"
#include "scheduler/futures/queue.h"
#include "scheduler/threads/event.h"
#include "scheduler/threads/pool.h"

typedef struct bri_errand bri_errand;
typedef struct bri_store bri_store;
typedef struct bri_watch bri_watch;
struct bri_shelf;
struct bri_exchange;
struct bri_kept;
struct bri_sleeper;
struct bri_pin;

/* Results up to this size and arguments up to that one stand in the record. */
enum { BRI_SMALL_RESULT = 32, BRI_SMALL_ARGS = 256 };

typedef enum bri_errand_state {
    BRI_ERRAND_WAITS, /* for others */
    BRI_ERRAND_READY, /* in a queue */
    BRI_ERRAND_TAKEN,
    BRI_ERRAND_OVER
} bri_errand_state;

/* Bits of errand->flags. Who wants to be told of the end sets WANTED and looks whether it was OVER
 * before; who ends it sets OVER and looks whether it was WANTED before. */
enum { BRI_ERRAND_ENDING = 1, BRI_ERRAND_OVER_FLAG = 2, BRI_ERRAND_WANTED = 4 };

/* One dependency. */
typedef struct bri_edge {
    bri_errand *after;
    bri_errand *before;            /* with a reference */
    struct bri_edge *next, **link; /* of those that wait for `before`; link NULL: not any more */
} bri_edge;

/* Bytes of another errand that a task reads. */
typedef struct bri_input {
    const void *data;
    size_t bytes;
} bri_input;

struct bri_errand {
    br_future future; /* first */
    bri_store *store;
    br_submit_function *fn;
    const void *args;
    size_t bytes;
    void *args_block; /* of the memory pool, NULL where args are in the record or the caller's */
    void *result;     /* written by who ends it; NULL is one of no bytes */
    size_t result_bytes;
    char *name; /* NULL: the function's */
    br_place at;
    int priority, retries;
    int on; /* the only rank to run on, -1 for any */
    atomic_int references, attempts;
    atomic_uint flags;
    size_t promised; /* bytes of the memory budget, but for the result */

    int state;                           /* (lock) */
    int where;                           /* rank that has taken it (lock) */
    uint64_t turn;                       /* (lock) */
    bri_errand *next, *previous, *child; /* in a queue, or a list of the holder's (lock) */
    bri_edge *edges;                     /* what it depends on */
    size_t nedges, pending;              /* pending: of those not over (lock) */
    bri_edge *waiting;                   /* errands that depend on it (lock) */
    bri_watch *watches;                  /* (lock) */
    bool waited;                         /* some thread sleeps until it is ready or over (lock) */
    uint64_t walk;                       /* the last walk that came by (lock) */
    bri_errand *next_in_walk;            /* (lock) */
    const struct bri_wish *blocked_on;   /* what its task waits for, or NULL (lock) */
    bri_errand *above;                   /* what its thread runs while it waits, or NULL (lock) */
    uint64_t above_job;                  /* or of which job, or 0 (lock) */

    /* Of a promise (promise.c): the job that ends it, or 0; nobody has the handle. */
    uint64_t maker;

    /* Of a foreign errand: rank 0's name of it, and what came with it. */
    bool foreign;
    bool pinned;
    uint64_t ticket;
    int64_t ns; /* that its function took */
    bri_input *inputs;
    size_t ninputs;
    struct bri_parcel *parcel;

    _Alignas(16) unsigned char small_result[BRI_SMALL_RESULT];
    _Alignas(16) unsigned char room[];
};

/* Bytes that came from another rank for several errands; the last one frees them. */
typedef struct bri_parcel {
    atomic_int references;
    void *bytes;
} bri_parcel;

/* What a thread has taken together. Others may steal from it with the store's lock. */
enum { BRI_DRAIN_MOST = 32 };
typedef struct bri_drain {
    bri_store *store;
    struct bri_drain *next, **link;     /* (lock) */
    bri_errand *errand[BRI_DRAIN_MOST]; /* changed with the lock, as n */
    int n;
    atomic_int at; /* the first that nobody has begun; fetch_add takes one */
    int some;      /* to take the next time */
} bri_drain;

/* Who brings back errands that another rank handed out to this one (scheduler/mpi). */
typedef void bri_deliver(bri_store *store, bri_errand *errand, br_status status, const char *text);

struct bri_store {
    br_context *ctx;
    bri_running running; /* for br_cancel_all */
    bri_pool *pool;      /* NULL under sync */
    bri_event *event;    /* the pool's, or own */
    bri_event own;
    bri_helper helper;
    bri_deliver *deliver;
    void *crew;                    /* scheduler/mpi's */
    struct bri_shelf *shelf;       /* values under names (scheduler/workers) */
    struct bri_exchange *exchange; /* messages between tasks, NULL before the first one (lock) */
    struct bri_sleeper *sleepers;  /* threads that wait for futures (lock) */
    uint64_t moved;                /* rank 0: what is known of other ranks has changed (lock) */
    uint64_t nforeign; /* other ranks: rank 0's errands here (the communication thread's) */
    pthread_mutex_t lock;
    bri_queue anywhere;          /* (lock) */
    bri_queue *pinned;           /* by rank (lock) */
    atomic_int nready;           /* that this rank may run; changed with the lock */
    atomic_int nheld;            /* of those taken: in drains, perhaps not begun */
    atomic_int ntaken;           /* taken and not over */
    uint64_t turn, walk;         /* (lock) */
    bri_drain *drains;           /* (lock) */
    bri_watch *other_watches;    /* on futures that are no errands (lock) */
    struct bri_blocked *blocked; /* tasks of jobs that wait (lock) */
    bool ended;                  /* no thread of the pool works for it any more */
    bool stopped;                /* nobody waits for messages any more (lock) */
    bool hungry;                 /* other ranks would take more (lock) */
    bool offered;                /* they have been told that there is more (lock) */
    atomic_llong nrun;           /* that have been run, here or elsewhere: for the watchdog */
    atomic_int npromises;        /* that are not over: others than errands bring them */
    atomic_int nwaiting;         /* threads that wait outside of tasks, and so run errands */
    int fresh;                   /* made ready and nobody woken yet (lock) */
    bool tell, offer;            /* waiting threads, other ranks must hear of it (lock) */
};

/* A task while its function runs. */
struct br_task {
    bri_errand *errand;
    bri_drain *drain;
    br_task *below; /* that waits on the same thread */
    void *result;
    size_t result_bytes;
    br_status status;         /* why it fails when that is known */
    int64_t begun;            /* of a foreign errand, ns */
    struct bri_pin *held;     /* values that it reads (scheduler/workers) */
    struct bri_kept *message; /* that it has received last */
    char text[512];
};

/* ---- store.c ---- */

/* The context's, made when it is not there yet; NULL with a BR_ENOMEM error. */
bri_store *bri_store_of(br_context *ctx);
/* Rank 0 has ended: what it has handed out does not begin any more. */
void bri_store_forget(bri_store *store);
/* No thread runs anything of it any more, and none will. */
void bri_store_end(bri_store *store);
/* Everything in it is over and its futures are freed, or will not be looked at any more. */
void bri_store_close(br_context *ctx);
void bri_store_lock(bri_store *store);
/* For the watch thread, which holds its lock: who has the store's may wait for that one. False when
 * it stays taken; ended by bri_store_unlock. */
bool bri_store_try_lock(bri_store *store);
/* And wakes whom what happened concerns. */
void bri_store_unlock(bri_store *store);
/* One that was never handed in. */
void bri_errand_discard(bri_errand *errand);
/* With the lock: everything it waited for is over. */
void bri_errand_make_ready(bri_errand *errand);
/* With the lock: takes it out of its queue. */
void bri_errand_take(bri_errand *errand, int rank);
/* With the lock: the next one for this rank alone, or for any; NULL when there is none. */
bri_errand *bri_store_first(bri_store *store, int rank);
/* With the lock: it was taken, but will not begin there. */
void bri_errand_put_back(bri_errand *errand);
void bri_errand_free(br_future *future);
void bri_errand_hold(bri_errand *errand);
/* Its function will not be called any more. */
void bri_errand_drop_args(bri_errand *errand);
void bri_errand_release(bri_errand *errand);
extern const bri_future_kind bri_errand_kind;
/* What it has returned; it is over and went well. */
bri_input bri_errand_output(const bri_errand *errand);
/* Of a future made by br_submit; else NULL. */
bri_errand *bri_errand_of(br_future *future);

/* An errand of rank 0's: it runs on this rank, and `deliver` brings back what came out. parcel gets
 * a reference. NULL with a BR_ENOMEM error. */
bri_errand *bri_errand_foreign(bri_store *store, br_submit_function *fn, bri_parcel *parcel,
                               size_t ninputs);
void bri_parcel_release(bri_parcel *parcel);

/* ---- end.c ---- */

/* Cancels the errands that stand in queues (bri_running.stop). */
bool bri_store_stop(bri_running *running, const char *why);

/* It is over; the store's reference is the caller's to release. Without the lock. */
void bri_errand_end(bri_errand *errand, br_status status, const char *text);
/* The same with the lock. */
void bri_errand_end_locked(bri_errand *errand, br_status status, const char *text);
/* What an errand says that fails because of another one; and the text of that other one. */
#define BRI_FOLLOWS "what it depends on failed"
const char *bri_first_failure(const br_future *future);
/* With the lock: handed in, but something that it depends on has failed. Nobody depends on it. */
void bri_errand_follow(bri_errand *errand, const bri_errand *failed);
/* Its function was called, here or elsewhere, and returned an error: it is made ready again, or
 * over with a text that says which task. Returns whether it is over. `where` names the rank, or
 * NULL. */
bool bri_errand_failed(bri_errand *errand, br_status status, const char *text, const char *where);
/* "task NAME (file.c:12)" */
void bri_errand_describe(const bri_errand *errand, char *text, size_t size);
/* With the lock: one that has not begun does not begin. */
void bri_errand_cancel(br_future *future);

/* ---- work.c ---- */

/* Runs errands for about so long, until none is ready or `until` is done (NULL: not asked); false
 * when none was ready. */
bool bri_store_work(bri_store *store, int64_t ns, const bri_until *until);
/* Runs one that was taken. */
void bri_errand_run(bri_errand *errand, bri_drain *drain);
/* Some thread of the process runs errands, and does not sleep in one. */
bool bri_errands_run(void);
/* The calling thread sleeps, perhaps in an errand, until it goes on. */
void bri_errands_sleep(void);
void bri_errands_go_on(void);
/* What the calling thread runs, or NULL. */
br_task *bri_task_current(void);
void bri_task_drop_result(br_task *task);
void bri_drain_give_back(bri_drain *drain);
/* With the lock: one that some thread has taken and not begun, or NULL. */
bri_errand *bri_store_steal(bri_store *store, const bri_drain *own);

/* ---- wait.c ---- */

/* What a thread waits for. */
typedef struct bri_wish {
    bool (*done)(const void *data);
    const void *data;
    /* The futures of which it needs one, one after the other; *cursor is NULL at first. With the
     * lock. */
    br_future *(*each)(const void *data, void **cursor);
    br_future *only;              /* or just this one, */
    uint64_t job;                 /*  or the job of this serial number */
    bool told;                    /* whoever makes it done tells, without being asked */
    bool others;                  /* futures that are no errands may make it done, too; */
    const atomic_size_t *nothers; /* or as long as this is not 0, changed with the lock; or NULL */
} bri_wish;
/* Returns when it is done; inside a task an error when that cannot be before the task ends. */
br_status bri_store_wait(bri_store *store, const bri_wish *wish);
br_status bri_errand_wait(br_future *future);
/* Inside a task: for the future of a job; for a job that was started, which fails when it cannot
 * end. */
br_status bri_wait_inside(br_future *future);
void bri_wait_for_job(bri_job *job, bool (*done)(const void *data), const void *data);
void bri_errand_poll(br_future *future);

/* ---- print.c; for the watch thread ---- */

/* How many have been run; false when none is at work. */
bool bri_store_count(const br_context *ctx, long long *run);
/* What runs here, and what waits for what. */
void bri_store_print(br_context *ctx, FILE *to);

/* ---- completed.c ---- */

/* With the lock: the errand is over, its watches are done. */
void bri_watch_tell(bri_errand *errand);
/* The errand's future is freed. */
void bri_watch_forget(bri_errand *errand);

#endif
