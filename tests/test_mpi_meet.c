/* SPDX-License-Identifier: BSD-3-Clause
 * test_mpi_meet.c - ranks that don't fit together are refused with a message that names them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scheduler.h"
#include "scheduler/mpi/meet.h"
#include "tests/suite.h"

enum { NRANKS = 4 };

static bri_meet_record records[NRANKS];

static void arithmetic(char kernels[32], char blas[32])
{
    snprintf(kernels, 32, "vectors");
    snprintf(blas, 32, "Haswell");
}

static const bri_engine engine = {.arithmetic = arithmetic};

static void setup(void)
{
    br_context ctx = {.nthreads = 4, .engine = &engine};
    for (int r = 0; r < NRANKS; r++) {
        snprintf(ctx.host, sizeof ctx.host, "pi-%d", r + 1);
        bri_meet_describe(&ctx, &records[r]);
    }
}

static void refuses(const char *start)
{
    ck_assert_int_eq(bri_meet_check(records, NRANKS), BR_EPEER);
    ck_assert_msg(strncmp(bri_last_error(), start, strlen(start)) == 0, "%s", bri_last_error());
}

START_TEST(equal_ranks)
{
    ck_assert_int_eq(bri_meet_check(records, NRANKS), BR_OK);
    ck_assert_int_eq(bri_meet_check(records, 1), BR_OK);
}
END_TEST

/* What may differ: hosts and their threads. */
START_TEST(other_threads)
{
    records[2].threads = 1;
    snprintf(records[2].threads_why, sizeof records[2].threads_why, "another reason");
    ck_assert_int_eq(bri_meet_check(records, NRANKS), BR_OK);
}
END_TEST

START_TEST(other_binary)
{
    records[2].program[0] ^= 1;
    refuses("rank 2 on pi-3 runs another binary (build-id ");
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "than rank 0 on pi-1 (build-id "));
    records[3].program[0] ^= 1;
    refuses("rank 2 on pi-3 (and 1 more) runs another binary (build-id ");
}
END_TEST

START_TEST(other_arithmetic)
{
    snprintf(records[3].blas, sizeof records[3].blas, "SkylakeX");
    refuses("rank 3 on pi-4 has another OpenBLAS kernel (SkylakeX) than rank 0 on pi-1 (Haswell)");
    snprintf(records[1].kernels, sizeof records[1].kernels, "no vectors");
    refuses("rank 1 on pi-2 has kernels with other bits (no vectors)");
    records[0].kernels_chosen = 1;
    snprintf(records[3].blas, sizeof records[3].blas, "Haswell");
    ck_assert_int_eq(bri_meet_check(records, NRANKS), BR_OK);
}
END_TEST

START_TEST(other_library)
{
    records[1].library[5] ^= 1;
    refuses("rank 1 on pi-2 loads another libbramble (build-id ");
}
END_TEST

/* Systems come first: of another byte order nothing else can be read. */
START_TEST(other_system)
{
    records[3].program[0] ^= 1;
    records[3].byte_order = __builtin_bswap32(records[3].byte_order);
    refuses("rank 3 on pi-4 has another byte order or word size than rank 0 on pi-1: ");
    records[3].byte_order = records[0].byte_order;
    records[3].pointer_bytes = 4;
    refuses("rank 3 on pi-4 has another byte order or word size than rank 0 on pi-1: ");
}
END_TEST

START_TEST(other_version)
{
    records[1].program[0] ^= 1;
    snprintf(records[1].version, sizeof records[1].version, "9.8.7");
    refuses("rank 1 on pi-2 has another version of bramble (9.8.7) than rank 0 on pi-1 (");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("check");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, equal_ranks);
    tcase_add_test(tests, other_threads);
    tcase_add_test(tests, other_binary);
    tcase_add_test(tests, other_library);
    tcase_add_test(tests, other_arithmetic);
    tcase_add_test(tests, other_system);
    tcase_add_test(tests, other_version);
    return run_case("mpi/meet", tests);
}
