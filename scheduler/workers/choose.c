/* SPDX-License-Identifier: BSD-3-Clause
 * choose.c - workers chosen by a text.
 *
 * text := item ("," item)*      item := integer | [integer] ":" [integer] [":" [integer]]
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/futures/store.h"
#include "scheduler/workers/workers.h"

typedef struct parser {
    const char *text, *at;
    int nworkers;
    bri_choice *choice;
    bool *chosen; /* by rank */
} parser;

/* An integer that may be left out. */
typedef struct bound {
    bool given;
    long value;
} bound;

static br_status complain(const parser *p, const char *what)
{
    return bri_error(BR_EINDEX, "workers \"%.200s\": %s at column %d", p->text, what,
                     (int)(p->at - p->text) + 1);
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static bool accept(parser *p, char c)
{
    skip_space(p);
    bool there = *p->at == c;
    p->at += there;
    return there;
}

static br_status read_bound(parser *p, bound *b)
{
    skip_space(p);
    *b = (bound){.given = isdigit((unsigned char)*p->at) || *p->at == '-' || *p->at == '+'};
    if (!b->given)
        return BR_OK;
    char *end;
    errno = 0;
    b->value = strtol(p->at, &end, 10);
    if (end == p->at)
        return complain(p, "a number is missing");
    if (errno == ERANGE)
        return complain(p, "a number is too large");
    p->at = end;
    return BR_OK;
}

static br_status add(parser *p, long rank)
{
    if (p->chosen[rank])
        return bri_error(BR_EINDEX, "workers \"%.200s\": number %ld is chosen twice", p->text,
                         rank);
    p->chosen[rank] = true;
    p->choice->ranks[p->choice->n++] = (int)rank;
    return BR_OK;
}

static br_status add_one(parser *p, long number)
{
    long n = p->nworkers;
    if (number < -n || number >= n)
        return bri_error(BR_EINDEX, "workers \"%.200s\": there is no worker %ld: the last is %ld",
                         p->text, number, n - 1);
    return add(p, number < 0 ? number + n : number);
}

/* As Python's slice.indices. */
static long cut(const bound *b, long n, long lowest, long highest, long otherwise)
{
    if (!b->given)
        return otherwise;
    long value = b->value < 0 ? b->value + n : b->value;
    return value < lowest ? lowest : value > highest ? highest : value;
}

static br_status add_slice(parser *p, const bound *start, const bound *stop, const bound *step)
{
    long n = p->nworkers;
    long by = step->given ? step->value : 1;
    bool up = by > 0;
    long from = up ? cut(start, n, 0, n, 0) : cut(start, n, -1, n - 1, n - 1);
    long to = up ? cut(stop, n, 0, n, n) : cut(stop, n, -1, n - 1, -1);
    by = by > n ? n : by < -n ? -n : by;
    for (long rank = from; up ? rank < to : rank > to; rank += by)
        BRI_TRY(add(p, rank));
    return BR_OK;
}

static br_status read_item(parser *p)
{
    bound start, stop, step = {.given = false};
    BRI_TRY(read_bound(p, &start));
    if (!accept(p, ':'))
        return start.given ? add_one(p, start.value)
                           : complain(p, "a number, a slice or \":\" for all is expected");
    BRI_TRY(read_bound(p, &stop));
    if (accept(p, ':'))
        BRI_TRY(read_bound(p, &step));
    if (step.given && step.value == 0)
        return complain(p, "the step is 0");
    return add_slice(p, &start, &stop, &step);
}

static br_status read_text(parser *p)
{
    do
        BRI_TRY(read_item(p));
    while (accept(p, ','));
    if (*p->at != '\0')
        return complain(p, "a comma is expected");
    if (p->choice->n == 0)
        return bri_error(BR_EINDEX, "workers \"%.200s\": nobody is chosen: the last is %d", p->text,
                         p->nworkers - 1);
    return BR_OK;
}

/* ---- hosts ---- */

static void keep_one_a_host(br_context *ctx, bri_choice *choice)
{
    int n = choice->n;
    choice->n = 0;
    for (int i = 0; i < n; i++) {
        br_rank_info info, other;
        bool first = br_rank(ctx, choice->ranks[i], &info) == BR_OK;
        for (int k = 0; k < choice->n && first; k++)
            first = br_rank(ctx, choice->ranks[k], &other) == BR_OK &&
                    strcmp(info.host, other.host) != 0;
        if (first)
            choice->ranks[choice->n++] = choice->ranks[i];
    }
}

/* ---- both ---- */

br_status bri_workers_choose(br_context *ctx, const char *text, bool per_host, bri_choice **out)
{
    size_t n = (size_t)ctx->nranks;
    *out = NULL;
    if (ctx->status != BR_OK)
        return bri_error(ctx->status, "%s", br_message(ctx));
    bri_choice *choice = bri_calloc(1, sizeof *choice + n * sizeof choice->ranks[0]);
    bool *chosen = bri_calloc(n, sizeof *chosen);
    parser p = {.text = text != NULL ? text : ":", .nworkers = ctx->nranks};
    p.at = p.text;
    p.choice = choice;
    p.chosen = chosen;
    br_status st = choice != NULL && chosen != NULL ? read_text(&p) : BR_ENOMEM;
    if (st == BR_OK && per_host)
        keep_one_a_host(ctx, choice);
    if (st == BR_OK)
        *out = choice;
    else
        bri_free(choice);
    bri_free(chosen);
    return st;
}

br_status bri_workers_fail(br_context *ctx, br_status status)
{
    if (ctx->status == BR_OK && bri_task_current() == NULL)
        bri_context_fail(ctx, status, bri_last_error());
    return status;
}

size_t br_worker_ranks_(br_worker_ranks_args a)
{
    bri_choice *choice = NULL;
    br_status st = bri_workers_choose(a.ctx, a.workers, a.per_host, &choice);
    if (st != BR_OK) {
        bri_workers_fail(a.ctx, bri_workers_place(st, a.at, "worker_ranks"));
        return 0;
    }
    size_t n = (size_t)choice->n;
    if (a.ranks != NULL)
        memcpy(a.ranks, choice->ranks, n * sizeof *a.ranks);
    bri_free(choice);
    return n;
}

br_status bri_workers_place(br_status st, br_place at, const char *function)
{
    const char *slash = at.file != NULL ? strrchr(at.file, '/') : NULL;
    const char *file = slash != NULL ? slash + 1 : at.file;
    return bri_error_context(st, "%s (%.100s:%d)", function, file != NULL ? file : "?", at.line);
}
