/* SPDX-License-Identifier: BSD-3-Clause
 * flights.h - what the unit tests of computes in flight have in common: contexts of few
 * threads and little memory, and products of arrays whose elements are known.
 */
#ifndef TEST_FLIGHTS_H
#define TEST_FLIGHTS_H

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include <bramble/bramble.h>

#include "array/expr/handle.h"
#include "tests/tasks.h"

enum { SIDE = 160, CHUNK = 20, N = SIDE * SIDE, MOST_THREADS = 4, JOBS = 4 };

static br_context *ctx;

static inline br_context *open_limited(int threads, size_t limit)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", limit);
    setenv("BRAMBLE_MEMORY_LIMIT", text, 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    return open_with(threads);
}

static inline void nap(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

/* ---- arrays ---- */

/* A function of the user's, so that its chunks are held. */
static inline int fill(const br_block *inputs, int ninputs, const br_block *output,
                       const void *data)
{
    (void)inputs, (void)ninputs;
    double *to = output->data;
    for (int64_t i = 0; i < output->extent[0]; i++)
        for (int64_t j = 0; j < output->extent[1]; j++)
            *to++ = (double)((output->origin[0] + i + *(const int *)data) % 7 -
                             (output->origin[1] + j) % 5);
    return 0;
}

static inline br_array *filled(br_context *c, int salt)
{
    br_array *zeros = br_zeros(c, BR_SHAPE(SIDE, SIDE), .chunks = BR_CHUNKS(CHUNK, CHUNK));
    return br_map_blocks(zeros, fill, .data = &salt, .data_bytes = sizeof salt);
}

static inline double element(int i, int j, int salt)
{
    return (i + salt) % 7 - j % 5;
}

static inline br_array *product(br_context *c, int salt)
{
    return br_matmul(filled(c, salt), br_permute_dims(filled(c, salt + 1), BR_AXES(1, 0)));
}

static inline bool is_product(const double *got, int salt)
{
    for (int i = 0; i < SIDE; i += 13)
        for (int j = 0; j < SIDE; j += 7) {
            double sum = 0;
            for (int k = 0; k < SIDE; k++)
                sum += element(i, k, salt) * element(j, k, salt + 1);
            if (got[i * SIDE + j] != sum)
                return false;
        }
    return true;
}

/* A thread that has run a task lets go of it after those who waited for it have gone on. */
static inline void all_is_given_back(void)
{
    bri_memory_stats stats;
    for (int i = 0; bri_memory_about(ctx->memory, &stats), stats.promised != 0 && i < 60000; i++)
        nap(1000);
    ck_assert_uint_eq(stats.promised, 0);
}

static inline void still_works(void)
{
    static double out[N];
    ck_assert_msg(br_compute(product(ctx, 3), out, sizeof out) == BR_OK, "%s", br_message(ctx));
    ck_assert(is_product(out, 3));
    all_is_given_back();
}

#endif
