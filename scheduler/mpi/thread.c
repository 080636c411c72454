/* SPDX-License-Identifier: BSD-3-Clause
 * thread.c - the communication thread: requests of other threads, packets of other ranks, and how
 * it sleeps.
 *
 * A blocking receive would burn a core, so the thread looks and sleeps in turns: right after
 * something happened it spins, then sleeps ever longer, up to 200 us while something is under way
 * and 1 ms when idle (1.6 % of a core). A request wakes it at once, and so does a packet of a rank
 * on the same host (bell.h): where all ranks are on one it need not look while it is idle.
 */
#include "scheduler/mpi/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "runtime/alloc.h"
#include "runtime/crash.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/ask.h"
#include "scheduler/mpi/bell.h"
#include "scheduler/mpi/bundle.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/notes.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/peers.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/tree.h"
#include "scheduler/mpi/values.h"

#define SPIN               30e-6
#define SHORTEST_SLEEP     50e-6
#define LONGEST_SLEEP_BUSY 200e-6
#define LONGEST_SLEEP_IDLE 1e-3
/* Where every message rings, sleeps are for what does not ring: signs of life, helpers (lend.h). */
#define SLEEP_RUNG_BUSY 1e-3
#define SLEEP_RUNG_IDLE 20e-3

/* Lock: `lock` guards the queue and the flags, and the bell's end. The rest is the thread's own. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bri_request *queue, *taken; /* two arrays that change places */
    size_t nqueue, queue_capacity, taken_capacity;
    bool started, met, ended;
    br_status meeting;
    char meeting_text[BRI_ERROR_TEXT];
    struct bri_invitation *invitation;
    bool stop, found;
    int nparted; /* ranks that have sent their last packet */
} comm = {.lock = PTHREAD_MUTEX_INITIALIZER};

double bri_thread_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct timespec as_timespec(double seconds)
{
    time_t whole = (time_t)seconds;
    return (struct timespec){.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
}

bool bri_thread_is_this(void)
{
    return pthread_equal(comm.thread, pthread_self());
}

/* ---- requests ---- */

static br_status make_room(void)
{
    if (comm.nqueue < comm.queue_capacity)
        return BR_OK;
    size_t n = comm.queue_capacity > 0 ? 2 * comm.queue_capacity : 64;
    bri_request *bigger = bri_realloc(comm.queue, n, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    comm.queue = bigger;
    comm.queue_capacity = n;
    return BR_OK;
}

br_status bri_thread_post(const bri_request *request)
{
    pthread_mutex_lock(&comm.lock);
    br_status st = make_room();
    if (st == BR_OK) {
        comm.queue[comm.nqueue++] = *request;
        bri_bell_ring();
    }
    pthread_mutex_unlock(&comm.lock);
    return st;
}

void bri_thread_must_post(const bri_request *request)
{
    if (bri_thread_post(request) != BR_OK)
        bri_leave_abort(1, "%s", bri_last_error());
}

static size_t take_requests(void)
{
    pthread_mutex_lock(&comm.lock);
    size_t n = comm.nqueue;
    size_t capacity = comm.queue_capacity;
    bri_request *taken = comm.queue;
    comm.queue = comm.taken;
    comm.queue_capacity = comm.taken_capacity;
    comm.taken = taken;
    comm.taken_capacity = capacity;
    comm.nqueue = 0;
    pthread_mutex_unlock(&comm.lock);
    return n;
}

static bool run_requests(void)
{
    size_t n = take_requests();
    for (size_t i = 0; i < n; i++)
        comm.taken[i].run(&comm.taken[i]);
    return n > 0;
}

/* ---- packets ---- */

typedef void packet_handler(int from, const bri_packet *packet, const void *payload);

static void on_beat(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)packet, (void)payload; /* that it came is all it says */
}

static void on_bye(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)packet, (void)payload;
    comm.nparted++;
}

static void on_packet(int from, const bri_packet *packet, const void *payload)
{
    // clang-format off
    static packet_handler *const handlers[] = {
        [BRI_PACKET_WANT] = bri_values_on_want,
        [BRI_PACKET_SEEK] = bri_tree_on_seek,
        [BRI_PACKET_GATHER] = bri_bundle_on_gather,
        [BRI_PACKET_BUNDLE] = bri_values_on_bundle,
        [BRI_PACKET_VALUE] = bri_values_on_value,
        [BRI_PACKET_REFUSE] = bri_values_on_refuse,
        [BRI_PACKET_FAIL] = bri_parts_on_fail,
        [BRI_PACKET_DONE] = bri_parts_on_done,
        [BRI_PACKET_CANCEL] = bri_parts_on_cancel,
        [BRI_PACKET_END] = bri_parts_on_end,
        [BRI_PACKET_OPEN] = bri_serve_on_command,
        [BRI_PACKET_OPENED] = bri_serve_on_opened,
        [BRI_PACKET_SERVE] = bri_serve_on_command,
        [BRI_PACKET_SHARE] = bri_serve_on_command,
        [BRI_PACKET_CLOSE] = bri_serve_on_command,
        [BRI_PACKET_EXIT] = bri_serve_on_command,
        [BRI_PACKET_BYE] = on_bye,
        [BRI_PACKET_PRINT] = bri_inspect_on_print,
        [BRI_PACKET_GOT_ON] = bri_inspect_on_got_on,
        [BRI_PACKET_IDLE] = bri_lend_on_idle,
        [BRI_PACKET_HELPER] = bri_lend_on_helper,
        [BRI_PACKET_FREE] = bri_lend_on_free,
        [BRI_PACKET_LENT] = bri_guests_on_lent,
        [BRI_PACKET_RETURN] = bri_lend_on_return,
        [BRI_PACKET_BEAT] = on_beat,
        [BRI_PACKET_ASK] = bri_ask_on_ask,
        [BRI_PACKET_ANSWER] = bri_ask_on_answer,
        [BRI_PACKET_TASKS] = bri_errands_on_tasks,
        [BRI_PACKET_RESULTS] = bri_errands_on_results,
        [BRI_PACKET_RECALL] = bri_errands_on_recall,
        [BRI_PACKET_NOTE] = bri_notes_on_note,
    };
    // clang-format on
    bri_peers_heard(from);
    handlers[packet->kind](from, packet, payload);
}

/* ---- sleeping ---- */

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static bool any_request(void)
{
    pthread_mutex_lock(&comm.lock);
    bool any = comm.nqueue > 0;
    pthread_mutex_unlock(&comm.lock);
    return any;
}

static const bri_link_events events = {.packet = on_packet, .moved = bri_peers_heard};

static bool look_again(void)
{
    comm.found = bri_link_poll(&events);
    return comm.found || any_request();
}

/* Requests under way may be in need of MPI's own messages, which don't ring. */
static double longest_sleep(void)
{
    bool moving = bri_link_busy() || bri_errands_out();
    bool busy = moving || bri_parts_any();
    if (bri_bell_hears_all() && !moving)
        return busy ? SLEEP_RUNG_BUSY : SLEEP_RUNG_IDLE;
    return busy ? LONGEST_SLEEP_BUSY : LONGEST_SLEEP_IDLE;
}

/* quiet: seconds since something happened. True when something was found on the way to sleep. */
static bool rest(double quiet)
{
    comm.found = false;
    if (quiet < SPIN)
        sched_yield();
    else if (bri_bell_hears_all() && !bri_link_busy())
        bri_bell_wait(longest_sleep(), look_again);
    else
        bri_bell_wait(clamp(quiet / 4, SHORTEST_SLEEP, longest_sleep()), look_again);
    return comm.found;
}

static void loop(void)
{
    double last = bri_thread_now();
    while (!comm.stop) {
        bool something = run_requests();
        something |= bri_link_poll(&events);
        something |= bri_parts_step();
        double now = bri_thread_now();
        if (!comm.stop)
            bri_peers_step(now);
        bri_errands_step(now);
        if (something)
            last = now;
        else if (rest(now - last))
            last = bri_thread_now();
    }
}

/* Rank 0 has said its last (EXIT), and hears the last of everybody: MPI would keep what nobody has
 * received for the next communicator that gets the number of ours. */
static void part(void)
{
    if (bri_meet_rank() > 0)
        bri_link_send(0, &(bri_packet){.kind = BRI_PACKET_BYE}, NULL);
    while (bri_meet_rank() == 0 && comm.nparted < bri_meet_nranks() - 1)
        bri_bell_wait(SHORTEST_SLEEP, look_again);
}

/* ---- its life ---- */

static void tell(bool *flag)
{
    pthread_mutex_lock(&comm.lock);
    *flag = true;
    pthread_cond_broadcast(&comm.changed);
    pthread_mutex_unlock(&comm.lock);
}

/* A thread that still posts may do so until the end. */
static void close_bell(void)
{
    pthread_mutex_lock(&comm.lock);
    bri_bell_close();
    pthread_mutex_unlock(&comm.lock);
}

static void *thread_main(void *unused)
{
    int rank;
    int nranks;
    pthread_mutex_lock(&comm.lock); /* until the starter has stored our id */
    pthread_mutex_unlock(&comm.lock);
    pthread_setname_np(pthread_self(), "bramble-mpi");
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* the default adds 50 us to every sleep */
    bri_link_open(comm.invitation, &rank, &nranks);
    comm.meeting = bri_meet(rank, nranks);
    snprintf(comm.meeting_text, sizeof comm.meeting_text, "%s", bri_last_error());
    bri_peers_begin();
    tell(&comm.met);
    loop();
    bri_aside_end();
    part();
    bri_link_close();
    bri_values_free();
    bri_lend_close();
    bri_peers_end();
    close_bell();
    tell(&comm.ended);
    return unused;
}

/* Signals go to the program's own threads. */
static br_status start_thread(void)
{
    sigset_t all;
    sigset_t old;
    bri_crash_blocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&comm.lock);
    int failure = pthread_create(&comm.thread, NULL, thread_main, NULL);
    comm.started = failure == 0;
    pthread_mutex_unlock(&comm.lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return bri_error(BR_ENOMEM, "cannot start the communication thread: %s", strerror(failure));
    return BR_OK;
}

bool bri_thread_runs(void)
{
    return comm.started;
}

static void prepare(struct bri_invitation *invitation)
{
    static bool prepared; /* conditions live as long as the process */
    pthread_condattr_t clock;
    comm.invitation = invitation;
    comm.met = comm.ended = comm.stop = false;
    comm.nparted = 0;
    if (prepared)
        return;
    prepared = true;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&comm.changed, &clock);
    pthread_condattr_destroy(&clock);
}

br_status bri_thread_start(struct bri_invitation *invitation)
{
    if (!comm.started) {
        prepare(invitation);
        BRI_TRY(start_thread());
    }
    pthread_mutex_lock(&comm.lock);
    while (!comm.met)
        pthread_cond_wait(&comm.changed, &comm.lock);
    pthread_mutex_unlock(&comm.lock);
    return comm.meeting != BR_OK ? bri_error(comm.meeting, "%s", comm.meeting_text) : BR_OK;
}

void bri_thread_stop(void)
{
    comm.stop = true;
}

bool bri_thread_stops(void)
{
    return comm.stop;
}

bool bri_thread_join(double seconds)
{
    struct timespec until = as_timespec(bri_thread_now() + seconds);
    int failure = 0;
    pthread_mutex_lock(&comm.lock);
    while (!comm.ended && failure != ETIMEDOUT)
        failure = pthread_cond_timedwait(&comm.changed, &comm.lock, &until);
    bool ended = comm.ended;
    pthread_mutex_unlock(&comm.lock);
    if (ended) {
        pthread_join(comm.thread, NULL);
        comm.started = false;
        bri_free(comm.queue);
        bri_free(comm.taken);
        comm.queue = comm.taken = NULL;
        comm.queue_capacity = comm.taken_capacity = comm.nqueue = 0;
    }
    return ended;
}
