/* SPDX-License-Identifier: BSD-3-Clause
 * aside.c - a queue and its threads, which are started as they are needed.
 */
#include "scheduler/mpi/aside.h"

#include <pthread.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/meet.h"

/* `lock` guards the queue and the counts; the threads are the communication thread's. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bri_aside *first, **last;
    int waiting, idle; /* work that nobody has taken, threads that wait for some */
    bool ending;
    pthread_t *thread;
    int nthreads;
} aside = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .last = &aside.first};

static bri_aside *next_work(void)
{
    pthread_mutex_lock(&aside.lock);
    aside.idle++;
    while (aside.first == NULL && !aside.ending)
        pthread_cond_wait(&aside.changed, &aside.lock);
    aside.idle--;
    bri_aside *work = aside.first;
    if (work != NULL) {
        aside.first = work->next;
        aside.waiting--;
    }
    if (aside.first == NULL)
        aside.last = &aside.first;
    pthread_mutex_unlock(&aside.lock);
    return work;
}

static void *run_all(void *unused)
{
    bri_aside *work;
    pthread_setname_np(pthread_self(), "bramble-aside");
    while ((work = next_work()) != NULL)
        work->run(work);
    return unused;
}

/* It gets no signals, as the communication thread gets none. One thread is enough for progress. */
static void start_thread(void)
{
    int most = bri_meet_about(bri_meet_rank())->threads;
    if (aside.thread == NULL)
        aside.thread = bri_calloc((size_t)most, sizeof *aside.thread);
    if (aside.thread != NULL && aside.nthreads < most &&
        pthread_create(&aside.thread[aside.nthreads], NULL, run_all, NULL) == 0)
        aside.nthreads++;
    if (aside.nthreads == 0)
        bri_leave_abort(1, "cannot start a thread to answer other ranks");
}

void bri_aside_add(bri_aside *work)
{
    work->next = NULL;
    pthread_mutex_lock(&aside.lock);
    *aside.last = work;
    aside.last = &work->next;
    bool crowded = ++aside.waiting > aside.idle;
    pthread_cond_signal(&aside.changed);
    pthread_mutex_unlock(&aside.lock);
    if (crowded)
        start_thread();
}

void bri_aside_end(void)
{
    pthread_mutex_lock(&aside.lock);
    aside.ending = true;
    pthread_cond_broadcast(&aside.changed);
    pthread_mutex_unlock(&aside.lock);
    for (int i = 0; i < aside.nthreads; i++)
        pthread_join(aside.thread[i], NULL);
    bri_free(aside.thread);
    aside.thread = NULL;
    aside.nthreads = 0;
    aside.ending = false;
}
