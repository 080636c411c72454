/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_workers.c - the ranks as a pool of workers, under every scheduler: functions on them,
 * values under names.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/workers.h"

enum { MOST = 8 };

/* ---- who is there ---- */

static void about_workers(void)
{
    br_worker w[MOST];
    bool good = br_workers(sweep.ctx, w) == BR_OK;
    for (int r = 0; r < nworkers && good; r++)
        good = w[r].rank == r && w[r].threads > 0 && w[r].memory_limit > 0 &&
               strlen(w[r].host) > 0 &&
               (isnan(w[r].celsius) || (w[r].celsius > -50 && w[r].celsius < 200));
    check(good, "workers");
}

/* ---- the choice ---- */

/* What Python's range(n)[start:stop:step] has, written out another way. */
static size_t python_slice(int start, int stop, int step, int *ranks)
{
    size_t n = 0;
    for (int i = start; step > 0 ? i < stop : i > stop; i += step)
        if (i >= 0 && i < nworkers)
            ranks[n++] = i;
    return n;
}

static bool chooses(const char *text, size_t n, const int *want)
{
    int got[MOST];
    size_t ngot = br_worker_ranks(sweep.ctx, text, got);
    br_clear_error(sweep.ctx);
    return ngot == n && memcmp(got, want, n * sizeof *got) == 0;
}

static void choices(void)
{
    static const struct {
        const char *text;
        int start, stop, step;
    } rows[] = {
        {":", 0, MOST, 1},
        {"::", 0, MOST, 1},
        {"0:2", 0, 2, 1},
        {" 0 : 2 ", 0, 2, 1},
        {"::2", 0, MOST, 2},
        {"1:", 1, MOST, 1},
        {"0", 0, 1, 1},
        {"1", 1, 2, 1},
        {"::-1", MOST, -1, -1},
        {":1", 0, 1, 1},
        {"-100:100:3", 0, MOST, 3},
        {"100:-100:-1", MOST, -1, -1},
    };
    int want[MOST];
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = python_slice(rows[i].start, rows[i].stop, rows[i].step, want);
        bool same = chooses(rows[i].text, n, want);
        if (!same)
            fprintf(stderr, "\"%s\"\n", rows[i].text);
        good = good && same;
    }
    good = good && chooses("-1", 1, &(int){nworkers - 1}) &&
           (nworkers < 3 || chooses("2::-2", 2, (int[]){2, 0})) &&
           chooses("-1,0", nworkers > 1 ? 2 : 0, (int[]){nworkers - 1, 0}) &&
           chooses(NULL, python_slice(0, MOST, 1, want), want);
    check(good, "choices");
    size_t one = br_worker_ranks(sweep.ctx, NULL, want, .per_host = true);
    check(one == 1 && want[0] == 0, "one a host"); /* the sweep runs on one */
}

/* ---- functions ---- */

typedef struct seen {
    int rank;
    double power;
} seen;

static int power(br_task *task, const void *args, size_t bytes)
{
    double x;
    memcpy(&x, args, sizeof x);
    seen s = {.rank = br_task_rank(task), .power = pow(x, br_task_rank(task))};
    return bytes == sizeof x ? br_task_return(task, &s, sizeof s) : 1;
}

static void run_on_all(void)
{
    seen s[MOST];
    double x = 1.5;
    bool good =
        br_run_on(sweep.ctx, NULL, power, &x, sizeof x, .results = s, .each = sizeof *s) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && s[r].rank == r && s[r].power == pow(x, r);
    check(good, "run_on all");
    good =
        br_run_on(sweep.ctx, "::-1", power, &x, sizeof x, .results = s, .each = sizeof *s) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && s[r].rank == nworkers - 1 - r;
    check(good, "run_on backwards");
}

static void run_on_some(void)
{
    seen s[MOST] = {{-1, 0}, {-1, 0}};
    double x = 2;
    bool good = br_run_on(sweep.ctx, "-1", power, &x, sizeof x, .results = s, .each = sizeof *s,
                          .name = "the last") == BR_OK;
    check(good && s[0].rank == nworkers - 1 && s[1].rank == -1, "run_on the last");
    good = br_run_on(sweep.ctx, NULL, power, &x, sizeof x, .results = s, .each = sizeof *s,
                     .per_host = true) == BR_OK;
    check(good && s[0].rank == 0 && s[1].rank == -1, "run_on per host");
}

/* As many bytes as the rank and one. */
static int long_one(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    size_t n = (size_t)br_task_rank(task) * 50000 + 1;
    char *out = br_task_result(task, n);
    if (out != NULL)
        memset(out, 'a' + br_task_rank(task), n);
    return out != NULL ? 0 : -1;
}

static void run_on_async(void)
{
    br_future *f[MOST];
    size_t n = br_run_on_async(sweep.ctx, ":", long_one, NULL, 0, f);
    bool good = n == (size_t)nworkers && br_wait_all(f, n) == BR_OK;
    for (size_t k = 0; k < n; k++) {
        size_t bytes = 0;
        const char *text = br_future_view(f[k], &bytes);
        good = good && bytes == k * 50000 + 1 && text[bytes - 1] == 'a' + (char)k;
        br_future_free(f[k]);
    }
    check(good, "run_on_async");
}

/* nworkers is main's alone. */
static int last_fails(br_task *task, const void *args, size_t bytes)
{
    int rank = br_task_rank(task);
    int last;
    memcpy(&last, args, bytes);
    return rank == last ? br_task_fail(task, "no luck") : br_task_return(task, &rank, sizeof rank);
}

static void failures(void)
{
    int got[MOST], last = nworkers - 1;
    for (int r = 0; r < MOST; r++)
        got[r] = -1;
    br_status st = br_run_on(sweep.ctx, NULL, last_fails, &last, sizeof last, .results = got,
                             .each = sizeof *got);
    bool good = st == BR_EUSER && strstr(br_message(sweep.ctx), "no luck") != NULL;
    for (int r = 0; r < last; r++)
        good = good && got[r] == r;
    check(good && got[last] == -1, "one of them fails");
}

/* ---- values under names ---- */

/* x := x * rank + 1, as many doubles as there are. */
static int work_on_part(br_task *task, const void *args, size_t bytes)
{
    size_t n;
    (void)args, (void)bytes;
    const double *x = br_task_get(task, "part", &n);
    double *y = x != NULL ? malloc(n + 1) : NULL;
    if (y == NULL)
        return -1;
    for (size_t i = 0; i < n / sizeof *x; i++)
        y[i] = x[i] * br_task_rank(task) + 1;
    int code = br_task_put(task, "part", y, n);
    const double *new = code == 0 ? br_task_get(task, "part", NULL) : NULL;
    bool good = new != NULL &&new != x &&memcmp(new, y, n) == 0;
    free(y);
    return good && (n == 0 || x[0] >= 0) ? 0 : 1; /* what was read first is still there */
}

/* Fewer elements than workers, more, and none. */
static void scatter_and_gather(size_t n, const char *what)
{
    double x[64], y[64];
    size_t sizes[MOST];
    for (size_t i = 0; i < n; i++)
        x[i] = (double)i;
    bool good = br_scatter(sweep.ctx, ":", "part", x, n, sizeof *x) == BR_OK &&
                br_value_sizes(sweep.ctx, ":", "part", sizes) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && sizes[r] == (n / (size_t)nworkers + ((size_t)r < n % (size_t)nworkers)) * 8;
    good = good && br_gather(sweep.ctx, NULL, "part", y, n * sizeof *y) == BR_OK &&
           memcmp(x, y, n * sizeof *y) == 0 &&
           br_run_on(sweep.ctx, NULL, work_on_part, NULL, 0) == BR_OK &&
           br_gather(sweep.ctx, NULL, "part", y, n * sizeof *y) == BR_OK;
    for (size_t i = 0, r = 0, end = sizes[0] / 8; i < n && good; i++) {
        while (i == end)
            end += sizes[++r] / 8;
        good = y[i] == x[i] * (double)r + 1;
    }
    check(good, what);
}

/* In pieces, to some, backwards, and replaced by a short one. */
static void long_values(void)
{
    enum { N = 9000001 };
    unsigned char *x = long_bytes(N), *y = malloc((size_t)MOST * N);
    bool good = br_push(sweep.ctx, "-1", "long", x, N) == BR_OK &&
                br_pull(sweep.ctx, "-1", "long", y, N) == BR_OK && memcmp(x, y, N) == 0;
    check(good, "push, pull long");
    good = br_scatter(sweep.ctx, "::-1", "long", x, N, 1) == BR_OK;
    memset(y, 0, N);
    good = good && br_gather(sweep.ctx, "::-1", "long", y, N) == BR_OK && memcmp(x, y, N) == 0;
    check(good, "scatter, gather long");
    good = br_broadcast(sweep.ctx, "long", x, 70000) == BR_OK &&
           br_pull(sweep.ctx, NULL, "long", y, 70000) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && memcmp(x, y + (size_t)r * 70000, 70000) == 0;
    check(good && br_forget(sweep.ctx, NULL, "long") == BR_OK, "broadcast");
    free(x);
    free(y);
}

/* As many bytes as the rank, and none for rank 0. */
static int put_name(br_task *task, const void *args, size_t bytes)
{
    (void)args, (void)bytes;
    return br_task_put(task, "of my own", "abcdefgh", (size_t)br_task_rank(task));
}

static void pull_async(void)
{
    br_future *f[MOST];
    bool good = br_run_on(sweep.ctx, NULL, put_name, NULL, 0) == BR_OK;
    size_t n = br_pull_async(sweep.ctx, NULL, "of my own", f);
    good = good && n == (size_t)nworkers;
    for (size_t k = 0; k < n; k++) {
        size_t bytes = 99;
        const char *text = br_future_view(f[k], &bytes);
        good = good && text != NULL && bytes == k && memcmp(text, "abcdefgh", k) == 0;
        br_future_free(f[k]);
    }
    check(good, "pull_async");
}

static void no_such_value(void)
{
    char name[40];
    int x = 1, got[MOST];
    int last = nworkers - 1;
    bool good = br_push(sweep.ctx, NULL, "x", &x, sizeof x) == BR_OK &&
                br_forget(sweep.ctx, "-1", "x") == BR_OK &&
                br_pull(sweep.ctx, NULL, "x", got, sizeof x) == BR_ENOTFOUND &&
                strstr(br_message(sweep.ctx), "there is no value \"x\"") != NULL;
    snprintf(name, sizeof name, "rank %d", last);
    good = good && strstr(br_message(sweep.ctx), name) != NULL;
    check(good, "no such value");
    good = last == 0 || (br_pull(sweep.ctx, ":-1", "x", got, sizeof x) == BR_OK && got[0] == 1);
    good = good && br_push(sweep.ctx, "-1", "x", "12345", 5) == BR_OK &&
           br_pull(sweep.ctx, NULL, "x", got, sizeof x) == BR_ESHAPE &&
           strstr(br_message(sweep.ctx), "has 5 bytes") != NULL &&
           strstr(br_message(sweep.ctx), name) != NULL;
    check(good, "another length");
}

/* ---- arrays ---- */

/* x := 2 x, of int32. */
static int twice(br_task *task, const void *args, size_t bytes)
{
    size_t n;
    const int32_t *x = br_task_get(task, args, &n);
    int32_t *y = x != NULL ? malloc(n + 1) : NULL;
    (void)bytes;
    if (y == NULL)
        return -1;
    for (size_t i = 0; i < n / sizeof *x; i++)
        y[i] = 2 * x[i];
    int code = br_task_put(task, args, y, n);
    free(y);
    return code;
}

/* Of x[i, j] = 1000 i + j. */
static void scatter_array(int64_t rows, int64_t columns, const char *what)
{
    br_scope *scope = br_scope_open(sweep.ctx);
    size_t sizes[MOST];
    br_array *i = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(rows), .chunks = BR_CHUNKS(7));
    br_array *j = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(columns), .chunks = BR_CHUNKS(300000));
    br_array *x = br_astype(br_add(br_mul(br_index(i, ":, None"), 1000), j), BR_INT32);
    bool good = br_scatter_array(x, NULL, "rows") == BR_OK &&
                br_value_sizes(sweep.ctx, NULL, "rows", sizes) == BR_OK &&
                br_run_on(sweep.ctx, NULL, twice, "rows", 5) == BR_OK;
    for (int64_t k = 0; k < nworkers; k++)
        good = good && (int64_t)sizes[k] == (rows / nworkers + (k < rows % nworkers)) * columns * 4;
    br_array *y =
        br_gather_array(sweep.ctx, NULL, "rows", BR_INT32, .shape = BR_SHAPE(BR_UNKNOWN, columns));
    double wrong = -1;
    good = good && br_shape(y) != NULL && br_shape(y)[0] == rows &&
           (rows * columns == 0 ||
            (br_compute_f64(br_sum(br_not_equal(y, br_add(x, x))), &wrong) == BR_OK && wrong == 0));
    check(good, what);
    br_forget(sweep.ctx, NULL, "rows");
    br_scope_close(scope);
}

static void broadcast_array(void)
{
    br_array *x = br_arange(sweep.ctx, BR_NUM(0), BR_NUM(700001), .chunks = BR_CHUNKS(100000));
    br_array *y = br_mul(br_astype(x, BR_FLOAT64), 0.5);
    double number = 0;
    bool good = br_broadcast_array(y, "halves") == BR_OK &&
                br_broadcast_array(br_sum(x), "a number") == BR_OK;
    br_array *all =
        br_gather_array(sweep.ctx, NULL, "halves", BR_FLOAT64, .shape = BR_SHAPE(nworkers, 700001));
    good = good && br_compute_f64(br_max(br_abs(br_sub(all, y))), &number) == BR_OK && number == 0;
    int64_t sums[MOST];
    good = good && br_pull(sweep.ctx, NULL, "a number", sums, sizeof *sums) == BR_OK;
    for (int r = 0; r < nworkers; r++)
        good = good && sums[r] == (int64_t)700001 * 350000;
    check(good && br_forget(sweep.ctx, NULL, "halves") == BR_OK, "broadcast array");
}

/* ---- many become one ---- */

/* Not associative, and it writes down what it does: "a" and "b" become "(ab)". */
static int brackets(void *left, const void *right, size_t bytes, const void *args)
{
    char both[64];
    snprintf(both, sizeof both, "%s%s%s)", (const char *)args, (char *)left, (const char *)right);
    if (strlen(both) >= bytes)
        return 1;
    memcpy(left, both, strlen(both) + 1);
    return 0;
}

static int letter(br_task *task, const void *args, size_t bytes)
{
    char text[64] = {(char)('a' + *(const int *)args)};
    (void)bytes;
    return br_task_return(task, text, sizeof text);
}

static const char *const trees[] = {"", "a", "(ab)", "((ab)c)", "((ab)(cd))"};

static void reduce_futures(void)
{
    static const char *const want[] = {"a",
                                       "(ab)",
                                       "((ab)c)",
                                       "((ab)(cd))",
                                       "(((ab)(cd))e)",
                                       "(((ab)(cd))(ef))",
                                       "(((ab)(cd))((ef)g))",
                                       "(((ab)(cd))((ef)(gh)))"};
    bool good = true;
    for (size_t n = 1; n <= 8; n++) {
        br_future *f[8];
        char got[64] = "";
        for (int i = 0; i < (int)n; i++)
            f[i] = br_submit(sweep.ctx, letter, &i, sizeof i);
        br_future *all = br_reduce_futures(sweep.ctx, f, n, brackets, .args = "(", .arg_bytes = 2);
        good = good && br_future_result(all, got, sizeof got) == BR_OK &&
               strcmp(got, want[n - 1]) == 0;
        br_future_free(all);
        for (size_t i = 0; i < n; i++)
            br_future_free(f[i]);
    }
    check(good, "reduce futures");
}

static int put_letter(br_task *task, const void *args, size_t bytes)
{
    char text[64] = {(char)('a' + br_task_rank(task))};
    (void)args, (void)bytes;
    return br_task_put(task, "letter", text, sizeof text);
}

static int add_longs(void *left, const void *right, size_t bytes, const void *args)
{
    int64_t *l = left;
    const int64_t *r = right;
    (void)args;
    for (size_t i = 0; i < bytes / sizeof *l; i++)
        l[i] += r[i];
    return 0;
}

static void reduce_values(void)
{
    enum { N = 600000 };
    char got[64] = "";
    bool good =
        br_run_on(sweep.ctx, NULL, put_letter, NULL, 0) == BR_OK &&
        br_reduce(sweep.ctx, NULL, "letter", brackets, got, sizeof got, .args = "(") == BR_OK &&
        strcmp(got, trees[nworkers]) == 0;
    check(good, "reduce");
    int64_t *x = calloc(2 * N, sizeof *x);
    for (int64_t i = 0; i < N; i++)
        x[i] = i * i;
    good = br_broadcast(sweep.ctx, "squares", x, N * sizeof *x) == BR_OK &&
           br_reduce(sweep.ctx, NULL, "squares", add_longs, x + N, N * sizeof *x) == BR_OK;
    for (int64_t i = 0; i < N; i++)
        good = good && x[N + i] == i * i * nworkers;
    check(good, "reduce long");
    free(x);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    nworkers = br_num_ranks(sweep.ctx);
    about_workers();
    choices();
    run_on_all();
    run_on_some();
    run_on_async();
    failures();
    scatter_and_gather(20, "scatter 20");
    scatter_and_gather(2, "scatter 2");
    scatter_and_gather(0, "scatter 0");
    long_values();
    pull_async();
    no_such_value();
    scatter_array(23, 10, "scatter array");
    scatter_array(1, 3, "scatter one row");
    scatter_array(0, 5, "scatter no rows");
    scatter_array(30, 100003, "scatter long array");
    scatter_array(3, 1500000, "scatter long rows");
    broadcast_array();
    reduce_futures();
    reduce_values();
    return sweep_close();
}
