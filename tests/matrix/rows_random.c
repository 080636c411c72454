/* SPDX-License-Identifier: BSD-3-Clause
 * rows_random.c - random arrays, which follow from seed, stream and index alone, by
 * tests/random_reference.h.
 */
#include "tests/matrix/matrix.h"
#include "tests/random_reference.h"

typedef struct source {
    int ndim;
    int64_t shape[ND_AXES];
    br_extents extents, chunks;
    br_number seed, stream;
    drawn d;
} source;

static source draw_source(void)
{
    source s = {0};
    s.ndim = draw_shape(0, 4, s.shape);
    s.extents = extents_of(s.ndim, s.shape);
    s.chunks = draw_chunks(s.ndim, s.shape);
    s.d.seed = draw_bits() >> draw(0, 63);
    s.d.stream = draw_bits() >> draw(17, 63);
    s.seed = BR_NUM(s.d.seed);
    s.stream = BR_NUM(s.d.stream);
    return s;
}

#define SOURCE(s) .seed = (s).seed, .stream = (s).stream, .chunks = (s).chunks, .dtype = the.dtype

static void uniform(void)
{
    source s = draw_source();
    double low = (double)draw(-40, 40) / 8, high = low + (double)draw(1, 40) / 8;
    nd *r = nd_new(the.dtype, s.ndim, s.shape);
    for (int64_t i = 0; i < r->n; i++) {
        uint64_t k = (uint64_t)i;
        nd_put(r, i,
               of_real(the.dtype == BR_FLOAT32
                           ? (long double)ref_uniform_f32(s.d, k, (float)low, (float)high)
                           : (long double)ref_uniform_f64(s.d, k, low, high)));
    }
    expect(
        br_random_uniform(the.ctx, s.extents, .low = BR_NUM(low), .high = BR_NUM(high), SOURCE(s)),
        r);
}

static void integers(void)
{
    source s = draw_source();
    bool is_signed = kind_of(the.dtype) == 'i', endpoint = chance(50);
    int64_t low = is_signed ? draw(-100, 20) : draw(0, 20), span = draw(1, 100);
    if (br_dtype_size(the.dtype) == 8 && chance(50))
        span = (int64_t)(draw_bits() >> draw(2, 40)) + 1;
    nd *r = nd_new(the.dtype, s.ndim, s.shape);
    for (int64_t i = 0; i < r->n; i++) {
        uint64_t v = ref_integer(s.d, (uint64_t)i, (uint64_t)low, (uint64_t)span);
        nd_put(r, i, of_integer((int64_t)v));
    }
    expect(br_random_integers(the.ctx, low, low + span - endpoint, s.extents, .endpoint = endpoint,
                              SOURCE(s)),
           r);
}

/* sd times a number of the standard distribution, plus the mean. */
static nd *stretched(const source *s, long double (*standard)(drawn, uint64_t), double mean,
                     double sd)
{
    nd *r = nd_new(the.dtype, s->ndim, s->shape);
    for (int64_t i = 0; i < r->n; i++) {
        long double z = standard(s->d, (uint64_t)i);
        long double slack = (the.dtype == BR_FLOAT32 ? 0.51L * FLT_EPSILON : 0) + 8 * DBL_EPSILON;
        nd_put_within(r, i, of_real(mean + sd * z), slack * (fabsl(mean) + fabsl(sd * z)));
    }
    return r;
}

static void normal(void)
{
    source s = draw_source();
    double mean = (double)draw(-8, 8) / 4, sd = (double)draw(0, 16) / 4;
    expect(br_random_normal(the.ctx, s.extents, .mean = BR_NUM(mean), .sd = BR_NUM(sd), SOURCE(s)),
           stretched(&s, ref_normal, mean, sd));
}

static void exponential(void)
{
    source s = draw_source();
    double scale = (double)draw(0, 16) / 4;
    expect(br_random_exponential(the.ctx, s.extents, .scale = BR_NUM(scale), SOURCE(s)),
           stretched(&s, ref_exponential, 0, scale));
}

const row random_rows[] = {
    {"random_uniform", "f/biuc", uniform},
    {"random_integers", "iu/bfc", integers},
    {"random_normal", "f/biuc", normal},
    {"random_exponential", "f/biuc", exponential},
    {0},
};
