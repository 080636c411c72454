/* SPDX-License-Identifier: BSD-3-Clause
 * sweep_npy.c - .npy files and files of elements alone, written from arrays cut in several ways,
 * and read back whole, in slices and into computations, on all ranks.
 *
 * The files stay in the working directory, where sweep.sh compares them, too.
 */
#include "tests/sweep.h"

static value r_half(value a)
{
    return a * 0.5L + 1;
}

static void stored(const char *name, br_status st)
{
    if (st != BR_OK)
        fail(name, "%s", br_message(sweep.ctx));
    br_clear_error(sweep.ctx);
}

static ref *transposed(const ref *a)
{
    int64_t shape[REF_NDIM], c[REF_NDIM], to[REF_NDIM];
    for (int k = 0; k < a->ndim; k++)
        shape[k] = a->shape[a->ndim - 1 - k];
    ref *r = ref_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < a->n; i++) {
        ref_coords(a, i, c);
        for (int k = 0; k < a->ndim; k++)
            to[k] = c[a->ndim - 1 - k];
        r->v[ref_linear(r, to)] = a->v[i];
    }
    return r;
}

/* numpy.save of an array in Fortran order, elements in the other byte order; on rank 0 only. */
static void write_fortran(const char *path, const ref *a)
{
    const ref *t = transposed(a);
    char header[128], shape[80] = "";
    size_t bytes;
    unsigned char *data = ref_bytes(t, &bytes);
    for (int k = 0; k < a->ndim; k++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%d, ", (int)a->shape[k]);
    memset(header, ' ', sizeof header);
    int n = snprintf(header + 10, sizeof header - 10,
                     "{'descr': '>f8', 'fortran_order': True, 'shape': (%s), }", shape);
    header[10 + n] = ' ';
    memcpy(header, "\x93NUMPY\1\0\x76\0", 10);
    header[127] = '\n';
    FILE *f = fopen(path, "wb");
    fwrite(header, 1, sizeof header, f);
    for (size_t i = 0; i < bytes; i++)
        fputc(data[i / 8 * 8 + 7 - i % 8], f);
    fclose(f);
    free(data);
}

/* The array as it is, computed with, and every second element backwards. */
static void readings(br_array *x, const ref *a, const char *name)
{
    expect(x, a, 0, 0, "%s", name);
    if (!is_exact(a->dtype))
        expect(br_add(br_mul(x, 0.5), 1), ref_map1(a->dtype, a, r_half), 1, 0, "%s computed", name);
    if (a->ndim == 0)
        return;
    int64_t shape[REF_NDIM], c[REF_NDIM];
    memcpy(shape, a->shape, sizeof shape);
    shape[a->ndim - 1] = (shape[a->ndim - 1] + 1) / 2;
    ref *part = ref_new(a->dtype, a->ndim, shape);
    for (int64_t i = 0; i < part->n; i++) {
        ref_coords(part, i, c);
        c[a->ndim - 1] = a->shape[a->ndim - 1] - 1 - 2 * c[a->ndim - 1];
        part->v[i] = a->v[ref_linear(a, c)];
    }
    expect(br_index(x, "..., ::-2"), part, 0, 0, "%s[..., ::-2]", name);
}

static void shapes(void)
{
    const struct {
        int ndim;
        int64_t extent[5];
    } list[] = {{0, {0}},    {1, {1}},       {1, {0}},     {2, {3, 0}},
                {1, {1009}}, {3, {3, 5, 7}}, {2, {9, 11}}, {5, {2, 3, 1, 4, 2}},
                {2, {40, 1}}};
    for (size_t s = 0; s < sizeof list / sizeof list[0]; s++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(3);
            char name[40];
            br_dtype d = 1 + (int)(7 * s + how) % (BR_NDTYPE - 1);
            snprintf(name, sizeof name, "shape%zu_%d.npy", s, how);
            ref *a = ref_random(d, list[s].ndim, list[s].extent, false, false);
            stored(name, br_store_npy(source(a, how), name));
            readings(br_from_npy(sweep.ctx, name,
                                 .chunks = cut_extents((how + 1) % CUT_UNEVEN, a->ndim, a->shape)),
                     a, name);
        }
}

static void fortran(void)
{
    const int64_t shape[] = {6, 5, 7};
    for (int ndim = 1; ndim < 4; ndim++)
        for (int how = 0; how < NCUTS; how++) {
            next_case(4);
            char name[40];
            snprintf(name, sizeof name, "fortran%d_%d.npy", ndim, how);
            ref *a = ref_random(BR_FLOAT64, ndim, shape, false, false);
            write_fortran(name, a);
            br_array *x = br_from_npy(sweep.ctx, name, .chunks = cut_extents(how, ndim, shape));
            readings(x, a, name);
            ref *sum = ref_new(BR_FLOAT64, ndim - 1, shape + 1);
            for (int64_t i = 0; i < a->n; i++)
                sum->v[i % sum->n] += a->v[i];
            expect(br_sum(x, .axis = BR_AXES(0)), sum, 4, 32, "%s sum", name);
        }
}

/* Views, products and results of functions on the way into files, and files read by such. */
static void results(void)
{
    const int64_t shape[] = {20, 30};
    for (int how = 0; how < NCUTS; how++) {
        next_case(4);
        char name[3][40];
        for (int k = 0; k < 3; k++)
            snprintf(name[k], sizeof name[k], "result%d_%d.npy", k, how);
        ref *a = ref_random(BR_INT32, 2, shape, false, false);
        stored(name[0], br_store_npy(source(a, how), name[0]));
        br_array *x = br_from_npy(sweep.ctx, name[0], .chunks = cut_extents(how, 2, shape));
        ref *flat = ref_new(BR_INT32, 1, &a->n), *t = transposed(a),
            *gram = ref_new(BR_INT32, 2, (int64_t[]){20, 20});
        memcpy(flat->v, a->v, (size_t)a->n * sizeof *a->v);
        for (int64_t i = 0; i < gram->n; i++)
            for (int k = 0; k < 30; k++)
                gram->v[i] += a->v[i / 20 * 30 + k] * a->v[i % 20 * 30 + k];
        stored(name[1], br_store_npy(br_permute_dims(x, BR_AXES(1, 0)), name[1]));
        stored(name[2], br_store_npy(br_matmul(x, br_permute_dims(x, BR_AXES(1, 0))), name[2]));
        expect(br_reshape(x, BR_SHAPE(-1)), flat, 0, 0, "reshaped cut %d", how);
        expect(br_from_npy(sweep.ctx, name[1]), t, 0, 0, "%s", name[1]);
        expect(br_from_npy(sweep.ctx, name[2]), gram, 0, 0, "%s", name[2]);
    }
}

/* The same elements without a header, in either byte order, some bytes into the file. */
/* Each rank writes what it makes: nothing travels but some rows that x is made of. */
static void spread(void)
{
    const int64_t rows = 900, columns = 700;
    for (int how = 0; how < 4; how++) {
        char name[20];
        br_run_info info;
        snprintf(name, sizeof name, how < 2 ? "spread%d.npy" : "spread%d.raw", how);
        br_extents chunks = how % 2 == 0 ? (br_extents)BR_CHUNKS(100) : (br_extents)BR_CHUNKS(300);
        br_array *row = br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM((double)rows), .chunks = chunks);
        br_array *column =
            br_arange(sweep.ctx, BR_NUM(0.0), BR_NUM((double)columns), .chunks = chunks);
        br_array *x = br_add(br_mul(br_expand_dims(row, 1), columns), column);
        next_case(1);
        if (how < 2)
            stored(name, br_store_npy(x, name));
        else
            stored(name,
                   br_store_raw(x, name, .order = how == 2 ? BR_BIG_ENDIAN : BR_LITTLE_ENDIAN));
        br_last_run(sweep.ctx, &info);
        if (info.bytes_sent > 60000)
            fail(name, "%lld bytes travelled", (long long)info.bytes_sent);
        br_array *read = how < 2
                             ? br_from_npy(sweep.ctx, name)
                             : br_from_raw(sweep.ctx, name, BR_FLOAT64, BR_SHAPE(rows, columns),
                                           .order = how == 2 ? BR_BIG_ENDIAN : BR_LITTLE_ENDIAN);
        expect(br_sum(br_abs(br_sub(read, x))), ref_new(BR_FLOAT64, 0, NULL), 0, 0, "%s", name);
        flush();
    }
}

static void raw(void)
{
    const int64_t shape[] = {23, 14};
    for (int how = 0; how < NCUTS; how++)
        for (int order = BR_LITTLE_ENDIAN; order <= BR_BIG_ENDIAN; order++) {
            next_case(3);
            char name[40];
            snprintf(name, sizeof name, "raw%d_%d", order, how);
            ref *a = ref_random(how % 2 ? BR_FLOAT32 : BR_INT64, 2, shape, false, false);
            stored(name, br_store_raw(source(a, how), name, .order = (br_byte_order)order));
            br_array *x =
                br_from_raw(sweep.ctx, name, a->dtype, BR_SHAPE(-1, 14),
                            .order = (br_byte_order)order, .chunks = cut_extents(how, 2, shape));
            readings(x, a, name);
            ref *last = ref_new(a->dtype, 2, (int64_t[]){3, 14});
            memcpy(last->v, a->v + 20 * 14, 42 * sizeof *a->v);
            expect(br_from_raw(sweep.ctx, name, a->dtype, BR_SHAPE(3, 14),
                               .offset = 20 * 14 * (int64_t)br_dtype_size(a->dtype),
                               .order = (br_byte_order)order),
                   last, 0, 0, "%s, the end", name);
        }
}

int main(int argc, char **argv)
{
    setenv("BRAMBLE_BALANCE", "off", 1); /* what is sent must not depend on timing */
    sweep_open(&argc, &argv);
    shapes();
    fortran();
    results();
    raw();
    spread();
    return sweep_close();
}
