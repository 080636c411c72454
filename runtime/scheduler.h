/* SPDX-License-Identifier: BSD-3-Clause
 * scheduler.h - the vtables through which scheduler/ and array/ meet.
 */
#ifndef BRI_SCHEDULER_H
#define BRI_SCHEDULER_H

#include <bramble/context.h>
#include <bramble/future.h>

#include "runtime/job.h"

/* Of a question to other ranks, and of an answer. */
enum { BRI_ASK_BYTES = 32 << 10 };

/* A question of one rank's engine to that of another one. */
typedef struct bri_question {
    int from, to; /* ranks */
    const void *asked;
    size_t bytes;
    size_t each; /* bytes of the answer */
} bri_question;

enum { BRI_ALL_RANKS = -1 /* but this one; instead of a rank */ };

/* HOW a job's tasks run. One row of bri_schedulers each; BRAMBLE_SCHEDULER picks it. */
typedef struct bri_scheduler {
    const char *name;
    /* Sets ctx->scheduler_data, ctx->rank, ctx->nranks and ctx->nthreads. Under mpi, ranks above 0
     * do not return. */
    br_status (*open)(br_context *ctx);
    /* Makes the job known to the workers. */
    br_status (*start)(br_context *ctx, bri_job *job);
    /* Works on the job until it is done on this rank and, under mpi, on all (block), or for a
     * moment. True when done; then nothing of the scheduler touches the job any more, and
     * bri_job_status() is what all ranks agreed on. */
    bool (*progress)(br_context *ctx, bri_job *job, bool block);
    /* The same without a waiter: landed(job) is called once nothing of the scheduler touches the
     * job any more, on some thread, before or after this returns. A job that cannot start fails. */
    void (*launch)(br_context *ctx, bri_job *job, void (*landed)(bri_job *job));
    /* This thread works on whatever there is until the future of a job is done, which somebody else
     * makes so and then calls notify. Any thread; inside a task it works only on what that future
     * needs, and an error says that it cannot end before the task. */
    br_status (*help)(br_context *ctx, br_future *future);
    void (*notify)(br_context *ctx);
    /* Fails the job with BR_ECANCELLED: what has begun runs to its end. Any thread. */
    void (*cancel)(br_context *ctx, bri_job *job, const char *why);
    /* Runs a job of this rank alone to its end: no other rank knows it, nothing is agreed on.
     * bri_job_status tells how it went; an error only when it could not begin. */
    br_status (*run_here)(br_context *ctx, bri_job *job);
    void (*close)(br_context *ctx);

    /* Tasks that were handed in (scheduler/futures): adds how many have been run, true when some
     * are at work; prints what they do. On the watch thread, until the context closes. */
    bool (*count_errands)(const br_context *ctx, long long *run);
    void (*print_errands)(br_context *ctx, FILE *to);
    /* The threads of this rank, NULL under sync. */
    struct bri_pool *(*pool)(br_context *ctx);

    /* The rest is NULL for schedulers of one process. */

    /* Adds what the job waits for beside its tasks to bri_job_print. On the watch thread. */
    void (*inspect)(br_context *ctx, bri_job *job, FILE *to);
    /* Rank 0: all others print what they do (bri_watch_ask). Ranks above: tells rank 0 that this
     * one got on (bri_watch_progress). */
    void (*tell_ranks)(br_context *ctx);

    /* Host, threads and reason of a rank (0 <= rank < ctx->nranks), gathered when the ranks met. */
    void (*about)(br_context *ctx, int rank, br_rank_info *info);
    /* Rank 0: tells every rank to serve this message (bri_engine.serve) as job `id`. */
    br_status (*announce)(br_context *ctx, uint64_t id, const void *message, size_t bytes);
    /* Rank 0: asks the engine of every other rank (bri_engine.answer), whatever runs there; the
     * answer of rank r, `each` bytes, is put at answers + r * each. At most BRI_ASK_BYTES either
     * way. The first error of any rank. */
    br_status (*ask)(br_context *ctx, const void *question, size_t bytes, void *answers,
                     size_t each);
    /* Ranks above 0: asks the engine of rank 0 in the same way. Any thread, also inside a task. */
    br_status (*inquire)(const void *question, size_t bytes, void *answer, size_t each);
    /* Rank 0: gives the engine of a rank above 0, or of each (BRI_ALL_RANKS), bytes that later
     * messages mention (bri_engine.keep). */
    br_status (*share)(br_context *ctx, int rank, const void *message, size_t bytes);
    /* Sends a ready value to a rank, or to all its destinations
     * (BRI_ALL_READERS); for each calls bri_job_sent when
     * its bytes are free again. Any thread. */
    void (*send)(br_context *ctx, bri_job *job, bri_value *value, int rank);
    /* A value will come from value->owner, with those linked to it by next_output; calls
     * bri_job_arrived and runs what became ready. With job->emit held. */
    void (*expect)(br_context *ctx, bri_job *job, bri_value *value);
    /* A task of so many bytes does not fit, and nothing runs here: values that other ranks have yet
     * to take may go to disk. Any thread. */
    void (*park)(br_context *ctx, bri_job *job, size_t bytes);
    /* Sends a note about messages between tasks (scheduler/workers): `bytes` bytes of bri_malloc,
     * which are the receiver's. BR_ENOMEM. Any thread. */
    br_status (*note)(br_context *ctx, int to, void *note, size_t bytes);
    /* For a thread that sleeps in a task: when it is the one that serves rank 0, goes on with
     * that. */
    void (*pump)(br_context *ctx);
    /* Rank 0: errands (scheduler/futures) are ready that other ranks may run. Any thread. */
    void (*offer)(br_context *ctx);
} bri_scheduler;

extern const bri_scheduler bri_scheduler_sync, bri_scheduler_threads, bri_scheduler_mpi;

/* The row that BRAMBLE_SCHEDULER asks for, or the one for how the process was launched.
 * BR_ECONFIG when it cannot serve several ranks. */
br_status bri_scheduler_choose(const br_context *ctx, const bri_scheduler **scheduler);

/* WHAT a message from rank 0 asks for; the array layer sets ctx->engine. Called on ranks above 0,
 * on the thread that serves. */
typedef struct bri_engine {
    /* Plans the message and launches it as job `id`, whatever fails (bri_job_fail), since all ranks
     * must agree on the end. Without memory even for the job nothing is launched, and
     * bri_last_error says so. */
    void (*serve)(br_context *ctx, uint64_t id, const void *message, size_t bytes);
    /* Frees what jobs that have landed leave behind; called soon after scheduler->notify. */
    void (*tidy)(br_context *ctx);
    /* Answers a question of another rank's engine (bri_scheduler.ask, inquire), on a thread of its
     * own, while jobs may run: it knows no context. */
    br_status (*answer)(const bri_question *question, void *answer);
    /* Takes bytes that rank 0 shares, in the order of its messages. */
    void (*keep)(br_context *ctx, const void *message, size_t bytes);
    /* Called by br_open after config, memory and host are known and before the scheduler opens,
     * since a rank above 0 never returns from that: kernels are chosen here. */
    br_status (*open)(br_context *ctx);
    /* What results depend on beside the expression, for the ranks to compare: names of at most 31
     * characters. */
    void (*arithmetic)(char kernels[32], char blas[32]);
    /* Frees the arrays of a context, also of one that did not open: calls on it fail. */
    void (*release)(br_context *ctx);
    /* The context closes: frees what the array layer keeps in it. */
    void (*close)(br_context *ctx);
} bri_engine;

extern const bri_engine bri_array_engine;

#endif
