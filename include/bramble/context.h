/* SPDX-License-Identifier: BSD-3-Clause
 * context.h - opening and closing, errors, scopes.
 */
#ifndef BRAMBLE_CONTEXT_H
#define BRAMBLE_CONTEXT_H

#include <bramble/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_open - starts bramble: settings from the environment (BRAMBLE_HELP=1 prints them), a
 * scheduler, its workers.
 *
 * argc, argv  main's own, or NULL; nothing is taken out of them at present
 * Returns a context, never NULL. When opening failed, every call on it returns the same status and
 * br_message says why.
 * Under mpirun with several ranks it is collective: every rank calls it, rank 0 returns, the other
 * ranks compute what rank 0 asks for inside the call and never return from it; they end with rank
 * 0's exit code. What main did before br_open it did on every rank.
 * Errors  BR_ECONFIG (a bad BRAMBLE_ setting; sync or threads with several ranks), BR_EMPI,
 *         BR_EPEER, BR_ENOMEM.
 * Cost    starts threads once; a second br_open in a process is cheap.
 */
BR_API br_context *br_open(int *argc, char ***argv);

/* br_close - frees the context with everything that lives in it.
 *
 * Prints the first failure not yet cleared to standard error and returns its status as an exit
 * code, so that `return br_close(ctx);` ends main well. 0 when there was none. NULL is fine.
 */
BR_API int br_close(br_context *ctx);

/* br_message - the text of the first failure since br_open or br_clear_error: operation, shapes,
 * file:line of the call, and on a run the chunk, the rank and the host. "" when there was none. It
 * lives until the next call on ctx. */
BR_API const char *br_message(const br_context *ctx);

/* br_error_status - the status that belongs to br_message; BR_OK when there was no failure. */
BR_API br_status br_error_status(const br_context *ctx);

/* br_clear_error - forgets the failure. Arrays that failed stay failed. */
BR_API void br_clear_error(br_context *ctx);

/* br_set_log - sends failures and warnings to a function instead of standard error. log NULL
 * restores the default. */
BR_API void br_set_log(br_context *ctx, void (*log)(void *data, br_status status, const char *text),
                       void *data);

/* br_cancel_all - stops what runs in the context, from another thread than the one that waits for
 * it.
 *
 * Computes and stores (blocking ones, too), graphs and tasks of br_submit: what has begun of them
 * runs to its end (also the few tasks that a thread or rank has taken to do next, and those that
 * wait for such), the rest is dropped, files are as before, and the calls return BR_ECANCELLED. The
 * context stays usable. Does nothing when nothing runs. Any thread, also a task; not a signal
 * handler.
 */
BR_API void br_cancel_all(br_context *ctx);

/* br_catch_interrupts - makes Ctrl-C (SIGINT) a br_cancel_all of this context; so does the setting
 * BRAMBLE_SIGINT=cancel, for each context that opens.
 *
 * The first Ctrl-C cancels, with one line on standard error; while nothing runs it cancels the next
 * call that computes. A second one before that has ended does what it did before, as a rule ends
 * the program. The program's handler is restored when the last such context closes. Under mpirun a
 * Ctrl-C on the terminal makes mpirun end all ranks; what cancels is SIGINT to the process of rank
 * 0.
 *
 * on  false: no longer
 * Errors  BR_EARG while the context computes, BR_ENOMEM.
 */
BR_API br_status br_catch_interrupts(br_context *ctx, bool on);

/* What runs where; all of them are cheap and answer on rank 0. */
BR_API int br_num_ranks(const br_context *ctx);   /* MPI ranks, 1 without MPI */
BR_API int br_num_threads(const br_context *ctx); /* threads of this rank */
BR_API const char *
br_scheduler(const br_context *ctx); /* "sync", "threads", "mpi" or "none" after a failed open */

/* One process that computes. */
typedef struct br_rank_info {
    int rank;
    int threads;
    char host[64];
    char why[160]; /* how the number of threads was found */
} br_rank_info;

/* br_rank - facts about one rank. Returns BR_EARG for a rank that does not exist. */
BR_API br_status br_rank(br_context *ctx, int rank, br_rank_info *info);

/* br_scope_open - arrays made from now on belong to this scope of the context, until it is closed.
 *
 * Scopes nest. Closing frees the scope's arrays (their nodes live on while others use them) and
 * scopes opened inside it. A closed scope must not be used again.
 * Returns NULL without memory; closing NULL does nothing.
 */
BR_API br_scope *br_scope_open(br_context *ctx);
BR_API void br_scope_close(br_scope *scope);

/* br_scope_return - closes the scope but hands x to the enclosing scope first; returns x, also a
 * failed one. For values out of functions. An x of another scope stays where it is. */
BR_API br_array *br_scope_return(br_scope *scope, br_array *x);

/* br_keep - hands x to the scope around the one it belongs to; returns x. For values carried
 * through iterations. In the outermost scope x stays where it is. */
BR_API br_array *br_keep(br_array *x);

/* br_release - frees x before its scope is closed; it must not be used after. What was made from it
 * stays good.
 *
 * In `next = br_persist(step(x)); br_release(x); x = next;` a loop holds one persisted array at a
 * time.
 * br_retain - keeps x beyond its scope, until br_release is called once more: for bindings of other
 * languages. br_close frees all.
 */
BR_API void br_release(br_array *x);
BR_API void br_retain(br_array *x);

#ifdef __cplusplus
}
#endif
#endif
