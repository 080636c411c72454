/* SPDX-License-Identifier: BSD-3-Clause
 * part.c - bramble-bench part, which bench/peers starts, and mpi-part, which `bramble-bench mpi`
 * starts.
 */
#include "bench/part.h"

static bool run_once(bench *b)
{
    b->value = 0;
    double start = bench_now();
    br_scope *scope = br_scope_open(b->ctx);
    bool good = b->row->ours(b);
    br_scope_close(scope);
    if (good)
        printf("%.9f %.17g\n", bench_now() - start, b->value);
    return fflush(stdout) == 0 && good;
}

bool bench_part(const bench_row *row, const bench_options *options)
{
    char line[16];
    bench b = {.row = row, .options = options, .ctx = br_open(NULL, NULL)};
    b.threads = br_num_threads(b.ctx);
    bool good = br_error_status(b.ctx) == BR_OK && row->set_up(&b);
    if (good)
        puts("ready");
    fflush(stdout);
    while (good && fgets(line, sizeof line, stdin))
        good = run_once(&b);
    return bench_close(&b) && good;
}
