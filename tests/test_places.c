/* SPDX-License-Identifier: BSD-3-Clause
 * test_places.c - an element's result does not depend on its place: every operation and conversion
 * on every dtype and instruction set, for many lengths, every alignment of operands and results,
 * with strides, with single values on any side, and written over an operand.
 */
#include "tests/operands.h"
#include "tests/sanitized.h"
#include "tests/suite.h"

enum {
    N = 3 * BRI_BLOCK + 1,
    SLACK = 64,              /* further bytes for alignment */
    ROOM = 3 * 16 * (N + 8), /* bytes of an operand with strides */
    GUARD = 0x5a,
};

// clang-format off
static const int64_t lengths[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 511, 512, 513,
                                  BRI_BLOCK - 1, BRI_BLOCK, BRI_BLOCK + 1, 2 * BRI_BLOCK - 1,
                                  2 * BRI_BLOCK, 2 * BRI_BLOCK + 1, N - 1, N};
// clang-format on
enum { NLENGTHS = sizeof lengths / sizeof *lengths };

/* An operation, N elements of each operand, and its results with all of them dense and aligned. */
typedef struct job {
    operation o;
    bri_program *p;
    size_t size[3], out_size;
    _Alignas(64) char x[3][N * 16];
    _Alignas(64) char want[N * 16];
} job;

static job j;
static _Alignas(64) char rooms[4][ROOM + 2 * SLACK];

static const char *name_of(const operation *o)
{
    return o->op == BRI_NOPS ? br_dtype_name(o->to) : bri_ops[o->op].name;
}

static void expect_same(const char *got, const char *want, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + (size_t)i * j.out_size, want + (size_t)i * j.out_size, j.out_size) != 0)
            ck_abort_msg("%s %s of %s: element %d of %d: %s", bri_kernels_isa(), name_of(&j.o),
                         br_dtype_name(j.o.dtype), (int)i, (int)n, what);
}

/* ---- runs ---- */

static void run(const bri_program *p, int64_t n, const bri_view *in, bri_view out)
{
    bri_box box = {.ndim = 1, .extent = {n}, .inputs = in, .out = out};
    run_box(p, &box);
}

static bri_view dense(void *at, size_t size)
{
    return (bri_view){at, {(int64_t)size}};
}

/* Elements `first` to first + n of the operands at some offsets from 64 bytes' alignment, the
 * result at offset[3]. */
static void check_offsets(int64_t first, int64_t n, const int offset[4])
{
    bri_view in[3];
    char *out = rooms[3] + SLACK + offset[3];
    const size_t bytes = (size_t)n * j.out_size;
    for (int k = 0; k < j.o.arity; k++) {
        in[k] = dense(rooms[k] + offset[k], j.size[k]);
        memcpy(in[k].base, j.x[k] + (size_t)first * j.size[k], (size_t)n * j.size[k]);
    }
    memset(out - SLACK, GUARD, bytes + 2 * SLACK);
    run(j.p, n, in, dense(out, j.out_size));
    expect_same(out, j.want + (size_t)first * j.out_size, n, "alignment or length matters");
    for (int i = 0; i < SLACK; i++)
        require(out[-1 - i] == GUARD && out[bytes + (size_t)i] == GUARD,
                "written beyond the result");
}

static void check_lengths(void)
{
    for (int l = 0; l < NLENGTHS; l++) {
        int offset[4] = {0};
        check_offsets(0, lengths[l], offset);
        for (int k = 0; k < 4; k++)
            offset[k] = (int)random_below(64 / 4) * 4;
        check_offsets(random_below(N - lengths[l] + 1), lengths[l], offset);
    }
}

/* Each operand and the result alone, then all of them at different offsets. */
static void check_alignments(void)
{
    for (int o = 0; o < 64; o += SLOW ? 7 : 1) {
        for (int k = 0; k < 4; k++) {
            int offset[4] = {0};
            offset[k] = o;
            if (k < j.o.arity || k == 3)
                check_offsets(o, 40 + o, offset);
        }
        check_offsets(o, 140 - o,
                      (int[]){o, (5 * o + 1) % 64, (11 * o + 2) % 64, (3 * o + 3) % 64});
    }
}

/* Element i stands i * stride elements away, which may be negative. */
static bri_view spread(char *room, size_t size, int64_t n, int64_t stride)
{
    const int64_t bytes = stride * (int64_t)size;
    return (bri_view){stride < 0 ? room - (n - 1) * bytes : room, {bytes}};
}

static void check_strides(int64_t n)
{
    static const int64_t strides[4][4] = {
        {2, 2, 2, 1}, {-1, 1, -3, 1}, {1, -2, 1, -1}, {3, 1, 2, 2}};
    for (int s = 0; s < 4; s++) {
        bri_view in[3], out = spread(rooms[3], j.out_size, n, strides[s][3]);
        for (int k = 0; k < j.o.arity; k++) {
            in[k] = spread(rooms[k], j.size[k], n, strides[s][k]);
            for (int64_t i = 0; i < n; i++)
                memcpy(in[k].base + i * in[k].stride[0], j.x[k] + (size_t)i * j.size[k], j.size[k]);
        }
        run(j.p, n, in, out);
        for (int64_t i = 0; i < n; i++)
            expect_same(out.base + i * out.stride[0], j.want + (size_t)i * j.out_size, 1,
                        "strides matter");
    }
}

/* Over each operand whose elements are as large as the result's. */
static void check_aliases(int64_t n)
{
    for (int over = 0; over < j.o.arity; over++) {
        bri_view in[3];
        if (j.size[over] != j.out_size)
            continue;
        for (int k = 0; k < j.o.arity; k++) {
            in[k] = dense(rooms[k], j.size[k]);
            memcpy(rooms[k], j.x[k], (size_t)n * j.size[k]);
        }
        run(j.p, n, in, in[over]);
        expect_same(rooms[over], j.want, n, "writing over an operand matters");
    }
}

/* Operands in `single` are element e for all, as a constant of the program and as an input without
 * a stride; the vectors that they stand for give the results to compare with. */
static void check_single(int single, int64_t e, int64_t n)
{
    void *constants[3] = {NULL};
    bri_view in[3], still[3], others[3];
    int nothers = 0;
    for (int k = 0; k < j.o.arity; k++) {
        in[k] = still[k] = dense(j.x[k], j.size[k]);
        if (single >> k & 1) {
            constants[k] = j.x[k] + (size_t)e * j.size[k];
            still[k] = (bri_view){constants[k], {0}};
            in[k].base = rooms[k];
            for (int64_t i = 0; i < n; i++)
                memcpy(rooms[k] + (size_t)i * j.size[k], constants[k], j.size[k]);
        } else {
            others[nothers++] = in[k];
        }
    }
    static _Alignas(64) char want[N * 16];
    bri_program *p = program_of(&j.o, constants);
    run(j.p, n, in, dense(want, j.out_size));
    run(j.p, n, still, dense(rooms[3], j.out_size));
    expect_same(rooms[3], want, n, "a stride of 0 matters");
    run(p, n, others, dense(rooms[3], j.out_size));
    expect_same(rooms[3], want, n, "a constant matters");
    bri_program_free(p);
}

static void check_singles(void)
{
    for (int single = 1; single < 1 << j.o.arity; single++)
        for (int times = 0; times < 8; times++)
            check_single(single, random_below(N), times == 0 ? BRI_BLOCK + 70 : 70);
}

/* ---- every operation ---- */

static void start_job(operation o)
{
    j.o = o;
    j.p = program_of(&o, NULL);
    j.out_size = bri_dtypes[result_dtype(&o)].size;
    bri_view in[3];
    for (int k = 0; k < o.arity; k++) {
        br_dtype dtype = operand_dtype(&o, k);
        j.size[k] = bri_dtypes[dtype].size;
        for (int64_t i = 0; i < N; i++) {
            put_any(o.op < BRI_NOPS ? o.op : BRI_OP_ADD, dtype, element(dtype, j.x[k], i));
            same_nan(dtype, element(dtype, j.x[k], i));
        }
        in[k] = dense(j.x[k], j.size[k]);
    }
    run(j.p, N, in, dense(j.want, j.out_size));
}

static void check_places(operation o)
{
    start_job(o);
    check_lengths();
    check_alignments();
    check_strides(BRI_BLOCK + 50);
    check_aliases(N);
    check_aliases(33);
    check_singles();
    bri_program_free(j.p);
}

/* The results of conversions of floats beyond an integer's range are the same, too. */
static void check_isas(operation o)
{
    static char first[N * 16];
    bool started = false;
    for (int isa = 0; isa < NISAS; isa++) {
        if (bri_kernels_init(isas[isa]) != BR_OK || (!has_fma(isa) && !same_on_every_isa(&o)))
            continue;
        if (!started)
            start_job(o);
        bri_program *p = program_of(&o, NULL);
        bri_view in[3];
        for (int k = 0; k < o.arity; k++)
            in[k] = dense(j.x[k], j.size[k]);
        run(p, N, in, dense(rooms[3], j.out_size));
        if (started)
            expect_same(rooms[3], first, N, "differs from another instruction set");
        memcpy(first, rooms[3], N * j.out_size);
        bri_program_free(p);
        if (!started)
            bri_program_free(j.p);
        started = true;
    }
}

static void each_operation(br_dtype dtype, void (*check)(operation))
{
    for (int op = 0; op < BRI_NOPS; op++)
        if (defined_for((bri_opcode)op, dtype))
            check(operation_of((bri_opcode)op, dtype));
    for (int to = 1; to < BR_NDTYPE; to++)
        if (to != (int)dtype)
            check((operation){BRI_NOPS, dtype, (br_dtype)to, 1});
}

START_TEST(places)
{
    if (bri_kernels_init(isas[_i]) != BR_OK)
        return;
    for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
        each_operation((br_dtype)dtype, check_places);
}
END_TEST

START_TEST(instruction_sets)
{
    for (int dtype = 1; dtype < BR_NDTYPE; dtype++)
        each_operation((br_dtype)dtype, check_isas);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("places");
    tcase_add_loop_test(t, places, 0, NISAS);
    tcase_add_test(t, instruction_sets);
    return run_case("places", t);
}
