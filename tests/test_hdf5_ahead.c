/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_ahead.c - what is asked for ahead of reading, from a disk that this program plays.
 */
#include <sys/syscall.h>

#include "array/io/hdf5_ahead.h"
#include "runtime/clock.h"
#include "tests/hdf5_samples.h"

/* ---- the disk: one request after the other, each as long as its bytes ---- */

enum { MOST_ASKED = 1000 };

static double ns_of_byte; /* 0: all is in memory */
static int64_t idle_at, waited;
static int nasked;
static struct {
    int64_t begin, end, start_at;
} asked[MOST_ASKED];

static int64_t time_of(int64_t bytes)
{
    return (int64_t)(ns_of_byte * (double)bytes);
}

/* When the disk begins with it. */
static int64_t request(int64_t bytes)
{
    int64_t now = bri_now_ns(), start_at = idle_at > now ? idle_at : now;
    idle_at = start_at + time_of(bytes);
    return start_at;
}

/* These two stand before the C library's, in this program. */
int posix_fadvise(int fd, off_t at, off_t n, int advice)
{
    if (advice != POSIX_FADV_WILLNEED || fd < 0 || nasked == MOST_ASKED)
        abort();
    asked[nasked].begin = at;
    asked[nasked].end = at + n;
    asked[nasked++].start_at = request(n);
    return 0;
}

static void wait_for(int64_t begin, int64_t end)
{
    int64_t here_at = 0, now = bri_now_ns();
    for (int i = 0; i < nasked; i++)
        if (asked[i].begin <= begin && end <= asked[i].end)
            here_at = asked[i].start_at + time_of(end - asked[i].begin);
    if (here_at == 0)
        here_at = request(end - begin) + time_of(end - begin);
    if (here_at <= now)
        return;
    waited += here_at - now;
    while (bri_now_ns() < here_at)
        usleep((useconds_t)((here_at - bri_now_ns()) / 1000 + 1));
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    if (ns_of_byte > 0)
        wait_for(at, at + (off_t)n);
    return syscall(SYS_pread64, fd, to, n, at);
}

/* ---- reading from it ---- */

enum { N = 512, NCHUNKS = N / 64 * (N / 128) };

static bri_h5_dataset *open_stored(const char *filters)
{
    const layout l = {"stored", &H5T_IEEE_F64LE_g, BR_FLOAT64, filters, "", 0, 2,
                      {N, N},   {64, 128}};
    make_file(in_folder("in.h5"), &l);
    return open_ok(in_folder("in.h5"), "g/x");
}

/* Returns the ns of the processor that it took. */
static double read_box(const bri_h5_dataset *d, const int64_t *start, const int64_t *step,
                       const int64_t *count)
{
    bool same = true;
    int64_t stride[2] = {count[1] * 8, 8};
    char *to = malloc((size_t)(count[0] * stride[0]));
    void *scratch = aligned_alloc(64, (bri_h5_scratch(d) + 63) / 64 * 64);
    clock_t before = clock();
    ck_assert_int_eq(bri_h5_read(d, start, step, count, to, stride, scratch, NULL), BR_OK);
    double ns = 1e9 * (double)(clock() - before) / CLOCKS_PER_SEC;
    for (int64_t i = 0; i < count[0] * count[1]; i++) {
        int64_t row = start[0] + i / count[1] * step[0], column = start[1] + i % count[1] * step[1];
        double got;
        memcpy(&got, to + 8 * i, 8);
        same = same && got == value(row * N + column);
    }
    ck_assert(same);
    free(scratch), free(to);
    return ns;
}

static const int64_t none[] = {0, 0}, one[] = {1, 1}, all[] = {N, N}, chunk[] = {64, 128};

static void forget(void)
{
    nasked = 0;
    waited = idle_at = 0;
}

/* Reads that wait teach that there is a disk. */
static void begin_slow(const bri_h5_dataset *d, double ns)
{
    ns_of_byte = 100 + ns;
    read_box(d, none, one, chunk);
    ns_of_byte = ns;
    forget();
}

static bool was_asked_for(const bri_h5_chunk *c)
{
    for (int i = 0; i < nasked; i++)
        if (asked[i].begin <= (int64_t)c->address &&
            (int64_t)(c->address + c->bytes) <= asked[i].end)
            return true;
    return false;
}

START_TEST(asks_for_what_is_needed)
{
    bri_h5_dataset *d = open_stored("f");
    const int64_t start[] = {70, 130}, count[] = {300, 120}, step[] = {1, 2};
    int64_t bytes = 0, needed = 0;
    begin_slow(d, 1);
    read_box(d, start, step, count);
    for (int64_t row = 0; row < N / 64; row++)
        for (int64_t column = 0; column < N / 128; column++) {
            bool in = row >= 1 && row <= 5 && column >= 1 && column <= 2;
            const bri_h5_chunk *c = bri_h5_chunk_at(d, row * (N / 128) + column);
            ck_assert_msg(was_asked_for(c) == in, "chunk (%d, %d)", (int)row, (int)column);
            needed += in ? c->bytes : 0;
        }
    for (int i = 0; i < nasked; i++)
        bytes += asked[i].end - asked[i].begin;
    ck_assert_int_eq(bytes, needed);
    forget();
    read_box(d, start, (const int64_t[]){65, 1}, (const int64_t[]){6, 300});
    ck_assert_int_eq(nasked, 0); /* steps that pass over chunks */
    bri_h5_close(d);
}
END_TEST

START_TEST(asks_for_nothing_that_is_there)
{
    bri_h5_dataset *d = open_stored("f");
    begin_slow(d, 1);
    read_box(d, none, one, all);
    ck_assert_int_gt(nasked, 0);
    ns_of_byte = 0;
    forget();
    for (int i = 0; i < 64; i++) /* reads that do not wait */
        bri_h5_ahead_learn(1 << 20, 100000);
    read_box(d, none, one, all);
    ck_assert_int_eq(nasked, 0);
    bri_h5_close(d);
}
END_TEST

/* On a disk that takes as long as decoding, most of the reads are over when their turn comes; read
 * chunk by chunk, none is. */
START_TEST(hides_reads)
{
    bri_h5_dataset *d = open_stored("sd");
    int64_t bytes = 0;
    double whole = 1, ns = 0;
    for (int i = 0; i < NCHUNKS; i++)
        bytes += bri_h5_chunk_at(d, i)->bytes;
    /* Others on the machine may make it seem that decoding takes longer than it does afterwards. */
    for (int tries = 0; tries < 10 && whole >= 0.6; tries++) {
        ns_of_byte = 0;
        ns = read_box(d, none, one, all) / (double)bytes;
        begin_slow(d, ns);
        read_box(d, none, one, all);
        whole = (double)waited / (ns * (double)bytes);
    }
    begin_slow(d, ns);
    for (int64_t i = 0; i < NCHUNKS; i++)
        read_box(d, (const int64_t[]){i / 4 * 64, i % 4 * 128}, one, chunk);
    double each = (double)waited / (ns * (double)bytes);
    ck_assert_msg(whole < 0.6 && each > 0.9, "waited %.2f of the time, chunk by chunk %.2f", whole,
                  each);
    bri_h5_close(d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_ahead");
    TCase *t = new_case(suite, "ahead");
    tcase_add_test(t, asks_for_what_is_needed);
    tcase_add_test(t, asks_for_nothing_that_is_there);
    tcase_add_test(t, hides_reads);
    return run_suite(suite);
}
