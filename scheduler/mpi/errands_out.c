/* SPDX-License-Identifier: BSD-3-Clause
 * errands_out.c - rank 0 hands errands out and takes what comes back. All but two functions are the
 * communication thread's.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/errands.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/mail.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/notes.h"
#include "scheduler/mpi/thread.h"
#include "scheduler/workers/exchange.h"

/* What lies ahead of a rank's threads: about AHEAD seconds of work, at least one errand when those
 * are shorter than WORTH_ONE, since a new one takes up to a millisecond to come. */
#define AHEAD     8e-3
#define WORTH_ONE 50e-3
/* How often idle threads are looked for, and how long a rank must have been silent to be asked. */
#define LOOK    2e-3
#define SILENCE 2e-3
enum { MOST_AHEAD = 1024, MOST_TOGETHER = 512, FUNCTIONS = 16 };

/* A rank as rank 0 sees it. */
typedef struct member {
    int threads;
    int out;        /* errands that it has (store's lock) */
    int waiting;    /*  of them: wait for messages, and another thread is in the place of each */
    double seconds; /* that one takes, 0: not known */
    double heard;   /* when it last brought something */
    bool recalled;  /* it has been asked for what it has not begun */
} member;

/* The ranks as the workers of one store. */
typedef struct crew {
    struct crew *next;
    bri_store *store;
    unsigned context;
    int nranks;
    member member[];
} crew;

static struct {
    crew *first;
    double looked;
} crews;

/* ---- letters ---- */

void *bri_draft_add(bri_draft *d, size_t bytes)
{
    if (d->room - d->n < bytes) {
        size_t room = 2 * d->room > d->n + bytes ? 2 * d->room : d->n + bytes;
        char *bigger = bri_realloc(d->bytes, room, 1);
        if (bigger == NULL)
            return NULL;
        d->bytes = bigger;
        d->room = room;
    }
    void *at = d->bytes + d->n;
    memset(at, 0, bytes);
    d->n += bytes;
    return at;
}

/* Looking a function up takes microseconds; programs hand in few different ones. */
static br_status identify(br_submit_function *fn, bri_function_id *id)
{
    static struct {
        br_submit_function *fn;
        bri_function_id id;
    } known[FUNCTIONS];
    static int next;
    for (int i = 0; i < FUNCTIONS; i++)
        if (known[i].fn == fn) {
            *id = known[i].id;
            return BR_OK;
        }
    BRI_TRY(bri_function_identify((bri_function)fn, id));
    known[next].fn = fn;
    known[next].id = *id;
    next = (next + 1) % FUNCTIONS;
    return BR_OK;
}

static size_t wire_bytes(const bri_errand *e)
{
    size_t bytes = sizeof(bri_wire_errand) + bri_padded(e->nedges * sizeof(uint64_t));
    for (size_t i = 0; i < e->nedges; i++)
        bytes += bri_padded(bri_errand_output(e->edges[i].before).bytes);
    return bytes + bri_padded(e->bytes);
}

static char *put(char *at, const void *data, size_t bytes)
{
    if (bytes > 0)
        memcpy(at, data, bytes);
    return at + bri_padded(bytes);
}

static br_status write_errand(bri_draft *d, const bri_errand *e)
{
    bri_wire_errand head = {
        .ticket = (uint64_t)(uintptr_t)e,
        .priority = e->priority,
        .attempts = atomic_load_explicit(&e->attempts, memory_order_relaxed),
        .pinned = e->on >= 0,
        .ninputs = (uint32_t)e->nedges,
        .bytes = e->bytes,
    };
    BRI_TRY(identify(e->fn, &head.fn));
    char *at = bri_draft_add(d, wire_bytes(e));
    if (at == NULL)
        return BR_ENOMEM;
    at = put(at, &head, sizeof head);
    uint64_t *sizes = (uint64_t *)(void *)at;
    at += bri_padded(e->nedges * sizeof *sizes);
    at = put(at, e->args, e->bytes);
    for (size_t i = 0; i < e->nedges; i++) {
        bri_input input = bri_errand_output(e->edges[i].before);
        sizes[i] = input.bytes;
        at = put(at, input.data, input.bytes);
    }
    return BR_OK;
}

/* ---- how much a rank gets ---- */

static int ahead_of(const member *m)
{
    if (m->seconds == 0 || m->seconds > WORTH_ONE)
        return 0;
    double n = AHEAD * m->threads / m->seconds;
    return n < 1 ? 1 : n > MOST_AHEAD ? MOST_AHEAD : (int)n;
}

static int threads_of(const member *m)
{
    return m->threads + m->waiting;
}

/* What would fill it up. Short errands go in batches: nothing until a quarter is missing. */
static int room_of(const member *m)
{
    int ahead = ahead_of(m);
    int missing = threads_of(m) + ahead - m->out;
    return m->out < threads_of(m) || 4 * missing > ahead ? missing : 0;
}

static bool any_room(const crew *c)
{
    for (int r = 1; r < c->nranks; r++)
        if (room_of(&c->member[r]) > 0)
            return true;
    return false;
}

static int threads_here(const bri_store *store)
{
    bool waits = atomic_load(&store->nwaiting) > 0;
    return store->ctx->nthreads - 1 + waits;
}

/* With the lock: threads of rank 0 that have nothing to run. */
static int idle_here(const crew *c)
{
    int here = atomic_load(&c->store->ntaken);
    for (int r = 1; r < c->nranks; r++)
        here -= c->member[r].out;
    int idle = threads_here(c->store) - here;
    return idle > 0 ? idle : 0;
}

/* With the lock. What its threads can begin at once, and a share of what is left when everybody
 * else who is idle has been thought of. */
static int share_of(const crew *c, const member *m)
{
    int room = room_of(m);
    int begin = threads_of(m) - m->out;
    begin = begin < 0 ? 0 : begin < room ? begin : room;
    size_t ready = c->store->anywhere.n;
    size_t others = (size_t)idle_here(c) + (size_t)begin;
    size_t spare = ready > others ? (ready - others) / (2 * (size_t)c->nranks) : 0;
    size_t more = (size_t)(room - begin);
    return begin + (int)(more < spare ? more : spare);
}

/* ---- handing out ---- */

/* With the lock. */
static void count_waiting(crew *c)
{
    const bri_exchange *x = c->store->exchange;
    for (int r = 1; x != NULL && r < c->nranks; r++)
        c->member[r].waiting = (int)x->nreceives[r];
}

static int take(crew *c, int rank, bri_errand *list[MOST_TOGETHER])
{
    bri_store *store = c->store;
    member *m = &c->member[rank];
    int n = 0;
    size_t bytes = 0;
    bri_errand *e;
    bri_store_lock(store);
    count_waiting(c);
    int share = room_of(m) > 0 ? share_of(c, m) : 0;
    bool own = room_of(m) > 0 && store->pinned[rank].n > 0;
    share = share == 0 && own ? 1 : share;
    while (n < share && n < MOST_TOGETHER && bytes < BRI_ERRANDS_LETTER &&
           (e = bri_store_first(store, rank)) != NULL) {
        bytes += wire_bytes(e);
        if (n > 0 && bytes > BRI_ERRANDS_LETTER)
            break;
        bri_errand_take(e, rank);
        list[n++] = e;
    }
    m->out += n;
    store->moved += n > 0;
    store->hungry = any_room(c);
    bri_store_unlock(store);
    return n;
}

static void returned(crew *c, int rank, int n)
{
    bri_store_lock(c->store);
    c->member[rank].out -= n;
    c->store->moved++;
    bri_store_unlock(c->store);
}

/* Without memory for the letter, or without a name for the function. */
static void fail(crew *c, int rank, bri_errand *e, br_status st)
{
    char text[BRI_ERROR_TEXT];
    snprintf(text, sizeof text, "%s", bri_last_error());
    returned(c, rank, 1);
    atomic_fetch_add_explicit(&e->attempts, 1, memory_order_relaxed);
    if (bri_errand_failed(e, st, text, NULL))
        bri_errand_release(e);
}

static bool give(crew *c, int rank)
{
    bri_errand *list[MOST_TOGETHER];
    bri_draft d = {NULL, 0, 0};
    int n = take(c, rank, list);
    for (int i = 0; i < n; i++) {
        br_status st = write_errand(&d, list[i]);
        if (st != BR_OK)
            fail(c, rank, list[i], st);
    }
    if (d.n > 0)
        bri_mail_send(rank,
                      &(bri_packet){.kind = BRI_PACKET_TASKS, .job = c->context, .bytes = d.n},
                      d.bytes);
    return n > 0;
}

/* Round and round, so that what there is little of goes to all. */
static void feed(crew *c)
{
    bri_store_lock(c->store);
    c->store->offered = false;
    bri_store_unlock(c->store);
    bool some = !bri_thread_stops(); /* nobody reads any more when rank 0 has said EXIT */
    while (some) {
        some = false;
        for (int r = 1; r < c->nranks; r++)
            some |= give(c, r);
    }
}

static crew *crew_of(bri_store *store, unsigned context)
{
    crew *c = store->crew;
    if (c != NULL)
        return c;
    int nranks = store->ctx->nranks;
    c = bri_calloc(1, sizeof *c + (size_t)nranks * sizeof c->member[0]);
    if (c == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    *c = (crew){.next = crews.first, .store = store, .context = context, .nranks = nranks};
    for (int r = 1; r < nranks; r++)
        c->member[r].threads = bri_meet_about(r)->threads;
    crews.first = c;
    store->crew = c;
    return c;
}

static void feed_request(const bri_request *request)
{
    feed(crew_of(request->data, (unsigned)request->number));
}

void bri_errands_offer(bri_store *store, unsigned context)
{
    bri_thread_must_post(&(bri_request){.run = feed_request, .data = store, .number = context});
}

/* ---- what comes back ---- */

static br_status take_result(bri_errand *e, const void *data, size_t bytes)
{
    bri_memory *memory = e->store->ctx->memory;
    e->result_bytes = 0;
    e->result = e->small_result;
    if (bytes > BRI_SMALL_RESULT) {
        void *block = bri_memory_get(memory, bytes);
        if (block == NULL)
            return BR_ENOMEM;
        bri_memory_force(memory, bytes);
        e->result = block;
    }
    if (bytes > 0)
        memcpy(e->result, data, bytes);
    e->result_bytes = bytes;
    return BR_OK;
}

static void not_begun(bri_errand *e)
{
    bri_store_lock(e->store);
    bri_errand_put_back(e);
    bri_store_unlock(e->store);
}

/* Returns whether it is over. */
static bool finish(bri_errand *e, int from, const bri_wire_result *head, const void *bytes)
{
    char name[96];
    br_status st = (br_status)head->status;
    const char *text = bytes;
    atomic_fetch_add_explicit(&e->attempts, 1, memory_order_relaxed);
    if (st == BR_OK && atomic_load_explicit(&e->future.cancelled, memory_order_relaxed)) {
        st = BR_ECANCELLED;
        text = "was cancelled";
    }
    if (st == BR_OK) {
        st = take_result(e, bytes, head->bytes);
        text = bri_last_error();
    }
    if (st != BR_OK)
        return bri_errand_failed(e, st, text, bri_meet_name(from, name));
    bri_errand_end(e, BR_OK, NULL);
    return true;
}

static void learn(member *m, int64_t ns, int n)
{
    if (n == 0)
        return;
    double seconds = 1e-9 * (double)ns / n;
    m->seconds = m->seconds == 0 ? seconds : 0.5 * (m->seconds + seconds);
    m->seconds = m->seconds > 1e-7 ? m->seconds : 1e-7;
}

static crew *find_crew(unsigned context)
{
    crew *c = crews.first;
    while (c != NULL && c->context != context)
        c = c->next;
    return c;
}

bri_store *bri_errands_store(unsigned context)
{
    const crew *c = find_crew(context);
    return c != NULL ? c->store : bri_errands_store_in(context);
}

void bri_errands_feed(unsigned context)
{
    crew *c = find_crew(context);
    if (c != NULL)
        feed(c);
}

int bri_errands_elsewhere(const bri_store *store, int rank)
{
    const crew *c = store->crew;
    int n = 0;
    for (int r = 1; c != NULL && r < c->nranks; r++)
        n += rank < 0 || rank == r ? c->member[r].out : 0;
    return n;
}

static void take_results(int from, const bri_packet *packet, void *bytes)
{
    crew *c = find_crew((unsigned)packet->job);
    if (c == NULL) { /* the answer to a recall, when all was over before it came */
        bri_free(bytes);
        return;
    }
    member *m = &c->member[from];
    int64_t ns = 0;
    int nrun = 0, n = 0;
    bri_wire_result head;
    for (size_t at = 0; at < packet->bytes; at += sizeof head + bri_padded(head.bytes), n++)
        memcpy(&head, (char *)bytes + at, sizeof head);
    returned(c, from, n);
    for (size_t at = 0; at < packet->bytes; at += sizeof head + bri_padded(head.bytes)) {
        memcpy(&head, (char *)bytes + at, sizeof head);
        bri_errand *e = (bri_errand *)(uintptr_t)head.ticket;
        if (head.status == BRI_NOT_BEGUN) {
            not_begun(e);
            continue;
        }
        ns += head.ns;
        nrun++;
        if (finish(e, from, &head, (char *)bytes + at + sizeof head))
            bri_errand_release(e);
    }
    learn(m, ns, nrun);
    atomic_fetch_add_explicit(&c->store->nrun, nrun, memory_order_relaxed);
    m->heard = bri_thread_now();
    m->recalled &= packet->number == 0;
    bri_free(bytes);
    feed(c);
}

void bri_errands_on_results(int from, const bri_packet *packet, const void *payload)
{
    bri_mail_receive(from, packet, payload, take_results);
}

/* ---- idle threads ---- */

bool bri_errands_out(void)
{
    for (const crew *c = crews.first; c != NULL; c = c->next)
        for (int r = 1; r < c->nranks; r++)
            if (c->member[r].out > 0)
                return true;
    return false;
}

/* With the lock. */
static bool somebody_idle(const crew *c)
{
    for (int r = 1; r < c->nranks; r++)
        if (c->member[r].out < threads_of(&c->member[r]))
            return true;
    return idle_here(c) > 0;
}

static void look(crew *c, double now)
{
    bri_store_lock(c->store);
    bool wanted = c->store->anywhere.n == 0 && somebody_idle(c);
    bri_store_unlock(c->store);
    for (int r = 1; wanted && r < c->nranks; r++) {
        member *m = &c->member[r];
        if (m->recalled || m->out <= m->threads || now - m->heard < SILENCE)
            continue;
        m->recalled = true;
        bri_link_send(r, &(bri_packet){.kind = BRI_PACKET_RECALL, .job = c->context}, NULL);
    }
}

void bri_errands_step(double now)
{
    if (crews.first == NULL || now - crews.looked < LOOK)
        return;
    crews.looked = now;
    for (crew *c = crews.first; c != NULL; c = c->next) {
        look(c, now);
        bri_notes_look(c->store, c->context, now);
    }
}

/* ---- the end ---- */

typedef struct farewell {
    bri_store *store;
    pthread_mutex_t lock;
    pthread_cond_t said;
    bool done;
} farewell;

static void forget_request(const bri_request *request)
{
    farewell *f = request->data;
    crew **link = &crews.first;
    while (*link != NULL && (*link)->store != f->store)
        link = &(*link)->next;
    crew *c = *link;
    if (c != NULL)
        *link = c->next;
    bri_free(c);
    pthread_mutex_lock(&f->lock);
    f->done = true;
    pthread_cond_signal(&f->said);
    pthread_mutex_unlock(&f->lock);
}

/* Requests run in their order, so afterwards none that came before is left. */
void bri_errands_forget(bri_store *store)
{
    farewell f = {
        .store = store, .lock = PTHREAD_MUTEX_INITIALIZER, .said = PTHREAD_COND_INITIALIZER};
    if (store == NULL)
        return;
    bri_thread_must_post(&(bri_request){.run = forget_request, .data = &f});
    pthread_mutex_lock(&f.lock);
    while (!f.done)
        pthread_cond_wait(&f.said, &f.lock);
    pthread_mutex_unlock(&f.lock);
}
