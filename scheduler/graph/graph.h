/* SPDX-License-Identifier: BSD-3-Clause
 * graph.h - tasks of a br_graph, and one run of them.
 *
 * The prototype of the tasks' measurements in short: records in one array, successors in another,
 * one counter a task; who runs a task goes on with the first successor that it made ready.
 */
#ifndef BRI_GRAPH_H
#define BRI_GRAPH_H

#include <stdatomic.h>

#include <bramble/graph.h>

#include "runtime/context.h"
#include "runtime/job.h"
#include "scheduler/threads/event.h"

typedef struct bri_vertex {
    br_task_function *fn;
    void *data;
    uint32_t ninputs;
    atomic_uint pending; /* inputs that are not done; ninputs between runs. acq_rel: who brings it
                            to 0 sees what all inputs wrote */
    uint32_t first;      /* of its successors */
    uint32_t nsuccessors;
} bri_vertex;

struct br_graph {
    br_context *ctx;
    bri_owned owned;
    br_status status; /* the first failure of building */
    char message[BRI_ERROR_TEXT];
    bri_vertex *vertex;
    uint32_t *after; /* what each task comes after, task by task */
    size_t n, room, nafter, after_room;
    uint32_t *successor; /* of each task in turn, ascending */
    uint32_t *root;      /* tasks after none, ascending */
    size_t nroots;
    size_t ordered; /* tasks that successor and root are for */
    bool running;
};

/* A thread's own ready tasks: it pushes and pops at the bottom, others steal from the top. The
 * same as scheduler/threads/deque.h, with numbers, and room for all there are. */
typedef struct bri_ready {
    char before[64];
    atomic_llong top;
    char between[64];
    atomic_llong bottom;
    _Atomic(uint32_t) *slot;
    long long mask;
    char behind[64];
    atomic_size_t root; /* the next of its roots; fetch_add takes some */
    size_t root_end;
} bri_ready;

typedef struct bri_gang {
    br_graph *graph;
    const bri_job *job; /* fails when the run is cancelled */
    bri_ready *ready;   /* one a thread */
    int nthreads;
    int64_t spin_ns;
    int sent;          /* threads that were asked to come (job->emit) */
    atomic_int joined; /* that came: their numbers */
    bri_event event;
    char between[64];
    atomic_llong left;  /* tasks not done, counted down in batches */
    atomic_bool failed; /* seq_cst, as left: both end the run */
    atomic_int code;    /* what the task that failed first returned (compare and swap from 0) */
    uint32_t culprit;   /* its number; written before `failed` */
} bri_gang;

/* Orders what follows each task, after additions (order.c). */
br_status bri_graph_order(br_graph *graph);
/* Works until the run has ended (work.c). */
void bri_gang_work(bri_gang *gang);

#endif
