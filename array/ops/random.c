/* SPDX-License-Identifier: BSD-3-Clause
 * random.c - arrays of random numbers: what a stream's words are turned into, by the index of each
 * element.
 */
#include <math.h>
#include <string.h>

#include <bramble/random.h>

#include "array/ops/fits.h"
#include "array/ops/ops.h"
#include "array/plan/fuse.h"

/* Streams that calls take by themselves have this bit, streams that users name have not. */
static const uint64_t own_stream = UINT64_C(1) << (BRI_RANDOM_STREAM_BITS - 1);

static const struct {
    const char *name, *parameter[2];
} distributions[] = {
#define BRI_DISTRIBUTION(NAME, name, first, second) {#name, {first, second}},
#include "array/kernels/distributions.def"
#undef BRI_DISTRIBUTION
};

/* ---- the node ---- */

static br_status infer(bri_node *node)
{
    return bri_layout_infer(node, node->params);
}

/* Elements are numbered in C order, and seen by the consumer through the map. */
static bri_numbering number_elements(const bri_layout *layout, const bri_map *map)
{
    bri_numbering numbering = {0, {0}};
    int64_t weight = 1;
    for (int a = layout->ndim - 1; a >= 0; a--) {
        const bri_map_axis *m = &map->from[a];
        numbering.first += weight * m->start;
        if (m->axis >= 0)
            numbering.step[m->axis] += weight * m->step;
        weight *= layout->extent[a];
    }
    return numbering;
}

static int emit(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values)
{
    (void)values;
    const bri_random_params *p = node->params;
    bri_numbering numbering = number_elements(&p->layout, map);
    return bri_program_random(bri_fuse_program(fuse), (bri_distribution)p->distribution,
                              node->dtype, &p->random, &numbering);
}

static void print_integers(const bri_random_params *p, FILE *to)
{
    uint64_t low = p->random.parameter[0].u;
    uint64_t last = low + p->random.parameter[1].u - 1;
    if (bri_kind((br_dtype)p->layout.dtype) == 'u')
        fprintf(to, " from %llu to %llu", (unsigned long long)low, (unsigned long long)last);
    else
        fprintf(to, " from %lld to %lld", (long long)low, (long long)last);
}

static void print(const bri_node *node, FILE *to)
{
    const bri_random_params *p = node->params;
    const bri_random *r = &p->random;
    fprintf(to, "%s", distributions[p->distribution].name);
    if (p->distribution == BRI_DISTRIBUTION_INTEGERS)
        print_integers(p, to);
    else
        for (int i = 0; i < 2 && distributions[p->distribution].parameter[i][0] != '\0'; i++)
            fprintf(to, " %s %.9g", distributions[p->distribution].parameter[i], r->parameter[i].f);
    fprintf(to, " seed %llu %s %llu", (unsigned long long)r->seed,
            r->stream & own_stream ? "own stream" : "stream",
            (unsigned long long)(r->stream & ~own_stream));
}

const bri_op bri_op_random = {.name = "random",
                              .infer = infer,
                              .form = {0, 0, sizeof(bri_random_params), false},
                              .fits = bri_fits_random,
                              .emit = emit,
                              .print = print};

/* ---- the calls ---- */

static bool is_integer(br_number n)
{
    return n.kind == 'i' || n.kind == 'u';
}

static br_status set_seed(br_context *ctx, br_number seed, bri_random *r)
{
    if (seed.kind != 0 && (!is_integer(seed) || (seed.kind == 'i' && seed.i < 0)))
        return bri_error(BR_EARG, "the seed must be an integer of 0 or more, BR_NUM(...)");
    r->seed = seed.kind != 0 ? seed.u : (uint64_t)ctx->config.seed;
    return BR_OK;
}

static br_status set_stream(br_context *ctx, br_number stream, bri_random *r)
{
    bool given = stream.kind != 0;
    if (given && (!is_integer(stream) || stream.u >= own_stream))
        return bri_error(BR_EARG, "the stream must be an integer from 0 to 2^%d - 1, BR_NUM(...)",
                         BRI_RANDOM_STREAM_BITS - 1);
    r->stream = given ? stream.u : own_stream | bri_array_data_of(ctx)->next_stream++;
    return BR_OK;
}

/* What all distributions are given. */
typedef struct common {
    br_dtype dtype;
    const br_extents *shape, *chunks;
    br_number seed, stream;
} common;

static br_status set_common(br_context *ctx, const common *given, bri_random_params *p)
{
    BRI_TRY(bri_layout_set(&p->layout, given->dtype, given->shape, given->chunks));
    BRI_TRY(set_seed(ctx, given->seed, &p->random));
    return set_stream(ctx, given->stream, &p->random);
}

/* The stream is taken last, so that a failed call takes none. */
static br_array *build(bri_call *call, const common *given, bri_random_params *p, br_status st)
{
    if (st == BR_OK)
        st = set_common(call->ctx, given, p);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    return bri_build(call, &bri_op_random, p, sizeof *p, NULL, 0);
}

static bri_random_params blank(bri_distribution distribution)
{
    bri_random_params p;
    memset(&p, 0, sizeof p);
    p.distribution = (int64_t)distribution;
    return p;
}

static br_status set_floating(br_dtype *dtype)
{
    if (*dtype == BR_NO_DTYPE)
        *dtype = BR_FLOAT64;
    if (!bri_dtype_ok(*dtype) || bri_kind(*dtype) != 'f')
        return bri_error(BR_ETYPE, "dtype %s is neither float32 nor float64",
                         br_dtype_name(*dtype));
    return BR_OK;
}

/* A real number, or what stands for one that is not given. -0 is 0: nodes are compared as bytes. */
static br_status set_real(const char *name, br_number n, double otherwise, double *out)
{
    if (n.kind == 'c' || (n.kind != 0 && !isfinite(n.re)))
        return bri_error(BR_EARG, "%s must be a finite real number, BR_NUM(...)", name);
    *out = (n.kind != 0 ? n.re : otherwise) + 0.0;
    return BR_OK;
}

static br_status set_positive(const char *name, br_number n, double *out)
{
    BRI_TRY(set_real(name, n, 1, out));
    if (*out < 0)
        return bri_error(BR_EARG, "%s is %g; it must be 0 or more", name, *out);
    return BR_OK;
}

/* float32 numbers are rounded first, because their elements must lie between them. */
static br_status set_uniform(br_random_uniform_args *args, bri_random *r)
{
    double *low = &r->parameter[0].f;
    double *high = &r->parameter[1].f;
    BRI_TRY(set_floating(&args->dtype));
    BRI_TRY(set_real("low", args->low, 0, low));
    BRI_TRY(set_real("high", args->high, 1, high));
    bool narrow = args->dtype == BR_FLOAT32;
    *low = narrow ? (double)(float)*low : *low;
    *high = narrow ? (double)(float)*high : *high;
    if (!(*low < *high))
        return bri_error(BR_EARG, "low is %.9g, which is not below high, %.9g", *low, *high);
    double width = narrow ? (double)(float)(*high - *low) : *high - *low;
    if (!isfinite(width))
        return bri_error(BR_EARG, "high - low, %.9g - %.9g, is beyond %s", *high, *low,
                         br_dtype_name(args->dtype));
    return BR_OK;
}

br_array *br_random_uniform_(br_random_uniform_args args)
{
    bri_call call = {args.ctx, "random_uniform", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_random_params p = blank(BRI_DISTRIBUTION_UNIFORM);
    br_status st = set_uniform(&args, &p.random);
    common given = {args.dtype, &args.shape, &args.chunks, args.seed, args.stream};
    return build(&call, &given, &p, st);
}

br_array *br_random_normal_(br_random_normal_args args)
{
    bri_call call = {args.ctx, "random_normal", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_random_params p = blank(BRI_DISTRIBUTION_NORMAL);
    br_status st = set_floating(&args.dtype);
    if (st == BR_OK)
        st = set_real("mean", args.mean, 0, &p.random.parameter[0].f);
    if (st == BR_OK)
        st = set_positive("sd", args.sd, &p.random.parameter[1].f);
    common given = {args.dtype, &args.shape, &args.chunks, args.seed, args.stream};
    return build(&call, &given, &p, st);
}

br_array *br_random_exponential_(br_random_exponential_args args)
{
    bri_call call = {args.ctx, "random_exponential", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_random_params p = blank(BRI_DISTRIBUTION_EXPONENTIAL);
    br_status st = set_floating(&args.dtype);
    if (st == BR_OK)
        st = set_positive("scale", args.scale, &p.random.parameter[0].f);
    common given = {args.dtype, &args.shape, &args.chunks, args.seed, args.stream};
    return build(&call, &given, &p, st);
}

/* ---- integers ---- */

/* Numbers of both signs up to 2^64 - 1; gcc and clang have it on all our targets. */
__extension__ typedef __int128 wide;

static wide wide_of(br_number n)
{
    return n.kind == 'u' ? (wide)n.u : (wide)n.i;
}

/* Into a buffer of 40 bytes. */
static const char *wide_text(wide x, char *text)
{
    if (x < 0)
        snprintf(text, 40, "%lld", (long long)x);
    else
        snprintf(text, 40, "%llu", (unsigned long long)x);
    return text;
}

static br_status check_range(wide low, wide last, bool endpoint, br_dtype dtype)
{
    char text[2][40];
    if (low > last)
        return bri_error(BR_EARG, "low is %s, which is not %s high, %s", wide_text(low, text[0]),
                         endpoint ? "at most" : "below",
                         wide_text(endpoint ? last : last + 1, text[1]));
    int bits = 8 * (int)br_dtype_size(dtype) - (bri_kind(dtype) == 'i');
    wide most = ((wide)1 << bits) - 1;
    wide least = bri_kind(dtype) == 'i' ? -most - 1 : 0;
    if (low < least || last > most)
        return bri_error(BR_EARG, "values from %s to %s do not fit %s", wide_text(low, text[0]),
                         wide_text(last, text[1]), br_dtype_name(dtype));
    return BR_OK;
}

static br_status set_integers(br_random_integers_args *args, bri_random *r)
{
    if (args->dtype == BR_NO_DTYPE)
        args->dtype = BR_INT64;
    char kind = bri_dtype_ok(args->dtype) ? bri_kind(args->dtype) : 0;
    if (kind != 'i' && kind != 'u')
        return bri_error(BR_ETYPE, "dtype %s is no integer one", br_dtype_name(args->dtype));
    if (!is_integer(args->low) || !is_integer(args->high))
        return bri_error(BR_EARG, "low and high must be integers");
    wide low = wide_of(args->low);
    wide last = wide_of(args->high) - !args->endpoint;
    BRI_TRY(check_range(low, last, args->endpoint, args->dtype));
    r->parameter[0].u = (uint64_t)low;
    r->parameter[1].u = (uint64_t)(last - low + 1);
    return BR_OK;
}

br_array *br_random_integers_(br_random_integers_args args)
{
    bri_call call = {args.ctx, "random_integers", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    bri_random_params p = blank(BRI_DISTRIBUTION_INTEGERS);
    br_status st = set_integers(&args, &p.random);
    common given = {args.dtype, &args.shape, &args.chunks, args.seed, args.stream};
    return build(&call, &given, &p, st);
}
