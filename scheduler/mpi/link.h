/* SPDX-License-Identifier: BSD-3-Clause
 * link.h - packets between ranks, and long transfers in pieces. link.c alone calls MPI; an
 * assertion stands before each call that the right thread makes it. br_open_comm asks on its
 * caller's thread, before the communication thread starts or beside the one that serves another
 * communicator, which MPI_THREAD_MULTIPLE allows (open_comm.c).
 *
 * Everything here belongs to the communication thread of thread.h and to no other. The state is the
 * process's, as MPI itself is. An error of MPI ends the job with a message (leave.h): there is no
 * continuing after one.
 */
#ifndef BRI_MPI_LINK_H
#define BRI_MPI_LINK_H

#include "runtime/job.h"

struct bri_invitation;

/* Payloads up to this size travel inside their packet; with its header that stays below the eager
 * limit of 64 KiB. */
enum { BRI_LINK_INLINE = 32 << 10 };

/* What packets say. ->0: to rank 0, 0->: from it. */
#define BRI_PACKETS(X)                                                                             \
    X(WANT)    /* reader -> owner: send this value to my slot */                                   \
    X(SEEK)    /* the same on its way up a tree of readers (tree.h) */                             \
    X(GATHER)  /* reader -> owner: send these short ones when all are there (bundle.h) */          \
    X(BUNDLE)  /* owner -> reader: here they are */                                                \
    X(VALUE)   /* owner -> reader: here is a short one */                                          \
    X(REFUSE)  /* owner -> reader: the job failed, none will come */                               \
    X(FAIL)    /* ->0: my part of the job failed */                                                \
    X(DONE)    /* ->0: my part is over, nothing is on its way */                                   \
    X(CANCEL)  /* 0->: the job failed somewhere */                                                 \
    X(END)     /* 0->: all parts are over */                                                       \
    X(OPEN)    /* 0->: a context with these settings */                                            \
    X(OPENED)  /* ->0: it is open here, or why not */                                              \
    X(SERVE)   /* 0->: the engine's message */                                                     \
    X(SHARE)   /* 0->: bytes that such messages mention */                                         \
    X(CLOSE)   /* 0->: the context closes */                                                       \
    X(EXIT)    /* 0->: it is over, with this exit code */                                          \
    X(BYE)     /* ->: the last packet */                                                           \
    X(PRINT)   /* 0->: print what you do (runtime/watch.h) */                                      \
    X(GOT_ON)  /* ->0: tasks have finished here, for rank 0's watchdog */                          \
    X(IDLE)    /* ->0: I have nothing to run for this job any more */                              \
    X(HELPER)  /* 0->lender: this rank may help */                                                 \
    X(FREE)    /* lender->0: it need not any more */                                               \
    X(LENT)    /* lender -> helper: run these tasks */                                             \
    X(TAKEN)   /* helper -> lender: it has room for them */                                        \
    X(RETURN)  /* helper -> lender: they have run, or were not taken */                            \
    X(BEAT)    /* a sign of life */                                                                \
    X(ASK)     /* 0-> or ->0: a question to the engine */                                          \
    X(ANSWER)  /* the engine's, or why there is none */                                            \
    X(TASKS)   /* 0->: errands to run */                                                           \
    X(RESULTS) /* ->0: what came out of some, or those that were recalled */                       \
    X(RECALL)  /* 0->: give back what has not begun */                                             \
    X(NOTE)    /* about messages between tasks (notes.h) */

typedef enum bri_packet_kind {
#define BRI_PACKET_ENUM(NAME) BRI_PACKET_##NAME,
    BRI_PACKETS(BRI_PACKET_ENUM)
#undef BRI_PACKET_ENUM
        BRI_PACKET_KINDS
} bri_packet_kind;

/* Sent as it stands: the meeting has made sure that all ranks run the same binary. */
typedef struct bri_packet {
    bri_packet_kind kind;
    int32_t
        number; /* WANT, SEEK, VALUE, REFUSE: slot of the reader; FAIL … END, OPENED, ANSWER: status;
                       EXIT: code; ASK: bytes of the answer; IDLE: threads; HELPER, FREE: the
                       helper; LENT, TAKEN, RETURN: ticket */
    uint64_t job;   /* which job, or which context; ASK, ANSWER: who waits, of those above 0 */
    uint64_t bytes; /* of the payload, or of the value that is wanted */
    bri_key key;
} bri_packet;

/* Long transfers: with which rank, and the tag both sides know. */
enum { BRI_LINK_ANY = -1 }; /* receives: from whoever sends it */
typedef struct bri_link_place {
    int rank;
    int tag;
    bool command; /* bytes of a command of rank 0, kept apart from the values; order alone matches
                     them */
} bri_link_place;

/* Some requests that are complete together; `done` may free the transfer. */
typedef struct bri_transfer bri_transfer;
struct bri_transfer {
    void (*done)(bri_transfer *transfer);
    /* The rest is link.c's. */
    int left, pieces; /* those that are not complete; all */
    bool is_long, outgoing;
    bri_link_place place;
    const char *data; /* outgoing, from the first piece on that has not been started */
    size_t bytes;     /* of those */
    size_t piece;     /* their size */
    int unsent;       /* pieces that have not been started */
    bri_transfer *next;
};

typedef struct bri_link_events {
    /* payload holds packet->bytes bytes when they are at most BRI_LINK_INLINE and the kind has a
     * payload, else NULL. */
    void (*packet)(int from, const bri_packet *packet, const void *payload);
    /* A piece went to or came from the rank. */
    void (*moved)(int rank);
} bri_link_events;

/* Starts MPI, or shares the communicator of an invitation, which is the link's from then on. */
void bri_link_start(struct bri_invitation *invitation, int *rank, int *nranks);
/* Collective. */
void bri_link_open(void);
/* Completes what is still on its way out, then finalises MPI where we started it. */
void bri_link_close(void);
void bri_link_abort(int code);

/* Collective: everybody's `bytes` bytes, in rank order. */
void bri_link_gather(const void *mine, void *all, size_t bytes);

/* Sends a packet with its payload (copied; at most BRI_LINK_INLINE bytes). */
void bri_link_send(int to, const bri_packet *packet, const void *payload);

/* Long transfers; only transfer->done must be set. Pieces for one rank go out in order, a few at a
 * time. The receiver has room for `room` bytes and need not know how many come. */
void bri_link_send_long(bri_transfer *transfer, bri_link_place to, const void *data, size_t bytes,
                        size_t room);
/* The same of some of its pieces, in their order: a multiple of bri_link_piece(room) bytes, unless
 * they are the last. */
void bri_link_send_some(bri_transfer *transfer, bri_link_place to, const void *data, size_t bytes,
                        size_t room);
/* The size of the pieces of values for which there is so much room; at most BRI_SUPPLY_PART. */
size_t bri_link_piece(size_t room);
void bri_link_receive_long(bri_transfer *transfer, bri_link_place from, void *data, size_t bytes);
/* How many bytes of a transfer have left or come, by whole pieces; 0 before it begins. */
size_t bri_link_moved(const bri_transfer *transfer);
/* Takes back a receive whose sender has said that nothing will come; done is not called. */
void bri_link_take_back(bri_transfer *transfer);

/* Handles what has come and what is complete; true when there was something. */
bool bri_link_poll(const bri_link_events *events);
/* Requests are under way. */
bool bri_link_busy(void);

/* ---- any thread ---- */

/* Somebody has initialised MPI. */
bool bri_link_initialised(void);
/* The program runs MPI, and we share it. */
bool bri_link_is_shared(void);
/* How many packets of a kind, and how many pieces of long transfers, this process has sent. */
int64_t bri_link_sent(bri_packet_kind kind);
int64_t bri_link_sent_pieces(void);

#endif
