/* SPDX-License-Identifier: BSD-3-Clause
 * file_ranks_ask.c - rank 0 asks the others which files they see, and compares.
 *
 * Question and answer have one entry for each path; long lists go in several questions. Whether a
 * file is the same is told by its inode and times on a shared file system, else by its size and
 * samples of its contents.
 */
#include <errno.h>
#include <string.h>

#include "array/io/hdf5.h"
#include "array/io/seen.h"
#include "array/ops/ops.h"
#include "array/plan/file_ranks_internal.h"
#include "array/plan/questions.h"
#include "runtime/alloc.h"

enum { MOST_PATHS = BRI_ASK_BYTES / sizeof(bri_seen), MOST_NAMED = 8 };

typedef struct asked {
    int node; /* which file node */
    const char *path;
    bri_seen mine;
} asked;

typedef struct survey {
    br_context *ctx;
    bri_node **node; /* the file nodes, ascending by slot */
    int nnodes;
    unsigned char *has;  /* of each node, by rank */
    bri_writer question; /* of the next batch */
    asked *asked;
    int n;
} survey;

/* ---- ranks above 0 ---- */

static br_status read_entry(bri_reader *r, bri_seen *asker, const char **path)
{
    uint32_t length;
    const void *text = NULL;
    BRI_TRY(bri_read(r, asker, sizeof *asker));
    BRI_TRY(bri_read(r, &length, sizeof length));
    BRI_TRY(bri_read_view(r, length, &text));
    *path = text;
    return length > 0 && (*path)[length - 1] == '\0' ? BR_OK : bri_question_garbled();
}

br_status bri_file_ranks_answer(const bri_question *question, bri_reader *r, void *answer)
{
    unsigned char *out = answer;
    for (size_t done = 0; done + sizeof(bri_seen) <= question->each; done += sizeof(bri_seen)) {
        bri_seen asker;
        bri_seen seen;
        const char *path = NULL;
        BRI_TRY(read_entry(r, &asker, &path));
        bri_see(path, false, &seen);
        bool same = seen.error == 0 && bri_seen_same(&seen, &asker);
        if (seen.error == 0 && !same && seen.bytes == asker.bytes)
            bri_see(path, true, &seen);
        seen.same = same;
        memcpy(out + done, &seen, sizeof seen);
    }
    return BR_OK;
}

/* ---- what the answers say ---- */

typedef enum verdict { SAME, OTHER_TIME, UNSEEN, OTHER_SIZE, OTHER_HEAD, OTHER_SAMPLE } verdict;

static verdict compare(const bri_seen *mine, const bri_seen *theirs)
{
    if (theirs->error != 0)
        return UNSEEN;
    if (theirs->same)
        return SAME;
    if (theirs->bytes != mine->bytes)
        return OTHER_SIZE;
    if (theirs->head != mine->head)
        return OTHER_HEAD;
    if (theirs->sampled != mine->sampled)
        return OTHER_SAMPLE;
    return theirs->mtime_ns != mine->mtime_ns ? OTHER_TIME : SAME;
}

/* A list of ranks in a text of limited length. */
typedef struct naming {
    char text[700];
    int n;
} naming;

static void name_rank(const survey *s, int rank, const char *what, naming *list)
{
    br_rank_info info;
    size_t used = strlen(list->text);
    if (list->n++ >= MOST_NAMED)
        return;
    s->ctx->scheduler->about(s->ctx, rank, &info);
    snprintf(list->text + used, sizeof list->text - used, "%srank %d on %s%s%s",
             used > 0 ? "; " : "", rank, info.host, what[0] != '\0' ? " " : "", what);
}

static void end_naming(naming *list)
{
    size_t used = strlen(list->text);
    if (list->n > MOST_NAMED)
        snprintf(list->text + used, sizeof list->text - used, "; and %d more",
                 list->n - MOST_NAMED);
}

static void describe(verdict v, const bri_seen *theirs, char what[80])
{
    if (v == OTHER_SIZE)
        snprintf(what, 80, "has %llu bytes", (unsigned long long)theirs->bytes);
    else
        snprintf(what, 80, "has as many, but others %s",
                 v == OTHER_HEAD ? "where it begins or has its superblock"
                                 : "among those that were compared");
}

static br_status refuse(const survey *s, const asked *file, const bri_seen *answers)
{
    naming list = {.n = 0};
    char what[80];
    snprintf(what, sizeof what, "has %llu bytes", (unsigned long long)file->mine.bytes);
    name_rank(s, 0, what, &list);
    for (int r = 1; r < s->ctx->nranks; r++) {
        const bri_seen *theirs = &answers[r * s->n];
        verdict v = compare(&file->mine, theirs);
        if (v < OTHER_SIZE)
            continue;
        describe(v, theirs, what);
        name_rank(s, r, what, &list);
    }
    end_naming(&list);
    return bri_error(BR_EIO,
                     "%.200s is not the same file on all hosts: %s. Copy it to every host, or "
                     "remove it where it is another one",
                     file->path, list.text);
}

/* One line for each file, not for each run. */
static void warn(const survey *s, const asked *file, const bri_seen *answers)
{
    naming late = {.n = 0};
    naming unread = {.n = 0};
    for (int r = 1; r < s->ctx->nranks; r++) {
        const bri_seen *theirs = &answers[r * s->n];
        verdict v = compare(&file->mine, theirs);
        if (v == OTHER_TIME)
            name_rank(s, r, "", &late);
        if (v == UNSEEN && theirs->error != ENOENT && theirs->error != ENOTDIR)
            name_rank(s, r, strerror(theirs->error), &unread);
    }
    if ((late.n == 0 && unread.n == 0) || !bri_seen_first(&file->mine))
        return;
    end_naming(&late);
    end_naming(&unread);
    if (late.n > 0)
        bri_log_warning(s->ctx,
                        "%s: modified at another time than rank 0's, but with the same size and "
                        "samples: %s",
                        file->path, late.text);
    if (unread.n > 0)
        bri_log_warning(s->ctx, "%s: cannot be read, other ranks do it: %s", file->path,
                        unread.text);
}

/* Sums of rank 0's file are wanted only when some rank has a copy. */
static void sum_mine(const survey *s, asked *file, const bri_seen *answers)
{
    bool wanted = false;
    for (int r = 1; r < s->ctx->nranks; r++) {
        const bri_seen *theirs = &answers[r * s->n];
        wanted =
            wanted || (theirs->error == 0 && !theirs->same && theirs->bytes == file->mine.bytes);
    }
    if (wanted)
        bri_see(file->path, true, &file->mine);
}

static br_status judge(const survey *s, asked *file, const bri_seen *answers)
{
    sum_mine(s, file, answers);
    bool differs = false;
    for (int r = 1; r < s->ctx->nranks; r++) {
        verdict v = compare(&file->mine, &answers[r * s->n]);
        differs = differs || v >= OTHER_SIZE;
        if (v == UNSEEN)
            s->has[file->node * s->ctx->nranks + r] = 0;
    }
    const bri_node *node = s->node[file->node];
    if (differs)
        return bri_error_context(refuse(s, file, answers), "%s (%s:%d)", node->op->name,
                                 bri_file_name(node->at.file), node->at.line);
    warn(s, file, answers);
    return BR_OK;
}

/* ---- asking ---- */

static br_status ask_batch(survey *s)
{
    size_t each = (size_t)s->n * sizeof(bri_seen);
    if (s->n == 0)
        return BR_OK;
    bri_seen *answers = bri_calloc((size_t)s->ctx->nranks, each);
    if (answers == NULL)
        return BR_ENOMEM;
    br_status st = s->ctx->scheduler->ask(s->ctx, s->question.bytes, s->question.n, answers, each);
    for (int i = 0; i < s->n && st == BR_OK; i++)
        st = judge(s, &s->asked[i], answers + i);
    bri_free(answers);
    s->n = 0;
    s->question.n = 0;
    return st;
}

static br_status add_path(survey *s, int node, const char *path)
{
    asked file = {node, path, {0}};
    uint32_t length = (uint32_t)strlen(path) + 1;
    bri_see(path, false, &file.mine);
    if (file.mine.error != 0)
        return bri_h5_cannot_open(path, file.mine.error);
    size_t bytes = sizeof file.mine + sizeof length + length;
    if (s->n == MOST_PATHS || s->question.n + bytes > BRI_ASK_BYTES)
        BRI_TRY(ask_batch(s));
    if (s->n == 0)
        BRI_TRY(bri_question_begin(&s->question, BRI_QUESTION_FILES));
    BRI_TRY(bri_write(&s->question, &file.mine, sizeof file.mine));
    BRI_TRY(bri_write(&s->question, &length, sizeof length));
    BRI_TRY(bri_write(&s->question, path, length));
    s->asked[s->n++] = file;
    return BR_OK;
}

static br_status ask_all(survey *s)
{
    for (int i = 0; i < s->nnodes; i++) {
        int n;
        const char *path = bri_file_paths(s->node[i], &n);
        for (; n > 0; n--, path += strlen(path) + 1)
            BRI_TRY(add_path(s, i, path));
    }
    return ask_batch(s);
}

static br_status collect(survey *s, bri_file_ranks **out)
{
    int nranks = s->ctx->nranks;
    for (int i = 0; i < s->nnodes; i++) {
        const unsigned char *has = s->has + (size_t)i * (size_t)nranks;
        if (memchr(has, 0, (size_t)nranks) != NULL)
            BRI_TRY(bri_file_ranks_add(out, s->node[i]->slot, nranks, has));
    }
    return BR_OK;
}

/* Leaves the file nodes in s->node. */
static br_status find_files(survey *s, bri_node *const *nodes, int n)
{
    int count;
    BRI_TRY(bri_node_sort(s->ctx, nodes, n, &s->node, &count));
    for (int i = 0; i < count; i++)
        if (bri_is_file(s->node[i]->op))
            s->node[s->nnodes++] = s->node[i];
    if (s->nnodes == 0)
        return BR_OK;
    size_t bytes = (size_t)s->nnodes * (size_t)s->ctx->nranks;
    s->has = bri_malloc(bytes);
    s->asked = bri_calloc(MOST_PATHS, sizeof *s->asked);
    if (s->has == NULL || s->asked == NULL)
        return BR_ENOMEM;
    memset(s->has, 1, bytes);
    return BR_OK;
}

br_status bri_file_ranks_ask(br_context *ctx, bri_node *const *nodes, int n, bri_file_ranks **out)
{
    survey s = {.ctx = ctx};
    *out = NULL;
    if (ctx->nranks == 1)
        return BR_OK;
    br_status st = find_files(&s, nodes, n);
    if (st == BR_OK && s.nnodes > 0)
        st = ask_all(&s);
    if (st == BR_OK)
        st = collect(&s, out);
    if (st != BR_OK) {
        bri_file_ranks_release(*out);
        *out = NULL;
    }
    bri_free(s.node);
    bri_free(s.has);
    bri_free(s.asked);
    bri_free(s.question.bytes);
    return st;
}
