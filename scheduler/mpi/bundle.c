/* SPDX-License-Identifier: BSD-3-Clause
 * bundle.c - the owner's side of bundles.
 */
#include "scheduler/mpi/bundle.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/values.h"

typedef struct item {
    bri_gathered wanted;
    bri_value *value; /* NULL: not there */
    bri_job *job;
} item;

typedef struct bri_mpi_bundle {
    bri_part *part;
    int to, n, left;
    bool failed;
    item item[];
} bri_mpi_bundle;

static void refuse(const bri_mpi_bundle *b)
{
    for (int i = 0; i < b->n; i++) {
        bri_packet packet = {.kind = BRI_PACKET_REFUSE, .number = (int32_t)b->item[i].wanted.slot};
        bri_link_send(b->to, &packet, NULL);
    }
}

static void send(const bri_mpi_bundle *b)
{
    char payload[BRI_LINK_INLINE];
    bri_packet packet = {.kind = BRI_PACKET_BUNDLE, .number = b->n};
    for (int i = 0; i < b->n; i++) {
        const bri_value *v = b->item[i].value;
        bri_bundled head = {(int32_t)b->item[i].wanted.slot, (uint32_t)v->used};
        memcpy(payload + packet.bytes, &head, sizeof head);
        packet.bytes += sizeof head;
        memcpy(payload + packet.bytes, v->data, v->used);
        packet.bytes += v->used;
        atomic_fetch_add_explicit(&b->item[i].job->stats.bytes_sent, (long long)v->used,
                                  memory_order_relaxed);
    }
    bri_link_send(b->to, &packet, payload);
}

static void finish(bri_mpi_bundle *b)
{
    if (b->failed)
        refuse(b);
    else
        send(b);
    for (int i = 0; i < b->n; i++) {
        if (b->item[i].value == NULL)
            continue;
        bri_job_sent(b->item[i].job, b->item[i].value);
        bri_pool_notify(b->part->pool);
    }
    bri_free(b);
}

/* Of a value that has other bytes than the reader expects nothing is sent. */
static bool fits(const item *it, const bri_mpi_bundle *b)
{
    if (it->value->bytes == it->wanted.bytes)
        return true;
    bri_error(BR_EINTERNAL, "rank %d expects %llu bytes of a value that has %zu", b->to,
              (unsigned long long)it->wanted.bytes, it->value->bytes);
    return false;
}

void bri_bundle_add(const bri_match_entry *wish, const bri_match_entry *ready)
{
    bri_mpi_bundle *b = wish->bundle;
    bri_part *part = b->part;
    item *it = &b->item[wish->item];
    bool wrong = false;
    if (ready != NULL) {
        it->value = ready->value;
        it->job = ready->job;
        wrong = !fits(it, b);
    }
    b->failed |= ready == NULL || wrong;
    if (--b->left == 0)
        finish(b);
    if (wrong)
        bri_part_fail(part, BR_EINTERNAL, bri_last_error());
}

static bri_mpi_bundle *new_bundle(bri_part *part, int to, int n, const void *wanted)
{
    bri_mpi_bundle *b = bri_calloc(1, sizeof *b + (size_t)n * sizeof b->item[0]);
    if (b == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    b->part = part;
    b->to = to;
    b->n = b->left = n;
    for (int i = 0; i < n; i++)
        memcpy(&b->item[i].wanted, (const bri_gathered *)wanted + i, sizeof(bri_gathered));
    return b;
}

void bri_bundle_on_gather(int from, const bri_packet *packet, const void *payload)
{
    int n = packet->number;
    bri_part *part = bri_part_get(packet->job);
    bri_mpi_bundle *b = new_bundle(part, from, n, payload);
    for (int i = 0; i < n; i++) { /* the last one may free it */
        const bri_gathered *w = &b->item[i].wanted;
        bri_match_entry wish = {.key = w->key,
                                .rank = from,
                                .to = from,
                                .count = 1,
                                .slot = (int)w->slot,
                                .bytes = w->bytes,
                                .bundle = b,
                                .item = i};
        if (part->failed)
            bri_bundle_add(&wish, NULL);
        else
            bri_values_wish(part, &wish, false);
    }
}
