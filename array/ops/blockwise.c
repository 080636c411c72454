/* SPDX-License-Identifier: BSD-3-Clause
 * blockwise.c - a function of the user's on chunks that are matched by index letters.
 */
#include <ctype.h>
#include <string.h>

#include "array/ops/blocks.h"
#include "array/ops/fits.h"
#include "array/plan/stage.h"
#include "runtime/alloc.h"

const bri_op bri_op_blockwise = {
    .name = "blockwise",
    .infer = bri_blocks_infer,
    .form = {1, BRI_MAX_INPUTS, sizeof(bri_user_params), true},
    .fits = bri_fits_blocks,
    .stage = &bri_stage_blocks,
    .any_extent = true,
    .costly = true,
    .print = bri_user_print,
    .pack = bri_user_pack,
    .unpack = bri_user_unpack,
    .check = bri_user_check,
};

/* The letters of indices in the order of their numbers. */
typedef struct letters {
    char of[BR_MAX_NDIM + 1];
    int n;
} letters;

/* Letters only, each once. */
static br_status check_letters(const char *text, const char *whose)
{
    for (int i = 0; text[i] != '\0'; i++) {
        if (!isalpha((unsigned char)text[i]))
            return bri_error(BR_EARG, "indices \"%s\" of %s: column %d is no letter", text, whose,
                             i + 1);
        if (memchr(text, text[i], (size_t)i) != NULL)
            return bri_error(BR_EARG, "indices \"%s\" of %s: '%c' stands twice", text, whose,
                             text[i]);
        if (i == BR_MAX_NDIM)
            return bri_error(BR_EARG, "indices of %s: more than %d", whose, BR_MAX_NDIM);
    }
    return BR_OK;
}

/* The number of a letter, which is given one if it is new. */
static br_status number_of(letters *all, char letter, int8_t *out)
{
    const char *known = memchr(all->of, letter, (size_t)all->n);
    if (known == NULL && all->n == BR_MAX_NDIM)
        return bri_error(BR_EARG, "more than %d indices", BR_MAX_NDIM);
    if (known == NULL)
        all->of[all->n++] = letter;
    *out = (int8_t)(known != NULL ? known - all->of : all->n - 1);
    return BR_OK;
}

static br_status number_input(const br_indexed *in, int k, letters *all, bri_blocks *b)
{
    char whose[24];
    snprintf(whose, sizeof whose, "input %d", k + 1);
    if (in->index == NULL)
        return bri_error(BR_EARG, "%s has no indices", whose);
    BRI_TRY(check_letters(in->index, whose));
    int n = (int)strlen(in->index);
    if (n != in->array->node->ndim)
        return bri_error(BR_EARG, "indices \"%s\" of %s, which has %d axes", in->index, whose,
                         in->array->node->ndim);
    for (int a = 0; a < n; a++)
        BRI_TRY(number_of(all, in->index[a], &b->index[k][a]));
    return BR_OK;
}

static br_status number_indices(const br_blockwise_args *args, const br_indexed *in, int n,
                                bri_blocks *b)
{
    letters all = {.n = (int)strlen(args->out)};
    memcpy(all.of, args->out, (size_t)all.n);
    b->ninputs = n;
    b->by_number = args->by_number;
    for (int k = 0; k < n; k++)
        BRI_TRY(number_input(&in[k], k, &all, b));
    b->nindices = all.n;
    for (int i = 0; i < all.n; i++) {
        b->whole |= i >= b->ndim && args->concatenate ? (uint32_t)1 << i : 0;
        snprintf(b->name[i], sizeof b->name[i], "index %c", all.of[i]);
    }
    return BR_OK;
}

static br_status describe_blocks(const br_blockwise_args *args, const br_indexed *in, int n,
                                 bri_blocks **out)
{
    if (args->out == NULL)
        return bri_error(BR_EARG, "the result has no indices; \"\" is those of a scalar");
    BRI_TRY(check_letters(args->out, "the result"));
    BRI_TRY(bri_blocks_new((int)strlen(args->out), &args->chunks, args->chunk_lists, out));
    return number_indices(args, in, n, *out);
}

br_array *br_blockwise_(br_blockwise_args args)
{
    const br_indexed in[BRI_MAX_INPUTS] = {args.in1, args.in2, args.in3, args.in4,
                                           args.in5, args.in6, args.in7, args.in8};
    bri_call call = {args.in1.array != NULL ? args.in1.array->ctx : NULL, "blockwise", args.at};
    bri_user_call u = {.op = &bri_op_blockwise,
                       .fn = (bri_function)args.fn,
                       .data = args.data,
                       .data_bytes = args.data_bytes,
                       .dtype = args.dtype,
                       .impure = args.impure,
                       .scratch_bytes = args.scratch_bytes};
    br_array *inputs[BRI_MAX_INPUTS] = {NULL};
    int n = BRI_MAX_INPUTS;
    while (n > 1 && in[n - 1].array == NULL && in[n - 1].index == NULL)
        n--;
    for (int k = 0; k < n; k++)
        inputs[k] = in[k].array;
    br_array *failed = bri_check_call(&call, inputs, n);
    if (failed != NULL)
        return failed;
    bri_blocks *b = NULL;
    br_status st = describe_blocks(&args, in, n, &b);
    br_array *y =
        st == BR_OK ? bri_blocks_build(&call, &u, b, inputs) : bri_handle_error(&call, st);
    bri_free(b);
    return y;
}
