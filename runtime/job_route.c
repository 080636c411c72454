/* SPDX-License-Identifier: BSD-3-Clause
 * job_route.c - the tree of the ranks that read one value, the same on all of them.
 *
 * Place 0 is the owner, then come the readers in the order of ranks that begins behind it, so that
 * values of several owners are passed on by different ranks. The place above p is p without its
 * highest bit (a binomial tree): the owner sends to places 1, 2, 4, ..., which is ceil(log2(n + 1))
 * copies for n readers, and place p to p + 2^k for 2^k > p.
 */
#include "runtime/alloc.h"
#include "runtime/job.h"

typedef struct tree {
    const unsigned char *reads; /* by rank */
    int rank, owner, nranks;
} tree;

static bool is_in(const tree *t, int rank)
{
    return rank != t->owner && (t->reads[rank] || rank == t->rank);
}

static int count_readers(const tree *t)
{
    int n = 0;
    for (int r = 0; r < t->nranks; r++)
        n += is_in(t, r);
    return n;
}

static int place_of(const tree *t, int rank)
{
    int place = 0;
    for (int r = t->owner; r != rank; r = (r + 1) % t->nranks)
        place += is_in(t, r);
    return place + 1;
}

static int rank_at(const tree *t, int place)
{
    int r = t->owner;
    while (place > 0) {
        r = (r + 1) % t->nranks;
        place -= is_in(t, r);
    }
    return r;
}

/* The power of two above it. */
static int beyond(int place)
{
    int bit = 1;
    while (bit <= place)
        bit *= 2;
    return bit;
}

/* Places p + k beyond(p) are below p. */
static int size_at(int place, int n)
{
    return (n - place) / beyond(place) + 1;
}

br_status bri_route_new(const br_context *ctx, int owner, const unsigned char *reads,
                        bri_route **route)
{
    const tree t = {reads, ctx->rank, owner, ctx->nranks};
    int n = count_readers(&t);
    *route = NULL;
    if (n <= BRI_FEW_READERS)
        return BR_OK;
    *route = bri_calloc(1, sizeof **route);
    if (*route == NULL)
        return BR_ENOMEM;
    int place = place_of(&t, t.rank);
    (*route)->size = size_at(place, n);
    while (place > 0) {
        place -= beyond(place) / 2;
        (*route)->hop[(*route)->nhops++] = (bri_hop){rank_at(&t, place), size_at(place, n)};
    }
    return BR_OK;
}
