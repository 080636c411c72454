/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_persist.c - persisted arrays: read by later runs in every way, dropped with their scopes,
 * and iterations that carry one from step to step in constant memory.
 */
#include "tests/sweep.h"

static value r_affine(value a)
{
    return a * 2 + 3;
}

static void readers(void)
{
    const int64_t shape[] = {12, 10};
    for (br_dtype d = BR_INT8; d < BR_NDTYPE; d += 2)
        for (int how = 0; how < NCUTS; how++) {
            next_case(6);
            const char *name = br_dtype_name(d);
            ref *a = ref_random(d, 2, shape, false, true);
            br_array *p = br_persist(br_add(br_mul(source(a, how), 2), 3));
            ref *r = ref_map1(d, a, r_affine);
            expect(p, r, 1, 0, "persisted %s cut %d", name, how);
            ref *slice = ref_new(d, 2, (int64_t[]){4, 5});
            for (int64_t i = 0; i < slice->n; i++)
                slice->v[i] = r->v[(11 - i / 5 * 3) * 10 + i % 5 * 2 + 1];
            expect(br_index(p, "::-3, 1::2"), slice, 1, 0, "persisted[::-3, 1::2] %s cut %d", name,
                   how);
            ref *turned = ref_new(d, 2, (int64_t[]){10, 12});
            for (int64_t i = 0; i < r->n; i++)
                turned->v[i % 10 * 12 + i / 10] = r->v[i];
            expect(br_permute_dims(p, BR_AXES(1, 0)), turned, 1, 0, "persisted, turned %s cut %d",
                   name, how);
            ref *flat = ref_new(d, 1, (int64_t[]){120});
            memcpy(flat->v, r->v, 120 * sizeof *r->v);
            expect(br_reshape(p, BR_SHAPE(-1)), flat, 1, 0, "persisted, flat %s cut %d", name, how);
            ref *square = ref_new(d, 2, shape);
            for (int64_t i = 0; i < r->n; i++)
                square->v[i] = as(d, r->v[i] * r->v[i]);
            expect(br_multiply(p, p), square, 4, 0, "persisted, squared %s cut %d", name, how);
            br_array *again = br_persist(br_index(p, ":, 3"));
            ref *column = ref_new(d, 1, (int64_t[]){12});
            for (int64_t i = 0; i < 12; i++)
                column->v[i] = r->v[i * 10 + 3];
            expect(again, column, 1, 0, "persisted column %s cut %d", name, how);
        }
}

/* Matrices that stay: a product of persisted operands, persisted itself. */
static void products(void)
{
    for (int how = 0; how < NCUTS; how++) {
        next_case(2);
        ref *a = ref_random(BR_FLOAT64, 2, (int64_t[]){6, 8}, false, false);
        ref *c = ref_new(BR_FLOAT64, 2, (int64_t[]){6, 6});
        for (int64_t k = 0; k < c->n * 8; k++)
            c->v[k / 8] += a->v[k / 48 * 8 + k % 8] * a->v[k / 8 % 6 * 8 + k % 8];
        br_array *x = br_persist(source(a, how));
        br_array *p = br_persist(br_matmul(x, br_permute_dims(x, BR_AXES(1, 0))));
        expect(p, c, 8, 512, "persisted product cut %d", how);
        ref *empty = ref_new(BR_FLOAT64, 2, (int64_t[]){0, 6});
        expect(br_persist(br_index(p, "3:3")), empty, 0, 0, "persisted nothing cut %d", how);
    }
}

/* ---- iterations ---- */

static long resident_kib(void)
{
    char line[200];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kib;
}

/* Persists a part, reads it twice, and drops it with the scope of its step. */
static void step(br_array *x, const ref *a, int i)
{
    char name[40];
    double got[2];
    value want[2] = {0, 0};
    snprintf(name, sizeof name, "step %d", i);
    br_scope *s = br_scope_open(sweep.ctx);
    br_array *p = br_persist(br_add(br_mul(x, i), 1));
    if (br_compute_f64(br_sum(p), &got[0]) != BR_OK ||
        br_compute_f64(br_max(br_index(p, "5, ::2")), &got[1]) != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    for (int64_t k = 0; k < a->n; k++)
        want[0] += a->v[k] * i + 1;
    want[1] = a->v[5 * a->shape[1]] * i + 1;
    for (int64_t k = 0; k < a->shape[1]; k += 2)
        if (creall(a->v[5 * a->shape[1] + k] * i + 1) > creall(want[1]))
            want[1] = a->v[5 * a->shape[1] + k] * i + 1;
    if (got[0] != (double)want[0] || got[1] != (double)want[1])
        fail(name, "%.17g and %.17g, expected %.17Lg and %.17Lg", got[0], got[1], creall(want[0]),
             creall(want[1]));
    printf("%s %.17g %.17g\n", name, got[0], got[1]);
    br_scope_close(s);
}

static void iterations(void)
{
    enum { STEPS = 60, EARLY = 9 };
    const int64_t shape[] = {96, 4096}; /* 3 MiB a step, 180 in all */
    flush();
    next_case(QUEUE + 1);
    ref *a = ref_random(BR_FLOAT64, 2, shape, false, false);
    br_array *x = br_persist(br_rechunk(source(a, CUT_3), BR_CHUNKS(16, 512)));
    br_run_info info;
    long resident[2];
    /* Over several ranks how much of a step is there at a time differs; what is not given back is
     * in all later peaks. */
    int64_t most_early = 0, least_late = INT64_MAX;
    for (int i = 0; i < STEPS; i++) {
        step(x, a, i);
        br_last_run(sweep.ctx, &info);
        if (i <= EARLY && info.peak_bytes > most_early)
            most_early = info.peak_bytes;
        if (i >= STEPS - 1 - EARLY && info.peak_bytes < least_late)
            least_late = info.peak_bytes;
        if (i == EARLY || i == STEPS - 1)
            resident[i != EARLY] = resident_kib();
    }
    if (least_late > most_early + (1 << 20))
        fail("iterations", "the peak grew from %" PRId64 " to %" PRId64, most_early, least_late);
    if (resident[1] > resident[0] + 50000)
        fail("iterations", "resident memory grew from %ld to %ld KiB", resident[0], resident[1]);
}

int main(int argc, char **argv)
{
    sweep_open(&argc, &argv);
    readers();
    products();
    iterations();
    return sweep_close();
}
