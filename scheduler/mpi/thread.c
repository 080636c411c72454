/* SPDX-License-Identifier: BSD-3-Clause
 * thread.c - the communication thread: requests of other threads, packets of other ranks, and how
 * it sleeps.
 *
 * A blocking receive would burn a core, so the thread looks and sleeps in turns (rest.h): right
 * after something happened it spins, unless others compute, then sleeps ever longer, up to 200 us
 * while something is under way (7 % of a core), 4 ms when nothing of that moves for a while (0.6 %)
 * and this rank computes nothing, 1 ms when idle and 4 ms after a second of that. A request wakes
 * it at once, and so does a packet of a rank on the same host (bell.h): where all ranks are on one
 * it need not look while it is idle.
 */
#include "scheduler/mpi/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "runtime/crash.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/ask.h"
#include "scheduler/mpi/bell.h"
#include "scheduler/mpi/bundle.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/helpers.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/link.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/notes.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/peers.h"
#include "scheduler/mpi/rest.h"
#include "scheduler/mpi/serve.h"
#include "scheduler/mpi/tree.h"
#include "scheduler/mpi/values.h"

#define SLICE_NS      100000
#define PARTING_SLEEP 50e-6

/* Lock: `lock` guards the queue and the flags, and the bell's end. The rest is the thread's own. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bri_request *queue, *taken; /* two arrays that change places */
    size_t nqueue, queue_capacity, taken_capacity;
    bool started, arrived, met, ended; /* arrived: MPI runs on all ranks */
    bool judges;                       /* rank 0, written before arrived */
    br_status meeting;
    char meeting_text[BRI_ERROR_TEXT];
    struct bri_invitation *invitation;
    bool stop, found;
    int nparted; /* ranks that have sent their last packet */
} comm = {.lock = PTHREAD_MUTEX_INITIALIZER};

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

static void drop(const bri_request *request)
{
    if (request->drop != NULL)
        request->drop(request);
}

/* After EXIT other ranks listen to nothing any more, which threads may still ask for at exit(). */
static bool run_requests(void)
{
    size_t n = take_requests();
    for (size_t i = 0; i < n; i++) {
        const bri_request *request = &comm.taken[i];
        (comm.stop ? drop : request->run)(request);
    }
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
        [BRI_PACKET_IDLE] = bri_helpers_on_idle,
        [BRI_PACKET_HELPER] = bri_lend_on_helper,
        [BRI_PACKET_FREE] = bri_helpers_on_free,
        [BRI_PACKET_LENT] = bri_guests_on_lent,
        [BRI_PACKET_TAKEN] = bri_lend_on_taken,
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
    bool parting = packet->kind == BRI_PACKET_BYE || packet->kind == BRI_PACKET_NOTE;
    if (bri_thread_left() && !parting)
        return;
    bri_peers_heard(from);
    handlers[packet->kind](from, packet, payload);
}

/* ---- sleeping ---- */

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

static bri_rest_sight look_around(void)
{
    return (bri_rest_sight){.moving = bri_link_busy(),
                            .out = bri_errands_out(),
                            .jobs = bri_parts_any(),
                            .computes = bri_parts_compute() || bri_errands_run(),
                            .rings = bri_bell_hears_all()};
}

static void give_core_away(bri_rest *r, double now)
{
    sched_yield();
    bri_rest_note(r, now, bri_now());
}

/* True when something was found on the way to sleep. */
static bool rest(bri_rest *r, double last, double now)
{
    bri_rest_sight sight = look_around();
    comm.found = false;
    if (bri_rest_yields(r, &sight, now - last, now))
        give_core_away(r, now);
    else
        bri_bell_wait(bri_rest_length(&sight, now - last), look_again);
    return comm.found;
}

static void loop(void)
{
    double last = bri_now();
    bri_rest resting = {0};
    while (!comm.stop) {
        bool something = run_requests();
        something |= bri_link_poll(&events);
        something |= bri_parts_step();
        double now = bri_now();
        if (!comm.stop) { /* rank 0's last word to all is EXIT */
            bri_peers_step(now);
            bri_errands_step(now);
        }
        if (something)
            last = now;
        else if (rest(&resting, last, now))
            last = bri_now();
    }
}

/* Rank 0 has said its last (EXIT), and everybody hears the last of all others: MPI would keep what
 * nobody has received for the next communicator that gets the number of ours, and a long message
 * between tasks (notes.c) has left its sender only when the other rank has received it. */
static void part(void)
{
    int rank = bri_meet_rank();
    int others = bri_meet_nranks() - 1 - (rank > 0); /* rank 0's last is EXIT */
    for (int r = 0; rank > 0 && r < bri_meet_nranks(); r++)
        if (r != rank)
            bri_link_send(r, &(bri_packet){.kind = BRI_PACKET_BYE}, NULL);
    while (comm.nparted < others)
        bri_bell_wait(PARTING_SLEEP, look_again);
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

/* Beside threads that compute, Linux lets who wakes wait until their slices of some milliseconds
 * are over, unless its own is shorter (from 6.12 on; earlier ones pass over it). glibc 2.36 has
 * neither the call nor its structure. */
static void ask_for_short_slices(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof attributes, .runtime = SLICE_NS};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 ||
        attributes.policy != SCHED_OTHER)
        return;
    attributes.runtime = SLICE_NS;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static void *thread_main(void *unused)
{
    int rank;
    int nranks;
    pthread_mutex_lock(&comm.lock); /* until the starter has stored our id */
    pthread_mutex_unlock(&comm.lock);
    pthread_setname_np(pthread_self(), "bramble-mpi");
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* the default adds 50 us to every sleep */
    ask_for_short_slices();
    bri_link_start(comm.invitation, &rank, &nranks);
    comm.judges = rank == 0;
    tell(&comm.arrived);
    bri_link_open();
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
    comm.invitation = invitation;
    comm.arrived = comm.met = comm.ended = comm.stop = false;
    comm.nparted = 0;
    if (prepared)
        return;
    prepared = true;
    bri_condition_init(&comm.changed);
}

/* MPI's own calls would wait for ever, so it is the thread that opens who looks at the clock. False
 * on rank 0 when it takes too long; the others end with it. */
static bool wait_for_meeting(void)
{
    int64_t until = 0;
    bool late = false;
    pthread_mutex_lock(&comm.lock);
    while (!comm.met && !late) {
        if (comm.arrived && comm.judges) {
            until =
                until == 0 ? bri_now_ns() + (int64_t)(bri_meet_patience() * BRI_NS_PER_S) : until;
            late = !bri_condition_wait(&comm.changed, &comm.lock, until);
        } else {
            pthread_cond_wait(&comm.changed, &comm.lock);
        }
    }
    bool met = comm.met;
    pthread_mutex_unlock(&comm.lock);
    return met;
}

br_status bri_thread_start(struct bri_invitation *invitation)
{
    if (!comm.started) {
        prepare(invitation);
        BRI_TRY(start_thread());
    }
    if (!wait_for_meeting())
        bri_leave_lost(
            "the ranks have not met for %.0f s (BRAMBLE_PEER_TIMEOUT): what some of them "
            "send does not arrive; the network (scripts/cluster check), or no memory",
            bri_meet_patience());
    return comm.meeting != BR_OK ? bri_error(comm.meeting, "%s", comm.meeting_text) : BR_OK;
}

bool bri_thread_has_met(void)
{
    pthread_mutex_lock(&comm.lock);
    bool met = comm.met;
    pthread_mutex_unlock(&comm.lock);
    return met;
}

void bri_thread_stop(void)
{
    comm.stop = true;
}

bool bri_thread_stops(void)
{
    return comm.stop;
}

bool bri_thread_left(void)
{
    return comm.stop && bri_meet_rank() > 0;
}

/* At exit() others may still post, the watch thread, too: what they ask for goes the next time, or
 * with the process. */
static void drop_requests(void)
{
    pthread_mutex_lock(&comm.lock);
    comm.started = false;
    for (size_t i = 0; i < comm.nqueue; i++)
        drop(&comm.queue[i]);
    bri_free(comm.queue);
    bri_free(comm.taken);
    comm.queue = comm.taken = NULL;
    comm.queue_capacity = comm.taken_capacity = comm.nqueue = 0;
    pthread_mutex_unlock(&comm.lock);
}

bool bri_thread_join(double seconds)
{
    int64_t until = bri_now_ns() + (int64_t)(seconds * BRI_NS_PER_S);
    pthread_mutex_lock(&comm.lock);
    while (!comm.ended && bri_condition_wait(&comm.changed, &comm.lock, until))
        ;
    bool ended = comm.ended;
    pthread_mutex_unlock(&comm.lock);
    if (ended) {
        pthread_join(comm.thread, NULL);
        drop_requests();
    }
    return ended;
}
