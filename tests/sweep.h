/* SPDX-License-Identifier: BSD-3-Clause
 * sweep.h - what the programs sweep_*.c share: sources cut in several ways, and a queue of cases
 * that are computed together, compared with their references, and printed as digests.
 *
 * A program prints one line a case with a digest of the result's bytes; sweep.sh compares the lines
 * over schedulers and ranks. A wrong value goes to standard error and makes the program fail.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <float.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/reference.h"

enum { QUEUE = 48 };

typedef struct pending {
    char name[120];
    br_array *x;
    const ref *want;
    double ulps, scale;
} pending;

static struct {
    br_context *ctx;
    br_scope *scope;
    pending queue[QUEUE];
    int n;
    int cases, failures;
} sweep;

/* ---- sources ---- */

static inline br_extents extents_of(int ndim, const int64_t *extent)
{
    br_extents e = {ndim == 0 ? -1 : ndim, {0}};
    for (int a = 0; a < ndim; a++)
        e.extent[a] = extent[a];
    return e;
}

static inline void *ref_bytes(const ref *r, size_t *bytes)
{
    *bytes = (size_t)r->n * br_dtype_size(r->dtype);
    void *buffer = calloc(1, *bytes > 0 ? *bytes : sizeof(double _Complex));
    for (int64_t i = 0; i < r->n; i++)
        put(r->dtype, buffer, i, r->v[i]);
    return buffer;
}

/* Ways to cut an array: automatic, whole, about 2 and 3 chunks an axis, chunks of 1, uneven ones.
 * */
enum { CUT_AUTO, CUT_WHOLE, CUT_2, CUT_3, CUT_1, CUT_UNEVEN, NCUTS };

static inline br_extents cut_extents(int how, int ndim, const int64_t *shape)
{
    br_extents c = extents_of(ndim, shape);
    if (how == CUT_AUTO || ndim == 0)
        return (br_extents){0};
    for (int a = 0; a < ndim; a++) {
        int64_t parts = how == CUT_2 ? 2 : how == CUT_1 ? shape[a] : how == CUT_WHOLE ? 1 : 3;
        c.extent[a] = parts > 0 ? (shape[a] + parts - 1) / parts : 0;
    }
    return c;
}

/* The uneven cut: one element more in front of each axis of a source in equal chunks, sliced off
 * again. */
static inline br_array *uneven(const ref *r)
{
    int64_t shape[REF_NDIM];
    br_index_item item[REF_NDIM];
    for (int a = 0; a < r->ndim; a++) {
        shape[a] = r->shape[a] + 1;
        item[a] = (br_index_item){.kind = ':', .has_start = true, .start = 1};
    }
    ref *more = ref_new(r->dtype, r->ndim, shape);
    int64_t coord[REF_NDIM];
    for (int64_t i = 0; i < r->n; i++) {
        ref_coords(r, i, coord);
        for (int a = 0; a < r->ndim; a++)
            coord[a]++;
        more->v[ref_linear(more, coord)] = r->v[i];
    }
    size_t bytes;
    void *data = ref_bytes(more, &bytes);
    br_array *x = br_from_memory(sweep.ctx, data, r->dtype, extents_of(r->ndim, shape),
                                 .chunks = cut_extents(CUT_3, r->ndim, shape), .copy = true);
    free(data);
    return br_index_items(x, item, r->ndim);
}

static inline br_array *source(const ref *r, int how)
{
    if (how == CUT_UNEVEN && r->ndim > 0)
        return uneven(r);
    size_t bytes;
    void *data = ref_bytes(r, &bytes);
    br_array *x = br_from_memory(sweep.ctx, data, r->dtype, extents_of(r->ndim, r->shape),
                                 .chunks = cut_extents(how, r->ndim, r->shape), .copy = true);
    free(data);
    return x;
}

/* ---- cases ---- */

static inline void fail(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (sweep.failures++ < 40) {
        fprintf(stderr, "FAILED %s: ", name);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
    }
    va_end(args);
}

static inline bool near_real(long double got, long double want, long double allowed)
{
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabsl(got - want) <= allowed;
}

static inline bool near(br_dtype dtype, value got, value want, const pending *p)
{
    if (is_exact(dtype))
        return got == as(dtype, want);
    long double eps = is_narrow(dtype) ? FLT_EPSILON : DBL_EPSILON;
    long double size = isfinite(cabsl(want)) ? cabsl(want) : 0;
    long double allowed = p->ulps * eps * (size + p->scale);
    return near_real(creall(got), creall(want), allowed) &&
           near_real(cimagl(got), cimagl(want), allowed);
}

static inline bool same_form(const pending *p)
{
    const ref *w = p->want;
    if (br_status_of(p->x) != BR_OK) {
        fail(p->name, "%s", br_error(p->x));
        return false;
    }
    bool same = br_dtype_of(p->x) == w->dtype && br_ndim(p->x) == w->ndim;
    for (int a = 0; same && a < w->ndim; a++)
        same = br_shape(p->x)[a] == w->shape[a] || br_shape(p->x)[a] == BR_UNKNOWN;
    if (!same)
        fail(p->name, "is %s with %d axes, %" PRId64 " elements; expected %s, %d, %" PRId64,
             br_dtype_name(br_dtype_of(p->x)), br_ndim(p->x), br_nelem(p->x),
             br_dtype_name(w->dtype), w->ndim, w->n);
    return same;
}

static inline void check_values(const pending *p, const void *buffer)
{
    const ref *w = p->want;
    for (int64_t i = 0; i < w->n; i++) {
        value got = get(w->dtype, buffer, i);
        if (near(w->dtype, got, w->v[i], p))
            continue;
        fail(p->name,
             "%s element %" PRId64 " of %" PRId64 " is %.17Lg%+.17Lgi, expected %.17Lg%+.17Lgi",
             br_dtype_name(w->dtype), i, w->n, creall(got), cimagl(got), creall(w->v[i]),
             cimagl(w->v[i]));
        return;
    }
}

/* FNV-1a. */
static inline uint64_t digest(const void *bytes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return h;
}

static inline void finish_case(const pending *p, const void *buffer, size_t bytes)
{
    check_values(p, buffer);
    printf("%s %016" PRIx64 "\n", p->name, digest(buffer, bytes));
    sweep.cases++;
}

/* A case whose result is yes or no, and the same text wherever it runs. */
static inline void check(bool good, const char *what)
{
    sweep.cases++;
    printf("%s %s\n", what, good ? "ok" : "FAILED");
    if (!good)
        fail(what, "%s", br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
}

/* Adds a case: the value of x is `want` within ulps * eps * (|want| + scale). Exact dtypes must be
 * equal. */
static inline void BR_PRINTF(5, 6)
    expect(br_array *x, const ref *want, double ulps, double scale, const char *format, ...)
{
    pending *p = &sweep.queue[sweep.n];
    va_list args;
    va_start(args, format);
    vsnprintf(p->name, sizeof p->name, format, args);
    va_end(args);
    p->x = x;
    p->want = want;
    p->ulps = ulps;
    p->scale = scale;
    if (same_form(p))
        sweep.n++;
}

/* Computes what is in the queue: alone what is alone, else in one run. */
static inline void flush(void)
{
    br_result result[QUEUE];
    for (int i = 0; i < sweep.n; i++) {
        const ref *want = sweep.queue[i].want; /* whose size an array of unknown extent must have */
        size_t bytes = (size_t)want->n * br_dtype_size(want->dtype);
        result[i] = (br_result){sweep.queue[i].x, calloc(1, bytes + 1), bytes};
    }
    br_status st = sweep.n == 1 ? br_compute(result[0].x, result[0].buffer, result[0].bytes)
                                : br_compute_many(result, (size_t)sweep.n);
    if (st != BR_OK)
        fail(sweep.queue[0].name, "(and %d more) %s", sweep.n - 1, br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
    for (int i = 0; i < sweep.n; i++) {
        if (st == BR_OK)
            finish_case(&sweep.queue[i], result[i].buffer, result[i].bytes);
        free(result[i].buffer);
    }
    sweep.n = 0;
}

/* Between cases: computes a batch when there is one, and frees its arrays. `room` is what the next
 * case may add. */
static inline void next_case(int room)
{
    if (sweep.n + room <= QUEUE)
        return;
    flush();
    free_refs();
    br_scope_close(sweep.scope);
    sweep.scope = br_scope_open(sweep.ctx);
}

static inline void sweep_open(int *argc, char ***argv)
{
    sweep.ctx = br_open(argc, argv);
    sweep.scope = br_scope_open(sweep.ctx);
}

static inline int sweep_close(void)
{
    flush();
    free_refs();
    printf("%d cases\n", sweep.cases);
    int st = br_close(sweep.ctx);
    if (sweep.failures > 0)
        fprintf(stderr, "%d failures\n", sweep.failures);
    return st != 0 || sweep.failures > 0;
}

#endif
