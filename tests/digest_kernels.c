/* SPDX-License-Identifier: BSD-3-Clause
 * digest_kernels.c - prints a digest of what every kernel makes of fixed operands, one line each,
 * so that instruction sets and processors can be compared: digest_kernels [INSTRUCTION-SET].
 *
 * NaNs count as alike: processors differ in the sign and payload of those they make.
 */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernels/kernels.h"
#include "runtime/error.h"
#include "tests/random_bits.h"

enum {
    SPECIALS = 24,
    PAIRS = SPECIALS * SPECIALS,
    N = PAIRS + 1000, /* every pair of special values, then random ones; more than a block */
    ROWS = 50,        /* of the random values, for reductions along the first axis */
};

static const double reals[SPECIALS] = {
    0,     -0.0,   1,      -1,      0.5,      -1.5, 2,       3.141592653589793,
    127.9, -128.9, 255.5,  -0.99,   65536,    3e9,  -3e9,    9.3e18,
    2e19,  -2e19,  1e-310, -1e-310, INFINITY, NAN,  7.25e-4, -INFINITY};

// clang-format off
static const int64_t integers[SPECIALS] = {
    0, 1, -1, 2, -2, 3, -7, 10, 63, 64, 127, -128, 255, -32768, 32767, 65535, INT32_MAX, INT32_MIN,
    UINT32_MAX, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1000003, -1000003};
// clang-format on

typedef struct operand {
    br_dtype dtype;
    _Alignas(64) char bytes[N * 16];
} operand;

static operand first, second, mask, result;
static _Alignas(64) char scratch[1 << 20];
static _Alignas(64) char states[N * 32];

static void fail(const char *what)
{
    fprintf(stderr, "digest_kernels: %s: %s\n", what, bri_last_error());
    exit(1);
}

/* Of all magnitudes between 2^-40 and 2^40. */
static double random_real(void)
{
    uint64_t bits = random_bits();
    return ldexp((double)(int64_t)bits, (int)(bits % 81) - 40 - 63);
}

static double real_at(int i, int part)
{
    if (i >= PAIRS)
        return random_real();
    return reals[part == 0 ? i / SPECIALS : i % SPECIALS];
}

/* Element i of the first or second operand (part 0 or 1). */
static void put(br_dtype dtype, char *at, int i, int part)
{
    size_t size = bri_dtypes[dtype].size;
    double x = real_at(i, part), y = real_at(i, (part + i / 7) % 2);
    int64_t whole = integers[part == 0 ? i % PAIRS / SPECIALS : i % SPECIALS];
    if (i >= PAIRS)
        whole = (int64_t)random_bits() >> i % 64;
    if (dtype == BR_BOOL)
        *at = (char)(whole & 1);
    else if (dtype == BR_FLOAT32)
        memcpy(at, &(float){(float)x}, size);
    else if (dtype == BR_FLOAT64)
        memcpy(at, &x, size);
    else if (dtype == BR_COMPLEX64)
        memcpy(at, &(float[]){(float)x, (float)y}, size);
    else if (dtype == BR_COMPLEX128)
        memcpy(at, &(double[]){x, y}, size);
    else
        memcpy(at, &whole, size); /* the low bytes: both processors are little-endian */
}

static void fill(operand *to, br_dtype dtype, int part)
{
    to->dtype = dtype;
    for (int i = 0; i < N; i++)
        put(dtype, to->bytes + (size_t)i * bri_dtypes[dtype].size, i, part);
}

static void same_nans(br_dtype dtype, char *bytes, size_t n)
{
    br_dtype real = bri_real_dtype(dtype);
    n *= bri_dtypes[dtype].size / bri_dtypes[real].size;
    for (size_t i = 0; i < n; i++) {
        double *d = (double *)bytes + i;
        float *f = (float *)bytes + i;
        if (real == BR_FLOAT64 && isnan(*d))
            *d = NAN;
        if (real == BR_FLOAT32 && isnan(*f))
            *f = NAN;
    }
}

/* FNV-1a. */
static uint64_t digest(br_dtype dtype, char *bytes, size_t n)
{
    uint64_t h = 14695981039346656037u;
    same_nans(dtype, bytes, n);
    for (size_t i = 0; i < n * bri_dtypes[dtype].size; i++)
        h = (h ^ (unsigned char)bytes[i]) * 1099511628211u;
    return h;
}

static bri_view dense(operand *of)
{
    return (bri_view){of->bytes, {(int64_t)bri_dtypes[of->dtype].size}};
}

/* A sealed program over all elements of the operands. */
static void run(bri_program *p, const bri_view *inputs, int value)
{
    result.dtype = bri_program_dtype(p, value);
    bri_box box = {.ndim = 1, .extent = {N}, .inputs = inputs, .out = dense(&result)};
    box.scratch = scratch;
    bri_program_run(p, &box);
}

/* An operand of a program: an input, or its element 5 as a constant. */
static int place(bri_program *p, operand *of, bool constant, bri_view *inputs)
{
    if (constant)
        return bri_program_constant(p, of->dtype, of->bytes + 5 * bri_dtypes[of->dtype].size);
    inputs[bri_program_ninputs(p)] = dense(of);
    return bri_program_input(p, of->dtype);
}

static void digest_op(bri_opcode op, br_dtype dtype, int form)
{
    bri_view inputs[3];
    bri_program *p = bri_program_new();
    int arg[3] = {-1, -1, -1}, k = 0;
    if (bri_ops[op].arity == 3)
        arg[k++] = place(p, &mask, false, inputs);
    arg[k++] = place(p, &first, form & 1, inputs);
    if (k < bri_ops[op].arity)
        arg[k] = place(p, &second, form & 2, inputs);
    int value = bri_program_op(p, op, arg[0], arg[1], arg[2]);
    if (bri_program_seal_store(p, value) != BR_OK)
        fail(bri_ops[op].name);
    run(p, inputs, value);
    printf("%s %s %d %016llx\n", bri_ops[op].name, br_dtype_name(dtype), form,
           (unsigned long long)digest(result.dtype, result.bytes, N));
    bri_program_free(p);
}

static void digest_cast(br_dtype from, br_dtype to)
{
    bri_view input = dense(&first);
    bri_program *p = bri_program_new();
    int value = bri_program_cast(p, to, bri_program_input(p, from));
    if (bri_program_seal_store(p, value) != BR_OK)
        fail("cast");
    run(p, &input, value);
    printf("cast %s %s %016llx\n", br_dtype_name(from), br_dtype_name(to),
           (unsigned long long)digest(to, result.bytes, N));
    bri_program_free(p);
}

/* States of the random values: of special ones most would be NaN. */
static void digest_reduction(bri_redop op, br_dtype dtype, int axis)
{
    const int64_t size = (int64_t)bri_dtypes[dtype].size, cols = (N - PAIRS) / ROWS;
    bri_program *p = bri_program_new();
    if (bri_program_seal_reduce(p, bri_program_input(p, dtype), op) == BR_OK) {
        br_dtype read = bri_reduced_dtype(op, dtype);
        int64_t count = axis == 0 ? cols : ROWS;
        bri_view input = {first.bytes + PAIRS * size, {cols * size, size}};
        bri_box box = {.ndim = 2, .extent = {ROWS, cols}, .inputs = &input, .axis = axis};
        box.state = states;
        box.scratch = scratch;
        bri_program_run(p, &box);
        printf("%d %s %d", (int)op, br_dtype_name(dtype), axis);
        char *plane = states;
        for (int k = 0; k < bri_state_planes(op); k++) {
            br_dtype kept = bri_state_dtype(op, read, k);
            printf(" %016llx", (unsigned long long)digest(kept, plane, (size_t)count));
            plane += (size_t)count * bri_dtypes[kept].size;
        }
        putchar('\n');
    }
    bri_program_free(p);
}

static void digest_dtype(br_dtype dtype)
{
    fill(&first, dtype, 0);
    fill(&second, dtype, 1);
    fill(&mask, BR_BOOL, 1);
    for (int op = 0; op < BRI_NOPS; op++)
        for (int form = 0; form < (bri_ops[op].arity > 1 ? 4 : 1); form++)
            if (strchr(bri_ops[op].kinds, bri_kind(dtype)) != NULL)
                digest_op((bri_opcode)op, dtype, form);
    for (int to = BR_NO_DTYPE + 1; to < BR_NDTYPE; to++)
        digest_cast(dtype, (br_dtype)to);
    for (int op = 0; op < BRI_NREDS; op++)
        for (int axis = 0; axis < 2; axis++)
            digest_reduction((bri_redop)op, dtype, axis);
}

int main(int argc, char **argv)
{
    if (bri_kernels_init(argc > 1 ? argv[1] : NULL) != BR_OK)
        fail("instruction set");
    for (int dtype = BR_NO_DTYPE + 1; dtype < BR_NDTYPE; dtype++)
        digest_dtype((br_dtype)dtype);
    return 0;
}
