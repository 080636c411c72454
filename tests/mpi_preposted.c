/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_preposted.c - a rank asks for a long value when all receives of it have been posted, in
 * pieces of at most 64 MiB, so that what is sent never waits for a receive; for
 * test_mpi_preposted.sh.
 *
 * usage: mpi_preposted long|many|lent. Each rank says at its end what it has asked for; with 1 it
 * ends when something was asked for before.
 *
 * MPI_Irecv is its own, and it is linked so that calls of bri_link_send and bri_tree_seek, the two
 * ways to ask, come here (--wrap). All of them are the communication thread's.
 */
#include <mpi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "scheduler/mpi/link.h"
#include "scheduler/mpi/tree.h"

enum { MOST_SLOTS = 1 << 16, MOST_PIECE = 64 << 20 };

static size_t posted[MOST_SLOTS]; /* bytes, since the slot's value was asked for */
static atomic_llong longest;
static atomic_int by_itself, along_trees, wrong;

/* Messages that start runs are short here, so that all receives are those of values. */
int MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    if (n > MOST_PIECE || tag >= MOST_SLOTS) {
        fprintf(stderr, "%d bytes are received at a time, for slot %d\n", n, tag);
        atomic_fetch_add(&wrong, 1);
    } else {
        posted[tag] += (size_t)n;
    }
    return PMPI_Irecv(data, n, type, from, tag, comm, request);
}

static void asks(int slot, size_t bytes, atomic_int *way)
{
    if (bytes <= BRI_LINK_INLINE)
        return;
    size_t before = slot < MOST_SLOTS ? posted[slot] : 0;
    if (before != bytes) {
        fprintf(stderr, "%zu bytes are asked for where receives of %zu wait\n", bytes, before);
        atomic_fetch_add(&wrong, 1);
    }
    if (slot < MOST_SLOTS)
        posted[slot] = 0;
    atomic_fetch_add(way, 1);
    if ((long long)bytes > atomic_load(&longest))
        atomic_store(&longest, (long long)bytes);
}

void __real_bri_link_send(int to, const bri_packet *packet, const void *payload);
void __wrap_bri_link_send(int to, const bri_packet *packet, const void *payload);
void __real_bri_tree_seek(struct bri_part *part, int slot, const bri_value *value,
                          const bri_route *route, int below);
void __wrap_bri_tree_seek(struct bri_part *part, int slot, const bri_value *value,
                          const bri_route *route, int below);

void __wrap_bri_link_send(int to, const bri_packet *packet, const void *payload)
{
    if (packet->kind == BRI_PACKET_WANT)
        asks(packet->number, packet->bytes, &by_itself);
    __real_bri_link_send(to, packet, payload);
}

void __wrap_bri_tree_seek(struct bri_part *part, int slot, const bri_value *value,
                          const bri_route *route, int below)
{
    asks(slot, value->bytes, &along_trees);
    __real_bri_tree_seek(part, slot, value, route, below);
}

static void report(void)
{
    bool good = atomic_load(&wrong) == 0;
    printf("%s: process %ld asked for %d long values, for %d along trees, of at most %lld KiB\n",
           good ? "good" : "WRONG", (long)getpid(), atomic_load(&by_itself),
           atomic_load(&along_trees), atomic_load(&longest) >> 10);
    fflush(stdout);
    if (!good)
        _exit(1);
}

static bool is(const char *what, br_array *x, double want)
{
    double got = 0;
    br_status st = br_compute_f64(br_sum(x), &got);
    bool good = st == BR_OK && got == want;
    if (!good)
        fprintf(stderr, "%s: %g: %s\n", what, got, br_error(x));
    return good;
}

static br_array *line(br_context *ctx, int64_t n, int64_t chunk)
{
    return br_persist(
        br_arange(ctx, .stop = BR_NUM(n), .dtype = BR_FLOAT64, .chunks = BR_CHUNKS(chunk)));
}

/* A few chunks of 80 MiB each become others that lie across them. */
static bool move_long(br_context *ctx)
{
    const int64_t chunk = 10 << 20, n = 3 * chunk;
    br_array *x =
        br_persist(br_rechunk(br_index(line(ctx, n, chunk), "::-1"), .chunks = BR_CHUNKS(chunk)));
    return is("long", x, (double)n * (double)(n - 1) / 2);
}

/* All parts of a plane move, and then all of its chunks of rows read another row. */
static bool move_many(br_context *ctx)
{
    enum { ROWS = 16, WIDTH = 1 << 16 };
    const double n = (double)ROWS * WIDTH;
    br_array *x = br_reshape(line(ctx, ROWS * WIDTH, 2 * WIDTH), BR_SHAPE(ROWS, WIDTH));
    br_array *across = br_persist(br_rechunk(x, .chunks = BR_CHUNKS(ROWS, WIDTH / 8)));
    br_array *rows = br_persist(br_rechunk(across, .chunks = BR_CHUNKS(2, WIDTH)));
    br_array *all = br_add(rows, line(ctx, WIDTH, WIDTH));
    return is("many", all, n * (n - 1) / 2 + ROWS * (WIDTH / 2.0) * (WIDTH - 1));
}

/* Sleeps where the first half of the chunks is. */
static int slow_at_first(const br_block *in, int n, const br_block *out, const void *half)
{
    size_t bytes = (size_t)out->extent[0] * sizeof(double);
    if (out->origin[0] < *(const int64_t *)half)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    memcpy(out->data, in[0].data, bytes);
    return n - 1;
}

/* The last rank runs tasks of the first, which gets what they make. On a busy machine no rank may
 * look idle, so there are some runs to do so. */
static bool lend(br_context *ctx)
{
    enum { CHUNKS = 32, CHUNK = 1 << 15, RUNS = 20 };
    const int64_t half = CHUNKS / 2 * CHUNK;
    const double n = 2.0 * (double)half;
    br_array *x = line(ctx, CHUNKS * CHUNK, CHUNK);
    br_run_info info = {0};
    bool good = true;
    for (int i = 0; good && info.lent_tasks == 0 && i < RUNS; i++) {
        br_array *y =
            br_persist(br_map_blocks(x, slow_at_first, .data = &half, .data_bytes = sizeof half));
        good = br_status_of(y) == BR_OK && br_last_run(ctx, &info) == BR_OK &&
               is("lent", y, n * (n - 1) / 2);
    }
    return good && info.lent_tasks > 0;
}

static const struct kind {
    const char *name;
    bool (*run)(br_context *ctx);
} kinds[] = {{"long", move_long}, {"many", move_many}, {"lent", lend}};

int main(int argc, char **argv)
{
    atexit(report);
    br_context *ctx = br_open(&argc, &argv);
    if (br_error_status(ctx) != BR_OK)
        return 2;
    bool good = false;
    for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            good = kinds[i].run(ctx);
    return br_close(ctx) != 0 || !good;
}
