/* SPDX-License-Identifier: BSD-3-Clause
 * plugin.c - a module with a function for br_map_blocks, which fault_array loads or does not.
 */
#include <bramble/user.h>

int plugin_doubles(const br_block *in, int n, const br_block *out, const void *data);

int plugin_doubles(const br_block *in, int n, const br_block *out, const void *data)
{
    (void)n;
    (void)data;
    const double *x = in[0].data;
    double *y = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = 2 * x[i];
    return 0;
}
