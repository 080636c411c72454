/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_store.c - HDF5 files that are changed: datasets added, replaced, written in part, appended
 * to, several in one run, compressed on all ranks. Each is read back on all ranks.
 *
 * The files stay in the working directory, where sweep.sh compares them, too.
 */
#include <hdf5.h>

#include "tests/sweep.h"

static void stored(const char *name, br_status st)
{
    if (st != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
}

static br_array *from(const char *path, const char *dataset)
{
    return br_from_hdf5(sweep.ctx, path, dataset);
}

static ref *random_ref(br_dtype dtype, int64_t rows, int64_t columns)
{
    const int64_t shape[] = {rows, columns};
    return ref_random(dtype, 2, shape, false, false);
}

/* Every dtype with every filter, in every cut; chunks within those of the array and across. */
static void filters(void)
{
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(2);
            char name[2][40];
            ref *a = random_ref(d, 13, 17);
            br_array *x = source(a, how);
            for (int k = 0; k < 2; k++)
                snprintf(name[k], sizeof name[k], "%s/cut%d_%d", br_dtype_name(d), how, k);
            stored(name[0], br_store_hdf5(x, "filters.h5", name[0], .deflate = 1 + how,
                                          .fletcher32 = how % 2, .no_shuffle = d % 2));
            stored(name[1], br_store_hdf5(x, "filters.h5", name[1], .chunks = BR_CHUNKS(3, 4),
                                          .deflate = 1, .fletcher32 = d % 2));
            expect(from("filters.h5", name[0]), a, 0, 0, "%s", name[0]);
            expect(from("filters.h5", name[1]), a, 0, 0, "%s", name[1]);
        }
    flush();
}

/* Regions of a dataset, one after the other; the model is the reference. */
static void regions(void)
{
    static const struct {
        const char *text;
        int row, row_step, rows, column, step, columns;
    } region[] = {
        {"3:9, 2:12", 3, 1, 6, 2, 1, 10}, {"::2, 1:20:3", 0, 2, 10, 1, 3, 7},
        {"-1, :", 19, 1, 1, 0, 1, 25},    {":, 7", 0, 1, 20, 7, 1, 1},
        {"4:8, 5:10", 4, 1, 4, 5, 1, 5},  {"5:6, ...", 5, 1, 1, 0, 1, 25},
        {":, :", 0, 1, 20, 0, 1, 25},     {"19:, 24:", 19, 1, 1, 24, 1, 1},
    };
    for (int deflate = 0; deflate < 2; deflate++) {
        const char *name = deflate ? "packed" : "plain";
        ref *model = random_ref(BR_FLOAT64, 20, 25);
        stored(name, br_store_hdf5(source(model, CUT_3), "regions.h5", name, .deflate = deflate,
                                   .chunks = BR_CHUNKS(4, 5)));
        for (size_t i = 0; i < sizeof region / sizeof region[0]; i++) {
            next_case(QUEUE);
            int rows = region[i].rows, columns = region[i].columns;
            ref *part = random_ref(BR_FLOAT64, rows, columns);
            ref *now = ref_new(BR_FLOAT64, 2, (int64_t[]){20, 25});
            for (int64_t k = 0; k < now->n; k++)
                now->v[k] = model->v[k];
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++)
                    now->v[(region[i].row + r * region[i].row_step) * 25 + region[i].column +
                           c * region[i].step] = part->v[r * columns + c];
            br_array *x = source(part, (int)i % NCUTS);
            if (strchr(region[i].text, ':') == NULL || i == 2 || i == 3)
                x = br_reshape(x, BR_SHAPE((int64_t)rows * columns));
            stored(region[i].text, br_store_hdf5(x, "regions.h5", name, .region = region[i].text));
            expect(from("regions.h5", name), now, 0, 0, "%s %s", name, region[i].text);
            flush();
            memcpy(model->v, now->v, (size_t)now->n * sizeof now->v[0]);
        }
    }
}

static void appending(void)
{
    ref *all = random_ref(BR_INT16, 40, 9);
    int64_t rows = 0;
    br_array *x = source(all, CUT_3);
    for (int k = 0; rows < 40; k++) {
        int64_t more = rows + 1 + k % 4 < 40 ? 1 + k % 4 : 40 - rows;
        br_array *part = br_indexf(x, "%d:%d", (int)rows, (int)(rows + more));
        stored("append",
               br_store_hdf5(part, "append.h5", "x", .mode = BR_STORE_APPEND, .deflate = 2,
                             .chunks = BR_CHUNKS(3, 4), .dims = BR_DIMS("time", "place")));
        rows += more;
    }
    expect(from("append.h5", "x"), all, 0, 0, "appended");
    flush();
}

static void many(void)
{
    ref *a = random_ref(BR_FLOAT64, 30, 20), *sum = ref_new(BR_FLOAT64, 1, (int64_t[]){20});
    for (int64_t i = 0; i < a->n; i++)
        sum->v[i % 20] += a->v[i];
    br_array *x = source(a, CUT_UNEVEN);
    for (int mode = BR_STORE_ADD; mode <= BR_STORE_TRUNCATE; mode++) {
        const br_store_hdf5_args stores[] = {
            {.x = br_sum(x, .axis = BR_AXIS(0)),
             .path = "many.h5",
             .dataset = "sum",
             .mode = (br_store_mode)mode,
             .dims = BR_DIMS("c"),
             .attributes = BR_ATTRIBUTES(BR_TEXT("units", "m"), BR_NUMBER("mode", mode))},
            {.x = x,
             .dataset = "group/x",
             .mode = (br_store_mode)mode,
             .deflate = 3,
             .dims = BR_DIMS("r", "c")},
        };
        stored("many", br_store_many(stores, 2));
        expect(from("many.h5", "sum"), sum, 4, 64, "sum of many, mode %d", mode);
        expect(from("many.h5", "group/x"), a, 0, 0, "x of many, mode %d", mode);
        flush();
    }
}

/* Made where it is needed: nothing travels but what is stored. */
static br_array *steps(int64_t rows, int64_t columns)
{
    br_array *row = br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM(3000.0), .chunks = BR_CHUNKS(rows));
    br_array *column =
        br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM(1500.0), .chunks = BR_CHUNKS(columns));
    return br_floor_divide(br_add(br_mul(br_expand_dims(row, 1), 1500), column), 1000);
}

/* Chunks of 2 and 9 MB, which travel in pieces and get much shorter. */
static void large(void)
{
    const int64_t bytes = 3000 * 1500 * 8;
    br_array *x[] = {steps(500, 500), steps(750, 1500)};
    ref *total = ref_new(BR_FLOAT64, 0, NULL);
    total->v[0] = 4500.0L * 4499 / 2 * 1000;
    for (int k = 0; k < 2; k++) {
        char name[20];
        br_run_info info;
        snprintf(name, sizeof name, "large%d", k);
        stored(name,
               br_store_hdf5(x[k], "large.h5", name, .deflate = 1, .chunks = BR_CHUNKS(250, 500)));
        br_last_run(sweep.ctx, &info);
        if (info.bytes_written > bytes / 8)
            fail(name, "%lld bytes were written", (long long)info.bytes_written);
        if (info.bytes_sent > bytes / 4)
            fail(name, "%lld bytes travelled, not compressed", (long long)info.bytes_sent);
        expect(br_sum(br_abs(from("large.h5", name))), total, 0, 0, "%s", name);
        expect(br_sum(br_abs(br_sub(from("large.h5", name), x[k]))), ref_new(BR_FLOAT64, 0, NULL),
               0, 0, "%s is right", name);
        flush();
    }
}

/* ---- new files, which all ranks write ---- */

enum { LISTED = 24 };

typedef struct listed {
    br_store_hdf5_args store;
    ref *expected;
    char name[40];
} listed;

static listed *list_store(listed *list, int *n, br_dtype dtype, int64_t rows, int64_t columns)
{
    listed *l = &list[*n];
    l->expected = random_ref(dtype, rows, columns);
    snprintf(l->name, sizeof l->name, "%s_%d", br_dtype_name(dtype), *n);
    l->store = (br_store_hdf5_args){.x = source(l->expected, *n % NCUTS), .dataset = l->name};
    ++*n;
    return l;
}

static void store_list(const char *path, listed *list, int n)
{
    br_store_hdf5_args stores[LISTED] = {{.path = path}};
    for (int i = 0; i < n; i++) {
        stores[i] = list[i].store;
        stores[i].path = path;
        stores[i].mode = BR_STORE_TRUNCATE;
    }
    stored(path, br_store_many(stores, (size_t)n));
    for (int i = 0; i < n; i++)
        expect(from(path, list[i].name), list[i].expected, 0, 0, "%s:%s", path, list[i].name);
    flush();
}

/* Chunks with and without filters, of a few bytes to some kilobytes, that overhang the dataset, of
 * datasets that can grow, beside one without chunks and one without elements. */
static void spread(void)
{
    listed list[LISTED] = {0};
    int n = 0;
    next_case(QUEUE);
    for (br_dtype d = BR_BOOL; d < BR_NDTYPE; d++)
        list_store(list, &n, d, 37, 29)->store.deflate = d % 3;
    list_store(list, &n, BR_INT64, 40, 31)->store.fletcher32 = true;
    list_store(list, &n, BR_INT64, 40, 31)->store.shuffle = true;
    list_store(list, &n, BR_FLOAT32, 41, 30)->store.unlimited = (br_axes)BR_AXES(0);
    list_store(list, &n, BR_FLOAT32, 33, 30)->store.contiguous = true;
    list_store(list, &n, BR_INT8, 9, 1200)->store.contiguous = true;
    list_store(list, &n, BR_FLOAT64, 0, 30);
    store_list("spread.h5", list, n);
}

/* Stored chunks that lie across those of the array, of which some have filters. */
static void cut(void)
{
    listed list[LISTED] = {0};
    int n = 0;
    next_case(QUEUE);
    for (int deflate = 0; deflate < 2; deflate++) {
        listed *l = list_store(list, &n, BR_FLOAT64, 40, 50);
        l->store.chunks = (br_extents)BR_CHUNKS(7, 11);
        l->store.deflate = deflate;
        list_store(list, &n, BR_FLOAT64, 40, 50)->store.deflate = 1;
    }
    store_list("cut.h5", list, n);
    n = 0;
    listed *l = list_store(list, &n, BR_FLOAT64, 40, 50);
    l->store.chunks = (br_extents)BR_CHUNKS(7, 11);
    list_store(list, &n, BR_FLOAT64, 40, 50)->store.deflate = 1;
    store_list("cut.h5", list, n);
}

/* Nothing but records of stored chunks travels, 16 bytes each, one message a chunk of the array;
 * stored ones of a few kilobytes and of 9 MB. Of elements without chunks nothing travels. Some rows
 * that x is made of may travel, too. */
static void whole(void)
{
    enum { MOST_ROWS = 4 };
    static const struct {
        int64_t array[2], stored[2];
        int deflate;
    } how[] = {{{500, 500}, {250, 250}, 1},   {{500, 500}, {250, 500}, 0},
               {{750, 1500}, {750, 1500}, 0}, {{750, 1500}, {375, 300}, 9},
               {{1500, 1500}, {30, 50}, 1},   {{500, 500}, {0}, 0},
               {{300, 1500}, {0}, 0}};
    for (size_t k = 0; k < sizeof how / sizeof how[0]; k++) {
        br_run_info info;
        const int64_t *a = how[k].array, *s = how[k].stored;
        br_array *x = steps(a[0], a[1]);
        bool contiguous = s[0] == 0;
        int64_t chunks = contiguous ? 0 : 3000 / a[0] * (1500 / a[1]);
        int64_t parts = contiguous ? 0 : 3000 / s[0] * (1500 / s[1]);
        next_case(2);
        br_extents stored_chunks = BR_CHUNKS(s[0], s[1]);
        stored("whole", br_store_hdf5(x, "whole.h5", "x", .mode = BR_STORE_TRUNCATE,
                                      .deflate = how[k].deflate, .contiguous = contiguous,
                                      .chunks = contiguous ? (br_extents){0} : stored_chunks));
        br_last_run(sweep.ctx, &info);
        if (info.messages > chunks + MOST_ROWS || info.bytes_sent > 16 * parts + MOST_ROWS * 8000)
            fail("whole", "%zu: %lld messages, %lld bytes travelled", k, (long long)info.messages,
                 (long long)info.bytes_sent);
        expect(br_sum(br_abs(br_sub(from("whole.h5", "x"), x))), ref_new(BR_FLOAT64, 0, NULL), 0, 0,
               "whole %zu is right", k);
        flush();
    }
}

/* ---- files that exist, which all ranks write, too ---- */

enum { THERE = 500 }; /* columns */

/* As steps(). */
static br_array *ramp(int64_t first, int64_t rows)
{
    br_array *row = br_arange(sweep.ctx, BR_NUM((double)first), BR_NUM((double)(first + rows)),
                              .chunks = BR_CHUNKS(100));
    br_array *column =
        br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM((double)THERE), .chunks = BR_CHUNKS(250));
    return br_add(br_mul(br_expand_dims(row, 1), THERE), column);
}

/* Nothing but records of stored chunks has travelled, and some rows that x is made of. */
static void stayed(const char *name)
{
    br_run_info info;
    br_last_run(sweep.ctx, &info);
    if (info.bytes_sent > 50000)
        fail(name, "%lld bytes travelled", (long long)info.bytes_sent);
}

static void holds(const char *path, const char *name, int64_t first, int64_t rows)
{
    next_case(1);
    br_array *wrong = br_sum(br_abs(br_sub(from(path, name), ramp(first, rows))));
    expect(wrong, ref_new(BR_FLOAT64, 0, NULL), 0, 0, "%s:%s", path, name);
    flush();
}

/* Datasets that are added and replaced, with and without filters and chunks, also in a copy. */
static void added(void)
{
    for (int how = 0; how < 6; how++) {
        char name[20];
        br_store_hdf5_args args = {.x = ramp(how, 600), .path = "there.h5", .dataset = name};
        snprintf(name, sizeof name, "x%d", how % 4);
        args.mode = how < 4 ? BR_STORE_ADD : BR_STORE_OVERWRITE;
        args.safe_copy = how % 2 == 1;
        args.contiguous = how == 2;
        args.deflate = how == 3 ? 2 : 0;
        if (how != 2)
            args.chunks = (br_extents)BR_CHUNKS(50, 250);
        stored(name, br_store_hdf5_(args));
        stayed(name);
        holds("there.h5", name, how, 600);
    }
    holds("there.h5", "x2", 2, 600);
    holds("there.h5", "x3", 3, 600);
}

/* Records of whole chunks, beside ones that cut stored chunks. */
static void grown(void)
{
    for (int k = 0; k < 3; k++) {
        stored("grown", br_store_hdf5(ramp(300 * k, 300), "there.h5", "grown", .deflate = k % 2,
                                      .mode = BR_STORE_APPEND, .chunks = BR_CHUNKS(50, 250)));
        stayed("grown");
    }
    for (int k = 0; k < 3; k++)
        stored("ragged", br_store_hdf5(ramp(110 * k, 110), "there.h5", "ragged", .deflate = k,
                                       .mode = BR_STORE_APPEND, .chunks = BR_CHUNKS(50, 250)));
    holds("there.h5", "grown", 0, 900);
    holds("there.h5", "ragged", 0, 330);
}

/* A dataset as other programs make it: nothing was written. */
static void make_empty(const char *path, const char *name, int deflate, bool early)
{
    const hsize_t shape[] = {600, THERE}, chunk[] = {50, 250};
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate_simple(2, shape, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 2, chunk);
    if (deflate > 0)
        H5Pset_deflate(list, (unsigned)deflate);
    if (early)
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (set < 0 || H5Dclose(set) < 0 || H5Pclose(list) < 0 || H5Sclose(space) < 0 ||
        H5Fclose(file) < 0)
        fail(name, "cannot be made");
}

/* Regions that were never written are written by all, and what has been written is replaced. */
static void filled(void)
{
    for (int how = 0; how < 3; how++) {
        char name[20];
        snprintf(name, sizeof name, "filled%d", how);
        make_empty("there.h5", name, how == 1, how == 2);
        for (int half = 0; half < 2; half++) {
            stored(name, br_store_hdf5(ramp(300 * half, 300), "there.h5", name,
                                       .region = half ? "300:, :" : ":300, ..."));
            if (how < 2)
                stayed(name);
        }
        holds("there.h5", name, 0, 600);
        stored(name, br_store_hdf5(ramp(100, 100), "there.h5", name, .region = "100:200"));
        stored(name, br_store_hdf5(ramp(230, 100), "there.h5", name, .region = "230:330"));
        holds("there.h5", name, 0, 600);
    }
}

/* Of rows without chunks the ends travel, where they are long. */
static void resumed(void)
{
    for (int contiguous = 0; contiguous < 3; contiguous++) {
        br_store_hdf5_args args = {.x = ramp(0, 600), .path = "resumed.h5", .dataset = "x"};
        remove("resumed.h5");
        args.resume = true;
        args.contiguous = contiguous != 0;
        if (!contiguous)
            args.chunks = (br_extents)BR_CHUNKS(50, 250);
        if (contiguous == 2)
            args.x = br_rechunk(args.x, BR_CHUNKS(100, -1));
        stored("resumed", br_store_hdf5_(args));
        if (contiguous != 1)
            stayed("resumed");
        holds("resumed.h5", "x", 0, 600);
    }
}

/* A file that is read may be changed by one process when what is read stays, and by none when it
 * does not; a copy of it by all. In the end the file is the same. */
static void into_the_source(void)
{
    const char *path = "source.h5";
    stored("source", br_store_hdf5(ramp(0, 600), path, "x", .chunks = BR_CHUNKS(50, 250)));
    br_status alone =
        br_store_hdf5(br_mul(from(path, "x"), 2), path, "y", .mode = BR_STORE_OVERWRITE);
    const bool named = strstr(br_message(sweep.ctx), "with .safe_copy") != NULL;
    br_clear_error(sweep.ctx);
    check(br_num_ranks(sweep.ctx) == 1 ? alone == BR_OK : alone == BR_EUNSUPPORTED && named,
          "a store into the file that it reads");
    br_status part = br_store_hdf5(br_index(from(path, "x"), "::-1"), path, "x", .region = ":, :");
    check(part == BR_EUNSUPPORTED, "a store over what it reads, refused");
    holds(path, "x", 0, 600);
    stored("source", br_store_hdf5(br_mul(from(path, "x"), 2), path, "y", .safe_copy = true,
                                   .mode = BR_STORE_OVERWRITE));
    next_case(1);
    expect(br_sum(br_abs(br_sub(from(path, "y"), br_mul(ramp(0, 600), 2)))),
           ref_new(BR_FLOAT64, 0, NULL), 0, 0, "a copy of the file that it reads");
    holds(path, "x", 0, 600);
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_BALANCE", "off", 1); /* what is sent must not depend on timing */
    sweep_open(&argc, &argv);
    const char *const files[] = {"filters.h5", "regions.h5", "append.h5", "many.h5",
                                 "large.h5",   "spread.h5",  "cut.h5",    "whole.h5",
                                 "there.h5",   "resumed.h5", "source.h5"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        remove(files[i]);
    filters();
    regions();
    appending();
    many();
    large();
    spread();
    cut();
    whole();
    added();
    grown();
    filled();
    resumed();
    into_the_source();
    return sweep_close();
}
