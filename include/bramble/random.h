/* SPDX-License-Identifier: BSD-3-Clause
 * random.h - arrays of random numbers.
 *
 * An element depends on the seed, the stream and its own place in the array (its index in C order),
 * and on nothing else: not on chunks, slices, the scheduler, threads, ranks, memory or the
 * instruction set (normal and exponential numbers may have other last digits on x86-64-v2, which
 * has no fused multiply-add). So a random array is as repeatable as br_arange; it takes no memory,
 * is fused into its readers and, having several readers, may be made several times with equal
 * values.
 *
 * Common to all:
 * shape    BR_SHAPE(...), or BR_0D for one element
 * .seed    an integer of 0 or more, BR_NUM(...); by default the setting BRAMBLE_SEED of rank 0,
 *          which is 0 when it is not set: a program repeats itself
 * .stream  an integer from 0 to 2^47 - 1, BR_NUM(...); by default the call takes the context's next
 *          stream, which no number given here names: two calls give independent values, and a
 *          program that makes the same calls in the same order gets the same values again
 * .chunks  extents of a chunk, automatic by default; 0 or -1 for an axis: the whole axis
 * Two arrays with one seed and one stream are made of the same random bits: equal where all their
 * parameters and shapes are equal, and not independent of each other where they are not.
 * Numbers of a distribution are written BR_NUM(...), since 0 is one of them.
 *
 * Errors  BR_ESHAPE, BR_EARG (a number that is not finite or out of its range, a bad seed or
 *         stream), BR_ETYPE.
 * Cost    half a block of Philox for each 8 bytes; two to five times as much through slices with
 *         steps and transposes.
 * Source  Philox4x32-10, key: seed, counter: index and stream. Salmon, Moraes, Dror and Shaw,
 *         "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef BRAMBLE_RANDOM_H
#define BRAMBLE_RANDOM_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_random_uniform - reals from low up to but without high, evenly spread.
 *
 * .low    0 by default
 * .high   1 by default; low < high, and high - low finite
 * .dtype  float64 by default, or float32
 * Element = low + (high - low) * u with u of 53 (float32: 24) random bits; where that is rounded up
 * to high, the largest number below high.
 */
typedef struct br_random_uniform_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_number low, high;
    br_dtype dtype;
    br_number seed, stream;
    br_extents chunks;
} br_random_uniform_args;
BR_API br_array *br_random_uniform_(br_random_uniform_args args);

/* br_random_integers - integers from low up to but without high, all equally likely.
 *
 * low, high  C integers, low < high, within the dtype; br_random_integers(ctx, 1, 7, BR_SHAPE(10))
 *            throws a die ten times. The struct form takes BR_NUM(...)
 * .endpoint  true: high is among the values, and may equal low
 * .dtype     any integer one, int64 by default
 * An element does not depend on the dtype.
 * Source  Lemire, "Fast random integer generation in an interval", 2019; a refused word is drawn
 *         again from a counter of its own, so an element still depends on its index only.
 */
typedef struct br_random_integers_args {
    br_place at;
    br_context *ctx;
    br_number low, high;
    br_extents shape;
    bool endpoint;
    br_dtype dtype;
    br_number seed, stream;
    br_extents chunks;
} br_random_integers_args;
BR_API br_array *br_random_integers_(br_random_integers_args args);

/* br_random_normal - reals of the normal distribution (Gauss).
 *
 * .mean   0 by default
 * .sd     standard deviation, 1 by default, 0 or more
 * .dtype  float64 by default, or float32, which is float64 rounded
 * Values are within 8.6 sd of the mean.
 * Source  Box and Muller 1958; both values of a pair are used.
 */
typedef struct br_random_normal_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_number mean, sd;
    br_dtype dtype;
    br_number seed, stream;
    br_extents chunks;
} br_random_normal_args;
BR_API br_array *br_random_normal_(br_random_normal_args args);

/* br_random_exponential - reals of the exponential distribution, from 0 up.
 *
 * .scale  the mean, 1 by default, 0 or more
 * .dtype  float64 by default, or float32, which is float64 rounded
 * Values are at most 36.8 times the scale.
 */
typedef struct br_random_exponential_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_number scale;
    br_dtype dtype;
    br_number seed, stream;
    br_extents chunks;
} br_random_exponential_args;
BR_API br_array *br_random_exponential_(br_random_exponential_args args);

#ifndef __cplusplus
#define br_random_uniform(...)                                                                     \
    br_random_uniform_((br_random_uniform_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_random_integers(context, from, to, ...)                                                 \
    br_random_integers_((br_random_integers_args){.at = {__FILE__, __LINE__},                      \
                                                  .ctx = (context),                                \
                                                  .low = BR_NUM(from),                             \
                                                  .high = BR_NUM(to),                              \
                                                  __VA_ARGS__})
#define br_random_normal(...)                                                                      \
    br_random_normal_((br_random_normal_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_random_exponential(...)                                                                 \
    br_random_exponential_(                                                                        \
        (br_random_exponential_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
