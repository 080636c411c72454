/* SPDX-License-Identifier: BSD-3-Clause
 * replies.c - waiting for replies.
 */
#include "scheduler/mpi/replies.h"

#include <stdio.h>

void bri_replies_expect(bri_replies *r, int n)
{
    pthread_mutex_lock(&r->lock);
    r->missing = n;
    r->status = BR_OK;
    pthread_mutex_unlock(&r->lock);
}

br_status bri_replies_wait(bri_replies *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->missing > 0)
        pthread_cond_wait(&r->changed, &r->lock);
    br_status st = r->status;
    if (st != BR_OK)
        bri_error(st, "%s", r->text);
    pthread_mutex_unlock(&r->lock);
    return st;
}

void bri_replies_take(bri_replies *r, br_status status, const char *who, const char *text)
{
    pthread_mutex_lock(&r->lock);
    if (status != BR_OK && r->status == BR_OK) {
        r->status = status;
        if (who != NULL)
            snprintf(r->text, sizeof r->text, "%s: %.900s", who, text);
        else
            snprintf(r->text, sizeof r->text, "%s", text);
    }
    r->missing--;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
