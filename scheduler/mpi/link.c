/* SPDX-License-Identifier: BSD-3-Clause
 * link.c - packets and transfers over communicators of our own, and the table of requests under
 * way.
 */
#include "scheduler/mpi/link.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/bell.h"
#include "scheduler/mpi/invitation.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/thread.h"

/* A piece is one MPI message of a long transfer. Of those to one rank only a few are under way: the
 * values that were asked for first arrive first, and signs of life get through between them on a
 * slow network. */
#define PIECE ((size_t)4 << 20)
_Static_assert(PIECE <= (size_t)64 << 20,
               "a few of these are under way to a rank, and hold up its signs of life so long");
/* Between hosts a message beyond the eager limit of 64 KiB waits for its receiver's consent, which
 * stands in line behind what that one sends itself: faces that two ranks exchange took twice as
 * long. So values up to SHORT_ROOM go in pieces that need none; more of them would make a long list
 * of receives, which MPI goes through each time it is asked. */
#define SHORT_PIECE ((size_t)60 << 10)
#define SHORT_ROOM  ((size_t)4 << 20)
enum { PIECES_UNDER_WAY = 4 };

/* So many packets are taken before completions get their turn. */
enum { PACKETS_IN_A_ROW = 64, FIRST_REQUESTS = 256, PACKET_TAG = 1 };

typedef struct outgoing {
    bri_transfer transfer;
    bri_packet packet;
    unsigned char payload[];
} outgoing;

/* Long transfers to one rank that have pieces not yet started. */
typedef struct outbox {
    bri_transfer *first, **last;
    int under_way; /* pieces */
} outbox;

static struct {
    MPI_Comm base; /* of all ranks; the others are duplicates of it */
    bool shared;   /* the program's MPI */
    MPI_Comm packets, values, commands;
    int rank, nranks, tag_limit;
    MPI_Request *requests; /* MPI wants an array of them alone, so their owners are a second one */
    bri_transfer **owners;
    int *indices;         /* of complete ones, */
    MPI_Status *statuses; /*  and whence they came */
    int nrequests, capacity;
    unsigned char *incoming;
    outbox *outboxes; /* by rank */
} link;

/* Tests read these. */
static atomic_llong sent[BRI_PACKET_KINDS];
static atomic_llong sent_pieces;

static void check(int result, const char *call)
{
    if (result == MPI_SUCCESS)
        return;
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length;
    MPI_Error_string(result, text, &length);
    bri_leave_abort(1, "%s failed: %s", call, text);
}

/* Every call of MPI by which something travels: by the communication thread, and no other. */
static void assert_ours(void)
{
    BRI_ASSERT(bri_thread_is_this());
}

#define CALL(function, ...) (assert_ours(), check(function(__VA_ARGS__), #function))

static int count_of(size_t bytes)
{
    BRI_ASSERT(bytes <= INT_MAX);
    return (int)bytes;
}

static MPI_Comm own_communicator(void)
{
    MPI_Comm comm;
    CALL(MPI_Comm_dup, link.base, &comm);
    CALL(MPI_Comm_set_errhandler, comm, MPI_ERRORS_RETURN);
    return comm;
}

bool bri_link_initialised(void)
{
    int initialised = 0;
    MPI_Initialized(&initialised);
    return initialised;
}

bool bri_link_is_shared(void)
{
    return link.shared;
}

/* This process is in both. */
bool bri_link_shares_ranks_with(MPI_Comm comm)
{
    MPI_Group ours;
    MPI_Group theirs;
    MPI_Group both;
    int n;
    MPI_Comm_group(link.base, &ours);
    MPI_Comm_group(comm, &theirs);
    MPI_Group_intersection(ours, theirs, &both);
    MPI_Group_size(both, &n);
    MPI_Group_free(&ours);
    MPI_Group_free(&theirs);
    MPI_Group_free(&both);
    return n > 1;
}

static void grow_requests(int capacity)
{
    size_t n = (size_t)capacity;
    MPI_Request *requests = bri_realloc(link.requests, n, sizeof *requests);
    if (requests != NULL)
        link.requests = requests;
    bri_transfer **owners = bri_realloc(link.owners, n, sizeof *owners);
    if (owners != NULL)
        link.owners = owners;
    int *indices = bri_realloc(link.indices, n, sizeof *indices);
    if (indices != NULL)
        link.indices = indices;
    MPI_Status *statuses = bri_realloc(link.statuses, n, sizeof *statuses);
    if (statuses != NULL)
        link.statuses = statuses;
    if (requests == NULL || owners == NULL || indices == NULL || statuses == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    link.capacity = capacity;
}

static void start_mpi(void)
{
    int provided;
    link.base = MPI_COMM_WORLD;
    CALL(MPI_Init_thread, NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
    if (provided < MPI_THREAD_SERIALIZED)
        bri_leave_abort(
            1, "this MPI library gives no thread support (MPI_THREAD_SERIALIZED is needed)");
}

static void open_communicators(void)
{
    link.packets = own_communicator();
    link.values = own_communicator();
    link.commands = own_communicator();
    int *limit, found;
    CALL(MPI_Comm_get_attr, MPI_COMM_WORLD, MPI_TAG_UB, &limit, &found);
    link.tag_limit = found ? *limit : 32767;
}

static void open_tables(void)
{
    link.incoming = bri_malloc(sizeof(bri_packet) + BRI_LINK_INLINE);
    if (link.incoming == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    grow_requests(FIRST_REQUESTS);
    link.outboxes = bri_calloc((size_t)link.nranks, sizeof *link.outboxes);
    if (link.outboxes == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    for (int r = 0; r < link.nranks; r++)
        link.outboxes[r].last = &link.outboxes[r].first;
}

void bri_link_start(bri_invitation *invitation, int *rank, int *nranks)
{
    link.shared = invitation != NULL;
    if (link.shared)
        link.base = invitation->comm;
    else
        start_mpi();
    CALL(MPI_Comm_set_errhandler, link.base, MPI_ERRORS_RETURN);
    CALL(MPI_Comm_rank, link.base, &link.rank);
    CALL(MPI_Comm_size, link.base, &link.nranks);
    *rank = link.rank;
    *nranks = link.nranks;
}

void bri_link_open(void)
{
    open_communicators();
    open_tables();
}

void bri_link_gather(const void *mine, void *all, size_t bytes)
{
    int n = count_of(bytes);
    CALL(MPI_Allgather, mine, n, MPI_BYTE, all, n, MPI_BYTE, link.packets);
}

void bri_link_abort(int code)
{
    BRI_ASSERT(bri_thread_is_this());
    MPI_Abort(link.base, code);
}

/* ---- requests ---- */

static MPI_Request *new_request(bri_transfer *owner)
{
    if (link.nrequests == link.capacity)
        grow_requests(2 * link.capacity);
    int i = link.nrequests++;
    link.owners[i] = owner;
    return &link.requests[i];
}

static void remove_request(int i)
{
    int last = --link.nrequests;
    link.requests[i] = link.requests[last];
    link.owners[i] = link.owners[last];
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

static MPI_Comm channel(bri_link_place place)
{
    if (place.tag > link.tag_limit)
        bri_leave_abort(1, "more than %d values on their way to one rank", link.tag_limit);
    return place.command ? link.commands : link.values;
}

_Static_assert(PIECE <= BRI_SUPPLY_PART && SHORT_ROOM <= BRI_SUPPLY_PART,
               "what is made in parts is sent in pieces of PIECE, each of which fits into one");

/* The same on both sides. */
size_t bri_link_piece(size_t room)
{
    return room <= SHORT_ROOM && !bri_meet_on_one_host() ? SHORT_PIECE : PIECE;
}

static size_t next_piece(const bri_transfer *t, size_t left)
{
    return left < t->piece ? left : t->piece;
}

/* Pieces of one transfer have the same tag: MPI keeps the order of messages between two ranks. */
static void start_piece(bri_transfer *t)
{
    size_t n = next_piece(t, t->bytes);
    CALL(MPI_Isend, t->data, count_of(n), MPI_BYTE, t->place.rank, t->place.tag, channel(t->place),
         new_request(t));
    bri_bell_ring_rank(t->place.rank);
    atomic_fetch_add_explicit(&sent_pieces, 1, memory_order_relaxed);
    t->data += n;
    t->bytes -= n;
    t->unsent--;
}

static void start_pieces(int rank)
{
    outbox *box = &link.outboxes[rank];
    while (box->first != NULL && box->under_way < PIECES_UNDER_WAY) {
        bri_transfer *t = box->first;
        start_piece(t);
        box->under_way++;
        if (t->unsent > 0) /* empty ones at the end when there is less than room */
            continue;
        box->first = t->next;
        if (box->first == NULL)
            box->last = &box->first;
    }
}

static void complete(bri_transfer *t, const bri_link_events *events)
{
    if (t->is_long && events != NULL)
        events->moved(t->place.rank);
    if (t->is_long && !t->outgoing)
        bri_bell_ring_rank(t->place.rank); /* its send may be complete */
    if (t->is_long && t->outgoing) {
        link.outboxes[t->place.rank].under_way--;
        start_pieces(t->place.rank);
    }
    if (--t->left == 0)
        t->done(t);
}

/* Of what was to come from anywhere. */
static void note_senders(int n)
{
    for (int k = 0; k < n; k++) {
        bri_transfer *t = link.owners[link.indices[k]];
        if (t->is_long && t->place.rank == BRI_LINK_ANY)
            t->place.rank = link.statuses[k].MPI_SOURCE;
    }
}

/* From the highest index down, so that the entry that fills a hole is never one of the completed;
 * new requests may be appended meanwhile. */
static bool complete_some(const bri_link_events *events)
{
    if (link.nrequests == 0)
        return false;
    int n;
    CALL(MPI_Testsome, link.nrequests, link.requests, &n, link.indices, link.statuses);
    if (n == MPI_UNDEFINED || n == 0)
        return false;
    note_senders(n);
    qsort(link.indices, (size_t)n, sizeof link.indices[0], descending);
    for (int k = 0; k < n; k++) {
        int i = link.indices[k];
        bri_transfer *owner = link.owners[i];
        remove_request(i);
        complete(owner, events);
    }
    return true;
}

bool bri_link_busy(void)
{
    return link.nrequests > 0;
}

/* ---- packets ---- */

static void free_outgoing(bri_transfer *transfer)
{
    bri_free(transfer); /* its first member */
}

void bri_link_send(int to, const bri_packet *packet, const void *payload)
{
    size_t more = payload != NULL ? packet->bytes : 0;
    BRI_ASSERT(more <= BRI_LINK_INLINE && to != link.rank);
    outgoing *o = bri_malloc(sizeof *o + more);
    if (o == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    o->transfer = (bri_transfer){.left = 1, .done = free_outgoing};
    o->packet = *packet;
    if (more > 0)
        memcpy(o->payload, payload, more);
    CALL(MPI_Isend, &o->packet, count_of(sizeof o->packet + more), MPI_BYTE, to, PACKET_TAG,
         link.packets, new_request(&o->transfer));
    bri_bell_ring_rank(to);
    atomic_fetch_add_explicit(&sent[packet->kind], 1, memory_order_relaxed);
}

int64_t bri_link_sent(bri_packet_kind kind)
{
    return atomic_load_explicit(&sent[kind], memory_order_relaxed);
}

int64_t bri_link_sent_pieces(void)
{
    return atomic_load_explicit(&sent_pieces, memory_order_relaxed);
}

static bool take_packet(const bri_link_events *events)
{
    int found;
    MPI_Message message;
    MPI_Status status;
    CALL(MPI_Improbe, MPI_ANY_SOURCE, PACKET_TAG, link.packets, &found, &message, &status);
    if (!found)
        return false;
    int bytes;
    CALL(MPI_Get_count, &status, MPI_BYTE, &bytes);
    CALL(MPI_Mrecv, link.incoming, bytes, MPI_BYTE, &message, &status);
    bri_packet packet;
    memcpy(&packet, link.incoming, sizeof packet);
    bool inside = (size_t)bytes > sizeof packet;
    events->packet(status.MPI_SOURCE, &packet, inside ? link.incoming + sizeof packet : NULL);
    return true;
}

bool bri_link_poll(const bri_link_events *events)
{
    int n = 0;
    while (n < PACKETS_IN_A_ROW && take_packet(events))
        n++;
    return complete_some(events) || n > 0;
}

/* ---- long transfers ---- */

static void prepare(bri_transfer *t, bri_link_place place, size_t bytes, size_t piece)
{
    t->piece = piece;
    t->left = t->pieces = count_of(bytes / t->piece + (bytes % t->piece != 0));
    t->is_long = true;
    t->place = place;
}

static void send_prepared(bri_transfer *transfer, const void *data, size_t bytes)
{
    outbox *box = &link.outboxes[transfer->place.rank];
    transfer->unsent = transfer->left;
    transfer->outgoing = true;
    transfer->data = data;
    transfer->bytes = bytes;
    transfer->next = NULL;
    *box->last = transfer;
    box->last = &transfer->next;
    start_pieces(transfer->place.rank);
}

void bri_link_send_long(bri_transfer *transfer, bri_link_place to, const void *data, size_t bytes,
                        size_t room)
{
    prepare(transfer, to, room, bri_link_piece(room));
    send_prepared(transfer, data, bytes);
}

void bri_link_send_some(bri_transfer *transfer, bri_link_place to, const void *data, size_t bytes,
                        size_t room)
{
    prepare(transfer, to, bytes, bri_link_piece(room));
    send_prepared(transfer, data, bytes);
}

void bri_link_receive_long(bri_transfer *transfer, bri_link_place from, void *data, size_t bytes)
{
    MPI_Comm comm = channel(from);
    int source = from.rank == BRI_LINK_ANY ? MPI_ANY_SOURCE : from.rank;
    prepare(transfer, from, bytes, bri_link_piece(bytes));
    transfer->outgoing = false;
    for (size_t at = 0, n; at < bytes; at += n) {
        n = next_piece(transfer, bytes - at);
        CALL(MPI_Irecv, (char *)data + at, count_of(n), MPI_BYTE, source, from.tag, comm,
             new_request(transfer));
    }
}

size_t bri_link_moved(const bri_transfer *t)
{
    return (size_t)(t->pieces - t->left) * t->piece;
}

void bri_link_take_back(bri_transfer *transfer)
{
    for (int i = link.nrequests - 1; i >= 0; i--) {
        if (link.owners[i] != transfer)
            continue;
        CALL(MPI_Cancel, &link.requests[i]);
        CALL(MPI_Wait, &link.requests[i], MPI_STATUS_IGNORE);
        remove_request(i);
    }
    transfer->left = 0;
}

/* ---- the end ---- */

static void free_tables(void)
{
    bri_free(link.incoming);
    bri_free(link.requests);
    bri_free(link.owners);
    bri_free(link.indices);
    bri_free(link.statuses);
    bri_free(link.outboxes);
    link.incoming = NULL;
    link.requests = NULL;
    link.owners = NULL;
    link.indices = NULL;
    link.statuses = NULL;
    link.outboxes = NULL;
    link.capacity = 0;
}

void bri_link_close(void)
{
    while (link.nrequests > 0)
        complete_some(NULL);
    free_tables();
    CALL(MPI_Comm_free, &link.packets);
    CALL(MPI_Comm_free, &link.values);
    CALL(MPI_Comm_free, &link.commands);
    if (link.shared)
        CALL(MPI_Comm_free, &link.base);
    else
        CALL(MPI_Finalize, );
}
