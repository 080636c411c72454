/* SPDX-License-Identifier: BSD-3-Clause
 * explain.c - a plan as text, before anything runs, and as a Graphviz file.
 */
#include <bramble/compute.h>
#include <string.h>

#include "array/expr/handle.h"
#include "array/io/hdf5.h"
#include "array/ops/ops.h"
#include "array/plan/file_ranks.h"
#include "array/plan/fit.h"
#include "array/plan/halo.h"
#include "array/plan/pass.h"
#include "array/plan/rectangle.h"
#include "array/plan/resolve.h"
#include "array/plan/run.h"
#include "runtime/alloc.h"
#include "runtime/blas.h"

/* "mean": the row's name where the node kind stands for many. */
void bri_operation_name(const bri_node *node, char *text, size_t size)
{
    FILE *to = fmemopen(text, size, "w");
    if (to == NULL) {
        snprintf(text, size, "%s", node->op->name);
        return;
    }
    if (node->op == &bri_op_elementwise || node->op == &bri_op_reduce ||
        node->op == &bri_op_reduction)
        node->op->print(node, to);
    else
        fprintf(to, "%s", node->op->name);
    fclose(to);
    text[strcspn(text, ",")] = '\0';
}

void bri_describe(const bri_stage *stage, int64_t chunk, char *text, size_t size)
{
    int64_t coord[BR_MAX_NDIM];
    char where[160];
    char name[96];
    bri_grid_coords(stage->ndim, stage->axis, chunk, coord);
    bri_operation_name(stage->node, name, sizeof name);
    snprintf(text, size, "%s%s (%s:%d), chunk %s", bri_is_pass(stage) ? "a pass for " : "", name,
             bri_file_name(stage->node->at.file), stage->node->at.line,
             bri_shape_text(stage->ndim, coord, where, sizeof where));
}

static int64_t chunk_of(const bri_stage *stage, bri_key key)
{
    int64_t chunk = key.index;
    if (stage->fold == BRI_FOLD_TREE)
        chunk /= bri_tree_width(stage->nsteps, (int)key.level);
    return chunk < stage->nchunks ? chunk : stage->nchunks - 1;
}

void bri_describe_value(const bri_stage *stage, bri_key key, char *text, size_t size)
{
    int64_t chunk = chunk_of(stage, key);
    bri_key whole = bri_stage_key(stage, chunk);
    bool final = whole.level == key.level && whole.index == key.index;
    int n = snprintf(text, size, "%s", final ? "" : "part of ");
    bri_describe(stage, chunk, text + n, size - (size_t)n);
}

void bri_describe_function(const bri_stage *stage, char *text, size_t size)
{
    const bri_node *node = stage->node;
    text[0] = '\0';
    if (node->op->check == NULL || node->op->print == NULL)
        return;
    FILE *to = fmemopen(text, size, "w");
    if (to == NULL)
        return;
    node->op->print(node, to);
    fclose(to);
}

static void bytes_text(double bytes, char *text, size_t size)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    while (bytes >= 1024 && u < 4) {
        bytes /= 1024;
        u++;
    }
    snprintf(text, size, u == 0 ? "%.0f %s" : "%.1f %s", bytes, unit[u]);
}

/* ---- what a stage reads ---- */

static int64_t demanded_chunks(const bri_stage *stage)
{
    int64_t n = 0;
    if (stage->demanded == NULL)
        return stage->wanted ? stage->nchunks : 0;
    for (int64_t c = 0; c < stage->nchunks; c++)
        n += bri_is_demanded(stage, c);
    return n;
}

static bool reads_leaf(const bri_stage *stage, int64_t chunk, const bri_input *input,
                       const bri_leaf *leaf)
{
    const bri_span *s = &input->span;
    if (stage->kind == &bri_stage_mirror)
        return bri_mirror_loads(stage, chunk, (int)(input - stage->inputs));
    return s->to == 0 || (leaf->origin[s->axis] >= s->from && leaf->origin[s->axis] < s->to);
}

/* What all of a stage's leaves together read of a source. */
typedef struct amount {
    double elements, bytes;
} amount;

static void add_leaf(const bri_stage *stage, int64_t chunk, int64_t step, const bri_input *input,
                     amount *sum)
{
    bri_leaf leaf;
    bri_leaf box;
    bri_leaf_box(stage, chunk, step, &leaf);
    if (leaf.nelem == 0 || !reads_leaf(stage, chunk, input, &leaf))
        return;
    bri_input_box(input, &leaf, &box);
    bri_rectangle r;
    bri_rectangle_of(&input->map, &box, &r);
    sum->elements += (double)r.nelem;
    sum->bytes += (double)bri_load_bytes(input, &box);
}

static void add_reading(const bri_stage *stage, const bri_input *input, amount *sum)
{
    for (int64_t c = 0; c < stage->nchunks; c++)
        for (int64_t t = 0; t < stage->nsteps && bri_is_demanded(stage, c); t++)
            add_leaf(stage, c, t, input, sum);
}

static bool is_source(const bri_input *input)
{
    return input->from == BRI_FROM_FILE || input->stage->direct;
}

void bri_plan_reads(const bri_plan *plan, double *plain, double *decoded)
{
    *plain = *decoded = 0;
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        for (int k = 0; k < s->ninputs && s->wanted; k++) {
            const bri_input *input = &s->inputs[k];
            amount read = {0};
            if (input->from != BRI_FROM_FILE || input->node->resource == NULL)
                continue;
            add_reading(s, input, &read);
            *(bri_h5_about(input->node->resource)->contiguous ? plain : decoded) += read.bytes;
        }
    }
}

static void print_input(const bri_stage *stage, const bri_input *input, FILE *to)
{
    char bytes[32];
    if (!is_source(input)) {
        fprintf(to, "      reads stage %u\n", input->stage->id);
        return;
    }
    amount read = {0};
    add_reading(stage, input, &read);
    bytes_text(read.bytes, bytes, sizeof bytes);
    fprintf(to, "      reads %s of %s", bytes, input->node->op->name);
    if (input->node->op->print != NULL) {
        fprintf(to, " ");
        input->node->op->print(input->node, to);
    }
    fprintf(to, "\n");
}

static void print_inputs(const bri_stage *stage, FILE *to)
{
    for (int i = 0; i < stage->ninputs; i++)
        if (stage->inputs[i].part == 0) /* what is beyond the ends is part of the array, too */
            print_input(stage, &stage->inputs[i], to);
}

/* "mean (a.c:3)" */
static void print_name(const bri_node *node, FILE *to)
{
    char name[96];
    bri_operation_name(node, name, sizeof name);
    fprintf(to, "%s (%s:%d)", name, bri_file_name(node->at.file), node->at.line);
}

static void print_pass(const bri_stage *stage, FILE *to)
{
    const bri_pass *pass = bri_pass_of(stage);
    fprintf(to, "  %u: pass for", stage->id);
    for (int i = pass->nvalues; i < pass->npieces; i++) {
        fprintf(to, "%s ", i > pass->nvalues ? "," : "");
        print_name(pass->piece[i].member->node, to);
    }
    fprintf(to, ", %lld of %lld leaves\n", (long long)demanded_chunks(stage),
            (long long)stage->nchunks);
    for (int i = 0; i < pass->nvalues; i++) {
        fprintf(to, "      makes ");
        print_name(pass->piece[i].made, to);
        fprintf(to, " once for several of them\n");
    }
    print_inputs(stage, to);
}

static void print_stage(const bri_stage *stage, FILE *to)
{
    if (stage->kind == &bri_stage_pass) {
        print_pass(stage, to);
        return;
    }
    char name[96];
    char shape[160];
    int64_t extent[BR_MAX_NDIM];
    bri_operation_name(stage->node, name, sizeof name);
    for (int a = 0; a < stage->ndim; a++)
        extent[a] = stage->axis[a].extent;
    int64_t chunks = demanded_chunks(stage);
    fprintf(to, "  %u: %s %s (%s:%d) -> %s %s, %lld of %lld chunks", stage->id, stage->kind->name,
            name, bri_file_name(stage->node->at.file), stage->node->at.line,
            br_dtype_name(stage->dtype), bri_shape_text(stage->ndim, extent, shape, sizeof shape),
            (long long)chunks, (long long)stage->nchunks);
    if (stage->nsteps > 1)
        fprintf(to, ", %lld %s each", (long long)stage->nsteps,
                stage->fold == BRI_FOLD_TREE ? "leaves" : "steps");
    fprintf(to, "\n");
    print_inputs(stage, to);
}

/* ---- passes over sources ---- */

static bool same_source(const bri_input *a, const bri_input *b)
{
    return a->node == b->node && is_source(a) && is_source(b);
}

/* Sums what all stages read of the source of `input`; only for its first reader, so that each
 * source has one line. */
static void print_source(const bri_plan *plan, int first, const bri_input *input, FILE *to)
{
    amount read = {0};
    char bytes[32];
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        for (int k = 0; k < s->ninputs && s->wanted && s->kind != &bri_stage_face; k++) {
            if (!same_source(&s->inputs[k], input))
                continue;
            if (i < first || (i == first && &s->inputs[k] < input))
                return;
            add_reading(s, &s->inputs[k], &read);
        }
    }
    double whole = (double)bri_node_nelem(input->node);
    bytes_text(read.bytes, bytes, sizeof bytes);
    fprintf(to, "  %s (%s:%d): %s, %.4g passes\n", input->node->op->name,
            bri_file_name(input->node->at.file), input->node->at.line, bytes,
            whole > 0 ? read.elements / whole : 0.0);
}

static void print_sources(const bri_plan *plan, FILE *to)
{
    fprintf(to, "sources\n");
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        for (int k = 0; k < s->ninputs && s->wanted && s->kind != &bri_stage_face; k++)
            if (is_source(&s->inputs[k]))
                print_source(plan, i, &s->inputs[k], to);
    }
}

/* ---- public ---- */

typedef br_status (*plan_reader)(bri_plan *plan, void *data);

static br_status written(const br_array *x, FILE *to)
{
    if (!ferror(to))
        return BR_OK;
    br_status st = bri_error(BR_EIO, "writing failed");
    return bri_context_fail(x->ctx, st, bri_last_error());
}

/* Plans x and shows the plan to the reader, with `anyway` one that does not fit, too. */
static br_status with_plan(br_array *x, void *data, plan_reader reader, bool anyway)
{
    BRI_TRY(bri_check(x));
    bri_plan *plan = NULL;
    bri_node *node = NULL;
    bri_sink sink = {.kind = BRI_SINK_RESULT};
    BRI_TRY(bri_resolve_nodes(x->ctx, &x->node, 1, &node));
    bri_outputs outputs = {.node = &node, .sink = &sink, .n = 1};
    br_status st = bri_file_ranks_ask(x->ctx, &node, 1, &outputs.files);
    if (st == BR_OK)
        st = bri_plan_fitting(x->ctx, &outputs, &plan);
    if (plan != NULL && (st == BR_OK || (st == BR_EMEMLIMIT && anyway)))
        st = reader(plan, data);
    bri_plan_free(plan);
    bri_file_ranks_release(outputs.files);
    bri_node_release(node);
    return st == BR_OK ? BR_OK : bri_context_fail(x->ctx, st, bri_last_error());
}

/* Did the context's last run make this node? */
static bool has_run(const bri_plan *plan)
{
    const bri_array_data *data = bri_array_data_of(plan->ctx);
    const bri_node *node = plan->nodes[plan->nnodes - 1];
    return data->last_node == node && data->last_hash == node->hash;
}

static void print_memory(const bri_plan *plan, FILE *to)
{
    char serial[32];
    char bound[32];
    char limit[32];
    bri_memory_stats memory;
    bri_memory_about(plan->ctx->memory, &memory);
    bytes_text((double)plan->dry.peak, serial, sizeof serial);
    bytes_text((double)bri_plan_bound(plan), bound, sizeof bound);
    bytes_text((double)memory.limit, limit, sizeof limit);
    fprintf(to, "this rank: %lld tasks; %s at least at a time (%s), ", (long long)plan->dry.tasks,
            serial, plan->dry.tasks > 0 ? plan->dry.worst : "nothing");
    if (plan->needed > 0 && !plan->spills)
        fprintf(to, "which does not fit in %s\n", limit);
    else
        fprintf(to, "%sat most %s of %s\n", plan->spills ? "but in part on disk: " : "", bound,
                limit);
}

static void print_moves(const bri_plan *plan, FILE *to)
{
    char bytes[2][32];
    if (plan->spills) {
        bytes_text((double)plan->predicted_spill.written, bytes[0], sizeof bytes[0]);
        bytes_text((double)plan->predicted_spill.read, bytes[1], sizeof bytes[1]);
        fprintf(to, "on disk: %s go to %s, %s come back\n", bytes[0], plan->ctx->config.spill_dir,
                bytes[1]);
    }
    if (plan->nranks > 1) {
        bytes_text((double)plan->dry.received, bytes[0], sizeof bytes[0]);
        fprintf(to, "messages to this rank: %lld values, %s\n", (long long)plan->dry.messages,
                bytes[0]);
    }
}

static void print_measured(const bri_plan *plan, FILE *to)
{
    const br_run_info *run = &bri_array_data_of(plan->ctx)->last_run;
    char peak[32];
    char bound[32];
    char read[32];
    char spilled[32];
    char sent[32];
    bytes_text((double)run->peak_bytes, peak, sizeof peak);
    bytes_text((double)bri_plan_bound(plan), bound, sizeof bound);
    bytes_text((double)run->bytes_read, read, sizeof read);
    bytes_text((double)run->bytes_spilled, spilled, sizeof spilled);
    bytes_text((double)run->bytes_sent, sent, sizeof sent);
    fprintf(to,
            "the last run%s: %lld tasks (predicted %lld%s); at most %s at a time (predicted %s); "
            "%s read, %s to disk, %lld messages of %s; %.3g s\n",
            plan->nranks > 1 ? ", all ranks" : "", (long long)run->tasks,
            (long long)plan->dry.tasks, plan->nranks > 1 ? " of them here" : "", peak, bound, read,
            spilled, (long long)run->messages, sent, run->seconds);
}

static br_status measured(bri_plan *plan)
{
    if (plan->measured)
        return BR_OK;
    BRI_TRY(bri_plan_measure(plan, &plan->dry, NULL));
    plan->measured = true;
    return BR_OK;
}

static br_status explain(bri_plan *plan, void *data)
{
    FILE *to = data;
    BRI_TRY(measured(plan));
    fprintf(to, "stages\n");
    for (int i = 0; i < plan->nstages; i++)
        if (plan->stages[i]->wanted && plan->stages[i]->kind != &bri_stage_face)
            print_stage(plan->stages[i], to);
    print_sources(plan, to);
    bri_file_ranks_print(plan, to);
    print_memory(plan, to);
    print_moves(plan, to);
    if (has_run(plan))
        print_measured(plan, to);
    fprintf(to, "kernels %s, BLAS %s%s, scheduler %s, ranks %d, threads %d\n", bri_kernels_isa(),
            bri_blas_kernel(), bri_blas_hint(), plan->ctx->scheduler->name, plan->nranks,
            plan->ctx->nthreads);
    return BR_OK;
}

/* Adds what a stage's input reads of its source; the source's own passes are summed by slot. */
static void add_source(const bri_stage *stage, const bri_input *input, double *passes,
                       br_prediction *p)
{
    amount read = {0};
    double whole = (double)bri_node_nelem(input->node);
    if (!is_source(input))
        return;
    add_reading(stage, input, &read);
    p->bytes_read += (int64_t)read.bytes;
    int32_t slot = input->node->slot;
    if (slot < 0 || slot >= stage->plan->nnodes || stage->plan->nodes[slot] != input->node)
        return; /* a node of the plan's own */
    passes[slot] += whole > 0 ? read.elements / whole : 0;
    p->passes = passes[slot] > p->passes ? passes[slot] : p->passes;
}

static br_status predict(bri_plan *plan, void *data)
{
    br_prediction *p = data;
    double *passes = bri_calloc((size_t)plan->nnodes, sizeof *passes);
    br_status st = passes != NULL ? measured(plan) : BR_ENOMEM;
    *p = (br_prediction){.tasks = plan->dry.tasks,
                         .peak_bytes = (int64_t)bri_plan_bound(plan),
                         .serial_bytes = (int64_t)plan->dry.peak,
                         .bytes_spilled = plan->predicted_spill.written,
                         .bytes_fetched = plan->predicted_spill.read,
                         .messages = plan->dry.messages,
                         .bytes_received = (int64_t)plan->dry.received};
    for (int i = 0; i < plan->nstages && st == BR_OK; i++) {
        const bri_stage *s = plan->stages[i];
        p->stages += s->wanted;
        for (int k = 0; k < s->ninputs && s->wanted && s->kind != &bri_stage_face; k++)
            add_source(s, &s->inputs[k], passes, p);
    }
    bri_free(passes);
    return st;
}

br_status br_predict(br_array *x, br_prediction *prediction)
{
    *prediction = (br_prediction){0};
    return with_plan(x, prediction, predict, false);
}

br_status br_explain(br_array *x, FILE *to)
{
    BRI_TRY(with_plan(x, to, explain, true));
    return written(x, to);
}

static br_status write_dot(bri_plan *plan, void *data)
{
    FILE *to = data;
    char name[96];
    fprintf(to, "digraph bramble {\n  rankdir=BT;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (int i = 0; i < plan->nnodes; i++) {
        const bri_node *n = plan->nodes[i];
        char shape[160];
        bri_operation_name(n, name, sizeof name);
        fprintf(to, "  n%d [label=\"%s\\n%s %s\\n%s:%d\"%s];\n", i, name, br_dtype_name(n->dtype),
                bri_node_shape_text(n, shape, sizeof shape), bri_file_name(n->at.file), n->at.line,
                plan->stage_of[i] != NULL ? ", style=filled, fillcolor=\"#cfe8cf\"" : "");
        for (int k = 0; k < n->ninputs; k++)
            fprintf(to, "  n%d -> n%d;\n", (int)n->input[k]->slot, i);
    }
    fprintf(to, "}\n");
    return BR_OK;
}

static br_status not_written(const br_array *x, const char *path)
{
    br_status st = bri_file_error(BR_EIO, "%s: cannot be written: %m", path);
    bri_error_context(st, "visualize");
    return bri_context_fail(x->ctx, st, bri_last_error());
}

br_status br_visualize(br_array *x, const char *path)
{
    BRI_TRY(bri_check(x));
    FILE *to = fopen(path, "w");
    if (to == NULL)
        return not_written(x, path);
    br_status st = with_plan(x, to, write_dot, true);
    return fclose(to) != 0 && st == BR_OK ? not_written(x, path) : st;
}
