/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_index.c - basic indexing of sources, elementwise chains, reductions, products and other
 * views, by text and by items, against an interpreter of the text written for this test.
 */
#include "tests/sweep.h"

enum { ROOM = 12 };

/* One axis of the result: -1 for a new one, else the source's axis, its first index and step; an
 * integer has count -1. */
typedef struct taken {
    int axis;
    int64_t start, step, count;
} taken;

static bool number(const char **at, int64_t *out)
{
    char *end;
    while (**at == ' ')
        ++*at;
    *out = strtoll(*at, &end, 10);
    bool any = end != *at;
    *at = end;
    while (**at == ' ')
        ++*at;
    return any;
}

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* start:stop:step as Python's slice.indices(n) has it. */
static taken slice(const char *at, int axis, int64_t n)
{
    int64_t given[3] = {0, 0, 1};
    bool has[3] = {false, false, false};
    for (int i = 0; i < 3; i++) {
        has[i] = number(&at, &given[i]);
        if (*at == ':')
            at++;
        else
            break;
    }
    int64_t step = has[2] ? given[2] : 1;
    int64_t low = step < 0 ? -1 : 0;
    int64_t high = step < 0 ? n - 1 : n;
    int64_t start = !has[0] ? (step < 0 ? high : low)
                            : clamp(given[0] < 0 ? given[0] + n : given[0], low, high);
    int64_t stop = !has[1] ? (step < 0 ? low : high)
                           : clamp(given[1] < 0 ? given[1] + n : given[1], low, high);
    int64_t count = step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step;
    return (taken){axis, start, step, count > 0 ? count : 0};
}

static int items_that_take(const char *text)
{
    int n = 0;
    char *copy = strdup(text);
    for (char *item = strtok(copy, ","); item != NULL; item = strtok(NULL, ","))
        n += strstr(item, "...") == NULL && strstr(item, "None") == NULL &&
             strstr(item, "newaxis") == NULL;
    free(copy);
    return n;
}

static int interpret(const ref *x, const char *text, taken *out)
{
    int n = 0;
    int axis = 0;
    int left = x->ndim - items_that_take(text);
    char *copy = strdup(text);
    for (char *item = strtok(copy, ","); item != NULL; item = strtok(NULL, ",")) {
        const char *at = item;
        int64_t i;
        if (strstr(item, "...") != NULL) {
            for (; left > 0; left--, axis++)
                out[n++] = slice(":", axis, x->shape[axis]);
        } else if (strstr(item, "None") != NULL || strstr(item, "newaxis") != NULL) {
            out[n++] = (taken){-1, 0, 1, 1};
        } else if (strchr(item, ':') != NULL) {
            out[n++] = slice(item, axis, x->shape[axis]);
            axis++;
        } else if (number(&at, &i)) {
            out[n++] = (taken){axis, i < 0 ? i + x->shape[axis] : i, 0, -1};
            axis++;
        }
    }
    for (; axis < x->ndim; axis++)
        out[n++] = slice(":", axis, x->shape[axis]);
    free(copy);
    return n;
}

static ref *naive(const ref *x, const char *text)
{
    taken t[ROOM];
    int64_t shape[REF_NDIM];
    int ndim = 0;
    int n = interpret(x, text, t);
    for (int i = 0; i < n; i++)
        if (t[i].count >= 0)
            shape[ndim++] = t[i].count;
    ref *r = ref_new(x->dtype, ndim, shape);
    for (int64_t i = 0; i < r->n; i++) {
        int64_t to[REF_NDIM];
        int64_t from[REF_NDIM];
        ref_coords(r, i, to);
        for (int k = 0, a = 0; k < n; k++) {
            int64_t at = t[k].count < 0 ? 0 : to[a++];
            if (t[k].axis >= 0)
                from[t[k].axis] = t[k].start + t[k].step * at;
        }
        r->v[i] = x->v[ref_linear(x, from)];
    }
    return r;
}

/* ---- cases ---- */

/* clang-format off */
static const char *const texts1[] = {
    ":", "...", "3", "-1", "2:9", "::2", "1::3", "::-1", "9:2:-2", "-3:", ":-3", "5:5", "100:", ":100", "-100:4", "None", "::-3, None",
    "None, 4", "4, None, ...", "8:-20:-1", "2:9:100", "newaxis, ..., newaxis", " 1 : 8 : 2 ", "-1::-4",
};
static const char *const texts3[] = {
    "...", "1", "..., -1", ":, 2", "1, 2, 3", "::-1, ::-1, ::-1", "::2, 1::2, :2", "None, ..., None", "1, None, :, ::3",
    "..., None, 2", "-2:, ..., ::-2", "5:, 1", "1:1, ..., 2", "2, ..., 4:0:-1", ":, None, :, None, :", "..., 1:6:2",
    "::2, -1", "0, 0", "1:4, 2:5, 3:6", "::-2, 3, ::-3", ":, 1:2, :", "3:0:-1, None, 2, ..., 1:",
};
/* clang-format on */
enum { N1 = sizeof texts1 / sizeof texts1[0], N3 = sizeof texts3 / sizeof texts3[0] };

static const int64_t shape1[] = {11};
static const int64_t shape3[] = {5, 6, 7};

static void sources(void)
{
    for (int i = 0; i < N1 + N3; i++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(1);
            const char *text = i < N1 ? texts1[i] : texts3[i - N1];
            br_dtype d = 1 + (i + how) % (BR_NDTYPE - 1);
            ref *a = ref_random(d, i < N1 ? 1 : 3, i < N1 ? shape1 : shape3, false, false);
            expect(br_index(source(a, how), text), naive(a, text), 0, 0, "%s x[%s] cut %d",
                   br_dtype_name(d), text, how);
        }
}

static value r_affine(value a)
{
    return a * 2 + 1;
}

/* Slices of chains that read other slices; slices of slices. */
static void chains(void)
{
    for (int i = 0; i < N3; i++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(2);
            const char *first = texts3[(i + 5) % 6 == 5 ? 10 : 18];
            ref *a = ref_random(BR_FLOAT64, 3, shape3, false, false);
            br_array *x = source(a, how);
            br_array *y = br_add(br_mul(x, 2), 1);
            ref *b = ref_map1(BR_FLOAT64, a, r_affine);
            expect(br_index(y, texts3[i]), naive(b, texts3[i]), 1, 0, "chain[%s] cut %d", texts3[i],
                   how);
            ref *s = naive(b, first);
            if (s->shape[0] < 4 || s->shape[1] < 4 || s->shape[2] < 4)
                expect(br_index(br_index(y, first), "::-1, 1:, ::2"), naive(s, "::-1, 1:, ::2"), 1,
                       0, "chain[%s][::-1, 1:, ::2] after %d cut %d", first, i, how);
        }
}

static ref *mean_of_first(const ref *a)
{
    ref *r = ref_new(a->dtype, a->ndim - 1, a->shape + 1);
    for (int64_t i = 0; i < a->n; i++)
        r->v[i % r->n] += a->v[i] / a->shape[0];
    return r;
}

static void reductions(void)
{
    const char *const texts[] = {
        "3", "-1, 2", "::2", "::-1, 1:4", "..., 2", "None, 1:5, None, ::3", "2:2"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(3);
            ref *a = ref_random(BR_FLOAT64, 3, shape3, false, false);
            br_array *x = source(a, how);
            br_array *mean = br_mean(x, .axis = BR_AXES(0));
            ref *m = mean_of_first(a);
            expect(br_index(mean, texts[i]), naive(m, texts[i]), 8, 16, "mean(0)[%s] cut %d",
                   texts[i], how);
            ref *part = naive(a, "1:, ::-1, 2");
            expect(br_mean(br_index(x, "1:, ::-1, 2"), .axis = BR_AXES(0)), mean_of_first(part), 8,
                   16, "x[1:, ::-1, 2].mean(0) %zu cut %d", i, how);
            /* A slice beside the whole: the mean is computed once. */
            expect(mean, m, 8, 16, "mean(0) beside its [%s] cut %d", texts[i], how);
        }
}

static void products(void)
{
    const char *const texts[] = {"3", "..., 4", "::2, ::-1", "1:4, 2:3", "-1, -1", "None, ::3"};
    const int64_t left[] = {7, 5};
    const int64_t right[] = {5, 9};
    const int64_t both[] = {7, 9};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(1);
            ref *a = ref_random(BR_FLOAT64, 2, left, false, false);
            ref *b = ref_random(BR_FLOAT64, 2, right, false, false);
            ref *c = ref_new(BR_FLOAT64, 2, both);
            for (int64_t k = 0; k < c->n * 5; k++)
                c->v[k / 5] += a->v[k / 45 * 5 + k % 5] * b->v[k % 5 * 9 + k / 5 % 9];
            expect(br_index(br_matmul(source(a, how), source(b, (how + 1) % NCUTS)), texts[i]),
                   naive(c, texts[i]), 8, 64, "(a @ b)[%s] cut %d", texts[i], how);
        }
}

/* By items and by format, and steps beyond the ends of int64. */
static void forms(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(3);
        ref *a = ref_random(BR_INT32, 3, shape3, false, false);
        br_array *x = source(a, how);
        const br_index_item items[] = {{.kind = ':', .has_stop = true, .stop = 0, .step = -2},
                                       {.kind = 'n'},
                                       {.kind = '.'},
                                       {.kind = 'i', .start = -3}};
        expect(br_index_items(x, items, 4), naive(a, ":0:-2, None, ..., -3"), 0, 0, "items cut %d",
               how);
        expect(br_indexf(x, "%d::%d, ..., %d", 1, 2, how),
               naive(a, how == 0   ? "1::2, ..., 0"
                        : how == 1 ? "1::2, ..., 1"
                        : how == 2 ? "1::2, ..., 2"
                        : how == 3 ? "1::2, ..., 3"
                        : how == 4 ? "1::2, ..., 4"
                                   : "1::2, ..., 5"),
               0, 0, "format cut %d", how);
        const char *const far = how % 2
                                    ? "-9223372036854775808:9223372036854775807:9223372036854775807"
                                    : "0::-9223372036854775808";
        expect(br_index(x, far), naive(a, "0:1"), 0, 0, "x[%s] cut %d", far, how);
    }
}

/* Many random indices of a random array, applied to a view of a view. */
static void random_texts(void)
{
    for (int i = 0; i < 150; i++) {
        next_case(1);
        char text[2][160] = {"", ""};
        int64_t shape[4];
        int ndim = 1 + (int)random_below(4);
        for (int a = 0; a < ndim; a++)
            shape[a] = 1 + random_below(8);
        ref *r = ref_random(BR_INT64, ndim, shape, false, false);
        br_array *x = source(r, (int)random_below(NCUTS));
        for (int k = 0; k < 2; k++) {
            for (int a = 0; a < r->ndim; a++) {
                const int steps[] = {1, 2, 3, -1, -2, -3};
                size_t at = strlen(text[k]);
                snprintf(text[k] + at, sizeof text[k] - at, "%s%d:%d:%d", a > 0 ? ", " : "",
                         (int)random_below(19) - 9, (int)random_below(19) - 9,
                         steps[random_below(6)]);
            }
            r = naive(r, text[k]);
            x = br_index(x, text[k]);
        }
        expect(x, r, 0, 0, "random %d x[%s][%s]", i, text[0], text[1]);
    }
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    sources();
    chains();
    reductions();
    products();
    forms();
    random_texts();
    return sweep_close();
}
