/* SPDX-License-Identifier: BSD-3-Clause
 * exchange.h - messages between running tasks: who waits for what, and what nobody will send.
 *
 * Rank 0 brings sends and receives of one name together, in their order. The bytes stay where they
 * were sent until somebody wants them, and then go straight to the rank of the receive. All this
 * travels as notes.
 *
 * A receive that waits keeps its thread, so another one takes its place meanwhile (relief.c): what
 * would send may stand in a queue. So does a task that waits for another one, which may be that of
 * the receive.
 *
 * Lock: the store's.
 */
#ifndef BRI_WORKERS_EXCHANGE_H
#define BRI_WORKERS_EXCHANGE_H

#include "runtime/watch.h"
#include "scheduler/futures/store.h"
#include "scheduler/workers/shelf.h"

/* ->0: to rank 0, 0->: from it. */
typedef enum bri_note_kind {
    BRI_NOTE_SENT,   /* ->0: a message is here */
    BRI_NOTE_WANTED, /* ->0: a task waits for one */
    BRI_NOTE_GIVE,   /* 0->sender: send this one there */
    BRI_NOTE_BYTES,  /* sender -> receiver: here it is */
    BRI_NOTE_NOBODY, /* 0->receiver: none will come; the text says why */
    BRI_NOTE_PROBE,  /* 0->: is anything going on there? */
    BRI_NOTE_QUIET   /* ->0: the answer */
} bri_note_kind;

/* What stands at the beginning of a note; then comes its text or its bytes. */
typedef struct bri_note {
    uint32_t kind;
    int32_t rank;     /* GIVE: of the receive */
    uint64_t message; /* which one, for its rank */
    uint64_t receive; /* the same */
    uint64_t bytes;   /* of the message, or of the text */
    /* QUIET: nothing can go on there; errands of rank 0's that are there, tasks that wait for a
     * message, messages sent so far. PROBE and QUIET: of which probe. */
    uint64_t quiet, nforeign, nblocked, nsent, probe;
    /* SENT, WANTED: rank 0's errand whose task it is, which knows more of its name than the text,
     * or 0. */
    uint64_t errand;
    uint64_t unused[2];
} bri_note;

/* A message, or a receive, as rank 0 knows it; where it is, `ticket` is its address. */
typedef struct bri_entry {
    struct bri_entry *next;
    int rank;
    uint64_t ticket, turn;
    size_t bytes;
    bri_kept *kept;     /* of a message: when it is here */
    bri_errand *errand; /* whose task it is, with a reference; NULL: of another rank's own, */
    const char *by;     /*  which is "task NAME (file.c:12)" */
    char name[];
} bri_entry;

enum { BRI_NAMES = 64 };

/* Entries by name, each list in its order. */
typedef struct bri_entries {
    bri_entry *first[BRI_NAMES], *last[BRI_NAMES];
    size_t n;
} bri_entries;

/* A task that waits, on its thread's stack. */
typedef struct bri_waiter {
    struct bri_waiter *next, **link;
    const char *name;
    const br_task *task;
    pthread_cond_t wake;
    bool on_main; /* the thread is one of main's */
    bool coming;  /* no longer blocked: it has what it waits for, or that is on its way */
    bool done;
    bri_kept *kept;
    br_status status;
    char text[440];
} bri_waiter;

typedef struct bri_exchange {
    bri_store *store;
    bri_watched watched;
    bri_entries messages; /* rank 0: all of them; other ranks: those that are here */
    bri_entries receives; /* rank 0 */
    bri_waiter *waiters;
    uint64_t turn;

    /* To know that nothing can go on. */
    uint64_t nblocked;               /* tasks here that wait for what is not coming yet */
    uint64_t nmain;                  /*  of them on threads of main's */
    uint64_t nsent;                  /* other ranks: notes SENT */
    uint64_t *nreceives, *nreceived; /* rank 0, by rank: that wait; notes SENT that came */
    /* Rank 0 asks the others (scheduler/mpi/notes.c). */
    uint64_t probe, probe_moved; /* the last one, and store->moved then */
    int nunanswered;
    bool all_quiet; /* those that answered */
    double probed;  /* when */

    /* Relief. */
    pthread_cond_t changed;
    pthread_t *threads;
    size_t nthreads, room;
    int nwaiting; /* threads that wait in br_recv, or sleep inside tasks: */
    int ninside;  /*  of these so many */
    int nrelief;  /* relief threads that run errands */
    int nresting; /* sync: threads that let others run */
} bri_exchange;

/* ---- exchange.c; with the lock ---- */

/* NULL with a BR_ENOMEM error. */
bri_exchange *bri_exchange_of(bri_store *store);
void bri_exchange_free(bri_exchange *x);
/* A message of this rank's; takes a reference of its own to kept. BR_ENOMEM. */
br_status bri_exchange_send(bri_exchange *x, const char *name, bri_errand *by, bri_kept *kept);
/* A task of this rank wants one: the waiter may be done at once. BR_ENOMEM. */
br_status bri_exchange_want(bri_exchange *x, bri_waiter *w);
/* A message of this name is known here. */
bool bri_exchange_has(const bri_exchange *x, const char *name);
/* The waiter does not want it any more; false when it is coming nevertheless. */
bool bri_exchange_unwant(bri_exchange *x, bri_waiter *w);
/* Every receive that waits fails: nobody will send. */
void bri_exchange_give_up(bri_exchange *x);
void bri_waiter_done(bri_exchange *x, bri_waiter *w, bri_kept *kept, br_status st,
                     const char *text);

/* A note has come. On the communication thread, without the lock. BR_ENOMEM. */
br_status bri_exchange_on_note(bri_store *store, int from, const bri_note *note, const void *rest);

/* ---- stuck.c; with the lock ---- */

/* A thread that waits for futures, as long as it does. */
typedef struct bri_sleeper {
    struct bri_sleeper *next, **link;
    const bri_wish *wish;
    bool in_task;
} bri_sleeper;
void bri_sleeper_enter(bri_store *store, bri_sleeper *s, const bri_wish *wish, bool in_task);
void bri_sleeper_leave(bri_store *store, bri_sleeper *s);

/* Some errand stands in a queue, for this rank or another one. */
bool bri_store_any_ready(const bri_store *store);
/* Nothing that is here can go on: all tasks wait, for messages or for each other, but for
 * `elsewhere` that other ranks have. */
bool bri_store_is_quiet(const bri_store *store, int elsewhere);
/* Somebody outside of tasks waits for futures, so nothing comes from there. */
bool bri_store_main_waits(const bri_store *store);
/* What waits and what lies about, at most `size` bytes. */
void bri_exchange_describe(const bri_exchange *x, const bri_entry *receive, char *text,
                           size_t size);
/* When the context closes: which messages nobody has received, on rank 0. x may be NULL. */
void bri_exchange_warn_left(const bri_exchange *x);
/* For SIGUSR1 and the watchdog: what waits here. */
void bri_exchange_print(bri_watched *watched, FILE *to);

/* ---- relief.c ---- */

/* With the lock: this thread is about to wait, another one takes its place. BR_ENOMEM. */
br_status bri_relief_begin(bri_exchange *x);
/* With the lock: it is back. Under sync it waits for its turn. */
void bri_relief_end(bri_exchange *x);
/* Under sync, or in a task: this thread sleeps, others may run meanwhile, where there are messages.
 * Without the lock. */
typedef enum bri_rest { BRI_NO_REST, BRI_REST, BRI_REST_INSIDE } bri_rest;
bri_rest bri_relief_rest(bri_store *store, bool in_task);
/* It goes on. */
void bri_relief_resume(bri_store *store, bri_rest rest);
/* With the lock: something became ready. */
void bri_relief_wake(bri_exchange *x);
/* The calling thread is one. */
bool bri_relief_is_this(void);
/* Without the lock: whoever waits goes on with an error, and nobody waits any more. A relief thread
 * may be in the middle of a task that waits for the caller's. */
void bri_exchange_stop(bri_store *store);
/* The same outside of tasks, and the relief threads end. Once. */
void bri_exchange_end(bri_store *store);

#endif
