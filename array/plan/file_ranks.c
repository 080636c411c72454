/* SPDX-License-Identifier: BSD-3-Clause
 * file_ranks.c - which ranks have which files: what all ranks know of it when they plan.
 */
#include "array/plan/file_ranks_internal.h"

#include <string.h>

#include "array/ops/ops.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"

/* ---- sets of ranks ---- */

static void having_free(bri_having *h)
{
    if (h == NULL)
        return;
    bri_free(h->number);
    bri_free(h->rank);
    bri_free(h->has);
    bri_free(h);
}

static bri_having *having_new(int nranks, const unsigned char *has)
{
    bri_having *h = bri_calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    h->nranks = nranks;
    h->number = bri_calloc((size_t)nranks, sizeof *h->number);
    h->rank = bri_calloc((size_t)nranks, sizeof *h->rank);
    h->has = bri_memdup(has, (size_t)nranks);
    if (h->number == NULL || h->rank == NULL || h->has == NULL) {
        having_free(h);
        return NULL;
    }
    for (int r = 0; r < nranks; r++) {
        h->number[r] = has[r] ? h->n : r - h->n;
        if (has[r])
            h->rank[h->n++] = r;
    }
    return h;
}

/* Those that have it share the others: several ranks each, or several of them for one rank. */
int bri_having_server(const bri_having *h, int rank, int64_t chunk)
{
    int lacking = h->nranks - h->n;
    if (h->has[rank])
        return rank;
    int64_t k = h->number[rank];
    if (lacking >= h->n)
        return h->rank[k * h->n / lacking];
    int64_t first = k * h->n / lacking;
    int64_t end = (k + 1) * h->n / lacking;
    return h->rank[first + chunk % (end - first)];
}

/* ---- the whole ---- */

br_status bri_file_ranks_add(bri_file_ranks **files, int32_t slot, int nranks,
                             const unsigned char *has)
{
    if (*files == NULL) {
        *files = bri_calloc(1, sizeof **files);
        if (*files == NULL)
            return BR_ENOMEM;
        atomic_init(&(*files)->refs, 1);
    }
    bri_file_ranks *p = *files;
    int k = 0;
    while (k < p->nsets && memcmp(p->set[k]->has, has, (size_t)nranks) != 0)
        k++;
    if (k == p->nsets) {
        BRI_TRY(bri_grow(&p->set, &p->set_room, (size_t)p->nsets, sizeof(bri_having *)));
        p->set[k] = having_new(nranks, has);
        if (p->set[k] == NULL)
            return BR_ENOMEM;
        p->nsets++;
    }
    BRI_TRY(bri_grow(&p->file, &p->file_room, (size_t)p->nfiles, sizeof *p->file));
    p->file[p->nfiles++] = (bri_placed){slot, k};
    return BR_OK;
}

bri_file_ranks *bri_file_ranks_share(bri_file_ranks *files)
{
    if (files != NULL)
        atomic_fetch_add_explicit(&files->refs, 1, memory_order_relaxed);
    return files;
}

void bri_file_ranks_release(bri_file_ranks *files)
{
    if (files == NULL || atomic_fetch_sub_explicit(&files->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (int i = 0; i < files->nsets; i++)
        having_free(files->set[i]);
    bri_free(files->set);
    bri_free(files->file);
    bri_free(files);
}

/* Files are in the order of their slots. */
static const bri_having *find(const bri_file_ranks *files, int32_t slot)
{
    int low = 0;
    int high = files != NULL ? files->nfiles : 0;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (files->file[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = files != NULL && low < files->nfiles && files->file[low].slot == slot;
    return found ? files->set[files->file[low].set] : NULL;
}

const bri_having *bri_having_of(const bri_plan *plan, const bri_node *node)
{
    return bri_is_file(node->op) ? find(plan->files, node->slot) : NULL;
}

bool bri_is_read_in_tasks(const bri_plan *plan, const bri_node *node)
{
    return bri_is_file(node->op) && bri_having_of(plan, node) == NULL;
}

/* ---- the wire ---- */

br_status bri_file_ranks_pack(const bri_file_ranks *files, bri_writer *w)
{
    int32_t n[2] = {0, 0};
    if (files != NULL) {
        n[0] = files->nsets;
        n[1] = files->nfiles;
    }
    BRI_TRY(bri_write(w, n, sizeof n));
    for (int i = 0; i < n[0]; i++)
        BRI_TRY(bri_write(w, files->set[i]->has, (size_t)files->set[i]->nranks));
    return n[1] > 0 ? bri_write(w, files->file, (size_t)n[1] * sizeof *files->file) : BR_OK;
}

br_status bri_file_ranks_unpack(bri_reader *r, int nranks, bri_file_ranks **out)
{
    int32_t n[2];
    const void *sets;
    br_status st = BR_OK;
    *out = NULL;
    BRI_TRY(bri_read(r, n, sizeof n));
    if (n[0] < 0 || n[1] < 0)
        return bri_error(BR_EINTERNAL, "an expression from rank 0 is not understood");
    BRI_TRY(bri_read_view(r, (size_t)n[0] * (size_t)nranks, &sets));
    for (int i = 0; i < n[1] && st == BR_OK; i++) {
        bri_placed file;
        st = bri_read(r, &file, sizeof file);
        if (st == BR_OK && (file.set < 0 || file.set >= n[0]))
            st = bri_error(BR_EINTERNAL, "an expression from rank 0 is not understood");
        if (st == BR_OK)
            st =
                bri_file_ranks_add(out, file.slot, nranks,
                                   (const unsigned char *)sets + (size_t)file.set * (size_t)nranks);
    }
    if (st == BR_OK)
        return BR_OK;
    bri_file_ranks_release(*out);
    *out = NULL;
    return st;
}

br_status bri_file_ranks_open(br_context *ctx, bri_node *const *nodes, int n,
                              const bri_file_ranks *files)
{
    bri_node **list = NULL;
    int count = 0;
    BRI_TRY(bri_node_sort(ctx, nodes, n, &list, &count));
    br_status st = BR_OK;
    for (int i = 0; i < count && st == BR_OK; i++) {
        bri_node *node = list[i];
        const bri_having *h = find(files, node->slot);
        if (node->op->open == NULL || node->resource != NULL || (h != NULL && !h->has[ctx->rank]))
            continue;
        st = node->op->open(node);
        if (st != BR_OK)
            bri_error_context(st, "%s (%s:%d)", node->op->name, bri_file_name(node->at.file),
                              node->at.line);
    }
    bri_free(list);
    return st;
}

/* ---- for people ---- */

typedef struct census {
    int hosts, with; /* different hosts, and those of them that have the file */
    bool split;      /* ranks of one host do not agree */
    char names[200]; /* of those that have it */
} census;

static bool is_first_of_host(const br_context *ctx, int rank, const br_rank_info *info)
{
    br_rank_info other;
    for (int r = 0; r < rank; r++) {
        ctx->scheduler->about((br_context *)(uintptr_t)ctx, r, &other);
        if (strcmp(other.host, info->host) == 0)
            return false;
    }
    return true;
}

static void count_host(const br_context *ctx, const bri_having *h, int rank, census *c)
{
    br_rank_info info;
    br_rank_info other;
    ctx->scheduler->about((br_context *)(uintptr_t)ctx, rank, &info);
    if (!is_first_of_host(ctx, rank, &info))
        return;
    c->hosts++;
    c->with += h->has[rank];
    size_t used = strlen(c->names);
    if (h->has[rank])
        snprintf(c->names + used, sizeof c->names - used, "%s%s", used > 0 ? ", " : "", info.host);
    for (int r = rank + 1; r < h->nranks; r++) {
        ctx->scheduler->about((br_context *)(uintptr_t)ctx, r, &other);
        c->split = c->split || (strcmp(other.host, info.host) == 0 && h->has[r] != h->has[rank]);
    }
}

/* "on 1 of 4 hosts (rpi0)", or of ranks where those of one host do not agree. */
static void print_having(const br_context *ctx, const bri_having *h, FILE *to)
{
    census c = {0};
    for (int r = 0; r < h->nranks; r++)
        count_host(ctx, h, r, &c);
    if (!c.split) {
        fprintf(to, "on %d of %d hosts (%s)", c.with, c.hosts, c.names);
        return;
    }
    fprintf(to, "on %d of %d ranks (", h->n, h->nranks);
    for (int i = 0; i < h->n && i < 16; i++)
        fprintf(to, "%s%d", i > 0 ? ", " : "", h->rank[i]);
    fprintf(to, "%s)", h->n > 16 ? ", ..." : "");
}

void bri_file_ranks_print(const bri_plan *plan, FILE *to)
{
    for (int i = 0; plan->files != NULL && i < plan->files->nfiles; i++) {
        const bri_placed *file = &plan->files->file[i];
        int n;
        fprintf(to, "  %s", bri_file_paths(plan->nodes[file->slot], &n));
        if (n > 1)
            fprintf(to, " and %d more", n - 1);
        fprintf(to, ": ");
        print_having(plan->ctx, plan->files->set[file->set], to);
        fprintf(to, "; its chunks travel from there\n");
    }
}
