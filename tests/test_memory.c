/* SPDX-License-Identifier: BSD-3-Clause
 * test_memory.c - blocks of the pool, the budget, and the limits of the host.
 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/host.h"
#include "runtime/memory.h"
#include "tests/suite.h"

#define MIB ((size_t)1 << 20)

static bri_memory_stats about(const bri_memory *m)
{
    bri_memory_stats stats;
    bri_memory_about(m, &stats);
    return stats;
}

START_TEST(blocks_are_aligned_and_whole)
{
    bri_memory *m = bri_memory_new(1024 * MIB);
    for (size_t bytes = 0; bytes < 40 * MIB; bytes = bytes * 5 / 4 + 7) {
        char *block = bri_memory_get(m, bytes);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % 64, 0);
        if (bytes >= 2 * MIB)
            ck_assert_uint_eq((uintptr_t)block % (2 * MIB), 0);
        memset(block, 1, bytes);
        bri_memory_put(m, block, bytes);
    }
    bri_memory_free(m);
}
END_TEST

START_TEST(blocks_are_recycled)
{
    bri_memory *m = bri_memory_new(64 * MIB);
    void *a = bri_memory_get(m, 3 * MIB);
    void *b = bri_memory_get(m, 3 * MIB);
    ck_assert_ptr_ne(a, b);
    bri_memory_put(m, a, 3 * MIB);
    ck_assert_uint_eq(about(m).idle, 3 * MIB);
    ck_assert_ptr_eq(bri_memory_get(m, 3 * MIB - 5), a);
    ck_assert_uint_eq(about(m).idle, 0);
    bri_memory_put(m, a, 3 * MIB - 5);
    bri_memory_put(m, b, 3 * MIB);
    bri_memory_put(m, NULL, 5);
    bri_memory_free(m);
    bri_memory_free(NULL);
}
END_TEST

/* Idle bytes after one put are the size of the class. */
START_TEST(little_is_wasted)
{
    bri_memory *m = bri_memory_new((size_t)1 << 40);
    for (size_t bytes = 65; bytes < 64 * MIB; bytes = bytes * 9 / 8 + 1) {
        size_t before = about(m).idle;
        void *a = bri_memory_get(m, bytes);
        ck_assert_uint_le(about(m).idle, before);
        before = about(m).idle;
        bri_memory_put(m, a, bytes);
        size_t size = about(m).idle - before;
        ck_assert_uint_ge(size, bytes);
        ck_assert_double_le((double)(size - bytes), 0.2 * (double)size);
    }
    bri_memory_free(m);
}
END_TEST

START_TEST(budget_is_kept)
{
    bri_memory *m = bri_memory_new(100);
    ck_assert(bri_memory_reserve(m, 60));
    ck_assert(bri_memory_reserve(m, 40));
    ck_assert(!bri_memory_reserve(m, 1));
    ck_assert(bri_memory_reserve(m, 0));
    bri_memory_force(m, 50);
    ck_assert_uint_eq(about(m).promised, 150);
    ck_assert_uint_eq(about(m).peak, 150);
    ck_assert(!bri_memory_reserve(m, 0));
    bri_memory_release(m, 120);
    ck_assert(!bri_memory_reserve(m, SIZE_MAX));
    bri_memory_reset_peak(m);
    ck_assert_uint_eq(about(m).peak, 30);
    ck_assert_uint_eq(about(m).limit, 100);
    bri_memory_release(m, 30);
    bri_memory_free(m);
}
END_TEST

START_TEST(guests_may_go_beyond_the_ceiling)
{
    bri_memory *m = bri_memory_new(100);
    bri_memory_set_ceiling(m, 40);
    ck_assert(bri_memory_reserve(m, 40));
    ck_assert(!bri_memory_reserve(m, 1));
    ck_assert(bri_memory_spare_beyond(m, 50));
    ck_assert(!bri_memory_spare_beyond(m, 11));
    ck_assert(bri_memory_spare_beyond(m, 10));
    ck_assert_uint_eq(about(m).promised, 100);
    bri_memory_release(m, 100);
    bri_memory_free(m);
}
END_TEST

/* Somebody who keeps bytes that he can do without. */
typedef struct keeper {
    bri_memory *m;
    size_t bytes;
    int calls;
} keeper;

static void give_back(void *data)
{
    keeper *k = data;
    bri_memory_release(k->m, k->bytes);
    k->bytes = 0;
    k->calls++;
}

START_TEST(what_is_kept_without_need_goes)
{
    bri_memory *m = bri_memory_new(10 * MIB);
    keeper a = {m, 4 * MIB, 0}, b = {m, 3 * MIB, 0};
    bri_reclaimer first = {give_back, &a, NULL}, second = {give_back, &b, NULL};
    bri_memory_reclaim(m);
    bri_memory_add_reclaimer(m, &first);
    bri_memory_add_reclaimer(m, &second);
    ck_assert(bri_memory_spare(m, a.bytes) && bri_memory_spare(m, b.bytes));
    ck_assert(bri_memory_reserve(m, 3 * MIB));
    ck_assert_int_eq(a.calls + b.calls, 0);
    ck_assert(!bri_memory_spare(m, 1));
    ck_assert(bri_memory_reserve(m, 5 * MIB));
    ck_assert_int_eq(a.calls, 1);
    ck_assert_uint_eq(about(m).promised, 8 * MIB);
    ck_assert(!bri_memory_reserve(m, 3 * MIB));
    bri_memory_remove_reclaimer(m, &first);
    bri_memory_reclaim(m);
    ck_assert_int_eq(a.calls, 2);
    ck_assert_int_eq(b.calls, 3);
    bri_memory_remove_reclaimer(m, &second);
    bri_memory_release(m, 8 * MIB);
    bri_memory_free(m);
}
END_TEST

START_TEST(idle_blocks_make_room)
{
    bri_memory *m = bri_memory_new(10 * MIB);
    void *blocks[10];
    for (int i = 0; i < 10; i++)
        blocks[i] = bri_memory_get(m, MIB);
    for (int i = 0; i < 10; i++)
        bri_memory_put(m, blocks[i], MIB);
    ck_assert_uint_eq(about(m).idle, 10 * MIB);
    ck_assert(bri_memory_reserve(m, 8 * MIB));
    void *large = bri_memory_get(m, 8 * MIB);
    ck_assert_uint_le(about(m).idle, 2 * MIB);
    bri_memory_put(m, large, 8 * MIB);
    ck_assert_uint_le(about(m).idle + about(m).promised, 10 * MIB);
    bri_memory_release(m, 8 * MIB);
    bri_memory_free(m);
}
END_TEST

START_TEST(failures_are_reported)
{
    setenv("BRAMBLE_FAIL_ALLOC", "2", 1);
    bri_memory *m = bri_memory_new(MIB);
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_null(bri_memory_get(m, 1000));
    ck_assert_str_eq(bri_last_error(), "no memory for 1000 bytes of a chunk");
    void *block = bri_memory_get(m, 1000);
    ck_assert_ptr_nonnull(block);
    bri_memory_put(m, block, 1000);
    ck_assert_ptr_null(bri_memory_get(m, SIZE_MAX));
    ck_assert_ptr_null(bri_memory_get(m, (size_t)1 << 60));
    bri_memory_free(m);
}
END_TEST

/* ---- from several threads ---- */

enum { THREADS = 4, TURNS = 20000 };

static void *use_memory(void *argument)
{
    bri_memory *m = argument;
    static atomic_uint number;
    uint64_t state = atomic_fetch_add(&number, 1);
    for (int i = 0; i < TURNS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t bytes = 8 + (state >> 40) % 30000;
        if (!bri_memory_reserve(m, bytes))
            continue;
        uint64_t *block = bri_memory_get(m, bytes);
        *block = state;
        char *last = (char *)block + bytes - 1;
        *last = 'x';
        ck_assert(bytes < 9 || *block == state);
        bri_memory_put(m, block, bytes);
        bri_memory_release(m, bytes);
    }
    return NULL;
}

START_TEST(threads_share_it)
{
    pthread_t threads[THREADS];
    bri_memory *m = bri_memory_new(80000);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_memory, m), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(about(m).promised, 0);
    ck_assert_uint_le(about(m).peak, 80000);
    ck_assert_uint_le(about(m).idle, 80000);
    bri_memory_free(m);
}
END_TEST

/* ---- limits ---- */

static char folder[64];

static void put_file(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", folder, path);
    for (char *slash = full + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/test_memory.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static bri_cgroup_limits limits_of(const char *membership)
{
    char path[100];
    bri_cgroup_limits limits;
    put_file("membership", membership);
    snprintf(path, sizeof path, "%s/membership", folder);
    bri_cgroup_read(folder, path, &limits);
    return limits;
}

START_TEST(version_2_groups)
{
    put_file("a/memory.max", "3000000\n");
    put_file("a/cpu.max", "150000 100000\n");
    put_file("a/b/memory.max", "max\n");
    put_file("a/b/cpu.max", "max 100000\n");
    bri_cgroup_limits limits = limits_of("0::/a/b/missing\n");
    ck_assert_uint_eq(limits.memory, 3000000);
    ck_assert_double_eq(limits.cores, 1.5);
    limits = limits_of("0::/\n");
    ck_assert_uint_eq(limits.memory, UINT64_MAX);
    ck_assert(isinf(limits.cores));
}
END_TEST

START_TEST(version_1_groups)
{
    put_file("memory/memory.limit_in_bytes", "9223372036854771712\n");
    put_file("memory/x/memory.limit_in_bytes", "5000000\n");
    put_file("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put_file("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put_file("cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n");
    put_file("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    bri_cgroup_limits limits =
        limits_of("3:memory:/x/y\n2:cpu,cpuacct:/x\n1:name=systemd:/\n0::/\n");
    ck_assert_uint_eq(limits.memory, 5000000);
    ck_assert_double_eq(limits.cores, 0.5);
}
END_TEST

START_TEST(strange_files)
{
    put_file("a/memory.max", "");
    put_file("a/cpu.max", "what\n");
    bri_cgroup_limits limits = limits_of("\n::\nnonsense\n0::/a\n");
    ck_assert_uint_eq(limits.memory, UINT64_MAX);
    ck_assert(isinf(limits.cores));
    bri_cgroup_read("/nowhere", "/nowhere", &limits);
    ck_assert_uint_eq(limits.memory, UINT64_MAX);
}
END_TEST

START_TEST(this_host)
{
    ck_assert_uint_gt(bri_host_memory(), MIB);
    ck_assert_uint_le(bri_host_memory(),
                      (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) + MIB);
    ck_assert_int_ge(bri_host_cores(), 1);
    ck_assert_int_le(bri_host_cores(), (int)sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *blocks = tcase_create("blocks");
    tcase_add_test(blocks, blocks_are_aligned_and_whole);
    tcase_add_test(blocks, blocks_are_recycled);
    tcase_add_test(blocks, little_is_wasted);
    tcase_add_test(blocks, budget_is_kept);
    tcase_add_test(blocks, guests_may_go_beyond_the_ceiling);
    tcase_add_test(blocks, what_is_kept_without_need_goes);
    tcase_add_test(blocks, idle_blocks_make_room);
    tcase_add_test(blocks, failures_are_reported);
    tcase_add_test(blocks, threads_share_it);
    suite_add_tcase(suite, blocks);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, make_folder, remove_folder);
    tcase_add_test(limits, version_2_groups);
    tcase_add_test(limits, version_1_groups);
    tcase_add_test(limits, strange_files);
    tcase_add_test(limits, this_host);
    suite_add_tcase(suite, limits);
    return run_suite(suite);
}
