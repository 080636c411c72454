/* SPDX-License-Identifier: BSD-3-Clause
 * park.c - which waiting values go to disk, and how.
 */
#include "scheduler/mpi/park.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/job_spill.h"
#include "scheduler/mpi/aside.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/supply.h"
#include "scheduler/mpi/values.h"

/* So many times fit values that go at a time in the limit. */
enum { PARTS_OF_LIMIT = 8 };

/* Values on their way to the file: entries of one value are neighbours. */
typedef struct batch {
    bri_aside work; /* first */
    bri_part *part;
    bri_job *job;
    bri_match_entry *entry; /* taken out of the part's table */
    size_t n, room;
    br_status status; /* the first failure; what follows stays in memory */
    char text[256];
} batch;

static void free_batch(batch *b)
{
    bri_free(b->entry);
    bri_free(b);
}

/* ---- who goes ---- */

static bool may_go(const bri_part *part, const bri_match_entry *e)
{
    const bri_value *v = e->value;
    return v != NULL && e->job == part->job && v->used >= BRI_SPILL_LEAST && !v->borrowed;
}

static bool collect(void *data, const bri_match_entry *e)
{
    batch *b = data;
    if (b->status == BR_OK && may_go(b->part, e))
        b->status = bri_grow(&b->entry, &b->room, b->n, sizeof *b->entry);
    if (b->status == BR_OK && may_go(b->part, e))
        b->entry[b->n++] = *e;
    return false;
}

/* The last ones of a stage are read last, more likely than not. */
static int later(const void *a, const void *b)
{
    const bri_match_entry *x = a;
    const bri_match_entry *y = b;
    if (x->key.index != y->key.index)
        return x->key.index < y->key.index ? 1 : -1;
    return (x->value < y->value) - (x->value > y->value);
}

/* The entries from i on that are of one value. */
static size_t count_same(const batch *b, size_t i)
{
    size_t n = 1;
    while (i + n < b->n && b->entry[i + n].value == b->entry[i].value)
        n++;
    return n;
}

/* Those who have yet to ask are all the readers it has left; acquire: what others did with the
 * bytes is done. */
static bool is_only_waiting(const bri_match_entry *e, size_t n)
{
    int readers = 0;
    for (size_t i = 0; i < n; i++)
        readers += e[i].count;
    return readers == atomic_load_explicit(&e->value->readers, memory_order_acquire);
}

/* Keeps those that go in the list. */
static void choose(batch *b, size_t wanted)
{
    size_t kept = 0;
    size_t bytes = 0;
    qsort(b->entry, b->n, sizeof *b->entry, later);
    for (size_t i = 0, n; i < b->n && bytes < wanted; i += n) {
        n = count_same(b, i);
        if (!is_only_waiting(&b->entry[i], n))
            continue;
        bytes += b->entry[i].value->bytes;
        memmove(&b->entry[kept], &b->entry[i], n * sizeof *b->entry);
        kept += n;
    }
    b->n = kept;
}

/* Their entries are copies. */
static void take_out(const batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const bri_match_entry wish = {.key = b->entry[i].key, .rank = b->entry[i].rank};
        bri_free(bri_match_take(&b->part->matches, &wish));
    }
}

/* ---- writing, on a thread of its own ---- */

static br_status write_away(batch *b, size_t i, size_t n)
{
    const bri_value *v = b->entry[i].value;
    bri_parked *p = bri_calloc(1, sizeof *p);
    if (p == NULL)
        return BR_ENOMEM;
    *p = (bri_parked){.file = b->job->ctx->spill, .bytes = v->bytes};
    br_status st = bri_spill_write(p->file, v->data, v->used, &p->block);
    if (st != BR_OK) {
        bri_free(p);
        return st;
    }
    atomic_fetch_add_explicit(&b->job->stats.bytes_spilled, (long long)v->used,
                              memory_order_relaxed);
    for (size_t k = i; k < i + n; k++) {
        p->left += b->entry[k].count;
        b->entry[k].parked = p;
    }
    return BR_OK;
}

static void written(const bri_request *request);

static void write_all(bri_aside *work)
{
    batch *b = (batch *)work; /* its first member */
    const atomic_bool *failed = &b->job->failed;
    for (size_t i = 0, n;
         i < b->n && b->status == BR_OK && !atomic_load_explicit(failed, memory_order_acquire);
         i += n) {
        n = count_same(b, i);
        b->status = write_away(b, i, n);
    }
    if (b->status != BR_OK)
        snprintf(b->text, sizeof b->text, "%s", bri_last_error());
    bri_thread_must_post(&(bri_request){.run = written, .data = b});
}

/* ---- afterwards ---- */

/* The room for bringing values back is that of the largest that went: its bytes stay promised. */
static void keep_room(bri_job *job, const batch *b)
{
    bri_value *largest = NULL;
    for (size_t i = 0; i < b->n; i++)
        if (b->entry[i].parked != NULL &&
            (largest == NULL || b->entry[i].value->bytes > largest->bytes))
            largest = b->entry[i].value;
    if (largest == NULL || !bri_supply_needs_room(job, largest->bytes))
        return;
    bri_memory_put(job->ctx->memory, largest->data, largest->bytes);
    largest->data = NULL;
    bri_supply_grow_room(job, largest->bytes);
}

static void give_back(const batch *b, const bri_match_entry *e)
{
    bri_match_entry half = *e;
    if (e->parked != NULL) {
        bri_job_owe(b->job, e->count);
        for (int n = e->count; n > 0; n--)
            bri_job_sent(b->job, e->value);
        half.value = NULL;
    }
    bri_values_offer(b->part, &half);
}

static void written(const bri_request *request)
{
    batch *b = request->data;
    bri_part *part = b->part;
    keep_room(b->job, b);
    for (size_t i = 0; i < b->n; i++)
        give_back(b, &b->entry[i]);
    part->cannot_park = b->status != BR_OK;
    if (part->cannot_park)
        bri_log_info(b->job->ctx, "values for other ranks stay in memory: %s", b->text);
    part->parking = false;
    part->moving--;
    atomic_fetch_sub_explicit(&b->job->supplying, 1, memory_order_release);
    bri_pool_notify(part->pool);
    free_batch(b);
}

static size_t how_much(const bri_job *job, size_t wanted)
{
    bri_memory_stats about;
    bri_memory_about(job->ctx->memory, &about);
    if (about.promised + wanted <= about.limit)
        return 0; /* a prediction is exceeded, not the limit */
    size_t more = about.promised + wanted - about.limit;
    return more > about.limit / PARTS_OF_LIMIT ? more : about.limit / PARTS_OF_LIMIT;
}

static void send_away(const bri_request *request)
{
    bri_part *part = request->part;
    size_t wanted = how_much(request->job, request->bytes);
    if (part->failed || part->parking || part->cannot_park || wanted == 0 ||
        request->job != part->job)
        return;
    batch *b = bri_calloc(1, sizeof *b);
    if (b == NULL)
        return; /* then the task waits for the other ranks */
    *b = (batch){.work.run = write_all, .part = part, .job = request->job};
    bri_match_sift(&part->matches, collect, b);
    choose(b, wanted);
    if (b->status != BR_OK || b->n == 0) {
        free_batch(b);
        return;
    }
    take_out(b);
    part->parking = true;
    part->moving++;
    atomic_fetch_add_explicit(&b->job->supplying, 1, memory_order_release); /* gives memory back */
    bri_aside_add(&b->work);
}

void bri_park(const bri_request *request)
{
    send_away(request);
    atomic_fetch_sub_explicit(&request->job->supplying, 1, memory_order_release);
    bri_pool_notify(request->part->pool); /* who looked meanwhile did not seem to be alone */
}

void bri_parked_done(bri_parked *parked, bri_job *job, int n)
{
    bri_job_owe(job, -n);
    parked->left -= n;
    if (parked->left > 0)
        return;
    bri_spill_drop(parked->file, &parked->block);
    bri_free(parked);
}
