/* SPDX-License-Identifier: BSD-3-Clause
 * meet.c - gathers one record of every rank and compares what must be equal.
 */
#include "scheduler/mpi/meet.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/scheduler.h"
#include "scheduler/mpi/leave.h"
#include "scheduler/mpi/link.h"

static const uint32_t byte_order = 0x01020304;

/* Written before the communication thread starts (mine) and by it before others are told that the
 * ranks have met. */
static struct {
    bri_meet_record mine;
    bri_meet_record *all;
    int rank, nranks;
    bool one_host;
} meeting;

/* Written once, since file errors on other threads may show it from then on. */
static char own_host[sizeof meeting.mine.host];

void bri_meet_describe(const br_context *ctx, bri_meet_record *mine)
{
    memset(mine, 0, sizeof *mine);
    snprintf(mine->version, sizeof mine->version, "%s", BR_VERSION_TEXT);
    mine->byte_order = byte_order;
    mine->pointer_bytes = sizeof(void *);
    snprintf(mine->host, sizeof mine->host, "%s", ctx->host);
    bri_build_ids(mine->program, mine->library);
    mine->threads = ctx->nthreads;
    snprintf(mine->threads_why, sizeof mine->threads_why, "%s", ctx->threads_why);
    mine->peer_timeout = ctx->config.peer_timeout;
    ctx->engine->arithmetic(mine->kernels, mine->blas);
    mine->kernels_chosen = ctx->config.isa[0] != '\0';
}

/* ---- the comparison ---- */

typedef struct rule {
    size_t offset, bytes; /* of what must be equal */
    const char *label;    /* it is a text, shown behind this; or NULL */
    const char *what, *remedy;
} rule;

// clang-format off
#define PLACE(field) offsetof(bri_meet_record, field)
#define SIZE(field) sizeof(((bri_meet_record *)0)->field)
static const rule rules[] = {
    {PLACE(byte_order), PLACE(host) - PLACE(byte_order), NULL,
     "has another byte order or word size", "all hosts must run the same kind of system"},
    {PLACE(version), SIZE(version), "",
     "has another version of bramble", "install the same one on every host"},
    {PLACE(program), SIZE(program), "build-id ",
     "runs another binary", "copy the program to every host"},
    {PLACE(library), SIZE(library), "build-id ",
     "loads another libbramble", "install the same one on every host"},
    {PLACE(kernels), SIZE(kernels), "",
     "has kernels with other bits", "set BRAMBLE_ISA to what every host has"},
    {PLACE(blas), SIZE(blas), "",
     "has another OpenBLAS kernel", "set OPENBLAS_CORETYPE to one that every host has"},
};
// clang-format on

static const char *field(const bri_meet_record *record, const rule *rule)
{
    return (const char *)record + rule->offset;
}

static bool same(const bri_meet_record *a, const bri_meet_record *b, const rule *rule)
{
    return memcmp(field(a, rule), field(b, rule), rule->bytes) == 0;
}

/* The first rank that differs from rank 0, 0 when none does; how many more do. */
static int first_other(const bri_meet_record *all, int nranks, const rule *rule, int *more)
{
    int first = 0;
    *more = 0;
    for (int r = nranks - 1; r > 0; r--) {
        if (same(&all[r], &all[0], rule))
            continue;
        *more += first != 0;
        first = r;
    }
    return first;
}

/* "rank 2 on pi-3 (and 3 more) runs another binary (build-id …) than rank 0 on pi-1 (build-id …):
 * copy it" */
static br_status refuse(const bri_meet_record *all, const rule *rule, int first, int more)
{
    char others[32] = "";
    char theirs[64] = "";
    char ours[64] = "";
    if (more > 0)
        snprintf(others, sizeof others, " (and %d more)", more);
    if (rule->label != NULL) {
        snprintf(theirs, sizeof theirs, " (%s%.40s)", rule->label, field(&all[first], rule));
        snprintf(ours, sizeof ours, " (%s%.40s)", rule->label, field(&all[0], rule));
    }
    return bri_error(BR_EPEER, "rank %d on %.63s%s %s%s than rank 0 on %.63s%s: %s", first,
                     all[first].host, others, rule->what, theirs, all[0].host, ours, rule->remedy);
}

br_status bri_meet_check(const bri_meet_record *all, int nranks)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int more;
        if (rules[i].offset == PLACE(kernels) && all[0].kernels_chosen)
            continue;
        int first = first_other(all, nranks, &rules[i], &more);
        if (first != 0)
            return refuse(all, &rules[i], first, more);
    }
    return BR_OK;
}

/* ---- the meeting ---- */

void bri_meet_set_mine(const bri_meet_record *mine)
{
    meeting.mine = *mine;
}

/* A page can be shared on one host only. */
static bri_bell_place bell_of(int rank)
{
    const bri_meet_record *theirs = &meeting.all[rank];
    if (strcmp(theirs->host, meeting.all[meeting.rank].host) != 0)
        return (bri_bell_place){0};
    return theirs->bell;
}

static bool on_one_host(void)
{
    int same = 0;
    while (same < meeting.nranks && strcmp(meeting.all[same].host, meeting.all[0].host) == 0)
        same++;
    return same == meeting.nranks;
}

static void connect_bells(void)
{
    bool mine;
    bool *all = bri_calloc((size_t)meeting.nranks, sizeof *all);
    if (all == NULL || !bri_bell_connect(meeting.rank, meeting.nranks, bell_of))
        bri_leave_abort(1, "%s", bri_last_error());
    mine = bri_bell_rings_all();
    bri_link_gather(&mine, all, sizeof mine);
    bri_bell_heard_by(meeting.nranks, all);
    bri_free(all);
}

br_status bri_meet(int rank, int nranks)
{
    meeting.all = bri_calloc((size_t)nranks, sizeof *meeting.all);
    if (meeting.all == NULL)
        bri_leave_abort(1, "%s", bri_last_error());
    bri_bell_open(&meeting.mine.bell);
    bri_link_gather(&meeting.mine, meeting.all, sizeof meeting.mine);
    meeting.rank = rank;
    meeting.nranks = nranks;
    meeting.one_host = on_one_host();
    if (own_host[0] == '\0')
        snprintf(own_host, sizeof own_host, "%s", meeting.mine.host);
    bri_file_errors_name(meeting.one_host ? NULL : own_host);
    BRI_TRY(bri_meet_check(meeting.all, nranks));
    connect_bells();
    return BR_OK;
}

void bri_meet_free(void)
{
    bri_file_errors_name(NULL);
    bri_free(meeting.all);
    meeting.all = NULL;
}

bool bri_meet_on_one_host(void)
{
    return meeting.one_host;
}

int bri_meet_rank(void)
{
    return meeting.rank;
}

int bri_meet_nranks(void)
{
    return meeting.nranks;
}

const bri_meet_record *bri_meet_about(int rank)
{
    return &meeting.all[rank];
}

double bri_meet_patience(void)
{
    return meeting.mine.peer_timeout;
}

const char *bri_meet_name(int rank, char text[96])
{
    if (meeting.all == NULL || meeting.all[rank].host[0] == '\0')
        snprintf(text, 96, "this process");
    else
        snprintf(text, 96, "rank %d on %.63s", rank, meeting.all[rank].host);
    return text;
}
