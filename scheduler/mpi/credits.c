/* SPDX-License-Identifier: BSD-3-Clause
 * credits.c - bytes asked for, and the wishes that wait.
 */
#include "scheduler/mpi/credits.h"

#include "runtime/alloc.h"
#include "scheduler/mpi/inspect.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"
#include "scheduler/mpi/parts.h"

/* With one other rank; the values that wait are linked by next_output. */
typedef struct bri_credit {
    size_t asked, most;
    bri_value *first, **last;
} bri_credit;

static bri_credit *credit_with(bri_part *part, const bri_job *job, int rank)
{
    if (part->credits != NULL)
        return &part->credits[rank];
    bri_memory_stats memory;
    int n = bri_meet_nranks();
    part->credits = bri_calloc((size_t)n, sizeof *part->credits);
    if (part->credits == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    bri_memory_about(job->ctx->memory, &memory);
    for (int r = 0; r < n; r++) {
        part->credits[r].most = bri_credit_bytes(memory.limit);
        part->credits[r].last = &part->credits[r].first;
    }
    return &part->credits[rank];
}

static bool fits(const bri_credit *c, size_t bytes)
{
    return c->asked == 0 || c->asked + bytes <= c->most;
}

static void ask(bri_credit *c, bri_job *job, size_t bytes)
{
    atomic_llong *most = &job->stats.most_asked;
    c->asked += bytes;
    if ((long long)c->asked > atomic_load_explicit(most, memory_order_relaxed))
        atomic_store_explicit(most, (long long)c->asked, memory_order_relaxed);
}

bool bri_credit_take(bri_part *part, bri_job *job, bri_value *value)
{
    bri_credit *c = credit_with(part, job, value->owner);
    if (c->first == NULL && fits(c, value->bytes)) {
        ask(c, job, value->bytes);
        return true;
    }
    value->next_output = NULL;
    *c->last = value;
    c->last = &value->next_output;
    return false;
}

void bri_credit_give(bri_part *part, int rank, size_t bytes)
{
    if (part->credits != NULL) /* else it has failed meanwhile */
        part->credits[rank].asked -= bytes;
}

bri_value *bri_credit_next(bri_part *part, int rank)
{
    bri_credit *c = part->credits != NULL ? &part->credits[rank] : NULL;
    bri_value *value = c != NULL ? c->first : NULL;
    if (value == NULL || !fits(c, value->bytes))
        return NULL;
    c->first = value->next_output;
    if (c->first == NULL)
        c->last = &c->first;
    value->next_output = NULL;
    ask(c, part->job, value->bytes);
    return value;
}

void bri_credits_print(const bri_part *part, FILE *to)
{
    int n = 0;
    for (int r = 0; part->credits != NULL && r < bri_meet_nranks(); r++)
        for (const bri_value *v = part->credits[r].first; v != NULL; v = v->next_output) {
            char value[256];
            if (++n > BRI_INSPECT_LINES)
                continue;
            bri_job_name_value(part->job, v->key, value, sizeof value);
            fprintf(to, "  not asked of rank %d before others have come: %s\n", r, value);
        }
    if (n > BRI_INSPECT_LINES)
        fprintf(to, "  and %d more values are asked for later\n", n - BRI_INSPECT_LINES);
}

void bri_credits_free(bri_part *part)
{
    bri_free(part->credits);
    part->credits = NULL;
}
