/* SPDX-License-Identifier: BSD-3-Clause
 * fault_spill.c - a run that spills 16 MiB, and what can happen to it, for fault_spill.sh.
 *
 * fault_spill plain   prints the sum
 * fault_spill slow    the same, each chunk takes some milliseconds; says when something is on disk
 * fault_spill full    the file may not have more than 1 MiB
 * fault_spill damage  a byte of the file is changed before anything is read back
 * On a failure its message is printed, and the program ends with 1.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { SIDE = 2048, CHUNK = 128, NCHUNKS = (SIDE / CHUNK) * (SIDE / CHUNK) };

static const char *mode;
static atomic_int calls;

/* The descriptor of this process's spill file, or -1. */
static int spill_file(void)
{
    char path[64];
    char target[4096];
    const char *directory = getenv("BRAMBLE_SPILL_DIR");
    for (int fd = 3; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        if (strncmp(target, directory, strlen(directory)) == 0)
            return fd;
    }
    return -1;
}

static void tell(void)
{
    struct stat about;
    int fd = spill_file();
    if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > 0)
        fprintf(stderr, "on disk %lld, links %d\n", (long long)about.st_size, (int)about.st_nlink);
}

static void damage(void)
{
    struct stat about;
    int fd = spill_file();
    if (fd < 0 || fstat(fd, &about) != 0)
        return;
    for (off_t at = 100; at < about.st_size; at += 4096)
        if (pwrite(fd, "bramble", 7, at) != 7)
            exit(2);
}

static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    double *to = out->data;
    (void)in;
    (void)n;
    (void)data;
    int call = atomic_fetch_add(&calls, 1) + 1;
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++)
        to[i] = (double)((out->origin[0] * 31 + out->origin[1] * 17 + i) % 1009);
    if (strcmp(mode, "slow") == 0) {
        usleep(10000);
        tell();
        if (call == NCHUNKS) /* until it is killed */
            sleep(30);
    }
    if (strcmp(mode, "damage") == 0 && call == NCHUNKS)
        damage();
    return 0;
}

static void limit_files(void)
{
    struct rlimit most = {1 << 20, 1 << 20};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &most) != 0)
        exit(2);
}

int main(int argc, char **argv)
{
    double sum;
    mode = argc > 1 ? argv[1] : "plain";
    if (strcmp(mode, "full") == 0)
        limit_files();
    br_context *ctx = br_open(&argc, &argv);
    br_array *y = br_from_blocks(ctx, fill, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                                 .chunks = BR_CHUNKS(CHUNK, CHUNK));
    br_array *x = br_sum(br_abs(br_sub(y, br_mean(y))));
    br_status st = br_compute_f64(x, &sum);
    if (st == BR_OK)
        printf("sum %.17g, %d calls\n", sum, atomic_load(&calls));
    else
        printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    return br_close(ctx) != 0 || st != BR_OK;
}
