/* SPDX-License-Identifier: BSD-3-Clause
 * values.c - wishes and answers.
 */
#include "scheduler/mpi/values.h"
#include "scheduler/mpi/supply.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/bundle.h"
#include "scheduler/mpi/credits.h"
#include "scheduler/mpi/guest.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/park.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/sends.h"
#include "scheduler/mpi/tree.h"

/* A value asked for. Its index is its tag, so that two on their way never share one. */
typedef struct slot {
    bri_transfer transfer;
    bri_part *part; /* NULL when the slot is free */
    bri_value *value;
    bri_job *job;   /* of the value: the part's, or a guest */
    bri_lent *lent; /* the value belongs to a task that was lent; or NULL */
    int from;       /* the rank that is asked; or BRI_LINK_ANY */
    int below;      /* ranks that get it from this one */
    int credit;     /* the rank that owes so much less when it comes (credits.h); or -1 */
    int index, next_free;
} slot;

typedef struct sending {
    bri_sending sending; /* first */
    bri_part *part;
    bri_value *value;
    bri_job *job;
    int count; /* of its readers that are done with it then */
} sending;

/* Pointers, since transfers under way must not move. */
static struct {
    slot **all;
    int n, capacity, first_free; /* first_free: an index, or n when all are taken */
} slots;

/* ---- slots ---- */

static br_status add_slot(void)
{
    if (slots.n == slots.capacity) {
        int capacity = slots.capacity > 0 ? 2 * slots.capacity : 64;
        slot **bigger = bri_realloc(slots.all, (size_t)capacity, sizeof *bigger);
        if (bigger == NULL)
            return BR_ENOMEM;
        slots.all = bigger;
        slots.capacity = capacity;
    }
    slot *s = bri_calloc(1, sizeof *s);
    if (s == NULL)
        return BR_ENOMEM;
    s->index = slots.n;
    s->next_free = slots.n + 1;
    slots.all[slots.n++] = s;
    return BR_OK;
}

static slot *take_slot(bri_part *part, bri_job *job, bri_value *value)
{
    if (slots.first_free == slots.n && add_slot() != BR_OK)
        return NULL;
    slot *s = slots.all[slots.first_free];
    slots.first_free = s->next_free;
    s->part = part;
    s->value = value;
    s->job = job;
    s->lent = NULL;
    s->below = 0;
    s->credit = -1;
    if (job != part->job)
        bri_guest_waits(job, 1);
    part->moving++;
    return s;
}

static void free_slot(slot *s)
{
    s->part->moving--;
    if (s->job != s->part->job)
        bri_guest_waits(s->job, -1);
    s->part = NULL;
    s->next_free = slots.first_free;
    slots.first_free = s->index;
}

void bri_values_free(void)
{
    for (int i = 0; i < slots.n; i++)
        bri_free(slots.all[i]);
    bri_free(slots.all);
    memset(&slots, 0, sizeof slots);
}

static void print(const slot *s, FILE *to)
{
    char value[256];
    char from[32] = "";
    bri_job_name_value(s->part->job, s->value->key, value, sizeof value);
    if (s->from != BRI_LINK_ANY)
        snprintf(from, sizeof from, " from rank %d", s->from);
    fprintf(to, "  %zu of %zu bytes received%s: %s\n", bri_link_moved(&s->transfer),
            s->value->bytes, from, value);
}

void bri_values_print(const bri_part *part, FILE *to)
{
    int n = 0;
    for (int i = 0; i < slots.n; i++)
        if (slots.all[i]->part == part && ++n <= BRI_INSPECT_LINES)
            print(slots.all[i], to);
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and %d more values have been asked for\n", n - BRI_INSPECT_LINES);
}

static void count(atomic_llong *counter, size_t n)
{
    atomic_fetch_add_explicit(counter, (long long)n, memory_order_relaxed);
}

static void count_arrival(bri_job *job, const bri_value *value, size_t messages)
{
    count(&job->stats.bytes_received, value->bytes);
    count(&job->stats.messages, messages);
}

/* ---- the owner ---- */

static void refuse(int rank, int index)
{
    bri_link_send(rank, &(bri_packet){.kind = BRI_PACKET_REFUSE, .number = index}, NULL);
}

static void give_none(const bri_match_entry *wish)
{
    if (wish->bundle != NULL)
        bri_bundle_add(wish, NULL);
    else
        refuse(wish->to, wish->slot);
}

/* The bytes are free again, for which a task may be waiting. */
static void sent(bri_part *part, bri_job *job, bri_value *value, int n)
{
    while (n-- > 0)
        bri_job_sent(job, value);
    bri_pool_notify(part->pool);
}

static void sent_long(bri_sending *first)
{
    sending *s = (sending *)first;
    s->part->moving--;
    atomic_fetch_sub_explicit(&s->job->supplying, 1, memory_order_release);
    sent(s->part, s->job, s->value, s->count);
    bri_free(s);
}

static br_status answer_long(bri_part *part, const bri_match_entry *from, const bri_match_entry *to)
{
    bri_value *value = from->value;
    sending *s = bri_malloc(sizeof *s);
    if (s == NULL)
        return BR_ENOMEM;
    *s = (sending){
        .sending = {.done = sent_long,
                    .data = value->data,
                    .used = value->used,
                    .bytes = value->bytes},
        .part = part,
        .value = value,
        .job = from->job,
        .count = to->count,
    };
    part->moving++;
    atomic_fetch_add_explicit(&s->job->supplying, 1, memory_order_release);
    bri_sends_add(part, &s->sending, to);
    return BR_OK;
}

static br_status answer(bri_part *part, const bri_match_entry *from, const bri_match_entry *to)
{
    bri_value *value = from->value;
    size_t bytes = value != NULL ? value->bytes : from->parked->bytes;
    if (to->bytes != bytes)
        return bri_error(BR_EINTERNAL, "rank %d expects %llu bytes of a value that has %zu", to->to,
                         (unsigned long long)to->bytes, bytes);
    if (value == NULL) {
        bri_supply_parked(part, from, to);
        return BR_OK;
    }
    count(&from->job->stats.bytes_sent, value->used);
    if (value->bytes > BRI_LINK_INLINE)
        return answer_long(part, from, to);
    bri_packet packet = {.kind = BRI_PACKET_VALUE, .number = to->slot, .bytes = value->used};
    bri_link_send(to->to, &packet, value->data);
    sent(part, from->job, value, to->count);
    return BR_OK;
}

/* Nobody is going to ask for it. */
static void forget(bri_part *part, const bri_match_entry *ready)
{
    if (ready->parked != NULL)
        bri_parked_done(ready->parked, ready->job, ready->count);
    else
        sent(part, ready->job, ready->value, ready->count);
}

static void answer_or_fail(bri_part *part, const bri_match_entry *from, const bri_match_entry *to)
{
    if (to->bundle != NULL) {
        bri_bundle_add(to, from);
        return;
    }
    br_status st = answer(part, from, to);
    if (st == BR_OK)
        return;
    refuse(to->to, to->slot);
    bri_part_fail(part, st, bri_last_error());
    bri_match_entry refused = *from;
    refused.count = to->count;
    forget(part, &refused);
}

/* The value is there for half->count readers. */
void bri_values_offer(bri_part *part, const bri_match_entry *half)
{
    bri_match_entry rest = *half;
    for (bri_match_entry *wish; rest.count > 0 && !part->failed; bri_free(wish)) {
        wish = bri_match_take(&part->matches, half);
        if (wish == NULL)
            break;
        rest.count -= wish->count;
        answer_or_fail(part, half, wish);
    }
    if (rest.count == 0)
        return;
    if (!part->failed && bri_match_put(&part->matches, &rest) == BR_OK)
        return;
    if (!part->failed)
        bri_part_fail(part, BR_ENOMEM, bri_last_error());
    forget(part, &rest);
}

void bri_values_send(const bri_request *request)
{
    bri_value *value = request->value;
    bool all = request->rank == BRI_ALL_READERS;
    bri_values_offer(request->part, &(bri_match_entry){.key = value->key,
                                                       .rank = all ? BRI_MATCH_ANY : request->rank,
                                                       .count = all ? value->ndestinations : 1,
                                                       .value = value,
                                                       .job = request->job});
}

void bri_values_wish(bri_part *part, const bri_match_entry *wish, bool own)
{
    bri_match_entry *ready = bri_match_find(&part->matches, wish);
    if (ready != NULL) {
        bri_match_entry half = *ready;
        ready->count -= wish->count;
        if (ready->count == 0)
            bri_free(bri_match_take(&part->matches, wish));
        answer_or_fail(part, &half, wish);
    } else if (!(own && bri_supply(part, wish)) && bri_match_put(&part->matches, wish) != BR_OK) {
        give_none(wish);
        bri_part_fail(part, BR_ENOMEM, bri_last_error());
    }
}

void bri_values_on_want(int from, const bri_packet *packet, const void *payload)
{
    (void)payload;
    bri_part *part = bri_part_get(packet->job);
    if (part->failed) {
        refuse(from, packet->number);
        return;
    }
    bri_values_wish(part,
                    &(bri_match_entry){.key = packet->key,
                                       .rank = from,
                                       .to = from,
                                       .count = 1,
                                       .slot = packet->number,
                                       .bytes = packet->bytes},
                    true);
}

void bri_values_give_up(bri_part *part)
{
    for (bri_match_entry *e; (e = bri_match_pop(&part->matches)) != NULL; bri_free(e)) {
        if (bri_match_is_ready(e))
            forget(part, e);
        else
            give_none(e);
    }
    for (int i = 0; i < slots.n; i++) {
        slot *s = slots.all[i];
        if (s->part != part || s->below == 0)
            continue;
        sent(part, s->job, s->value, s->below);
        s->below = 0;
    }
    bri_tree_give_up(part);
    bri_sends_give_up(part);
    bri_credits_free(part);
}

/* ---- the reader ---- */

static void ask_more(bri_part *part, int rank);

static void received(slot *s, size_t messages)
{
    bri_part *part = s->part;
    bri_value *value = s->value;
    bri_job *job = s->job;
    bri_lent *lent = s->lent;
    int below = s->below;
    int credit = s->credit;
    free_slot(s);
    count_arrival(job, value, messages);
    if (credit >= 0) {
        bri_credit_give(part, credit, value->bytes);
        ask_more(part, credit);
    }
    if (below > 0)
        bri_values_offer(part, &(bri_match_entry){.key = value->key,
                                                  .rank = BRI_MATCH_ANY,
                                                  .count = below,
                                                  .value = value,
                                                  .job = job});
    if (lent != NULL)
        bri_lend_output(lent);
    else
        bri_part_arrived(part, job, value);
}

static void received_long(bri_transfer *transfer)
{
    received((slot *)transfer, 1); /* its first member */
}

static void want(const slot *s, int from)
{
    bri_packet packet = {
        .kind = BRI_PACKET_WANT,
        .number = s->index,
        .job = s->part->id,
        .bytes = s->value->bytes,
        .key = s->value->key,
    };
    bri_link_send(from, &packet, NULL);
}

/* Receives are posted before the wish is sent. NULL after a failure. */
static slot *prepare(bri_part *part, bri_job *job, bri_value *value, int from)
{
    if (part->failed)
        return NULL;
    slot *s = bri_job_receive_block(job, value) != NULL ? take_slot(part, job, value) : NULL;
    if (s == NULL) {
        bri_part_fail(part, BR_ENOMEM, bri_last_error());
        return NULL;
    }
    s->transfer = (bri_transfer){.done = received_long};
    s->from = from;
    if (value->bytes > BRI_LINK_INLINE)
        bri_link_receive_long(&s->transfer, (bri_link_place){.rank = from, .tag = s->index},
                              value->data, value->bytes);
    return s;
}

/* After a failure the owner hears of those that have slots, so that each has its answer. */
static void gather(bri_part *part, bri_job *job, bri_value *first)
{
    bri_gathered item[BRI_BUNDLE_VALUES];
    int owner = first->owner;
    int n = 0;
    for (bri_value *v = first, *next; v != NULL; v = next) {
        next = v->next_output;
        v->next_output = NULL;
        const slot *s = prepare(part, job, v, owner);
        if (s == NULL)
            break;
        item[n++] = (bri_gathered){.slot = s->index, .bytes = v->bytes, .key = v->key};
    }
    bri_packet packet = {.kind = BRI_PACKET_GATHER,
                         .number = n,
                         .job = part->id,
                         .bytes = (uint64_t)n * sizeof item[0]};
    if (n > 0)
        bri_link_send(owner, &packet, item);
}

static slot *ask(bri_part *part, bri_job *job, bri_value *value)
{
    slot *s = prepare(part, job, value, value->owner);
    if (s != NULL)
        want(s, value->owner);
    return s;
}

static void ask_on_credit(bri_part *part, bri_value *value)
{
    slot *s = ask(part, part->job, value);
    if (s != NULL)
        s->credit = value->owner;
}

static void ask_more(bri_part *part, int rank)
{
    for (bri_value *v; (v = bri_credit_next(part, rank)) != NULL;)
        ask_on_credit(part, v);
}

void bri_values_expect(const bri_request *request)
{
    bri_value *value = request->value;
    if (value->route != NULL) {
        bri_tree_expect(request->part, request->job, value);
        return;
    }
    if (value->next_output != NULL) {
        gather(request->part, request->job, value);
        return;
    }
    if (value->bytes <= BRI_LINK_INLINE || request->job != request->part->job)
        ask(request->part, request->job, value);
    else if (!request->part->failed && bri_credit_take(request->part, request->job, value))
        ask_on_credit(request->part, value);
}

void bri_values_seek(bri_part *part, bri_job *job, bri_value *value, const bri_route *route,
                     int below)
{
    slot *s = prepare(part, job, value, BRI_LINK_ANY);
    if (s == NULL)
        return;
    s->below = below;
    bri_job_pass_on(job, value, below);
    bri_tree_seek(part, s->index, value, route, below);
}

void bri_values_fetch(bri_part *part, bri_value *value, int from, bri_lent *lent)
{
    slot *s = prepare(part, part->job, value, from);
    if (s == NULL) {
        bri_lend_output(lent);
        return;
    }
    s->lent = lent;
    want(s, from);
}

void bri_values_on_value(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    slot *s = slots.all[packet->number];
    if (packet->bytes > 0)
        memcpy(s->value->data, payload, packet->bytes);
    received(s, 1);
}

void bri_values_on_bundle(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    const char *at = payload;
    for (int i = 0; i < packet->number; i++) {
        bri_bundled head;
        memcpy(&head, at, sizeof head);
        slot *s = slots.all[head.slot];
        memcpy(s->value->data, at + sizeof head, head.bytes);
        at += sizeof head + head.bytes;
        received(s, i == 0);
    }
}

/* The failure itself comes by way of rank 0. */
void bri_values_on_refuse(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    slot *s = slots.all[packet->number];
    bri_lent *lent = s->lent;
    bri_part *part = s->part;
    bri_link_take_back(&s->transfer);
    sent(part, s->job, s->value, s->below); /* those below hear of it when CANCEL is here */
    free_slot(s);
    if (lent == NULL)
        return;
    bri_part_give_up(part); /* nobody may read what has not come; CANCEL is on its way */
    bri_lend_output(lent);
}
