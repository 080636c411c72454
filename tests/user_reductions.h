/* SPDX-License-Identifier: BSD-3-Clause
 * user_reductions.h - users' reductions that are hard on the tree of partial results (an index,
 * floating point, counts, products that do not commute, a hash of texts), and naive references.
 */
#ifndef TEST_USER_REDUCTIONS_H
#define TEST_USER_REDUCTIONS_H

#include "tests/reference.h"

static inline bool aligned(const void *state)
{
    return (uintptr_t)state % 16 == 0;
}

/* What elements are to a reference: the elements of one result in C order of the reduced axes. */
typedef value fold(const value *x, int64_t n);

/* Where the first smallest element is, and the state that finds it. */
typedef struct smallest {
    int64_t n, at;
    double least;
} smallest;

static inline int smallest_of(void *state, const void *elements, br_dtype dtype, int64_t n,
                              const void *data)
{
    smallest *s = state;
    (void)data;
    if (!aligned(s) || n < 1 || n > 512)
        return 1;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)creall(get(dtype, elements, i));
        if (s->n + i == 0 || x < s->least) {
            s->least = x;
            s->at = s->n + i;
        }
    }
    s->n += n;
    return 0;
}

static inline int smallest_merge(void *left, const void *right, const void *data)
{
    smallest *a = left;
    const smallest *b = right;
    (void)data;
    if (!aligned(a) || !aligned(b) || a->n == 0 || b->n == 0)
        return 1;
    if (b->least < a->least) {
        a->least = b->least;
        a->at = a->n + b->at;
    }
    a->n += b->n;
    return 0;
}

static inline int smallest_place(const void *state, int64_t n, void *result, const void *data)
{
    const smallest *s = state;
    (void)data;
    if (s->n != n)
        return 1;
    *(int64_t *)result = n > 0 ? s->at : -1;
    return 0;
}

static inline value r_smallest(const value *x, int64_t n)
{
    int64_t at = n > 0 ? 0 : -1;
    for (int64_t i = 1; i < n; i++)
        if (creall(x[i]) < creall(x[at]))
            at = i;
    return at;
}

/* Mean and variance by Welford's updates. */
typedef struct moments {
    double n, mean, m2;
} moments;

static inline int moments_of(void *state, const void *elements, br_dtype dtype, int64_t n,
                             const void *data)
{
    moments *m = state;
    (void)data;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)creall(get(dtype, elements, i));
        double d = x - m->mean;
        m->n += 1;
        m->mean += d / m->n;
        m->m2 += d * (x - m->mean);
    }
    return 0;
}

static inline int moments_merge(void *left, const void *right, const void *data)
{
    moments *a = left;
    const moments *b = right;
    double n = a->n + b->n;
    double d = b->mean - a->mean;
    (void)data;
    a->mean += d * b->n / n;
    a->m2 += b->m2 + d * d * a->n * b->n / n;
    a->n = n;
    return 0;
}

/* data: the correction */
static inline int moments_variance(const void *state, int64_t n, void *result, const void *data)
{
    const moments *m = state;
    double divisor = (double)n - *(const double *)data;
    *(double *)result = divisor > 0 ? m->m2 / divisor : NAN;
    return 0;
}

static inline value r_variance(const value *x, int64_t n)
{
    value mean = 0;
    value m2 = 0;
    for (int64_t i = 0; i < n; i++)
        mean += x[i] / n;
    for (int64_t i = 0; i < n; i++)
        m2 += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? m2 / (n - 1) : NAN;
}

/* Sixteen counts; the result is all of them in one hash. Counts start at data's, once a state. */
typedef struct histogram {
    uint32_t count[16];
} histogram;

static inline int histogram_of(void *state, const void *elements, br_dtype dtype, int64_t n,
                               const void *data)
{
    histogram *h = state;
    (void)data;
    for (int64_t i = 0; i < n; i++)
        h->count[(int64_t)creall(get(dtype, elements, i)) & 15]++;
    return 0;
}

static inline int histogram_merge(void *left, const void *right, const void *data)
{
    histogram *a = left;
    const histogram *b = right;
    (void)data;
    for (int i = 0; i < 16; i++)
        a->count[i] += b->count[i];
    return 0;
}

static inline int histogram_counts(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    memcpy(result, state, sizeof(histogram));
    return 0;
}

static inline uint64_t hash_counts(const uint32_t *count)
{
    uint64_t h = 0;
    for (int i = 0; i < 16; i++)
        h = h * 1000003 + count[i];
    return h;
}

static inline int histogram_hash(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(uint64_t *)result = hash_counts(((const histogram *)state)->count);
    return 0;
}

static inline value r_histogram(const value *x, int64_t n)
{
    uint32_t count[16] = {0};
    for (int64_t i = 0; i < n; i++)
        count[(int64_t)creall(x[i]) & 15]++;
    return hash_counts(count);
}

/* The product of matrices ((x, 1), (1, 0)) modulo 2^64, which do not commute; init is needed: (1,
 * 0, 0, 1). */
typedef struct matrix {
    uint64_t a, b, c, d;
} matrix;

static inline matrix times(matrix x, matrix y)
{
    return (matrix){x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c,
                    x.c * y.b + x.d * y.d};
}

static inline matrix matrix_of(value x)
{
    return (matrix){(uint64_t)(int64_t)creall(x), 1, 1, 0};
}

static inline void matrix_one(void *state, const void *data)
{
    (void)data;
    *(matrix *)state = (matrix){1, 0, 0, 1};
}

static inline int matrix_times(void *state, const void *elements, br_dtype dtype, int64_t n,
                               const void *data)
{
    (void)data;
    for (int64_t i = 0; i < n; i++)
        *(matrix *)state = times(*(matrix *)state, matrix_of(get(dtype, elements, i)));
    return 0;
}

static inline int matrix_merge(void *left, const void *right, const void *data)
{
    (void)data;
    *(matrix *)left = times(*(matrix *)left, *(const matrix *)right);
    return 0;
}

static inline uint64_t mixed(matrix m)
{
    return m.a + 3 * m.b + 5 * m.c + 7 * m.d;
}

static inline int matrix_mixed(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(uint64_t *)result = mixed(*(const matrix *)state);
    return 0;
}

static inline value r_matrix(const value *x, int64_t n)
{
    matrix m = {1, 0, 0, 1};
    for (int64_t i = 0; i < n; i++)
        m = times(m, matrix_of(x[i]));
    return mixed(m);
}

/* The hash of all elements as one string: h(ab) = h(a) * base^length(b) + h(b). State of 24 bytes,
 * so with a tail unused. */
typedef struct text {
    uint64_t hash, power;
    uint8_t used;
} text;

static inline int text_of(void *state, const void *elements, br_dtype dtype, int64_t n,
                          const void *data)
{
    text *t = state;
    const uint64_t base = *(const uint64_t *)data;
    for (int64_t i = 0; i < n; i++) {
        t->hash = t->hash * base + (uint64_t)(int64_t)creall(get(dtype, elements, i)) + 1;
        t->power = (t->used ? t->power : 1) * base;
        t->used = 1;
    }
    return 0;
}

static inline int text_merge(void *left, const void *right, const void *data)
{
    text *a = left;
    const text *b = right;
    (void)data;
    a->hash = a->hash * b->power + b->hash;
    a->power *= b->power;
    return 0;
}

static inline int text_hash(const void *state, int64_t n, void *result, const void *data)
{
    (void)n;
    (void)data;
    *(uint64_t *)result = ((const text *)state)->hash;
    return 0;
}

static const uint64_t base = 1000003;

static inline value r_text(const value *x, int64_t n)
{
    uint64_t h = 0;
    for (int64_t i = 0; i < n; i++)
        h = h * base + (uint64_t)(int64_t)creall(x[i]) + 1;
    return h;
}

#endif
