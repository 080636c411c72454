/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_pace.c - ranks whose memory is full keep to their limits whatever the others ask of them
 * and send them: a rank that makes values faster than another one takes them, exchanges of all
 * ranks with all, and chunks of the caller's memory that are sent in parts.
 */
#include <time.h>

#include "runtime/job.h"
#include "scheduler/mpi/credits.h"
#include "tests/sweep.h"

enum { CHUNKS = 48, SIDE = 64 << 10 /* chunks of 512 KiB */, ROOM = 6 /* MiB beside the line */ };
enum { ROWS = 1536, COLUMNS = 2048, PANEL = 128 }; /* as long as the line */
enum { TALL = 1024, WIDE = 768 /* 6 MiB */, PANELS = 8, LEFT = 9 /* MiB for them */ };

static int64_t limit;
static bool alone;

/* What the last run held, and had asked one rank for, at most. */
static void check_limits(const char *name, int64_t largest)
{
    br_run_info info;
    int64_t credit = (int64_t)bri_credit_bytes((size_t)limit);
    int64_t most = largest > credit ? largest : credit;
    if (br_last_run(sweep.ctx, &info) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if (info.peak_bytes > limit)
        fail(name, "%" PRId64 " KiB are held, %" PRId64 " may be", info.peak_bytes >> 10,
             limit >> 10);
    if (info.most_asked > most)
        fail(name, "%" PRId64 " KiB were asked of one rank at a time, %" PRId64 " may be",
             info.most_asked >> 10, most >> 10);
    if ((info.most_asked < largest) != alone)
        fail(name, "%" PRId64 " bytes were asked of one rank", info.most_asked);
}

/* The largest value that travels has so many bytes. */
static void check_sum(const char *name, br_array *x, double want, int64_t largest)
{
    double got = 0;
    if (br_compute_f64(x, &got) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    if (got != want)
        fail(name, "is %.17g, expected %.17g", got, want);
    check_limits(name, largest);
    printf("%s %.17g\n", name, got);
    sweep.cases++;
}

static br_array *kept(br_array *x)
{
    br_array *p = br_persist(x);
    if (br_status_of(p) != BR_OK)
        fail("persist", "%s", br_error(p));
    return p;
}

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    size_t elements = 1;
    (void)data;
    for (int a = 0; a < out->ndim; a++)
        elements *= (size_t)out->extent[a];
    memcpy(out->data, in->data, elements * sizeof(double));
    return n - 1;
}

static int add_slowly(const br_block *in, int n, const br_block *out, const void *data)
{
    const double *x = in[0].data;
    const double *y = in[1].data;
    double *z = out->data;
    (void)data;
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    for (int64_t i = 0; i < out->extent[0]; i++)
        z[i] = x[i] + 2 * y[i];
    return n - 2;
}

static double sum_to(double n)
{
    return n * (n - 1) / 2;
}

/* A rank makes values for another one faster than that takes them. */
static void pace(br_array *line)
{
    br_array *x = br_arange(sweep.ctx, .stop = BR_NUM(CHUNKS * SIDE), .dtype = BR_FLOAT64,
                            .chunks = BR_CHUNKS(SIDE));
    br_array *made = br_flip(br_map_blocks(br_add(x, 0), copy));
    br_array *sum = br_map_blocks(line, add_slowly, .more = (br_array *[]){made}, .nmore = 1);
    check_sum("pace", br_sum(sum), 3 * sum_to((double)CHUNKS * SIDE),
              SIDE * (int64_t)sizeof(double));
}

/* From rows to columns, each of which has some of all ranks. */
static void columns(const char *whence, br_array *rows)
{
    static const int64_t widths[] = {40, 64, 128};
    const double n = (double)ROWS * COLUMNS;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        char name[64];
        br_array *turned = br_rechunk(rows, BR_CHUNKS(-1, widths[i]));
        snprintf(name, sizeof name, "columns of %" PRId64 " from %s rows", widths[i], whence);
        check_sum(name, br_sum(br_map_blocks(turned, copy)), sum_to(n),
                  PANEL * widths[i] * (int64_t)sizeof(double));
    }
}

/* Panels of the caller's memory, whose rows lie apart, while rank 0 has no room for one. */
static void panels(void)
{
    const int64_t n = (int64_t)TALL * WIDE * PANELS;
    double *data = malloc((size_t)n * sizeof *data);
    for (int64_t i = 0; i < n; i++)
        data[i] = (double)i;
    const int64_t heavy = (limit - (LEFT << 20)) / (int64_t)sizeof(double);
    br_array *ballast = kept(br_full(sweep.ctx, BR_SHAPE(heavy), BR_NUM(1), .dtype = BR_FLOAT64,
                                     .chunks = BR_CHUNKS(heavy)));
    br_array *x = br_from_memory(sweep.ctx, data, BR_FLOAT64, BR_SHAPE(TALL, WIDE * PANELS),
                                 .chunks = BR_CHUNKS(TALL, WIDE));
    check_sum("panels", br_sum(x), sum_to((double)n), TALL * WIDE * (int64_t)sizeof(double));
    double got = 0;
    if (br_compute_f64(br_sum(ballast), &got) != BR_OK || got != (double)heavy)
        fail("ballast", "%s", br_message(sweep.ctx));
    free(data);
}

int main(int argc, char **argv)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    const int ranks = size != NULL ? atoi(size) : 1;
    char text[32];
    alone = ranks == 1;
    limit = (CHUNKS / 2 / ranks + ROOM) << 20;
    setenv("BRAMBLE_BALANCE", "off", 1); /* nobody helps */
    bri_patience_longest = 60000000000;  /* ns, beyond what a loaded machine takes */
    snprintf(text, sizeof text, "%" PRId64 "K", limit >> 10);
    setenv("BRAMBLE_MEMORY_LIMIT", text, 1);
    sweep_open(&argc, &argv);
    br_array *x = br_arange(sweep.ctx, .stop = BR_NUM(CHUNKS * SIDE), .dtype = BR_FLOAT64,
                            .chunks = BR_CHUNKS(SIDE));
    br_scope *inner = br_scope_open(sweep.ctx);
    pace(kept(x));
    br_scope_close(inner);
    inner = br_scope_open(sweep.ctx);
    br_array *rows = br_rechunk(br_reshape(x, BR_SHAPE(ROWS, COLUMNS)), BR_CHUNKS(PANEL, -1));
    columns("made", br_map_blocks(rows, copy));
    columns("kept", kept(rows));
    br_scope_close(inner);
    panels();
    return sweep_close();
}
