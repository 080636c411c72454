/* SPDX-License-Identifier: BSD-3-Clause
 * fault_store.c - stores that are stopped half way, for fault_store.sh.
 *
 * fault_store slow FILE DATASET MODE  stores an array whose chunks take some milliseconds each
 * fault_store fast FILE DATASET MODE  the same array without waiting
 * fault_store check FILE DATASET      the dataset is there and right
 * fault_store resume FILE DATASET WHAT  as slow, in steps that a next call goes on with; tells how
 *                                     many chunks it computed. WHAT is packed, plain or contiguous,
 *                                     other is another expression
 * MODE is what becomes of a file that exists, add, overwrite or truncate, or copy to add with
 * .safe_copy. On a failure of a store its message is printed, and the program ends with 1.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bramble/bramble.h>

enum { SIDE = 512, CHUNK = 64 };

static atomic_int computed; /* chunks, by this process */

/* Who computes, for those who want to kill one of them. */
static void tell_pid(void)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&told))
        fprintf(stderr, "computes %ld\n", (long)getpid());
}

/* Elements follow from their place; they compress to about 800 KiB. */
static int fill(const br_block *in, int n, const br_block *out, const void *data)
{
    const int *wait = data;
    double *v = out->data;
    (void)in;
    (void)n;
    atomic_fetch_add(&computed, 1);
    if (*wait > 0) {
        tell_pid();
        usleep((useconds_t)*wait);
    }
    for (int64_t i = 0; i < out->extent[0] * out->extent[1]; i++) {
        int64_t row = out->origin[0] + i / out->extent[1];
        uint32_t place = (uint32_t)(row * SIDE + out->origin[1] + i % out->extent[1]);
        v[i] = (double)(place * 2654435761u >> 12);
    }
    return 0;
}

static br_array *made(br_context *ctx, int wait)
{
    return br_from_blocks(ctx, fill, BR_SHAPE(SIDE, SIDE), .dtype = BR_FLOAT64,
                          .chunks = BR_CHUNKS(CHUNK, CHUNK), .data = &wait,
                          .data_bytes = sizeof wait);
}

static br_store_mode mode_of(const char *name)
{
    if (strcmp(name, "overwrite") == 0)
        return BR_STORE_OVERWRITE;
    return strcmp(name, "truncate") == 0 ? BR_STORE_TRUNCATE : BR_STORE_ADD;
}

static int store(br_context *ctx, char **argv)
{
    int wait = strcmp(argv[1], "slow") == 0 ? 8000 : 0;
    fprintf(stderr, "writes %ld\n", (long)getpid());
    br_status st = br_store_hdf5(made(ctx, wait), argv[2], argv[3], .mode = mode_of(argv[4]),
                                 .deflate = 1, .safe_copy = strcmp(argv[4], "copy") == 0);
    if (st == BR_OK)
        return 0;
    printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

static int resume(br_context *ctx, char **argv)
{
    const char *what = argv[4];
    br_array *x = made(ctx, strcmp(what, "other") == 0 ? 30001 : 30000);
    const br_store_hdf5_args stores[] = {
        {.x = x,
         .path = argv[2],
         .dataset = argv[3],
         .resume = true,
         .deflate = strcmp(what, "packed") == 0,
         .contiguous = strcmp(what, "contiguous") == 0,
         .dims = BR_DIMS("lat", "lon")},
        {.x = br_arange(ctx, BR_NUM(0), BR_NUM(100)), .dataset = "other", .resume = true},
    };
    fprintf(stderr, "writes %ld\n", (long)getpid());
    br_status st = br_store_many(stores, 2);
    printf("computed %d\n", atomic_load(&computed));
    if (st == BR_OK)
        return 0;
    printf("failed: %s\n", br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

static int check(br_context *ctx, char **argv)
{
    br_array *x = br_from_hdf5(ctx, argv[2], argv[3], .chunks = BR_CHUNKS(CHUNK, CHUNK));
    double wrong = -1;
    br_status st =
        br_compute_f64(br_sum(br_not_equal(x, made(ctx, 0)), .dtype = BR_FLOAT64), &wrong);
    if (st == BR_OK && wrong == 0)
        return 0;
    printf("%s: %g elements are wrong: %s\n", argv[3], wrong, br_message(ctx));
    br_clear_error(ctx);
    return 1;
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);
    int result = 2;
    if (argc == 5 && (strcmp(argv[1], "slow") == 0 || strcmp(argv[1], "fast") == 0))
        result = store(ctx, argv);
    else if (argc == 5 && strcmp(argv[1], "resume") == 0)
        result = resume(ctx, argv);
    else if (argc == 4 && strcmp(argv[1], "check") == 0)
        result = check(ctx, argv);
    int closed = br_close(ctx);
    return result != 0 ? result : closed;
}
