/* SPDX-License-Identifier: BSD-3-Clause
 * match.c - a hash table with chains, by key and reader.
 */
#include "scheduler/mpi/match.h"

#include "runtime/alloc.h"

enum { FIRST_BUCKETS = 64 };

static size_t hash(bri_key key, int rank)
{
    return (size_t)(bri_key_hash(key) + (uint64_t)(unsigned)rank * 0x165667b19e3779f9u);
}

static bool is_for(const bri_match_entry *e, bri_key key, int rank)
{
    return e->rank == rank && bri_key_equal(e->key, key);
}

static void insert(bri_match_entry **buckets, size_t n, bri_match_entry *e)
{
    bri_match_entry **bucket = &buckets[hash(e->key, e->rank) & (n - 1)];
    e->next = *bucket;
    *bucket = e;
}

static br_status grow(bri_match *match)
{
    size_t n = match->nbuckets > 0 ? 2 * match->nbuckets : FIRST_BUCKETS;
    bri_match_entry **bigger = bri_calloc(n, sizeof *bigger);
    if (bigger == NULL)
        return BR_ENOMEM;
    for (size_t i = 0; i < match->nbuckets; i++) {
        for (bri_match_entry *e = match->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            insert(bigger, n, e);
        }
    }
    bri_free(match->buckets);
    match->buckets = bigger;
    match->nbuckets = n;
    return BR_OK;
}

static bri_match_entry *unlink_entry(bri_match *match, bri_match_entry **link)
{
    bri_match_entry *e = *link;
    *link = e->next;
    match->nentries--;
    return e;
}

/* The link to the other half, NULL when there is none. */
static bri_match_entry **other_half(const bri_match *match, const bri_match_entry *half)
{
    if (match->nentries == 0)
        return NULL;
    bri_match_entry **link = &match->buckets[hash(half->key, half->rank) & (match->nbuckets - 1)];
    while (*link != NULL && !(is_for(*link, half->key, half->rank) &&
                              bri_match_is_ready(*link) != bri_match_is_ready(half)))
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

bri_match_entry *bri_match_find(const bri_match *match, const bri_match_entry *half)
{
    bri_match_entry **link = other_half(match, half);
    return link != NULL ? *link : NULL;
}

bri_match_entry *bri_match_take(bri_match *match, const bri_match_entry *half)
{
    bri_match_entry **link = other_half(match, half);
    return link != NULL ? unlink_entry(match, link) : NULL;
}

br_status bri_match_put(bri_match *match, const bri_match_entry *half)
{
    if (match->nentries >= match->nbuckets)
        BRI_TRY(grow(match));
    bri_match_entry *e = bri_memdup(half, sizeof *half);
    if (e == NULL)
        return BR_ENOMEM;
    insert(match->buckets, match->nbuckets, e);
    match->nentries++;
    return BR_OK;
}

bri_match_entry *bri_match_pop(bri_match *match)
{
    if (match->nentries == 0)
        return NULL;
    for (size_t i = 0; i < match->nbuckets; i++)
        if (match->buckets[i] != NULL)
            return unlink_entry(match, &match->buckets[i]);
    return NULL;
}

void bri_match_sift(bri_match *match, bool (*take)(void *data, const bri_match_entry *entry),
                    void *data)
{
    for (size_t i = 0; i < match->nbuckets; i++)
        for (bri_match_entry **link = &match->buckets[i]; *link != NULL;)
            if (take(data, *link))
                bri_free(unlink_entry(match, link));
            else
                link = &(*link)->next;
}

void bri_match_fini(bri_match *match)
{
    for (bri_match_entry *e; (e = bri_match_pop(match)) != NULL;)
        bri_free(e);
    bri_free(match->buckets);
    *match = (bri_match){0};
}
