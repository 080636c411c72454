/* SPDX-License-Identifier: BSD-3-Clause
 * test_random_kernels.c - random values by their numbers, on every instruction set: Philox against
 * published answers, every distribution against references element by element.
 */
#include <check.h>
#include <float.h>
#include <string.h>

#include "array/kernels/kernels.h"
#include "tests/random_reference.h"
#include "tests/suite.h"

/* Check's assertions write to a file each time, far too slow for every element. */
static void require(bool holds, const char *what, long long at)
{
    if (!holds)
        ck_abort_msg("%s at %lld", what, at);
}

static const char *const isas[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
enum { NISAS = sizeof isas / sizeof *isas };

/* ---- Philox ---- */

/* Random123's kat_vectors. */
static const struct {
    uint32_t counter[4], key[2], want[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static uint64_t pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

START_TEST(known_answers)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const uint32_t *c = known[k].counter;
        const uint32_t *want = known[k].want;
        uint64_t word[2];
        uint32_t reference[4];
        bri_kernel_table.philox(pair(known[k].key[0], known[k].key[1]), pair(c[2], c[3]),
                                pair(c[0], c[1]), word);
        ck_assert_uint_eq(word[0], pair(want[0], want[1]));
        ck_assert_uint_eq(word[1], pair(want[2], want[3]));
        ref_philox(c, known[k].key, reference);
        ck_assert_mem_eq(reference, want, sizeof reference);
    }
}
END_TEST

/* ---- kernels on index vectors ---- */

enum { N = BRI_BLOCK };

/* Ways to walk through a stream. */
static const bri_walk walks[] = {{0, 1},
                                 {5, 1},
                                 {3, 2},
                                 {4000, -1},
                                 {1, 16},
                                 {INT64_C(1) << 40, 1},
                                 {(INT64_C(1) << 59) + 11, 1},
                                 {77, 0}};
enum { NWALKS = sizeof walks / sizeof *walks };

static const drawn kernel_stream = {0x123456789abcdefu, 0xfedcba987654u};

static bri_random real_random(double a, double b)
{
    bri_random r = {.seed = kernel_stream.seed, .stream = kernel_stream.stream};
    r.parameter[0].f = a;
    r.parameter[1].f = b;
    return r;
}

static bool near(double got, long double want, double ulps, double eps)
{
    return fabsl(got - want) <= ulps * eps * fabsl(want);
}

static void check_reals(bri_walk walk, size_t n)
{
    static double f64[N];
    static float f32[N];
    bri_kernels *k = &bri_kernel_table;
    bri_random r = real_random(-2.5, 7.25);
    k->random[BRI_DISTRIBUTION_UNIFORM][BR_FLOAT64](&r, walk, n, f64);
    k->random[BRI_DISTRIBUTION_UNIFORM][BR_FLOAT32](&r, walk, n, f32);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)walk.first + i * (uint64_t)walk.step;
        require(f64[i] == ref_uniform_f64(kernel_stream, at, -2.5, 7.25), "uniform f64",
                (long long)i);
        require(f32[i] == ref_uniform_f32(kernel_stream, at, -2.5, 7.25), "uniform f32",
                (long long)i);
    }
    r = real_random(0, 1);
    k->random[BRI_DISTRIBUTION_NORMAL][BR_FLOAT64](&r, walk, n, f64);
    k->random[BRI_DISTRIBUTION_NORMAL][BR_FLOAT32](&r, walk, n, f32);
    for (size_t i = 0; i < n; i++) {
        long double want =
            ref_normal(kernel_stream, (uint64_t)walk.first + i * (uint64_t)walk.step);
        require(near(f64[i], want, 4, DBL_EPSILON), "normal f64", (long long)i);
        require(f32[i] == (float)f64[i], "normal f32", (long long)i);
    }
    r = real_random(1, 0);
    k->random[BRI_DISTRIBUTION_EXPONENTIAL][BR_FLOAT64](&r, walk, n, f64);
    k->random[BRI_DISTRIBUTION_EXPONENTIAL][BR_FLOAT32](&r, walk, n, f32);
    for (size_t i = 0; i < n; i++) {
        long double want =
            ref_exponential(kernel_stream, (uint64_t)walk.first + i * (uint64_t)walk.step);
        require(near(f64[i], want, 2, DBL_EPSILON), "exponential f64", (long long)i);
        require(f32[i] == (float)f64[i], "exponential f32", (long long)i);
    }
}

static const uint64_t spans[] = {1,
                                 2,
                                 10,
                                 255,
                                 65537,
                                 (1u << 24) - 1,
                                 1u << 24,
                                 3000000000u,
                                 UINT64_C(1) << 32,
                                 (UINT64_C(1) << 63) + 1,
                                 UINT64_MAX,
                                 0};

/* Spans above 2^63 refuse up to half of the words. */
static void check_integers(bri_walk walk, size_t n)
{
    static uint64_t u64[N];
    static int8_t i8[N];
    for (size_t s = 0; s < sizeof spans / sizeof *spans; s++) {
        bri_random r = real_random(0, 0);
        r.parameter[0].u = (uint64_t)-77;
        r.parameter[1].u = spans[s];
        bri_kernel_table.random[BRI_DISTRIBUTION_INTEGERS][BR_UINT64](&r, walk, n, u64);
        bri_kernel_table.random[BRI_DISTRIBUTION_INTEGERS][BR_INT8](&r, walk, n, i8);
        for (size_t i = 0; i < n; i++) {
            uint64_t want =
                ref_integer(kernel_stream, (uint64_t)walk.first + i * (uint64_t)walk.step,
                            (uint64_t)-77, spans[s]);
            require(u64[i] == want, "uint64", (long long)i);
            require((uint8_t)i8[i] == (uint8_t)want, "int8", (long long)i);
        }
    }
}

START_TEST(elements)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int how = 0; how < NWALKS; how++) {
        for (size_t n = 1; n < 70; n += n < 36 ? 1 : 7)
            check_reals(walks[how], n);
        check_reals(walks[how], N);
        check_integers(walks[how], how < 2 ? 67 : 33);
        check_integers(walks[how], N);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("kernels");
    tcase_add_loop_test(t, known_answers, 0, NISAS);
    tcase_add_loop_test(t, elements, 0, NISAS);
    return run_case("random_kernels", t);
}
