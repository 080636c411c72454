/* SPDX-License-Identifier: BSD-3-Clause
 * store_shared.c - rank 0 asks who can write into a file, and gives them space; what the others
 * answer.
 */
#include "array/plan/store_shared.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array/plan/questions.h"
#include "runtime/alloc.h"

/* Places where one host alone writes need no pages. */
enum { ALONE = 8 };

/* What a rank says to joining. */
typedef struct join_answer {
    int32_t error; /* errno */
    int32_t page;  /* bytes */
    char boot[40]; /* names the kernel that runs; "": unknown */
} join_answer;

static int32_t page_bytes(void)
{
    return (int32_t)sysconf(_SC_PAGESIZE);
}

static void describe(join_answer *mine)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    mine->page = page_bytes();
    if (f != NULL && fgets(mine->boot, sizeof mine->boot, f) == NULL)
        mine->boot[0] = '\0';
    if (f != NULL)
        fclose(f);
}

/* ---- joining ---- */

static br_status pack_join(const bri_joining *j, const bri_h5_mark *mark, const char *path,
                           bri_writer *w)
{
    BRI_TRY(bri_question_begin(w, BRI_QUESTION_JOIN));
    BRI_TRY(bri_write(w, mark, sizeof *mark));
    BRI_TRY(bri_write(w, path, strlen(path) + 1));
    return bri_write(w, j->name, strlen(j->name) + 1);
}

br_status bri_join_answer(const bri_question *question, bri_reader *r, void *answer)
{
    bri_h5_mark mark;
    BRI_TRY(bri_read(r, &mark, sizeof mark));
    const char *path = (const char *)r->at;
    const char *end = memchr(path, '\0', r->left);
    if (end == NULL || memchr(end + 1, '\0', r->left - (size_t)(end + 1 - path)) == NULL ||
        question->each != sizeof(join_answer))
        return bri_question_garbled();
    join_answer mine = {.error = bri_h5_join_file(&mark, question->to, path, end + 1)};
    describe(&mine);
    memcpy(answer, &mine, sizeof mine);
    return BR_OK;
}

static bool on_host_of_zero(const bri_joining *j, int rank)
{
    br_rank_info zero, other;
    j->ctx->scheduler->about(j->ctx, 0, &zero);
    j->ctx->scheduler->about(j->ctx, rank, &other);
    return strcmp(zero.host, other.host) == 0;
}

static void note_absent(bri_joining *j, int rank, int error)
{
    if (j->rank > 0)
        return;
    j->rank = rank;
    j->error = error;
    j->copy = error == 0;
}

/* Hosts may have the same name. */
static bool has_pages_of_zero(const bri_joining *j, int rank, const join_answer *theirs)
{
    join_answer zero = {0};
    describe(&zero);
    return on_host_of_zero(j, rank) && zero.boot[0] != '\0' && strcmp(zero.boot, theirs->boot) == 0;
}

/* Looks for what each one says that it has written. */
static void count_writers(bri_joining *j, const bri_h5_mark *mark, const char *path,
                          const join_answer *answers, uint64_t *align)
{
    bri_sharing *s = j->sharing;
    uint64_t page = (uint64_t)page_bytes();
    bool others = false, elsewhere = false;
    s->writes[0] = 1;
    for (int r = 1; r < s->nranks; r++) {
        s->writes[r] = answers[r].error == 0 && bri_h5_has_answer(path, mark, r);
        if (!s->writes[r]) {
            note_absent(j, r, answers[r].error);
            continue;
        }
        others = true;
        elsewhere = elsewhere || !has_pages_of_zero(j, r, &answers[r]);
        page = (uint64_t)answers[r].page > page ? (uint64_t)answers[r].page : page;
    }
    s->page = elsewhere ? (size_t)page : 0;
    *align = !others ? 0 : elsewhere ? page : ALONE;
}

static br_status ask_all(bri_joining *j, const bri_h5_mark *mark, const char *path,
                         join_answer *answers, uint64_t *align)
{
    bri_writer w = {0};
    br_status st = pack_join(j, mark, path, &w);
    if (st == BR_OK && w.n > BRI_ASK_BYTES)
        st = bri_error(BR_EARG, "%s: the path is too long", j->name);
    if (st == BR_OK)
        st = j->ctx->scheduler->ask(j->ctx, w.bytes, w.n, answers, sizeof *answers);
    if (st == BR_OK)
        count_writers(j, mark, path, answers, align);
    bri_free(w.bytes);
    return st;
}

/* Who has joined is told to leave in any case, so that is kept also when no answer counts. */
static br_status meet(bri_h5_meeting *meeting, const bri_h5_mark *mark, const char *path,
                      uint64_t *align)
{
    bri_joining *j = (bri_joining *)meeting; /* its first member */
    size_t nranks = (size_t)j->ctx->nranks;
    join_answer *answers = bri_calloc(nranks, sizeof *answers);
    j->sharing = bri_calloc(1, sizeof *j->sharing + nranks);
    br_status st = answers != NULL && j->sharing != NULL ? BR_OK : BR_ENOMEM;
    if (st == BR_OK) {
        j->sharing->id = mark->id;
        j->sharing->nranks = j->ctx->nranks;
        st = ask_all(j, mark, path, answers, align);
    }
    bri_free(answers);
    return st;
}

void bri_joining_begin(bri_joining *j, br_context *ctx, const char *name)
{
    *j = (bri_joining){.meeting.meet = meet, .ctx = ctx, .name = name};
    for (int r = 1; r < ctx->nranks; r++)
        j->meeting.elsewhere = j->meeting.elsewhere || !on_host_of_zero(j, r);
}

static void tell_who(const bri_joining *j, int n)
{
    const char *why = j->copy ? "sees another file there" : strerror(j->error);
    if (n == j->sharing->nranks)
        bri_log_info(j->ctx, "%s: all %d ranks write their chunks into it", j->name, n);
    else
        bri_log_info(j->ctx,
                     "%s: %d of %d ranks write their chunks into it, the others send them to rank "
                     "0 (rank %d: %s)",
                     j->name, n, j->sharing->nranks, j->rank, why);
}

void bri_joining_tell(const bri_joining *j, bool none)
{
    int n = 0;
    if (j->meeting.tracks_space)
        bri_log_info(j->ctx, "%s: chunks travel to rank 0: the file keeps a list of its free space",
                     j->name);
    if (j->sharing == NULL || none)
        return;
    for (int r = 0; r < j->sharing->nranks; r++)
        n += j->sharing->writes[r];
    tell_who(j, n);
}

/* ---- leaving ---- */

typedef struct leave_question {
    uint64_t id;
    int64_t sync;
} leave_question;

br_status bri_leave_answer(const bri_question *question, bri_reader *r, void *answer)
{
    leave_question asked;
    BRI_TRY(bri_read(r, &asked, sizeof asked));
    memset(answer, 0, question->each);
    return bri_h5_leave_file(asked.id, asked.sync != 0);
}

static br_status ask_to_leave(const bri_joining *j, bool sync)
{
    bri_writer w = {0};
    const leave_question asked = {j->sharing->id, sync};
    char *answers = bri_calloc((size_t)j->ctx->nranks, 1);
    br_status st = answers != NULL ? bri_question_begin(&w, BRI_QUESTION_LEAVE) : BR_ENOMEM;
    if (st == BR_OK)
        st = bri_write(&w, &asked, sizeof asked);
    if (st == BR_OK)
        st = j->ctx->scheduler->ask(j->ctx, w.bytes, w.n, answers, 1);
    bri_free(answers);
    bri_free(w.bytes);
    return st;
}

br_status bri_joining_end(bri_joining *j, bool sync)
{
    if (j->sharing == NULL)
        return BR_OK;
    br_status st = ask_to_leave(j, sync);
    bri_free(j->sharing);
    j->sharing = NULL;
    return st;
}

/* ---- space ---- */

typedef struct space_question {
    uint64_t id, bytes;
} space_question;

br_status bri_space_answer(const bri_question *question, bri_reader *r, void *answer)
{
    space_question asked;
    uint64_t address;
    BRI_TRY(bri_read(r, &asked, sizeof asked));
    if (question->each != sizeof address)
        return bri_question_garbled();
    BRI_TRY(bri_h5_claim(asked.id, asked.bytes, &address));
    memcpy(answer, &address, sizeof address);
    return BR_OK;
}

br_status bri_claim_space(br_context *ctx, uint64_t id, uint64_t bytes, uint64_t *address)
{
    const struct {
        uint64_t kind;
        space_question asked;
    } question = {BRI_QUESTION_SPACE, {id, bytes}};
    if (ctx->rank == 0)
        return bri_h5_claim(id, bytes, address);
    return ctx->scheduler->inquire(&question, sizeof question, address, sizeof *address);
}

/* ---- the wire ---- */

br_status bri_sharing_pack(const bri_sharing *sharing, bri_writer *w)
{
    uint64_t head[3] = {0};
    if (sharing != NULL)
        memcpy(head, (uint64_t[]){sharing->id, sharing->sync, sharing->page}, sizeof head);
    BRI_TRY(bri_write(w, head, sizeof head));
    return sharing != NULL ? bri_write(w, sharing->writes, (size_t)sharing->nranks) : BR_OK;
}

br_status bri_sharing_unpack(bri_reader *r, int nranks, bri_sharing **out)
{
    uint64_t head[3];
    *out = NULL;
    BRI_TRY(bri_read(r, head, sizeof head));
    if (head[0] == 0)
        return BR_OK;
    bri_sharing *s = bri_malloc(sizeof *s + (size_t)nranks);
    if (s == NULL)
        return BR_ENOMEM;
    s->id = head[0];
    s->nranks = nranks;
    s->sync = head[1] != 0;
    s->page = (size_t)head[2];
    *out = s;
    return bri_read(r, s->writes, (size_t)nranks);
}
