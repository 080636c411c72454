/* SPDX-License-Identifier: BSD-3-Clause
 * 01_lazy_mean.c - lazy arrays: nothing is computed before it is asked for.
 */
#include <bramble/bramble.h>

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);

    /* 0, 1, 2, ... 999999, cut into chunks of 65536; no memory is used for it. */
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(1000000), .chunks = BR_CHUNKS(65536));
    br_array *y = br_sqrt(br_add(x, 1));
    br_array *mean = br_mean(y);

    br_print(y, stdout);
    br_print_tree(mean, stdout);

    double value;
    if (br_compute_f64(mean, &value) == BR_OK)
        printf("mean of sqrt(1) ... sqrt(1000000): %.12f\n", value);

    return br_close(ctx);
}
