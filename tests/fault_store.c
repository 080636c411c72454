/* SPDX-License-Identifier: BSD-3-Clause
 * fault_store.c - stores that are stopped half way, for fault_store.sh.
 *
 * fault_store slow FILE DATASET MODE  stores an array whose chunks take some milliseconds each
 * fault_store fast FILE DATASET MODE  the same array without waiting
 * fault_store check FILE DATASET      the dataset is there and right
 * fault_store resume FILE DATASET WHAT  as slow, in steps that a next call goes on with; tells how
 *                                     many chunks it computed. WHAT is packed, plain, contiguous or
 *                                     rows, those of the latter whole; other is another expression
 * MODE is what becomes of a file that exists, add, overwrite or truncate, or copy to add with
 * .safe_copy; or npy for a file of that kind, rows for one whose rows are whole, contiguous for a
 * dataset that is. old-plain, old-packed and old-contiguous make a dataset, into which append,
 * region and across write, with -copy by .safe_copy. On a failure of a store its message is
 * printed, and the program ends with 1.
 *
 * Who wants it to be killed asks for that, so that no clock of another process decides when:
 * KILL_AFTER="CHUNKS MICROSECONDS" kills it so long after so many are begun, of resume when it has
 * also noted some as done. HOLD=1 makes the last chunk wait to be killed. resume says "renewed"
 * when its log is. AS_NOBODY=1 takes root's rights away while it stores.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { SIDE = 512, CHUNK = 64 };

static atomic_int computed; /* chunks, by this process */
static char resume_log[500];
static int kill_after;
static long kill_delay; /* microseconds */
static bool holds;

static void nap(int microseconds)
{
    nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000L}, NULL);
}

static void read_wishes(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "resume") == 0)
        snprintf(resume_log, sizeof resume_log, "%s.part.log", argv[2]);
    const char *text = getenv("KILL_AFTER");
    if (text != NULL && sscanf(text, "%d %ld", &kill_after, &kill_delay) != 2)
        exit(2);
    holds = getenv("HOLD") != NULL;
}

/* Has the log been another one than at the look before? */
static bool log_is_renewed(void)
{
    static atomic_ullong last;
    static atomic_bool renewed;
    struct stat now;
    if (stat(resume_log, &now) == 0) {
        unsigned long long before = atomic_exchange(&last, now.st_ino);
        if (before != 0 && before != now.st_ino && !atomic_exchange(&renewed, true))
            fprintf(stderr, "renewed\n");
    }
    return atomic_load(&renewed);
}

/* A caller that would wait for longer than the delay does not get on. */
static void die_if_wished(int begun, int wait)
{
    static atomic_flag armed = ATOMIC_FLAG_INIT;
    bool may = resume_log[0] == '\0' || log_is_renewed();
    if (kill_after == 0 || begun < kill_after || !may || atomic_flag_test_and_set(&armed))
        return;
    timer_t timer;
    struct sigevent kills = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    const struct itimerspec then = {
        .it_value = {kill_delay / 1000000, kill_delay % 1000000 * 1000 + 1}};
    if (timer_create(CLOCK_MONOTONIC, &kills, &timer) != 0 ||
        timer_settime(timer, 0, &then, NULL) != 0)
        abort();
    while (kill_delay < wait)
        pause();
}

/* A log is renewed when a chunk is stored long enough after the last one, which took long itself on
 * a busy disk: who wants to be killed then has its later chunks take longer and longer, on each of
 * two ranks 20 s in all. */
static int microseconds(int begun, int wait)
{
    enum { EARLY = 16, STEP = 20000, LONGEST = 2000000 };
    bool wished = resume_log[0] != '\0' && (kill_after > 0 || holds);
    bool slower = wished && begun > EARLY && !log_is_renewed();
    int more = (begun - EARLY) * (begun - EARLY) * STEP;
    return slower ? wait + (more < LONGEST ? more : LONGEST) : wait;
}

static void wait_to_be_killed(void)
{
    for (int i = 0; i < 6000; i++, nap(10000))
        if (resume_log[0] != '\0')
            log_is_renewed();
}

/* Who computes, for those who want to kill one of them. */
static void tell_pid(void)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&told))
        fprintf(stderr, "computes %ld\n", (long)getpid());
}

/* Elements follow from their place; they compress to about 800 KiB. */
static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    const int *wait = data;
    double *v = out->data;
    (void)in;
    (void)n;
    int begun = atomic_fetch_add(&computed, 1) + 1;
    if (*wait > 0) {
        tell_pid();
        die_if_wished(begun, *wait);
        nap(microseconds(begun, *wait));
    }
    if (holds && out->origin[0] + out->extent[0] == SIDE && out->origin[1] + out->extent[1] == SIDE)
        wait_to_be_killed();
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++) {
        int64_t row = out->origin[0] + i / out->extent[1];
        uint32_t place = (uint32_t)(row * SIDE + out->origin[1] + i % out->extent[1]);
        v[i] = (double)(place * 2654435761u >> 12);
    }
    return 0;
}

static br_array *made_rows(br_context *ctx, int rows, int wait)
{
    return br_from_blocks(ctx, fill, BR_SHAPE(rows, SIDE), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(CHUNK, CHUNK), .data = &wait,
                          .data_bytes = sizeof wait);
}

static br_array *made(br_context *ctx, int wait)
{
    return made_rows(ctx, SIDE, wait);
}

/* ---- parts of a dataset ---- */

/* What is appended first fills the last stored chunks that the dataset has, then makes whole ones.
 * Of regions, one cuts stored chunks at its end, one has a half of each. fault_store.sh knows these
 * numbers. */
enum { OLD_ROWS = 600 };

static const struct {
    const char *mode, *from, *region;
} parts[] = {{"append", "24:", NULL},
             {"region", ":496, :376", "64:560, 64:440"},
             {"across", "::2, :376", "40:552:2, 100:476"}};
enum { NPARTS = sizeof parts / sizeof parts[0] };

static int part_of(const char *mode)
{
    int i = 0;
    while (i < NPARTS && strncmp(mode, parts[i].mode, strlen(parts[i].mode)) != 0)
        i++;
    return i;
}

/* Other elements than those that come, in chunks that are about as short. */
static br_status store_old(br_context *ctx, char **argv)
{
    br_array *x = br_sub(-1, made_rows(ctx, OLD_ROWS, 0));
    if (strcmp(argv[4], "old-contiguous") == 0)
        return br_store_hdf5(x, argv[2], argv[3], .contiguous = true);
    return br_store_hdf5(x, argv[2], argv[3], .unlimited = BR_AXES(0),
                         .deflate = strcmp(argv[4], "old-packed") == 0);
}

static br_status store_part(br_context *ctx, char **argv, int wait)
{
    const int i = part_of(argv[4]);
    return br_store_hdf5(br_index(made(ctx, wait), parts[i].from), argv[2], argv[3],
                         .mode = parts[i].region == NULL ? BR_STORE_APPEND : BR_STORE_ADD,
                         .region = parts[i].region, .safe_copy = strstr(argv[4], "-copy") != NULL);
}

/* ---- whole ones ---- */

static br_store_mode mode_of(const char *name)
{
    if (strcmp(name, "overwrite") == 0)
        return BR_STORE_OVERWRITE;
    return strcmp(name, "truncate") == 0 ? BR_STORE_TRUNCATE : BR_STORE_ADD;
}

static br_status store_whole(br_context *ctx, char **argv, int wait)
{
    br_array *rows = br_rechunk(made(ctx, wait), BR_CHUNKS(40, -1));
    const char *mode = argv[4];
    if (strcmp(mode, "npy") == 0 || strcmp(mode, "rows") == 0)
        return br_store_npy(strcmp(mode, "rows") == 0 ? rows : made(ctx, wait), argv[2]);
    if (strcmp(mode, "contiguous") == 0)
        return br_store_hdf5(rows, argv[2], argv[3], .contiguous = true);
    return br_store_hdf5(made(ctx, wait), argv[2], argv[3], .mode = mode_of(mode), .deflate = 1,
                         .safe_copy = strcmp(mode, "copy") == 0);
}

static int store(br_context *ctx, char **argv)
{
    const char *mode = argv[4];
    int wait = strcmp(argv[1], "slow") == 0 ? 8000 : 0;
    fprintf(stderr, "writes %ld\n", (long)getpid());
    br_status st = strncmp(mode, "old-", 4) == 0 ? store_old(ctx, argv)
                   : part_of(mode) < NPARTS      ? store_part(ctx, argv, wait)
                                                 : store_whole(ctx, argv, wait);
    if (st == BR_OK)
        return 0;
    printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

/* MPI was opened by root, and root closes it. */
static int store_denied(br_context *ctx, char **argv)
{
    enum { NOBODY = 65534 };
    const uid_t before = geteuid();
    if (before == 0 && seteuid(NOBODY) != 0) {
        perror("seteuid");
        return 2;
    }
    int result = store(ctx, argv);
    return seteuid(before) == 0 ? result : 2;
}

static int resume(br_context *ctx, char **argv)
{
    const char *what = argv[4];
    br_array *x = made(ctx, strcmp(what, "other") == 0 ? 30001 : 30000);
    const bool rows = strcmp(what, "rows") == 0;
    if (rows)
        x = br_rechunk(x, BR_CHUNKS(CHUNK, -1));
    const br_store_hdf5_args stores[] = {
        {.x = x,
         .path = argv[2],
         .dataset = argv[3],
         .resume = true,
         .deflate = strcmp(what, "packed") == 0,
         .contiguous = rows || strcmp(what, "contiguous") == 0,
         .dims = BR_DIMS("lat", "lon")},
        {.x = br_arange(ctx, BR_NUM(0), BR_NUM(100)), .dataset = "other", .resume = true},
    };
    fprintf(stderr, "writes %ld\n", (long)getpid());
    br_status st = br_store_many(stores, 2);
    printf("computed %d\n", atomic_load(&computed));
    if (st == BR_OK)
        return 0;
    printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

static int check(br_context *ctx, char **argv)
{
    br_array *x = br_from_hdf5(ctx, argv[2], argv[3], .chunks = BR_CHUNKS(CHUNK, CHUNK));
    double wrong = -1;
    br_status st =
        br_compute_f64(br_sum(br_not_equal(x, made(ctx, 0)), .dtype = BR_FLOAT64), &wrong);
    if (st == BR_OK && wrong == 0)
        return 0;
    printf("%s: %g elements are wrong: %s\n", argv[3], wrong, br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

int main(int argc, char **argv)
{
    read_wishes(argc, argv); /* other ranks stay in br_open */
    br_context *ctx = br_open(&argc, &argv);
    int result = 2;
    if (argc == 5 && (strcmp(argv[1], "slow") == 0 || strcmp(argv[1], "fast") == 0))
        result = getenv("AS_NOBODY") != NULL ? store_denied(ctx, argv) : store(ctx, argv);
    else if (argc == 5 && strcmp(argv[1], "resume") == 0)
        result = resume(ctx, argv);
    else if (argc == 4 && strcmp(argv[1], "check") == 0)
        result = check(ctx, argv);
    int closed = br_close(ctx);
    return result != 0 ? result : closed;
}
