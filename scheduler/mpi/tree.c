/* SPDX-License-Identifier: BSD-3-Clause
 * tree.c - wishes of ranks below this one: answered, or sent on.
 */
#include "scheduler/mpi/tree.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/values.h"

/* Values that are kept for others take at most one part of the limit. */
enum { BUCKETS = 256, PARTS_OF_LIMIT = 8 };

/* What travels with SEEK. */
typedef struct wish {
    int32_t reader, count;
    uint64_t bytes;
    bri_route route; /* of the rank it is sent to; no hops: that is the owner */
} wish;

/* One that has come. */
typedef struct seek seek;
struct seek {
    seek *next;
    bri_packet packet;
    wish wish;
};

/* What this rank does for those below it in the tree of one value. */
typedef struct relay relay;
struct relay {
    relay *next;
    bri_key key;
    enum {
        UNASKED,  /* this rank has not asked for it */
        EXPECTED, /* its task has, but that has not come to this thread yet */
        COVERED,  /* has asked, for all below, too */
        OPEN,     /* has asked for itself alone */
    } state;
    int left;  /* readers below that have not asked; UNASKED: that have, and were sent on */
    int below; /* EXPECTED: to ask for */
    size_t bytes;
};

struct bri_tree {
    relay *bucket[BUCKETS];
    seek *early; /* the job has not begun here, or was just emitting */
    size_t kept; /* bytes of what is covered */
};

static struct bri_tree *tree_of(bri_part *part)
{
    if (part->tree == NULL)
        part->tree = bri_calloc(1, sizeof *part->tree);
    if (part->tree == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    return part->tree;
}

/* ---- relays ---- */

static relay **find_relay(struct bri_tree *tree, bri_key key)
{
    relay **link = &tree->bucket[bri_key_hash(key) % BUCKETS];
    while (*link != NULL && !bri_key_equal((*link)->key, key))
        link = &(*link)->next;
    return link;
}

static relay *relay_of(struct bri_tree *tree, bri_key key)
{
    relay **link = find_relay(tree, key);
    if (*link != NULL)
        return *link;
    relay *r = bri_calloc(1, sizeof *r);
    if (r == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    r->key = key;
    *link = r;
    return r;
}

static void forget(struct bri_tree *tree, relay *r)
{
    *find_relay(tree, r->key) = r->next;
    tree->kept -= r->bytes;
    bri_free(r);
}

static bool may_keep(const struct bri_tree *tree, const bri_job *job, size_t bytes)
{
    bri_memory_stats memory;
    bri_memory_about(job->ctx->memory, &memory);
    return tree->kept + bytes <= memory.limit / PARTS_OF_LIMIT;
}

/* This rank gives it to those below that are left. */
static void cover(struct bri_tree *tree, relay *r, int left, size_t bytes)
{
    r->left = r->below = left;
    r->bytes = bytes;
    tree->kept += bytes;
}

/* ---- this rank asks ---- */

static void send_wish(const bri_packet *packet, const wish *w, const bri_route *from)
{
    wish up = *w;
    up.route = (bri_route){.size = from->hop[0].size, .nhops = from->nhops - 1};
    memcpy(up.route.hop, from->hop + 1, (size_t)up.route.nhops * sizeof from->hop[0]);
    bri_packet p = *packet;
    p.bytes = offsetof(wish, route.hop) + (size_t)up.route.nhops * sizeof from->hop[0];
    bri_link_send(from->hop[0].rank, &p, &up);
}

void bri_tree_seek(bri_part *part, int slot, const bri_value *value, const bri_route *route,
                   int below)
{
    bri_packet packet = {
        .kind = BRI_PACKET_SEEK, .number = slot, .job = part->id, .key = value->key};
    wish w = {.reader = bri_meet_rank(), .count = below + 1, .bytes = value->bytes};
    send_wish(&packet, &w, route);
}

/* The readers below that get it from this rank. */
static int begin(bri_part *part, const bri_job *job, const bri_value *value)
{
    struct bri_tree *tree = tree_of(part);
    relay *r = relay_of(tree, value->key);
    int left = value->route->size - 1 - r->left;
    if (r->state == EXPECTED) {
        r->state = COVERED;
        left = r->below;
    } else if (left > 0 && may_keep(tree, job, value->bytes)) {
        r->state = COVERED;
        cover(tree, r, left, value->bytes);
    } else {
        r->state = OPEN;
        r->left = left;
        left = 0;
    }
    if (r->left == 0)
        forget(tree, r);
    return left;
}

void bri_tree_expect(bri_part *part, bri_job *job, bri_value *value)
{
    int below = value->route->size > 1 && !part->failed ? begin(part, job, value) : 0;
    bri_values_seek(part, job, value, value->route, below);
}

/* ---- others ask ---- */

static void refuse(const seek *s)
{
    bri_link_send(s->wish.reader,
                  &(bri_packet){.kind = BRI_PACKET_REFUSE, .number = s->packet.number}, NULL);
}

/* Whether this rank asks for it now, for itself and all below. False: that cannot be said yet. */
static bool decide(bri_part *part, relay *r, const seek *s)
{
    struct bri_tree *tree = part->tree;
    bri_job *job = bri_part_job(part);
    bri_value *value;
    bool known;
    if (!may_keep(tree, job, s->wish.bytes))
        return true;
    const bri_foreseen of = {s->wish.bytes, s->wish.route.hop[s->wish.route.nhops - 1].rank};
    if (!bri_job_foresee(job, s->packet.key, of, &value, &known))
        return false;
    bri_pool_notify(part->pool); /* emission was held up for a moment */
    if (!known && value == NULL)
        return true;
    r->state = known ? EXPECTED : COVERED;
    cover(tree, r, s->wish.route.size - 1 - r->left, s->wish.bytes);
    if (known)
        return true;
    bri_values_seek(part, job, value, &s->wish.route, r->below);
    return true;
}

static void answer(bri_part *part, const seek *s)
{
    const bri_match_entry half = {.key = s->packet.key,
                                  .rank = BRI_MATCH_ANY,
                                  .to = s->wish.reader,
                                  .count = s->wish.count,
                                  .readers = s->wish.route.size - 1,
                                  .slot = s->packet.number,
                                  .bytes = s->wish.bytes};
    bri_values_wish(part, &half, s->wish.route.nhops == 0);
}

static void see_to(bri_part *part, relay *r, const seek *s)
{
    bool here = r->state == COVERED || r->state == EXPECTED;
    r->left += r->state == UNASKED ? s->wish.count : -s->wish.count;
    BRI_ASSERT(r->left >= 0);
    if (r->left == 0 && r->state != EXPECTED)
        forget(part->tree, r);
    if (here)
        answer(part, s);
    else
        send_wish(&s->packet, &s->wish, &s->wish.route);
}

/* False: later. */
static bool handle(bri_part *part, const seek *s)
{
    if (part->failed) {
        refuse(s);
        return true;
    }
    if (s->wish.route.nhops == 0) {
        answer(part, s);
        return true;
    }
    relay *r = relay_of(tree_of(part), s->packet.key);
    if (!part->begun || (r->state == UNASKED && !decide(part, r, s)))
        return false;
    if (part->failed)
        refuse(s);
    else
        see_to(part, r, s);
    return true;
}

void bri_tree_on_seek(int from, const bri_packet *packet, const void *payload)
{
    (void)from;
    bri_part *part = bri_part_get(packet->job);
    seek s = {.packet = *packet};
    memcpy(&s.wish, payload, packet->bytes);
    if (handle(part, &s))
        return;
    seek *kept = bri_memdup(&s, sizeof s);
    if (kept == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    kept->next = part->tree->early;
    part->tree->early = kept;
}

/* A failure meanwhile refuses all that are kept, so those at hand are not among them. */
bool bri_tree_step(bri_part *part)
{
    bool something = false;
    if (part->tree == NULL || !part->begun)
        return false;
    seek *list = part->tree->early;
    part->tree->early = NULL;
    for (seek *s; (s = list) != NULL;) {
        list = s->next;
        if (handle(part, s)) {
            something = true;
            bri_free(s);
        } else {
            s->next = part->tree->early;
            part->tree->early = s;
        }
    }
    return something;
}

/* ---- the end ---- */

void bri_tree_give_up(bri_part *part)
{
    if (part->tree == NULL)
        return;
    for (seek *s; (s = part->tree->early) != NULL; bri_free(s)) {
        part->tree->early = s->next;
        refuse(s);
    }
}

void bri_tree_free(bri_part *part)
{
    if (part->tree == NULL)
        return;
    BRI_ASSERT(part->tree->early == NULL);
    for (int i = 0; i < BUCKETS; i++)
        while (part->tree->bucket[i] != NULL)
            forget(part->tree, part->tree->bucket[i]);
    bri_free(part->tree);
    part->tree = NULL;
}
