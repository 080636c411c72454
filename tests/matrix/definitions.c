/* SPDX-License-Identifier: BSD-3-Clause
 * definitions.c - what reductions are by definition, of the elements of one result.
 */
#include "tests/matrix/definitions.h"

static number initial_or(const call *c, int other)
{
    return c->has_initial ? c->initial : of_integer(other);
}

static number sum_of_all(const group *g, number start, long double *size)
{
    *size = cabsl(start.z);
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            start.i += g->v[k].i;
            start.z += g->v[k].z;
            *size += cabsl(g->v[k].z);
        }
    return start;
}

void put_sum(nd *r, int64_t i, const group *g, const call *c)
{
    long double size;
    number sum = sum_of_all(g, initial_or(c, 0), &size);
    if (is_inexact(r->dtype))
        nd_put_within(r, i, of_complex(sum.z), 16 * epsilon_of(r->dtype) * size);
    else
        nd_put(r, i, of_integer(sum.i));
}

/* Real as long as its factors are: an infinite one times 0i would be NaN. */
void put_prod(nd *r, int64_t i, const group *g, const call *c)
{
    number p = initial_or(c, 1);
    long double complex z = p.z;
    uint64_t whole = (uint64_t)p.i;
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            whole *= (uint64_t)g->v[k].i;
            z = cimagl(z) == 0 && cimagl(g->v[k].z) == 0 ? CMPLXL(creall(z) * creall(g->v[k].z), 0)
                                                         : z * g->v[k].z;
        }
    if (is_inexact(r->dtype))
        nd_put_within(r, i, of_complex(z),
                      4 * (long double)(g->n + 1) * epsilon_of(r->dtype) * cabsl(z));
    else
        nd_put(r, i, of_integer((__int128)whole));
}

int64_t how_many(const group *g)
{
    int64_t n = 0;
    for (int64_t k = 0; k < g->n; k++)
        n += g->in[k];
    return n;
}

static number mean_of(const group *g, long double *size)
{
    int64_t n = how_many(g);
    number sum = sum_of_all(g, of_integer(0), size);
    *size = n > 0 ? *size / n : 0;
    return n > 0 ? of_complex(CMPLXL(creall(sum.z) / n, cimagl(sum.z) / n))
                 : of_complex(CMPLXL(NAN, NAN));
}

void put_mean(nd *r, int64_t i, const group *g, const call *c)
{
    long double size;
    number mean = mean_of(g, &size);
    (void)c;
    nd_put_within(r, i, mean, 16 * epsilon_of(r->dtype) * size);
}

static long double variance_of(const group *g, const call *c, long double *largest)
{
    long double size, m2 = 0, n = (long double)how_many(g) - c->correction;
    long double complex mean = mean_of(g, &size).z;
    *largest = 0;
    for (int64_t k = 0; k < g->n; k++)
        if (g->in[k]) {
            long double d = cabsl(g->v[k].z - mean);
            m2 += d * d;
            *largest = fmaxl(*largest, cabsl(g->v[k].z));
        }
    return n > 0 ? m2 / n : NAN;
}

void put_var(nd *r, int64_t i, const group *g, const call *c)
{
    long double largest, v = variance_of(g, c, &largest);
    nd_put_within(r, i, of_real(v), 64 * epsilon_of(r->dtype) * (v + largest * largest));
}

void put_std(nd *r, int64_t i, const group *g, const call *c)
{
    long double largest, v = variance_of(g, c, &largest), s = sqrtl(v);
    long double slack = 64 * epsilon_of(r->dtype) * (v + largest * largest);
    nd_put_within(r, i, of_real(s), fminl(sqrtl(slack), slack / s + 4 * epsilon_of(r->dtype) * s));
}

/* The first of the best, or the first NaN, of those that are in; -1 for none. */
static int64_t place_of_best(const group *g, int sign)
{
    int64_t best = -1;
    for (int64_t k = 0; k < g->n; k++) {
        if (!g->in[k] || (best >= 0 && is_nan(g->v[best])))
            continue;
        if (best < 0 || is_nan(g->v[k]) || sign * creall(g->v[k].z) > sign * creall(g->v[best].z))
            best = k;
    }
    return best;
}

static void put_extreme(nd *r, int64_t i, const group *g, const call *c, int sign)
{
    int64_t k = place_of_best(g, sign);
    number best = k >= 0 ? g->v[k] : of_real(NAN);
    if (c->has_initial && (k < 0 || sign * creall(c->initial.z) > sign * creall(best.z)))
        best = c->initial;
    nd_put(r, i, best);
}

void put_min(nd *r, int64_t i, const group *g, const call *c)
{
    put_extreme(r, i, g, c, -1);
}

void put_max(nd *r, int64_t i, const group *g, const call *c)
{
    put_extreme(r, i, g, c, 1);
}

void put_argmin(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(place_of_best(g, -1)));
}

void put_argmax(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(place_of_best(g, 1)));
}

static int64_t nonzeros(const group *g)
{
    int64_t n = 0;
    for (int64_t k = 0; k < g->n; k++)
        n += g->in[k] && !is_zero(g->v[k]);
    return n;
}

void put_count(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g)));
}

void put_any(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g) > 0));
}

void put_all(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    nd_put(r, i, of_integer(nonzeros(g) == how_many(g)));
}

void put_ptp(nd *r, int64_t i, const group *g, const call *c)
{
    (void)c;
    number most = g->v[place_of_best(g, 1)], least = g->v[place_of_best(g, -1)];
    if (is_inexact(r->dtype))
        nd_put_near(r, i, of_real(creall(most.z) - creall(least.z)), 0.5L);
    else
        nd_put(r, i, of_integer(most.i - least.i));
}

void put_logsumexp(nd *r, int64_t i, const group *g, const call *c)
{
    long double sum = 0;
    (void)c;
    for (int64_t k = 0; k < g->n; k++)
        sum += expl(creall(g->v[k].z));
    nd_put_within(r, i, of_real(logl(sum)), 16 * epsilon_of(r->dtype) * (1 + fabsl(logl(sum))));
}

void put_norm(nd *r, int64_t i, const group *g, const call *c)
{
    long double p = isnan(c->order) ? 2 : c->order, sum = isinf(p) && p < 0 ? INFINITY : 0;
    bool nan = false;
    for (int64_t k = 0; k < g->n; k++) {
        long double size = cabsl(g->v[k].z);
        nan = nan || (p != 0 && is_nan(g->v[k]));
        if (isinf(p))
            sum = (p > 0) == (size > sum) ? size : sum;
        else
            sum += p == 0 ? !is_zero(g->v[k]) : powl(size, p);
    }
    long double norm = nan ? NAN : isinf(p) || p == 0 ? sum : powl(sum, 1 / p);
    nd_put_within(r, i, of_real(norm), 64 * epsilon_of(r->dtype) * norm);
}

void put_average(nd *r, int64_t i, const group *g, const call *c)
{
    long double complex sum = 0, weights = 0;
    long double size = 0;
    (void)c;
    for (int64_t k = 0; k < g->n; k++) {
        sum += g->v[k].z * g->w[k].z;
        weights += g->w[k].z;
        size += cabsl(g->v[k].z * g->w[k].z);
    }
    bool none = g->n == 0;
    number want = of_complex(none ? CMPLXL(NAN, NAN) : sum / weights);
    nd_put_within(r, i, want, 32 * epsilon_of(r->dtype) * size / cabsl(weights));
}
