/* SPDX-License-Identifier: BSD-3-Clause
 * 09_monte_carlo.c - as many random trials as the answer needs: batches that are looked at as they
 * complete, until the error is small enough; the rest is cancelled.
 *
 * 09_monte_carlo [ERROR]
 *
 * What is an option worth today: the right to buy a share in a year for 105, when it costs 100 now
 * and moves at random? The mean over many random years says it, with an error that falls with the
 * root of their number. For this option a formula (Black and Scholes 1973) has the answer, too.
 */
#include <bramble/bramble.h>
#include <math.h>
#include <stdlib.h>

enum { BATCHES = 400, TRIALS = 20000 };

static const double price = 100, strike = 105, rate = 0.03, volatility = 0.2;

typedef struct batch {
    int number;
    double sum, squares;
} batch;

/* ---- on any thread of any rank ---- */

/* splitmix64 (Steele, Lea and Flood 2014): a number from 0 to 1, without 0. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

/* What the option brings after a year that moves the share by `normal` standard deviations. */
static double payoff(double normal)
{
    double end = price * exp(rate - volatility * volatility / 2 + volatility * normal);
    return end > strike ? (end - strike) * exp(-rate) : 0;
}

/* The random numbers belong to the batch, not to the thread that happens to take it. */
static int simulate(br_task *task, const void *args, size_t bytes)
{
    batch b = {.number = *(const int *)args};
    uint64_t state = (uint64_t)b.number << 32;
    (void)bytes;
    for (int i = 0; i < TRIALS; i++) {
        double radius = sqrt(-2 * log(uniform(&state))); /* Box and Muller 1958 */
        double x = payoff(radius * cos(6.283185307179586 * uniform(&state)));
        b.sum += x;
        b.squares += x * x;
    }
    return br_task_return(task, &b, sizeof b);
}

/* ---- on rank 0 ---- */

/* The standard error of the mean of all trials of n batches. */
static double error_of(const batch *total, int n)
{
    double trials = (double)n * TRIALS, mean = total->sum / trials;
    return n == 0 ? INFINITY : sqrt((total->squares / trials - mean * mean) / trials);
}

static double black_scholes(void)
{
    double d1 = (log(price / strike) + rate) / volatility + volatility / 2;
    double d2 = d1 - volatility;
    return price * erfc(-d1 / sqrt(2)) / 2 - strike * exp(-rate) * erfc(-d2 / sqrt(2)) / 2;
}

/* Adds up batches until the error is small enough, and returns how many that took. They arrive in
 * any order but are added in that of their numbers, so that the answer is always the same. */
static int add_up(br_context *ctx, br_future *const futures[], double error, batch *total)
{
    static batch done[BATCHES];
    static bool is_done[BATCHES];
    int n = 0;
    br_completed *completed = br_as_completed(ctx, futures, BATCHES);
    for (br_future *f; error_of(total, n) > error && (f = br_next_completed(completed)) != NULL;) {
        batch b;
        if (br_future_result(f, &b, sizeof b) != BR_OK)
            break;
        done[b.number] = b;
        is_done[b.number] = true;
        for (; n < BATCHES && is_done[n] && error_of(total, n) > error; n++) {
            total->sum += done[n].sum;
            total->squares += done[n].squares;
        }
    }
    br_completed_free(completed);
    return n;
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    double error = argc > 1 ? atof(argv[1]) : 0.01;
    int numbers[BATCHES];
    br_future *futures[BATCHES];
    for (int i = 0; i < BATCHES; i++)
        numbers[i] = i;
    br_submit_many(ctx, simulate, numbers, sizeof numbers[0], BATCHES, futures);

    batch total = {0};
    int n = add_up(ctx, futures, error, &total);
    for (int i = 0; i < BATCHES; i++)
        br_future_free(futures[i]); /* cancels those that have not begun */

    if (br_error_status(ctx) == BR_OK) {
        printf("simulated  %.4f +- %.4f\n", total.sum / n / TRIALS, error_of(&total, n));
        printf("formula    %.4f\n", black_scholes());
        printf("%d of %d batches were needed\n", n, BATCHES);
    }
    return br_close(ctx);
}
