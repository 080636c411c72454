/* SPDX-License-Identifier: BSD-3-Clause
 * 05_pi_darts.c - random numbers that repeat: the same darts on one thread, all cores and all
 * ranks.
 *
 * An element follows from seed, stream and its place in the array, so nothing has to be stored or
 * sent, and neither chunks nor ranks change it.
 */
#include <bramble/bramble.h>

/* Four times the share of darts that hit the quarter of a disc. */
static br_array *pi_by(br_array *x, br_array *y)
{
    br_array *hit = br_less_equal(br_add(br_square(x), br_square(y)), 1);
    return br_mul(br_mean(hit), 4);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    double pi;

    /* Each call takes a stream of its own. */
    const br_extents darts = BR_SHAPE(10000000);
    br_array *x = br_random_uniform(ctx, darts);
    br_array *y = br_random_uniform(ctx, darts);
    if (br_compute_f64(pi_by(x, y), &pi) == BR_OK)
        printf("pi by ten million darts: %.7f\n", pi);

    /* A stream can be named; then it is the same one each time, whatever its chunks. */
    x = br_random_uniform(ctx, darts, .seed = BR_NUM(2), .stream = BR_NUM(0));
    y = br_random_uniform(ctx, darts, .seed = BR_NUM(2), .stream = BR_NUM(1),
                          .chunks = BR_CHUNKS(777777));
    if (br_compute_f64(pi_by(x, y), &pi) == BR_OK)
        printf("by those of another seed: %.7f\n", pi);
    if (br_compute_f64(pi_by(x, x), &pi) == BR_OK)
        printf("by darts whose x is their y: %.7f, which is near twice the root of 2\n", pi);

    br_array *dice = br_random_integers(ctx, 1, 7, BR_SHAPE(4, 12), .seed = BR_NUM(6));
    br_print_values(dice, stdout);
    br_print(dice, stdout);

    return br_close(ctx);
}
