/* SPDX-License-Identifier: BSD-3-Clause
 * queue.c - the list and the heap.
 *
 * In the heap `child` is the first child, `next` the next sibling, and `previous` the sibling
 * before or, of a first child, the parent.
 */
#include "scheduler/futures/queue.h"

#include "scheduler/futures/store.h"

_Bool bri_queue_before(const bri_errand *a, const bri_errand *b)
{
    if (a == NULL || b == NULL)
        return a != NULL;
    return a->priority != b->priority ? a->priority > b->priority : a->turn < b->turn;
}

/* ---- the heap ---- */

/* Two heaps, of which each is a root without siblings, become one. */
static bri_errand *meld(bri_errand *a, bri_errand *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    bri_errand *top = bri_queue_before(a, b) ? a : b;
    bri_errand *below = top == a ? b : a;
    below->next = top->child;
    if (below->next != NULL)
        below->next->previous = below;
    below->previous = top;
    top->child = below;
    return top;
}

static bri_errand *cut_first(bri_errand **list)
{
    bri_errand *e = *list;
    if (e != NULL) {
        *list = e->next;
        e->next = e->previous = NULL;
    }
    return e;
}

/* Siblings become one heap: neighbours in pairs, then the pairs from the last one on. */
static bri_errand *meld_all(bri_errand *list)
{
    bri_errand *pairs = NULL;
    while (list != NULL) {
        bri_errand *a = cut_first(&list);
        bri_errand *pair = meld(a, cut_first(&list));
        pair->next = pairs;
        pairs = pair;
    }
    bri_errand *all = NULL;
    while (pairs != NULL) {
        bri_errand *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        all = meld(all, pair);
    }
    return all;
}

static void remove_from_heap(bri_queue *q, bri_errand *e)
{
    bri_errand *below = meld_all(e->child);
    e->child = NULL;
    if (q->heap == e) {
        q->heap = below;
        return;
    }
    if (e->previous->child == e)
        e->previous->child = e->next;
    else
        e->previous->next = e->next;
    if (e->next != NULL)
        e->next->previous = e->previous;
    q->heap = meld(q->heap, below);
}

/* ---- the list ---- */

static void append(bri_queue *q, bri_errand *e)
{
    e->previous = q->last;
    if (q->last != NULL)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
}

static void put_in_front(bri_queue *q, bri_errand *e)
{
    e->next = q->first;
    if (q->first != NULL)
        q->first->previous = e;
    else
        q->last = e;
    q->first = e;
}

static void remove_from_list(bri_queue *q, bri_errand *e)
{
    if (e->previous != NULL)
        e->previous->next = e->next;
    else
        q->first = e->next;
    if (e->next != NULL)
        e->next->previous = e->previous;
    else
        q->last = e->previous;
}

/* ---- both ---- */

static void push(bri_queue *q, bri_errand *e, void (*into_list)(bri_queue *q, bri_errand *e))
{
    e->next = e->previous = e->child = NULL;
    q->n++;
    if (e->priority == 0)
        into_list(q, e);
    else
        q->heap = meld(q->heap, e);
}

void bri_queue_push(bri_queue *q, bri_errand *e)
{
    push(q, e, append);
}

void bri_queue_put_back(bri_queue *q, bri_errand *e)
{
    push(q, e, put_in_front);
}

bri_errand *bri_queue_first(const bri_queue *q)
{
    return bri_queue_before(q->heap, q->first) ? q->heap : q->first;
}

void bri_queue_remove(bri_queue *q, bri_errand *e)
{
    q->n--;
    if (e->priority == 0)
        remove_from_list(q, e);
    else
        remove_from_heap(q, e);
    e->next = e->previous = NULL;
}
