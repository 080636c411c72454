/* SPDX-License-Identifier: BSD-3-Clause
 * store_hdf5.c - br_store_hdf5 and br_store_many: everything is checked before anything is
 * computed.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array/plan/message.h"
#include "array/plan/resolve.h"
#include "array/plan/run.h"
#include "array/plan/store.h"
#include "array/plan/store_fit.h"
#include "runtime/alloc.h"

/* One call. */
typedef struct call {
    br_context *ctx;
    const char *name;
    br_place at;
    const br_store_hdf5_args *stores;
    int n;
    bri_h5_output *output;
    bool completed; /* by an earlier call */
    bri_joining joining;
    bri_node *nodes[BRI_MAX_OUTPUTS];
    int order[BRI_MAX_OUTPUTS]; /* in which datasets are made, and the log of .resume has them */
    const bri_node *asked;      /* the first of them, before it was rechunked */
    bri_sink sinks[BRI_MAX_OUTPUTS];
} call;

static br_status check_options(const br_store_hdf5_args *args)
{
    if (args->path == NULL || args->dataset == NULL)
        return bri_error(BR_EARG, "the path or the dataset is NULL");
    if (args->path[0] == '\0')
        return bri_error(BR_EARG, "the path is empty");
    if ((unsigned)args->mode > BR_STORE_APPEND)
        return bri_error(BR_EARG, "mode %d does not exist", (int)args->mode);
    if (args->deflate < 0 || args->deflate > 9)
        return bri_error(BR_EARG, "deflate is %d; 0 to 9 are possible", args->deflate);
    if (args->shuffle && args->no_shuffle)
        return bri_error(BR_EARG, "shuffle and no_shuffle exclude each other");
    if (args->resume && (args->region != NULL || args->mode == BR_STORE_APPEND || args->safe_copy))
        return bri_error(BR_EARG, "only the making of a new file can be resumed");
    bool filtered = args->deflate > 0 || args->shuffle || args->fletcher32;
    bool grows = args->unlimited.n > 0 || args->mode == BR_STORE_APPEND;
    if (args->contiguous && (filtered || grows || args->chunks.ndim != 0))
        return bri_error(BR_EARG,
                         "a contiguous dataset has no chunks, no compression, no checksums, "
                         "and cannot grow");
    return BR_OK;
}

/* ---- sources in the file that is written ---- */

static br_status reads_file(const call *c, const struct stat *target, bool *reads)
{
    bri_node **nodes = NULL;
    int n = 0;
    *reads = false;
    BRI_TRY(bri_node_sort(c->ctx, c->nodes, c->n, &nodes, &n));
    for (int i = 0; i < n; i++)
        *reads = *reads || (nodes[i]->op == &bri_op_hdf5 &&
                            bri_h5_is_in(nodes[i]->resource, (uint64_t)target->st_dev,
                                         (uint64_t)target->st_ino));
    bri_free(nodes);
    return BR_OK;
}

/* HDF5 locks a file that is written, so other ranks could not open it as a source; and what is read
 * may not change meanwhile. */
static br_status check_target(const call *c)
{
    struct stat target;
    const br_store_hdf5_args *first = &c->stores[0];
    bool changes = false, reads;
    for (int i = 0; i < c->n; i++)
        changes |= c->stores[i].region != NULL || first->mode == BR_STORE_APPEND;
    if ((c->ctx->nranks == 1 && !changes) || first->mode == BR_STORE_TRUNCATE || first->safe_copy ||
        stat(first->path, &target) != 0)
        return BR_OK;
    BRI_TRY(reads_file(c, &target, &reads));
    return reads
               ? bri_file_error(BR_EUNSUPPORTED,
                                "%s is read by the same expression: %s store into another file, or "
                                "with .safe_copy",
                                first->path,
                                changes ? "to change what it has," : "over several ranks")
               : BR_OK;
}

/* ---- many ---- */

/* One without a path has what concerns the file from the first, unless it says otherwise. */
static br_store_hdf5_args store_of(const call *c, int i)
{
    const br_store_hdf5_args *first = &c->stores[0];
    br_store_hdf5_args args = c->stores[i];
    if (args.path != NULL)
        return args;
    args.path = first->path;
    args.mode = args.mode == BR_STORE_ADD ? first->mode : args.mode;
    args.safe_copy |= first->safe_copy;
    args.resume |= first->resume;
    return args;
}

static br_status check_alike(const call *c, const br_store_hdf5_args *args)
{
    const br_store_hdf5_args *first = &c->stores[0];
    const char *other = args->mode != first->mode             ? ".mode"
                        : args->safe_copy != first->safe_copy ? ".safe_copy"
                        : args->resume != first->resume       ? ".resume"
                                                              : NULL;
    if (args->x->ctx != c->ctx)
        return bri_error(BR_EARG, "arrays of two contexts");
    if (strcmp(args->path, first->path) != 0)
        return bri_error(BR_EARG, "arrays are stored into one file, not into %s and %s",
                         first->path, args->path);
    if (other != NULL)
        return bri_error(BR_EARG,
                         "%s: %s has another %s than %s: what is stored into one file has one; "
                         "without a .path it is that of the first",
                         first->path, args->dataset, other, first->dataset);
    return BR_OK;
}

/* Coordinates come first: other arrays may have them. */
static bool is_coordinate(const br_store_hdf5_args *args)
{
    const char *slash = args->dataset != NULL ? strrchr(args->dataset, '/') : NULL;
    const char *last = slash != NULL ? slash + 1 : args->dataset;
    return args->dims.n == 1 && last != NULL && args->dims.name[0] != NULL &&
           strcmp(last, args->dims.name[0]) == 0;
}

/* What an earlier call has stored is not demanded again. Chunks are written once or not at all, so
 * each one of the array is whole stored ones (store_align.c). */
static br_status track(call *c)
{
    for (int k = 0; k < c->n && c->stores[0].resume; k++) {
        const int i = c->order[k];
        int64_t at;
        bri_sink *sink = &c->sinks[i];
        if (bri_store_axis_that_cuts(c->nodes[i], bri_h5_form_of(sink->writer), &at) >= 0)
            return bri_error(BR_EINTERNAL, "%s is cut at %lld", c->stores[i].dataset,
                             (long long)at);
        BRI_TRY(bri_h5_track(sink->writer, bri_node_nchunks(c->nodes[i])));
        sink->stored = bri_h5_done(sink->writer, &sink->stored_bytes);
    }
    return BR_OK;
}

static br_status open_dataset(call *c, int i)
{
    br_store_hdf5_args args = store_of(c, i);
    const bri_node *x = c->nodes[i];
    bri_h5_writer *writer = NULL;
    BRI_TRY(args.region != NULL            ? bri_store_region(c->output, &args, x, &writer)
            : args.mode == BR_STORE_APPEND ? bri_store_append(c->output, &args, x, &writer)
                                           : bri_store_new(c->output, &args, x, &writer));
    const bri_h5_form *form = bri_h5_form_of(writer);
    c->sinks[i] = (bri_sink){.kind = BRI_SINK_STORE,
                             .writer = writer,
                             .form = c->ctx->nranks > 1 && bri_h5_packs(form) ? form : NULL};
    return BR_OK;
}

static br_status open_datasets(call *c)
{
    int made = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < c->n; i++)
            if (is_coordinate(&c->stores[i]) == (pass == 0))
                c->order[made++] = i;
    for (int k = 0; k < c->n; k++)
        BRI_TRY(open_dataset(c, c->order[k]));
    return BR_OK;
}

/* ---- ranks that write ---- */

/* How many of them the ranks write; other ranks write where no place of the file is used twice. */
static int find_fits(const call *c, bri_store_fit *fit)
{
    int whole = 0;
    bool remakes = false;
    for (int i = 0; i < c->n; i++) {
        fit[i] = bri_store_fit_of(c->nodes[i], c->sinks[i].writer, c->joining.sharing->page);
        remakes = remakes || bri_store_remakes(fit[i]);
        whole += fit[i] == BRI_FIT_WHOLE;
    }
    return remakes ? 0 : whole;
}

/* What is stored is noted on rank 0, so something of each chunk goes there: the ends of rows, as
 * over several hosts, each of which sees to it that what it wrote is on the disk. */
static void note_on_rank_zero(bri_sharing *s)
{
    s->sync = s->page > 0;
    if (s->page == 0)
        s->page = (size_t)sysconf(_SC_PAGESIZE);
}

static void share(call *c, const bri_store_fit *fit)
{
    for (int i = 0; i < c->n; i++) {
        if (fit[i] != BRI_FIT_WHOLE)
            continue;
        c->sinks[i].form = bri_h5_form_of(c->sinks[i].writer);
        c->sinks[i].sharing = c->joining.sharing;
    }
}

static br_status share_writing(call *c)
{
    bri_store_fit fit[BRI_MAX_OUTPUTS];
    bool met = bri_h5_shared_id(c->output) != 0;
    if (met && c->stores[0].resume)
        note_on_rank_zero(c->joining.sharing);
    bool all = !met || find_fits(c, fit) > 0;
    bri_joining_tell(&c->joining, !all);
    for (int i = 0; i < c->n && met; i++)
        bri_store_tell_fit(&c->joining, c->stores[i].dataset, fit[i], !all);
    if (!met || !all)
        return bri_joining_end(&c->joining, false);
    share(c, fit);
    return BR_OK;
}

static bri_h5_mode mode_of(br_store_mode mode)
{
    return mode == BR_STORE_OVERWRITE  ? BRI_H5_OVERWRITE
           : mode == BR_STORE_TRUNCATE ? BRI_H5_TRUNCATE
                                       : BRI_H5_ADD;
}

static br_status begin(call *c)
{
    const br_store_hdf5_args *first = &c->stores[0];
    bri_h5_target target = {first->path, mode_of(first->mode), first->safe_copy, first->resume, {0},
                            NULL};
    for (int i = 0; i < c->n; i++) {
        br_store_hdf5_args args = store_of(c, i);
        BRI_TRY(check_options(&args));
        BRI_TRY(check_alike(c, &args));
    }
    BRI_TRY(check_target(c));
    if (first->resume)
        BRI_TRY(bri_store_fingerprint(c->ctx, c->nodes, c->stores, c->n, target.fingerprint));
    c->completed = first->resume && bri_h5_was_completed(first->path, target.fingerprint);
    if (c->completed)
        return BR_OK;
    if (c->ctx->nranks > 1) {
        bri_joining_begin(&c->joining, c->ctx, first->path);
        target.meeting = &c->joining.meeting;
    }
    BRI_TRY(bri_h5_output_open(&target, &c->output));
    BRI_TRY(open_datasets(c));
    c->asked = c->nodes[0];
    BRI_TRY(bri_store_align(c->ctx, c->at, c->stores, c->sinks, c->nodes, c->n, first->resume));
    BRI_TRY(track(c));
    BRI_TRY(share_writing(c));
    return bri_h5_start_tracking(c->output);
}

/* What was said of the failure is kept. */
static br_status give_up(call *c, br_status st)
{
    char why[BRI_ERROR_TEXT];
    snprintf(why, sizeof why, "%s", bri_last_error());
    bri_joining_end(&c->joining, false);
    bri_h5_abort(c->output);
    return bri_error(st, "%s", why);
}

/* br_explain tells of it as of the array's that was asked for. */
static void note_run(const call *c)
{
    bri_array_data *data = bri_array_data_of(c->ctx);
    if (data->last_node == c->nodes[0]) {
        data->last_node = c->asked;
        data->last_hash = c->asked->hash;
    }
}

static br_status store_all(call *c)
{
    br_status st = begin(c);
    if (st != BR_OK) {
        bri_error_context(st, "%s (%s:%d)", c->name, bri_file_name(c->at.file), c->at.line);
        give_up(c, st);
        return bri_context_fail(c->ctx, st, bri_last_error());
    }
    if (c->completed)
        return BR_OK;
    st = bri_run(c->ctx, &(bri_outputs){.node = c->nodes, .sink = c->sinks, .n = c->n});
    if (st != BR_OK)
        return give_up(c, st);
    note_run(c);
    st = bri_joining_end(&c->joining, true);
    st = st == BR_OK ? bri_h5_commit(c->output) : give_up(c, st);
    return st == BR_OK ? BR_OK : bri_context_fail(c->ctx, st, bri_last_error());
}

/* What the arrays have been resolved to is counted. */
static br_status resolve(call *c)
{
    bri_node *nodes[BRI_MAX_OUTPUTS];
    for (int i = 0; i < c->n; i++) {
        BRI_TRY(bri_check(c->stores[i].x));
        nodes[i] = c->stores[i].x->node;
    }
    BRI_TRY(bri_resolve_nodes(c->ctx, nodes, c->n, c->nodes));
    br_status st = store_all(c);
    for (int i = 0; i < c->n; i++)
        bri_node_release(c->nodes[i]);
    return st;
}

static br_status store(const char *name, br_place at, const br_store_hdf5_args *stores, size_t n)
{
    if (n == 0)
        return BR_OK;
    BRI_TRY(bri_check(stores[0].x));
    br_context *ctx = stores[0].x->ctx;
    if (n > BRI_MAX_OUTPUTS) {
        bri_error(BR_EARG, "%s (%s:%d): %zu arrays; %d at a time are possible", name,
                  bri_file_name(at.file), at.line, n, BRI_MAX_OUTPUTS);
        return bri_context_fail(ctx, BR_EARG, bri_last_error());
    }
    call *c = bri_calloc(1, sizeof *c);
    if (c == NULL)
        return bri_context_fail(ctx, BR_ENOMEM, bri_last_error());
    *c = (call){.ctx = ctx, .name = name, .at = at, .stores = stores, .n = (int)n};
    br_status st = resolve(c);
    bri_free(c);
    return st;
}

br_status br_store_hdf5_(br_store_hdf5_args args)
{
    return store("store_hdf5", args.at, &args, 1);
}

br_status br_store_many_(const br_store_hdf5_args *stores, size_t n, br_place at)
{
    return store("store_many", at, stores, n);
}
