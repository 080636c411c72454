/* SPDX-License-Identifier: BSD-3-Clause
 * 03_hdf5.c - arrays from and to HDF5 files: only what a result needs is read.
 *
 * Writes multiplication.h5 into the current directory.
 */
#include <bramble/bramble.h>

static const char path[] = "multiplication.h5";

/* The product table: a column times a row, broadcast, in 16 chunks of 250 x 250. */
static br_array *table(br_context *ctx)
{
    br_array *row =
        br_arange(ctx, BR_NUM(1), BR_NUM(1001), .dtype = BR_INT32, .chunks = BR_CHUNKS(250));
    return br_multiply(br_expand_dims(row, 1), row);
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);

    /* Rank 0 alone is here, so the file is removed once; a dataset that exists is never
     * overwritten. */
    remove(path);
    br_store_hdf5(table(ctx), path, "products");
    br_store_hdf5(br_sqrt(br_arange(ctx, BR_NUM(0), BR_NUM(5))), path, "more/roots", .deflate = 4);

    br_array *x = br_from_hdf5(ctx, path, "products");
    br_print(x, stdout);

    printf("\nthe corners:\n");
    br_print_values(x, stdout);

    printf("\nrows 3, 6 and 9, the last four columns backwards:\n");
    br_print_values(br_index(x, "2:9:3, :-5:-1"), stdout);

    printf("\nthe largest product in each of the first five rows:\n");
    br_print_values(br_max(br_index(x, ":5"), .axis = BR_AXES(1)), stdout);

    /* Sums of integers are int64: 500500 squared does not fit in 32 bits. */
    int64_t sum;
    if (br_compute_i64(br_sum(x), &sum) == BR_OK)
        printf("\nthe sum of all: %lld\n", (long long)sum);

    printf("\nthe second dataset of the file:\n");
    br_print_values(br_from_hdf5(ctx, path, "more/roots"), stdout);

    /* Of the stored chunks only what the slice touches is read. */
    br_run_info run;
    br_array *corner = br_sum(br_index(x, ":100, :100"));
    if (br_compute_i64(corner, &sum) == BR_OK && br_last_run(ctx, &run) == BR_OK)
        printf("\nthe sum of the first 100 x 100: %lld, %lld bytes of %zu read\n", (long long)sum,
               (long long)run.bytes_read, br_nbytes(x));

    /* What is not there becomes an array that carries its error, and so does all that is made from
     * it; br_message(ctx) says which call it was and which datasets the file has. */
    br_array *missing = br_add(br_from_hdf5(ctx, path, "quotients"), 1);
    printf("\nthe quotients: %s\n", br_status_text(br_status_of(missing)));
    br_clear_error(ctx);

    return br_close(ctx);
}
