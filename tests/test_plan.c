/* SPDX-License-Identifier: BSD-3-Clause
 * test_plan.c - plans of random expressions, for one rank and for several: reader counts against an
 * enumeration of all tasks' needs, demanded chunks against the same, the predicted peak against the
 * one that a run has, and the memory limit.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "array/plan/fit.h"
#include "array/plan/stage.h"
#include "tests/opened.h"
#include "tests/random_bits.h"
#include "tests/suite.h"

static int dice(int n)
{
    return (int)(random_bits() % (uint64_t)n);
}

/* ---- random expressions ---- */

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    size_t bytes = 8;
    for (int a = 0; a < out->ndim; a++)
        bytes *= (size_t)out->extent[a];
    memcpy(out->data, in[0].data, bytes);
    return 0;
}

static br_extents x_shape(const br_array *x)
{
    return BR_SHAPE(br_shape(x)[0], br_shape(x)[1]);
}

/* A matrix in chunks of its own; shapes stay between 1 and 12. */
static br_array *leaf(void)
{
    static double zeros[1000];
    int64_t rows = 1 + dice(12);
    int64_t columns = 1 + dice(12);
    br_extents chunks = BR_CHUNKS(1 + dice(6), 1 + dice(6));
    switch (dice(3)) {
    case 0:
        return br_add(br_zeros(ctx, BR_SHAPE(rows, columns), .chunks = chunks), 1);
    case 1:
        return br_from_memory(ctx, zeros, BR_FLOAT64, BR_SHAPE(rows, columns), .chunks = chunks);
    default:
        return br_map_blocks(br_zeros(ctx, BR_SHAPE(rows, columns), .chunks = chunks), copy);
    }
}

/* Whole and in parts, with the part of a sum, along either axis. */
static br_array *joined(br_array *x)
{
    br_axes axis = BR_AXIS(dice(2));
    br_array *total = br_sum(x, .axis = axis, .keepdims = true);
    switch (dice(4)) {
    case 0:
        return br_concat(BR_ARRAYS(x, br_exp(x)), .axis = axis);
    case 1:
        return br_concat(BR_ARRAYS(total, x, br_index(x, "::-1, ::-1"), total), .axis = axis);
    case 2:
        return br_roll(x, BR_SHIFTS(1 + dice(3)), .axis = axis);
    default:
        return br_concat(BR_ARRAYS(br_broadcast_to(br_index(total, ":1, :1"), x_shape(x)),
                                   br_map_blocks(x, copy), br_mul(x, total)),
                         .axis = axis);
    }
}

static br_array *with_halo(br_array *x)
{
    br_halo halo = {.depth = BR_SHAPE(0, 0), .after = BR_SHAPE(0, 0)};
    halo.boundary.n = 2;
    for (int a = 0; a < 2; a++) {
        int64_t most = br_shape(x)[a] < 4 ? br_shape(x)[a] + 1 : 5;
        halo.depth.extent[a] = dice((int)most);
        halo.after.extent[a] = dice((int)most);
        halo.boundary.axis[a].kind = (br_boundary_kind)dice(BR_BOUNDARY_PERIODIC + 1);
    }
    return br_map_overlap(x, copy, .halos = &halo, .inner = dice(2));
}

static br_array *grow(br_array *x)
{
    static const char *const slices[] = {"::2",       "::-1, 1:", "-3:, ::3",
                                         "..., ::-2", ":4, :5",   "2:2"};
    int64_t n = br_nelem(x);
    if (n < 300 && dice(5) == 0)
        return joined(x);
    switch (dice(11)) {
    case 0:
        return br_permute_dims(x, BR_AXES(1, 0));
    case 1:
        return br_index(x, slices[dice(6)]);
    case 2:
        return br_sub(x, br_mean(x, .axis = BR_AXIS(dice(2)), .keepdims = true));
    case 3:
        return br_reshape(x, n % 2 == 0 ? BR_SHAPE(2, n / 2) : BR_SHAPE(n, 1));
    case 4:
        return br_rechunk(x, BR_CHUNKS(1 + dice(5), 1 + dice(5)));
    case 5:
        return br_matmul(x, br_permute_dims(x, BR_AXES(1, 0)));
    case 6:
        return br_map_blocks(x, copy);
    case 7:
        return br_add(x, br_index(x, "::-1, ::-1"));
    case 8:
        return br_sum(x, .axis = dice(2) ? BR_AXES(0, 1) : BR_AXES(1), .keepdims = true);
    case 9:
        return with_halo(x);
    default:
        return br_exp(x);
    }
}

static br_array *expression(void)
{
    br_array *x = leaf();
    for (int i = dice(7); i > 0; i--)
        x = grow(x);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    return x;
}

/* ---- enumeration ---- */

typedef struct reading {
    const bri_stage *stage;
    int64_t chunk;
    int reader;
} reading;

typedef struct readings {
    reading *list;
    size_t n, room;
} readings;

static void note(readings *r, reading one)
{
    if (r->n == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 256;
        r->list = realloc(r->list, r->room * sizeof *r->list);
    }
    r->list[r->n++] = one;
}

/* What every task of the plan, on any rank, asks for. */
static readings enumerate(const bri_plan *plan)
{
    readings all = {0};
    bri_needs needs = {0};
    for (int i = 0; i < plan->nstages; i++) {
        const bri_stage *s = plan->stages[i];
        for (int64_t c = 0; c < s->nchunks && s->wanted; c++)
            for (int64_t t = 0; t < s->nsteps && bri_is_demanded(s, c); t++) {
                needs.n = 0;
                ck_assert_int_eq(s->kind->needs != NULL ? s->kind->needs(s, c, t, &needs)
                                                        : bri_stage_needs(s, c, t, &needs),
                                 BR_OK);
                for (size_t k = 0; k < needs.n; k++)
                    note(&all, (reading){needs.need[k].stage, needs.need[k].chunk,
                                         bri_stage_owner(s, c, t)});
            }
    }
    free(needs.need);
    return all;
}

static void check_chunk(const bri_plan *plan, const bri_stage *s, int64_t chunk,
                        const readings *all)
{
    int want = 0;
    int got;
    unsigned char want_ranks[8] = {0};
    unsigned char got_ranks[8] = {0};
    for (size_t i = 0; i < all->n; i++)
        if (all->list[i].stage == s && all->list[i].chunk == chunk) {
            ck_assert_msg(bri_is_demanded(s, chunk), "chunk %lld of %s is read but not demanded",
                          (long long)chunk, s->kind->name);
            if (all->list[i].reader == plan->rank)
                want++;
            else
                want_ranks[all->list[i].reader] = 1;
        }
    ck_assert_int_eq(bri_count_readers(s, chunk, &got, got_ranks), BR_OK);
    ck_assert_msg(got == want, "rank %d of %d: %d readers of chunk %lld of %s, not %d", plan->rank,
                  plan->nranks, got, (long long)chunk, s->kind->name, want);
    ck_assert_int_eq(memcmp(want_ranks, got_ranks, (size_t)plan->nranks), 0);
}

static bool is_root(const bri_plan *plan, const bri_stage *s)
{
    for (int i = 0; i < plan->nroots; i++)
        if (plan->roots[i] == s)
            return true;
    return false;
}

static void check_plan(br_array *const *x, int n, int rank, int nranks)
{
    static double buffer[4096];
    bri_node *outputs[4];
    bri_sink sinks[4];
    bri_plan *plan;
    for (int i = 0; i < n; i++) {
        outputs[i] = x[i]->node;
        sinks[i] = (bri_sink){.kind = BRI_SINK_RESULT, .buffer = buffer};
    }
    ctx->rank = rank;
    ctx->nranks = nranks;
    ck_assert_int_eq(
        bri_plan_new(
            ctx,
            &(bri_outputs){.node = outputs, .sink = sinks, .n = n, .thrift = (unsigned)dice(16)},
            &plan),
        BR_OK);
    readings all = enumerate(plan);
    for (int i = 0; i < plan->nstages; i++)
        for (int64_t c = 0; c < plan->stages[i]->nchunks && plan->stages[i]->wanted; c++)
            if (bri_is_demanded(plan->stages[i], c) && !is_root(plan, plan->stages[i]))
                check_chunk(plan, plan->stages[i], c, &all);
    free(all.list);
    bri_plan_free(plan);
    ctx->rank = 0;
    ctx->nranks = 1;
}

START_TEST(readers_are_counted)
{
    open_under("sync", NULL);
    for (int i = 0; i < 300; i++) {
        br_scope *s = br_scope_open(ctx);
        br_array *x[3] = {expression()};
        x[1] = grow(x[0]);
        x[2] = grow(x[0]);
        int nranks = 1 + i % 4;
        for (int rank = 0; rank < nranks; rank++)
            check_plan(x, 1 + i % 3, rank, nranks);
        br_scope_close(s);
    }
    br_close(ctx);
}
END_TEST

/* ---- order ---- */

/* What a rank does in its order: a letter for each task that computes a chunk (c) or makes a face
 * (f). */
static char order[64];

static br_status next_noted(bri_job *job, bri_task **task)
{
    const bri_plan *plan = job->plan;
    br_status st = bri_plan_job_ops.next(job, task);
    if (st == BR_OK && *task != NULL) {
        const bri_stage *s = plan->stages[(*task)->key.stage];
        bool face = strcmp(s->kind->name, "face") == 0;
        if (face || s->kind == &bri_stage_overlap || s->kind == &bri_stage_blocks)
            strncat(order, face ? "f" : "c", sizeof order - strlen(order) - 1);
    }
    return st;
}

static void note_order(br_array *x, int rank)
{
    double value;
    bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = &value};
    bri_job_ops ops = bri_plan_job_ops;
    bri_plan *plan;
    bri_dry_run dry;
    bri_job job;
    ctx->rank = rank;
    ctx->nranks = 2;
    order[0] = '\0';
    ops.next = next_noted;
    ck_assert_int_eq(
        bri_plan_new(ctx, &(bri_outputs){.node = &x->node, .sink = &sink, .n = 1}, &plan), BR_OK);
    ck_assert_int_eq(bri_job_init(&job, ctx, &ops, plan), BR_OK);
    ck_assert_int_eq(bri_job_dry_run(&job, &dry), BR_OK);
    bri_job_fini(&job);
    bri_plan_free(plan);
    ctx->rank = 0;
    ctx->nranks = 1;
}

/* Rank 0 has rows 0 to 3 of 8: rank 1 waits for the edge of row 3 of each step, which the order
 * would have after all that rank 0 does if those at the border were not made first. */
START_TEST(faces_follow_their_chunks)
{
    open_under("sync", NULL);
    br_array *x = br_map_blocks(br_zeros(ctx, BR_SHAPE(32, 64), .chunks = BR_CHUNKS(4, 0)), copy);
    for (int i = 0; i < 3; i++)
        x = br_map_overlap(x, copy, .depth = BR_SHAPE(1, 0), .inner = true,
                           .boundary = BR_BOUNDARIES(BR_CONSTANT(0)));
    note_order(br_sum(x), 0);
    ck_assert_str_eq(order, "cfccfcccfcccccccccc");
    note_order(br_sum(x), 1);
    ck_assert_str_eq(order, "cfccfcccfcccccccccc");
    br_close(ctx);
}
END_TEST

/* ---- memory ---- */

START_TEST(the_peak_is_what_was_predicted)
{
    open_under("sync", NULL);
    for (int i = 0; i < 300; i++) {
        br_scope *s = br_scope_open(ctx);
        br_array *x = expression();
        void *buffer = malloc(br_nbytes(x) + 1);
        bri_sink sink = {.kind = BRI_SINK_RESULT, .buffer = buffer};
        bri_plan *plan;
        bri_dry_run dry;
        ck_assert_int_eq(
            bri_plan_new(ctx, &(bri_outputs){.node = &x->node, .sink = &sink, .n = 1}, &plan),
            BR_OK);
        ck_assert_int_eq(bri_plan_measure(plan, &dry, NULL), BR_OK);
        bri_plan_free(plan);
        br_run_info info;
        ck_assert_int_eq(br_compute(x, buffer, br_nbytes(x)), BR_OK);
        ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
        ck_assert_msg((size_t)info.peak_bytes <= dry.peak,
                      "%lld bytes at a time, %zu predicted (%s)", (long long)info.peak_bytes,
                      dry.peak, dry.worst);
        ck_assert_int_eq(info.tasks, dry.tasks);
        free(buffer);
        br_scope_close(s);
    }
    br_close(ctx);
}
END_TEST

/* 64 MiB of chunks of 1 MiB, each read twice, the second time after a reduction. */
static br_array *large(int64_t chunk)
{
    br_array *x =
        br_map_blocks(br_zeros(ctx, BR_SHAPE(64, 131072), .chunks = BR_CHUNKS(1, chunk)), copy);
    return br_sum(br_matmul(br_rechunk(br_index(x, ":, ::128"), BR_CHUNKS(8, 0)),
                            br_ones(ctx, BR_SHAPE(1024, 3))));
}

START_TEST(the_limit_is_kept)
{
    static const char *const schedulers[] = {"sync", "threads"};
    open_under(schedulers[_i], "40M");
    double sum = 1;
    br_run_info info;
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(br_compute_f64(large(131072), &sum) == BR_OK, "%s", br_message(ctx));
        ck_assert(sum == 0);
        ck_assert_int_eq(br_last_run(ctx, &info), BR_OK);
        ck_assert_msg(info.peak_bytes <= 40 << 20, "%lld bytes", (long long)info.peak_bytes);
    }
    br_close(ctx);
}
END_TEST

START_TEST(a_limit_that_cannot_work_is_an_error)
{
    open_under("threads", "16M");
    br_array *x =
        br_map_blocks(br_zeros(ctx, BR_SHAPE(4000, 1000), .chunks = BR_CHUNKS(0, 0)), copy);
    double sum;
    br_set_log(ctx, NULL, NULL);
    ck_assert_int_eq(br_compute_f64(br_sum(x), &sum), BR_EMEMLIMIT);
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "map_blocks (test_plan.c:"));
    ck_assert_ptr_nonnull(strstr(br_message(ctx), "BRAMBLE_MEMORY_LIMIT"));
    br_clear_error(ctx);
    ck_assert_int_eq(
        br_compute_f64(br_sum(br_index(br_zeros(ctx, BR_SHAPE(4000, 1000)), ":10")), &sum), BR_OK);
    ck_assert_int_eq(br_close(ctx), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *readers = tcase_create("readers");
    tcase_add_test(readers, readers_are_counted);
    suite_add_tcase(suite, readers);
    TCase *ordered = tcase_create("order");
    tcase_add_test(ordered, faces_follow_their_chunks);
    suite_add_tcase(suite, ordered);
    TCase *peak = tcase_create("peak");
    tcase_add_test(peak, the_peak_is_what_was_predicted);
    suite_add_tcase(suite, peak);
    TCase *limit = tcase_create("limit");
    tcase_add_loop_test(limit, the_limit_is_kept, 0, 2);
    tcase_add_test(limit, a_limit_that_cannot_work_is_an_error);
    suite_add_tcase(suite, limit);
    return run_suite(suite);
}
