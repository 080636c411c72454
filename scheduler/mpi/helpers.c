/* SPDX-License-Identifier: BSD-3-Clause
 * helpers.c - ranks without work say so, and rank 0 gives them to those that have some.
 */
#include "scheduler/mpi/helpers.h"

#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/lend.h"
#include "scheduler/mpi/meet.h"

/* Short runs are over before anybody is idle. Seconds. */
#define IDLE_AFTER 1e-3

/* A rank without work, at rank 0. */
typedef struct bri_idle_rank {
    bool idle, helps;
    int threads;
    size_t bytes;
    int last; /* whom it helped last */
} bri_idle_rank;

static bool wants_balance(bri_part *part)
{
    return bri_meet_nranks() > 1 && part->job != NULL && !part->failed && part->status == BR_OK &&
           strcmp(part->job->ctx->config.balance, "auto") == 0;
}

static void note_idle(bri_part *part, int rank, int threads, size_t bytes)
{
    if (part->idle_ranks == NULL)
        part->idle_ranks = bri_calloc((size_t)bri_meet_nranks(), sizeof *part->idle_ranks);
    if (part->idle_ranks == NULL)
        return; /* then nobody helps */
    part->idle_ranks[rank] =
        (bri_idle_rank){.idle = true, .threads = threads, .bytes = bytes, .last = rank};
}

/* This packet, and FREE, may come after the job's end. */
void bri_helpers_on_idle(int from, const bri_packet *packet, const void *payload)
{
    (void)payload;
    bri_part *part = bri_part_find(packet->job);
    if (part != NULL)
        note_idle(part, from, packet->number, (size_t)packet->key.index);
}

/* Half of what is left below the limit is for guests (guest.c's grant). */
static size_t spare_bytes(bri_memory *memory)
{
    bri_memory_stats about;
    bri_memory_about(memory, &about);
    return about.limit > about.promised ? (about.limit - about.promised) / 2 : 0;
}

static void say_idle(bri_part *part)
{
    const br_context *ctx = part->job->ctx;
    size_t bytes = spare_bytes(ctx->memory);
    part->idle = true;
    if (bri_meet_rank() == 0) {
        note_idle(part, 0, ctx->nthreads, bytes);
        return;
    }
    bri_packet packet = {.kind = BRI_PACKET_IDLE, .number = ctx->nthreads, .job = part->id};
    packet.key.index = (int64_t)bytes;
    bri_link_send(0, &packet, NULL);
}

/* All its tasks have run but those that wait for others' values. */
static bool has_no_work(const bri_job *job)
{
    return atomic_load_explicit(&job->end_seen, memory_order_acquire) &&
           atomic_load_explicit(&job->counts, memory_order_acquire) < BRI_ONE_READY;
}

static bool look_whether_idle(bri_part *part, double now)
{
    if (!wants_balance(part) || !has_no_work(part->job)) {
        part->quiet = 0;
        return false;
    }
    if (part->quiet == 0)
        part->quiet = now;
    if (now < part->quiet + IDLE_AFTER)
        return false;
    say_idle(part);
    return true;
}

/* The next rank after `last` that is not idle; -1 when all are. */
static int next_busy(const bri_idle_rank *ranks, int last)
{
    int n = bri_meet_nranks();
    for (int i = 1; i <= n; i++)
        if (!ranks[(last + i) % n].idle)
            return (last + i) % n;
    return -1;
}

static void give_helper(bri_part *part, int rank, int to)
{
    bri_idle_rank *idle = &part->idle_ranks[rank];
    bri_packet packet = {.kind = BRI_PACKET_HELPER, .number = rank, .job = part->id};
    packet.key.level = (uint32_t)idle->threads;
    packet.key.index = (int64_t)idle->bytes;
    idle->helps = true;
    idle->last = to;
    if (to == 0)
        bri_lend_add_helper(part, &packet);
    else
        bri_link_send(to, &packet, NULL);
}

/* Each to another busy rank. */
static bool give_helpers(bri_part *part)
{
    const bri_idle_rank *ranks = part->idle_ranks;
    bool given = false;
    if (ranks == NULL || !wants_balance(part))
        return false;
    int last = bri_meet_rank();
    for (int r = 0; r < bri_meet_nranks(); r++) {
        if (!ranks[r].idle || ranks[r].helps)
            continue;
        int to = next_busy(ranks, ranks[r].last != r ? ranks[r].last : last);
        if (to < 0)
            return given;
        give_helper(part, r, to);
        last = to;
        given = true;
    }
    return given;
}

static void take_back(bri_part *part, int rank)
{
    if (part->idle_ranks != NULL)
        part->idle_ranks[rank].helps = false;
}

void bri_helpers_on_free(int from, const bri_packet *packet, const void *payload)
{
    (void)from, (void)payload;
    bri_part *part = bri_part_find(packet->job);
    if (part != NULL)
        take_back(part, packet->number);
}

void bri_helpers_free_one(bri_part *part, int rank)
{
    bri_packet packet = {.kind = BRI_PACKET_FREE, .number = rank, .job = part->id};
    if (bri_meet_rank() == 0)
        take_back(part, rank);
    else
        bri_link_send(0, &packet, NULL);
}

bool bri_helpers_step(bri_part *part, double now)
{
    bool something = !part->idle && look_whether_idle(part, now);
    if (bri_meet_rank() == 0)
        something |= give_helpers(part);
    return something;
}
