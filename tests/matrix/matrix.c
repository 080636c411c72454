/* SPDX-License-Identifier: BSD-3-Clause
 * matrix.c - runs the rows: some cases of each, of every dtype in turn.
 *
 * usage: sweep_matrix [--seed S] [--cases N] [--row NAME] [--case K] [--verbose] [--list]
 * prints a line a row with a digest of its results, the same under every scheduler.
 */
#include "tests/matrix/matrix.h"

struct the the;

/* clang-format off */
static const row *const tables[] = {
    creation_rows, elementwise_rows, choice_rows, index_rows, shape_rows, join_rows, pad_rows,
    reduction_rows, product_rows, random_rows, user_rows, blocks_rows, file_rows, text_rows,
    compute_rows, indexing_rows, mask_rows, overlap_rows,
};
/* clang-format on */

typedef struct options {
    uint64_t seed;
    int64_t cases; /* of a row */
    const char *row;
    int64_t only; /* one case, -1 for all */
    bool list;
} options;

static bool parse(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool takes_value = true;
        if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--cases") == 0)
            o->cases = strtoll(value, NULL, 0);
        else if (strcmp(argv[i], "--row") == 0)
            o->row = value;
        else if (strcmp(argv[i], "--case") == 0)
            o->only = strtoll(value, NULL, 0);
        else if (takes_value = false, strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--list") == 0)
            o->list = true;
        else
            return false;
        i += takes_value;
    }
    return true;
}

static uint64_t seed_of(const options *o, const row *r, int64_t k)
{
    uint64_t h = o->seed * 0x9e3779b97f4a7c15u;
    for (const char *c = r->name; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 0x100000001b3u;
    return h + (uint64_t)k * 0xd1342543de82ef95u;
}

/* The k-th dtype of these kinds, in turn; of none int64. */
static br_dtype dtype_of(const char *kinds, int64_t k)
{
    br_dtype has[BR_NDTYPE];
    int n = 0;
    size_t length = strcspn(kinds, "/");
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        if (memchr(kinds, kind_of(d), length) != NULL)
            has[n++] = d;
    return n > 0 ? has[k % n] : BR_INT64;
}

static void run_row(const options *o, const row *r)
{
    for (int64_t k = 0; k < o->cases; k++) {
        if (o->only >= 0 && k != o->only)
            continue;
        seed_with(seed_of(o, r, k));
        const char *others = strchr(r->kinds, '/');
        the.refused = others != NULL && chance(8);
        the.dtype = dtype_of(the.refused ? others + 1 : r->kinds, k);
        the.name = r->name;
        the.number = k;
        r->make();
        if (chance(10))
            finish_cases();
    }
    printf("%s %016" PRIx64 "\n", r->name, finish_row());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    options o = {.seed = 1, .cases = 39, .only = -1};
    if (!parse(&o, argc, argv)) {
        fputs("usage: sweep_matrix [--seed S] [--cases N] [--row NAME] [--case K] [--verbose] "
              "[--list]\n",
              stderr);
        return 2;
    }
    if (!o.list) {
        the.ctx = br_open(&argc, &argv);
        open_cases();
    }
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const row *r = tables[t]; r->name != NULL; r++)
            if (o.list)
                puts(r->name);
            else if (o.row == NULL || strcmp(o.row, r->name) == 0)
                run_row(&o, r);
    if (o.list)
        return 0;
    if (failures() > 0)
        fprintf(stderr, "%" PRId64 " failures\n", failures());
    return br_close(the.ctx) != 0 || failures() > 0;
}
