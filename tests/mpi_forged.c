/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_forged.c - the last rank tells the others that it runs on another kind of host; started by
 * fault_mpi.sh. Argument: in what it differs; silent: it says nothing at all.
 *
 * It is linked so that calls of bri_meet_describe come here (--wrap).
 */
#include <mpi.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

#include "runtime/host.h"
#include "scheduler/mpi/meet.h"

static const char *what = "";

void __real_bri_meet_describe(const br_context *ctx, bri_meet_record *mine);
void __wrap_bri_meet_describe(const br_context *ctx, bri_meet_record *mine);

/* Of a host with another byte order all numbers look like that, and of a host with words of 32 bits
 * the rest may be anything. */
static void forge(bri_meet_record *mine)
{
    if (strcmp(what, "order") == 0) {
        mine->byte_order = __builtin_bswap32(mine->byte_order);
        mine->threads = (int32_t)__builtin_bswap32((uint32_t)mine->threads);
    } else if (strcmp(what, "words") == 0) {
        mine->pointer_bytes = 4;
        memset(mine->program, 'x', sizeof mine->program);
    } else if (strcmp(what, "version") == 0) {
        snprintf(mine->version, sizeof mine->version, "99.0.1");
    } else if (strcmp(what, "library") == 0) {
        mine->library[0] = mine->library[0] == 'f' ? 'e' : 'f';
    }
}

void __wrap_bri_meet_describe(const br_context *ctx, bri_meet_record *mine)
{
    bri_launch launch = bri_launch_read();
    __real_bri_meet_describe(ctx, mine);
    if (launch.rank == launch.nranks - 1)
        forge(mine);
}

/* As when a firewall swallows what it sends; the others wait inside MPI. */
int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *copy)
{
    if (strcmp(what, "silent") == 0 && bri_launch_read().rank == bri_launch_read().nranks - 1)
        sleep(60);
    return PMPI_Comm_dup(comm, copy);
}

int main(int argc, char **argv)
{
    what = argc > 1 ? argv[1] : what;
    br_context *ctx = br_open(&argc, &argv);
    double sum = 0;
    if (br_compute_f64(br_sum(br_ones(ctx, BR_SHAPE(1000), .chunks = BR_CHUNKS(10))), &sum) ==
        BR_OK)
        printf("sum %g\n", sum);
    return br_close(ctx);
}
