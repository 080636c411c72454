/* SPDX-License-Identifier: BSD-3-Clause
 * fault_transfer.c - two ranks, of which one stops in the middle of a long value from rank 1 to
 * rank 0; for fault_watch.sh. Argument: sender or receiver, who stops.
 *
 * MPI_Isend is its own: it counts pieces of values, and rank 1 stops there, or goes on when rank 0
 * has stopped.
 */
#include <mpi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

/* Of two columns of chunks of 32 MiB each rank has half of the rows. The sixth piece begins when
 * two others have come. */
enum { ROWS = 4, WIDTH = 4 << 20, COLUMNS = 2, PIECES_BEFORE = 5, PIECE_LEAST = 1 << 20 };

static atomic_int to_stop; /* a process; 0: none */
static atomic_int pieces_before = PIECES_BEFORE;

static bool has_stopped(pid_t process)
{
    char path[64];
    char state = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%*d %*[^)]) %c", &state) != 1)
        abort();
    fclose(f);
    return state == 'T';
}

static void stop(pid_t process)
{
    fprintf(stderr, "%ld stops, rank 1 is %ld\n", (long)process, (long)getpid());
    if (process == getpid()) {
        raise(SIGSTOP); /* kill might stop it later, by way of another thread */
        return;
    }
    kill(process, SIGSTOP);
    while (!has_stopped(process))
        usleep(1000);
}

int MPI_Isend(const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    pid_t process = atomic_load(&to_stop);
    if (process != 0 && count >= PIECE_LEAST && atomic_fetch_sub(&pieces_before, 1) == 0)
        stop(process);
    return PMPI_Isend(data, count, type, to, tag, comm, request);
}

/* In the last row, so on rank 1: who will stop. .data: rank 0's process, or 0 for this one. */
static int ones(const br_block *in, int n, const br_block *out, const void *data)
{
    pid_t process = *(const pid_t *)data;
    double *x = out->data;
    (void)in, (void)n;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        x[i] = 1;
    if (out->chunk[0] == ROWS - 1)
        atomic_store(&to_stop, process != 0 ? process : getpid());
    return 0;
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_BALANCE", "off", 1);
    br_context *ctx = br_open(&argc, &argv);
    pid_t process = argc > 1 && strcmp(argv[1], "receiver") == 0 ? getpid() : 0;
    double sum = 0;
    fprintf(stderr, "it begins in process %ld\n", (long)getpid());
    br_array *x = br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS * WIDTH), .chunks = BR_CHUNKS(1, WIDTH));
    x = br_map_blocks(x, ones, .data = &process, .data_bytes = sizeof process);
    if (br_compute_f64(br_sum(br_sum(x, .axis = BR_AXIS(0))), &sum) == BR_OK)
        printf("sum %.0f\n", sum);
    return br_close(ctx);
}
