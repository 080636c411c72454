/* SPDX-License-Identifier: BSD-3-Clause
 * sends.c - what is on its way out, and in which order where one value goes to several ranks.
 */
#include "scheduler/mpi/sends.h"

#include "runtime/alloc.h"
#include "runtime/clock.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"
#include "scheduler/mpi/thread.h"

/* A larger wish is waited for as long as a tenth of what the value takes at 1 Gbit/s. */
static const double patience_per_byte = 0.8e-9;

/* A value that goes down a tree. */
typedef struct bri_fan fan;
struct bri_fan {
    fan *next;
    bri_key key;
    bri_sending *waiting; /* those for most readers first */
    bool under_way;
    int left; /* readers that have yet to ask, as far as it has been heard */
    double until;
};

/* ---- those of a part ---- */

static void list(bri_part *part, bri_sending *s)
{
    s->next_of_part = part->sends;
    s->link_of_part = &part->sends;
    if (s->next_of_part != NULL)
        s->next_of_part->link_of_part = &s->next_of_part;
    part->sends = s;
}

static void end(bri_sending *s)
{
    *s->link_of_part = s->next_of_part;
    if (s->next_of_part != NULL)
        s->next_of_part->link_of_part = s->link_of_part;
    s->done(s);
}

/* Of what goes in parts `used` is the present one, and `rest` are those after it. */
static void print(const bri_sending *s, FILE *to)
{
    char value[256];
    size_t all = s->more != NULL ? s->bytes : s->used;
    size_t moved = bri_link_moved(&s->transfer);
    moved = all - s->rest - s->used + (moved < s->used ? moved : s->used);
    bri_job_name_value(s->part->job, s->key, value, sizeof value);
    fprintf(to, "  %zu of %zu bytes sent to rank %d: %s\n", moved, all, s->to, value);
}

void bri_sends_print(const bri_part *part, FILE *to)
{
    int n = 0;
    for (const bri_sending *s = part->sends; s != NULL; s = s->next_of_part)
        if (++n <= BRI_INSPECT_LINES)
            print(s, to);
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and %d more values are sent\n", n - BRI_INSPECT_LINES);
}

/* ---- their order ---- */

static void forget(bri_part *part, fan *f)
{
    fan **link = &part->fans;
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    bri_free(f);
}

static void sent(bri_transfer *transfer)
{
    bri_sending *s = (bri_sending *)transfer; /* its first member */
    fan *f = s->fan;
    if (s->rest > 0) {
        s->more(s);
        return;
    }
    if (f != NULL)
        f->under_way = false;
    if (f != NULL && f->waiting == NULL)
        forget(s->part, f);
    end(s);
}

static void start(bri_sending *s)
{
    bri_link_place to = {.rank = s->to, .tag = s->slot};
    s->transfer = (bri_transfer){.done = sent};
    if (s->more != NULL)
        bri_link_send_some(&s->transfer, to, s->data, s->used, s->bytes);
    else
        bri_link_send_long(&s->transfer, to, s->data, s->used, s->bytes);
}

void bri_sends_go_on(bri_sending *s, size_t bytes)
{
    s->used = bytes;
    s->rest -= bytes;
    start(s);
}

/* NULL without memory: then the order does not matter. */
static fan *fan_of(bri_part *part, const bri_sending *s, const bri_match_entry *wish)
{
    fan *f = part->fans;
    while (f != NULL && !bri_key_equal(f->key, wish->key))
        f = f->next;
    if (f != NULL || (f = bri_calloc(1, sizeof *f)) == NULL)
        return f;
    f->key = wish->key;
    f->left = wish->readers;
    f->until = bri_now();
    f->until += bri_meet_on_one_host() ? 0 : patience_per_byte * (double)s->used;
    f->next = part->fans;
    part->fans = f;
    return f;
}

static void insert(fan *f, bri_sending *s)
{
    bri_sending **link = &f->waiting;
    while (*link != NULL && (*link)->count >= s->count)
        link = &(*link)->next;
    s->next = *link;
    *link = s;
    f->left -= s->count;
}

void bri_sends_add(bri_part *part, bri_sending *s, const bri_match_entry *wish)
{
    s->part = part;
    s->key = wish->key;
    s->to = wish->to;
    s->slot = wish->slot;
    s->count = wish->count;
    list(part, s);
    s->fan = wish->rank == BRI_MATCH_ANY ? fan_of(part, s, wish) : NULL;
    if (s->fan != NULL)
        insert(s->fan, s);
    else
        start(s);
}

static bool begin(fan *f, double now)
{
    bri_sending *s = f->waiting;
    if (f->under_way || s == NULL || (f->left > s->count && now < f->until))
        return false;
    f->waiting = s->next;
    f->under_way = true;
    start(s);
    return true;
}

bool bri_sends_step(bri_part *part)
{
    bool something = false;
    if (part->fans == NULL)
        return false;
    double now = bri_now();
    for (fan *f = part->fans; f != NULL; f = f->next)
        something |= begin(f, now);
    return something;
}

static void refuse_all(bri_part *part, fan *f)
{
    bri_sending *first = f->waiting;
    f->waiting = NULL;
    if (!f->under_way)
        forget(part, f);
    for (bri_sending *s = first, *next; s != NULL; s = next) {
        next = s->next;
        bri_link_send(s->to, &(bri_packet){.kind = BRI_PACKET_REFUSE, .number = s->slot}, NULL);
        end(s);
    }
}

void bri_sends_give_up(bri_part *part)
{
    for (fan *f = part->fans, *next; f != NULL; f = next) {
        next = f->next;
        refuse_all(part, f);
    }
}
