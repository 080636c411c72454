/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_pace.c - a rank that makes values for another one faster than that one takes them stays
 * within its memory limit, but for one task's inputs, and so does the one that receives them.
 */
#include <time.h>

#include "tests/sweep.h"

enum { CHUNKS = 48, SIDE = 64 << 10 }; /* chunks of 512 KiB */

static int copy(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)data;
    memcpy(out->data, in->data, (size_t)out->extent[0] * sizeof(double));
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

int main(int argc, char **argv)
{
    const double n = (double)CHUNKS * SIDE;
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    const int ranks = size != NULL ? atoi(size) : 1;
    /* What is persisted here, and 6 MiB. */
    const int64_t limit = (CHUNKS / 2 / ranks + 6) << 20;
    char text[32];
    setenv("BRAMBLE_BALANCE", "off", 1); /* nobody helps */
    snprintf(text, sizeof text, "%" PRId64 "K", limit >> 10);
    setenv("BRAMBLE_MEMORY_LIMIT", text, 1);
    sweep_open(&argc, &argv);
    br_array *x =
        br_arange(sweep.ctx, .stop = BR_NUM(n), .dtype = BR_FLOAT64, .chunks = BR_CHUNKS(SIDE));
    br_array *line = br_persist(x);
    br_array *made = br_map_blocks(br_add(x, 0), copy);
    br_array *sum =
        br_sum(br_map_blocks(line, add_slowly, .more = (br_array *[]){br_flip(made)}, .nmore = 1));
    double got = 0;
    br_run_info info;
    if (br_compute_f64(sum, &got) != BR_OK || br_last_run(sweep.ctx, &info) != BR_OK)
        fail("pace", "%s", br_message(sweep.ctx));
    if (info.peak_bytes > limit + SIDE * (int64_t)sizeof(double))
        fail("pace", "%" PRId64 " KiB are held", info.peak_bytes >> 10);
    printf("pace %.17g\n", got);
    sweep.cases++;
    return sweep_close();
}
