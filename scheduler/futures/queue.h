/* SPDX-License-Identifier: BSD-3-Clause
 * queue.h - errands that are ready: by priority, then by turn; links are inside the errands, so
 * that nothing can fail.
 *
 * Those of priority 0, which is nearly all, are a list; the others are a pairing heap (Fredman,
 * Sedgewick, Sleator and Tarjan 1986).
 */
#ifndef BRI_FUTURES_QUEUE_H
#define BRI_FUTURES_QUEUE_H

#include <stddef.h>

struct bri_errand;

typedef struct bri_queue {
    struct bri_errand *first, *last; /* of priority 0 */
    struct bri_errand *heap;         /* the others */
    size_t n;
} bri_queue;

void bri_queue_push(bri_queue *queue, struct bri_errand *errand);
/* One that was taken and not begun. */
void bri_queue_put_back(bri_queue *queue, struct bri_errand *errand);
/* The one whose turn it is, or NULL. */
struct bri_errand *bri_queue_first(const bri_queue *queue);
/* Takes any of it out. */
void bri_queue_remove(bri_queue *queue, struct bri_errand *errand);

/* Whether a comes before b; NULL comes last. */
_Bool bri_queue_before(const struct bri_errand *a, const struct bri_errand *b);

#endif
