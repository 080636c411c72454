/* SPDX-License-Identifier: BSD-3-Clause
 * expect.c - a queue of arrays and what they must be: computed together, compared, digested.
 */
#include <ftw.h>
#include <stdarg.h>
#include <unistd.h>

#include "tests/matrix/matrix.h"

enum { QUEUE = 64 };

typedef struct expected {
    br_array *x;
    const nd *want;
    const char *name;
    int64_t number;
} expected;

static struct {
    expected list[QUEUE];
    int n, room;
    br_scope *scope;
    uint64_t digest;
    int64_t failures, of_row;
    char folder[200];
    int files;
} queue;

bool verbose;

int64_t failures(void)
{
    return queue.failures;
}

static void BR_PRINTF(2, 3) failed(const expected *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    queue.failures++;
    if (queue.of_row++ < 3) {
        fprintf(stderr, "FAILED --row %s --case %" PRId64 ": ", e->name, e->number);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        if (e->x != NULL && br_status_of(e->x) == BR_OK)
            br_print_tree(e->x, stderr);
    }
    va_end(args);
}

void check(bool holds, const char *format, ...)
{
    char text[300];
    expected e = {.name = the.name, .number = the.number};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!holds)
        failed(&e, "%s", text);
}

/* ---- comparing ---- */

static bool near_part(long double got, long double want, long double slack)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabsl(got - want) <= slack;
}

static bool near(const nd *want, int64_t i, const void *element)
{
    number g = nd_read(want->dtype, element), w = nd_get(want, i);
    if (!is_inexact(want->dtype))
        return g.i == w.i;
    if (is_nan(w)) /* which parts of a complex result are, is open */
        return is_nan(g);
    return near_part(creall(g.z), creall(w.z), want->slack[i]) &&
           near_part(cimagl(g.z), cimagl(w.z), want->slack[i]);
}

static bool same_element(const nd *want, int64_t i, const void *elements)
{
    size_t size = br_dtype_size(want->dtype);
    const char *element = (const char *)elements + (size_t)i * size;
    if (want->bits)
        return memcmp(element, want->data + (size_t)i * size, size) == 0;
    return near(want, i, element);
}

static void compare_elements(const expected *e, const void *elements)
{
    const nd *want = e->want;
    for (int64_t i = 0; i < want->n; i++) {
        if (same_element(want, i, elements))
            continue;
        size_t size = br_dtype_size(want->dtype);
        number g = nd_read(want->dtype, (const char *)elements + (size_t)i * size);
        number w = nd_get(want, i);
        failed(e,
               "%s element %" PRId64 " of %" PRId64 " is %.17Lg%+.17Lgi, not %.17Lg%+.17Lgi (%Lg)",
               br_dtype_name(want->dtype), i, want->n, creall(g.z), cimagl(g.z), creall(w.z),
               cimagl(w.z), want->slack[i]);
        return;
    }
}

/* FNV-1a over words and the rest. */
static void digest(const void *bytes, size_t n)
{
    uint64_t h = queue.digest, word = 0;
    for (size_t i = 0; i < n; i += 8) {
        memcpy(&word, (const char *)bytes + i, n - i < 8 ? n - i : 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29;
    }
    queue.digest = h;
}

static bool same_chunks(const expected *e)
{
    int64_t chunks[4096];
    for (int k = 0; k < br_ndim(e->x); k++) {
        int64_t n = br_chunks(e->x, k, chunks, 4096), sum = 0;
        for (int64_t c = 0; c < n && c < 4096; c++)
            sum += chunks[c];
        if (n != br_num_chunks(e->x, k) || (n <= 4096 && sum != br_shape(e->x)[k]))
            return false;
    }
    return true;
}

static bool same_form(const expected *e)
{
    const nd *w = e->want;
    if (br_status_of(e->x) != BR_OK) {
        failed(e, "%s", br_error(e->x));
        return false;
    }
    bool same = br_dtype_of(e->x) == w->dtype && br_ndim(e->x) == w->ndim;
    for (int k = 0; same && k < w->ndim; k++)
        same = br_shape(e->x)[k] == w->shape[k];
    same = same && br_nelem(e->x) == w->n && br_nbytes(e->x) == nd_bytes(w);
    if (!same)
        failed(e, "is %s with %d axes, %" PRId64 " elements, not %s, %d, %" PRId64,
               br_dtype_name(br_dtype_of(e->x)), br_ndim(e->x), br_nelem(e->x),
               br_dtype_name(w->dtype), w->ndim, w->n);
    if (same && !same_chunks(e))
        failed(e, "chunks do not fill the shape");
    return same;
}

void compare(const nd *want, const void *elements)
{
    expected e = {.want = want, .name = the.name, .number = the.number};
    compare_elements(&e, elements);
    digest(elements, nd_bytes(want));
}

/* ---- running ---- */

static void finish(const expected *e, const void *elements)
{
    compare_elements(e, elements);
    digest(elements, nd_bytes(e->want));
    if (verbose)
        printf("%s %" PRId64 " %016" PRIx64 "\n", e->name, e->number, queue.digest);
}

/* One by one, to find the one that fails. */
static void compute_alone(const expected *e, br_result *result)
{
    if (br_compute(result->x, result->buffer, result->bytes) == BR_OK)
        finish(e, result->buffer);
    else
        failed(e, "%s", br_message(the.ctx));
    br_clear_error(the.ctx);
}

static void compute_all(void)
{
    br_result result[QUEUE];
    for (int i = 0; i < queue.n; i++) {
        size_t bytes = br_nbytes(queue.list[i].x);
        result[i] = (br_result){queue.list[i].x, malloc(bytes + 16), bytes};
        memset(result[i].buffer, 0xa5, bytes + 16);
    }
    bool together = queue.n > 1 && br_compute_many(result, (size_t)queue.n) == BR_OK;
    br_clear_error(the.ctx);
    for (int i = 0; i < queue.n; i++) {
        if (together)
            finish(&queue.list[i], result[i].buffer);
        else
            compute_alone(&queue.list[i], &result[i]);
        free(result[i].buffer);
    }
    queue.n = 0;
}

static void queue_up(br_array *x, const nd *want)
{
    expected e = {x, want, the.name, the.number};
    if (queue.n == QUEUE)
        compute_all();
    if (same_form(&e))
        queue.list[queue.n++] = e;
}

void expect_plain(br_array *x, nd *want)
{
    if (the.refused)
        expect_status(x, BR_ETYPE);
    else
        queue_up(x, want);
}

void expect(br_array *x, nd *want)
{
    arg a = {x, want};
    if (chance(45) && br_status_of(x) == BR_OK)
        a = below(x, want);
    expect_plain(a.x, a.v);
}

void expect_resolved(br_array *x, nd *want)
{
    void *elements = NULL;
    if (chance(70)) {
        expect(br_resolve(x), want);
        return;
    }
    check(br_compute_alloc(x, &elements) == BR_OK, "compute_alloc: %s", br_message(the.ctx));
    if (elements != NULL)
        compare(want, elements);
    free(elements);
}

void expect_status(br_array *x, br_status status)
{
    bool refused = the.refused && br_status_of(x) == BR_ETYPE;
    check(refused || br_status_of(x) == status, "has status \"%s\" (%s), not \"%s\"",
          br_status_text(br_status_of(x)), br_error(x), br_status_text(status));
    br_clear_error(the.ctx);
}

/* ---- batches ---- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st;
    (void)flag;
    return at->level > 0 ? remove(path) : 0;
}

/* A digest of its own for each row, so that the sweep names the one that differs. */
uint64_t finish_row(void)
{
    finish_cases();
    uint64_t d = queue.digest;
    queue.of_row = 0;
    queue.digest = 0xcbf29ce484222325u;
    return d;
}

void finish_cases(void)
{
    compute_all();
    br_scope_close(queue.scope);
    queue.scope = br_scope_open(the.ctx);
    nd_free_all();
    if (queue.files > 0)
        nftw(queue.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    queue.files = 0;
}

static void remove_folder(void)
{
    rmdir(queue.folder);
}

void open_cases(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(queue.folder, sizeof queue.folder, "%s/matrix.XXXXXX", top != NULL ? top : "/tmp");
    if (mkdtemp(queue.folder) == NULL)
        abort();
    atexit(remove_folder);
    queue.digest = 0xcbf29ce484222325u;
    queue.scope = br_scope_open(the.ctx);
}

const char *new_path(const char *suffix)
{
    static char path[8][240];
    char *p = path[queue.files % 8];
    snprintf(p, sizeof path[0], "%s/%d.%s", queue.folder, queue.files++, suffix);
    return p;
}
