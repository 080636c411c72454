/* SPDX-License-Identifier: BSD-3-Clause
 * array.h - lazy arrays: making them, looking at them, indexing and shaping.
 *
 * Every function here only builds: it returns at once with a lazy array that lives in the context's
 * innermost scope. A bad call returns an array that carries its first error, which every array made
 * from it carries on and every br_compute or br_store of it returns; no call returns NULL or
 * crashes. Keyword arguments follow the positional ones:
 * br_mean(x, .axis = BR_AXES(0), .keepdims = true). Zero means "not given".
 */
#ifndef BRAMBLE_ARRAY_H
#define BRAMBLE_ARRAY_H

#include <bramble/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The extent of an axis that only the data tell: of what a mask picks (mask.h). br_shape gives it
 * until br_resolve() or a compute counts. */
enum { BR_UNKNOWN = -1 };

/* ---- values that stand for lists and numbers ---- */

/* A shape or chunk extents. ndim 0 means "not given"; BR_0D is the shape of a scalar,
 * BR_CHUNKS_AUTO leaves all chunk extents to bramble. Made by BR_SHAPE and BR_CHUNKS. */
typedef struct br_extents {
    int ndim;
    int64_t extent[BR_MAX_NDIM];
} br_extents;

/* The extents of all chunks along one axis, where they are not equal; n 0 means "not given". Made
 * by BR_EXTENTS, and read within the call only. */
typedef struct br_extent_list {
    const int64_t *extent;
    int64_t n;
} br_extent_list;

/* In place of an axis's chunk extent for br_rechunk: chosen by bramble. */
enum { BR_AUTO = -2 };

/* A set or a list of axes; negative ones count from the last. n 0 means "not given". Made by
 * BR_AXES. */
typedef struct br_axes {
    int n;
    int axis[BR_MAX_NDIM];
} br_axes;

/* A number with its kind: 'b' bool, 'i' signed, 'u' unsigned, 'f' floating, 'c' complex; kind 0
 * means "not given". */
typedef struct br_number {
    char kind;
    int64_t i;
    uint64_t u;
    double re, im;
} br_number;

/* One operand of an elementwise operation: an array or a number. */
typedef struct br_operand {
    br_array *array;
    br_number number;
} br_operand;

static inline br_number br_number_bool(bool v)
{
    br_number n = {'b', v, v, (double)v, 0};
    return n;
}
static inline br_number br_number_int(long long v)
{
    br_number n = {'i', v, (uint64_t)v, (double)v, 0};
    return n;
}
static inline br_number br_number_uint(unsigned long long v)
{
    br_number n = {'u', (int64_t)v, v, (double)v, 0};
    return n;
}
static inline br_number br_number_float(double v)
{
    br_number n = {'f', 0, 0, v, 0};
    return n;
}
static inline br_number br_number_complex(double re, double im)
{
    br_number n = {'c', 0, 0, re, im};
    return n;
}
static inline br_operand br_operand_number(br_number v)
{
    br_operand o = {NULL, v};
    return o;
}
static inline br_operand br_operand_array(const br_array *x)
{
    br_operand o = {(br_array *)(uintptr_t)x, {0, 0, 0, 0, 0}};
    return o;
}
static inline br_operand br_operand_bool(bool v)
{
    return br_operand_number(br_number_bool(v));
}
static inline br_operand br_operand_int(long long v)
{
    return br_operand_number(br_number_int(v));
}
static inline br_operand br_operand_uint(unsigned long long v)
{
    return br_operand_number(br_number_uint(v));
}
static inline br_operand br_operand_float(double v)
{
    return br_operand_number(br_number_float(v));
}

#ifndef __cplusplus

static inline br_number br_number_c99_complex_(double _Complex v)
{
    return br_number_complex(__real__ v, __imag__ v);
}
static inline br_operand br_operand_complex(double _Complex v)
{
    return br_operand_number(br_number_c99_complex_(v));
}

#define BR_COUNT_(type, ...) ((int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)))
#define BR_SHAPE(...)        ((br_extents){BR_COUNT_(int64_t, __VA_ARGS__), {__VA_ARGS__}})
#define BR_CHUNKS(...)       BR_SHAPE(__VA_ARGS__)
#define BR_EXTENTS(...)                                                                            \
    ((br_extent_list){(const int64_t[]){__VA_ARGS__}, BR_COUNT_(int64_t, __VA_ARGS__)})
#define BR_CHUNKS_AUTO  ((br_extents){BR_AUTO, {0}})
#define BR_STRIDES(...) BR_SHAPE(__VA_ARGS__)
#define BR_0D           ((br_extents){-1, {0}})
#define BR_AXES(...)    ((br_axes){BR_COUNT_(int, __VA_ARGS__), {__VA_ARGS__}})
#define BR_AXIS(a)      BR_AXES(a)
#define BR_NO_AXES      ((br_axes){-1, {0}})
#define BR_NONE         ((br_number){0, 0, 0, 0, 0}) /* a number that is not given */

/* clang-format off */

/* BR_NUM(2), BR_NUM(0.5), BR_NUM(true), BR_NUM(1.0 + 2.0 * I) */
#define BR_NUM(v)                             \
    _Generic((v),                             \
        bool: br_number_bool,                 \
        char: br_number_int,                  \
        signed char: br_number_int,           \
        short: br_number_int,                 \
        int: br_number_int,                   \
        long: br_number_int,                  \
        long long: br_number_int,             \
        unsigned char: br_number_uint,        \
        unsigned short: br_number_uint,       \
        unsigned int: br_number_uint,         \
        unsigned long: br_number_uint,        \
        unsigned long long: br_number_uint,   \
        float: br_number_float,               \
        double: br_number_float,              \
        long double: br_number_float,         \
        float _Complex: br_number_c99_complex_, \
        double _Complex: br_number_c99_complex_)(v)

/* An array or any C number, as an operand. GNU C evaluates v in one place: in a plain _Generic it
 * would stand twice, and n nested calls would take 2^n times as long to compile as one. */
#define BR_OPERAND_OF_(v)                     \
    _Generic((v),                             \
        br_array *: br_operand_array,         \
        const br_array *: br_operand_array,   \
        bool: br_operand_bool,                \
        char: br_operand_int,                 \
        signed char: br_operand_int,          \
        short: br_operand_int,                \
        int: br_operand_int,                  \
        long: br_operand_int,                 \
        long long: br_operand_int,            \
        unsigned char: br_operand_uint,       \
        unsigned short: br_operand_uint,      \
        unsigned int: br_operand_uint,        \
        unsigned long: br_operand_uint,       \
        unsigned long long: br_operand_uint,  \
        float: br_operand_float,              \
        double: br_operand_float,             \
        long double: br_operand_float,        \
        br_number: br_operand_number,         \
        float _Complex: br_operand_complex,   \
        double _Complex: br_operand_complex)(v)
#if defined(__GNUC__)
#define BR_OPERAND(v)          BR_OPERAND_ONCE_(v, __COUNTER__)
#define BR_OPERAND_ONCE_(v, n) BR_OPERAND_NAMED_(v, n)
#define BR_OPERAND_NAMED_(v, n)               \
    __extension__({                           \
        __auto_type br_operand_##n##_ = (v);  \
        BR_OPERAND_OF_(br_operand_##n##_);    \
    })
#else
#define BR_OPERAND(v) BR_OPERAND_OF_(v)
#endif

/* clang-format on */

#endif /* !__cplusplus */

/* ---- creation ---- */

/* br_from_memory - an array over the caller's elements, in C order or with strides.
 *
 * ctx     the context
 * data    the elements; read when a graph is run, so it must outlive the array and stay unchanged,
 *         unless .copy
 * dtype   what data holds
 * shape   BR_SHAPE(...), or BR_0D for one element
 * .chunks extents of a chunk, automatic by default; 0 or -1 for an axis: the whole axis
 * .copy   true copies the elements now
 * .strides  BR_STRIDES(...): bytes from an element to the next along each axis, negative and 0 too
 *         (data is the element of index 0); C order without. A matrix of m rows in Fortran order
 *         has BR_STRIDES(size, m * size). Any alignment will do
 * Never merged with another array: each call makes a node of its own. Under MPI the elements stay
 * on rank 0, which sends the chunks that other ranks need.
 * Errors  BR_EARG (no data, bad dtype, not as many strides as axes, or they leave the address
 *         space), BR_ESHAPE (negative extent, chunks that don't match), BR_ENOMEM.
 */
typedef struct br_from_memory_args {
    br_place at;
    br_context *ctx;
    const void *data;
    br_dtype dtype;
    br_extents shape;
    br_extents chunks;
    bool copy;
    br_extents strides;
} br_from_memory_args;
BR_API br_array *br_from_memory_(br_from_memory_args args);

/* br_full - every element has one value. br_zeros, br_ones - 0 and 1.
 *
 * value   BR_NUM(...)
 * .dtype  float64 by default for br_zeros and br_ones; for br_full bool, int64, uint64, float64
 *         or complex128 by the number's kind
 * .chunks as in br_from_memory
 * Errors  BR_ESHAPE, BR_ETYPE (a complex value in a real dtype), BR_EARG (a value out of an integer
 *         dtype's range). Cost: no memory, fused into its readers.
 */
typedef struct br_full_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_number value;
    br_dtype dtype;
    br_extents chunks;
} br_full_args;
typedef struct br_zeros_args {
    br_place at;
    br_context *ctx;
    br_extents shape;
    br_dtype dtype;
    br_extents chunks;
} br_zeros_args;
BR_API br_array *br_full_(br_full_args args);
BR_API br_array *br_zeros_(br_zeros_args args);
BR_API br_array *br_ones_(br_zeros_args args);

/* br_arange - start, start + step, ... up to but without stop; one axis.
 *
 * start, stop  BR_NUM(...); element i is start + i * step, computed by itself, in int64 when all
 *              three are integers
 * .step        1 by default, not 0
 * .dtype       int64 when all numbers are integers, else float64
 * .chunks      as in br_from_memory
 * Errors  BR_EARG (step 0, complex), BR_ETYPE (dtype bool or complex). The length is ceil((stop -
 *         start) / step), at least 0.
 */
typedef struct br_arange_args {
    br_place at;
    br_context *ctx;
    br_number start, stop;
    br_number step;
    br_dtype dtype;
    br_extents chunks;
} br_arange_args;
BR_API br_array *br_arange_(br_arange_args args);

/* br_linspace - num evenly spaced numbers from start to stop.
 *
 * .no_endpoint  true leaves stop out
 * .dtype        float64 by default, or float32
 * Element i is start + i * (stop - start) / (num - 1); the last one is stop exactly only if that
 * formula gives it.
 * Errors  BR_EARG (num < 0), BR_ETYPE.
 */
typedef struct br_linspace_args {
    br_place at;
    br_context *ctx;
    double start, stop;
    int64_t num;
    bool no_endpoint;
    br_dtype dtype;
    br_extents chunks;
} br_linspace_args;
BR_API br_array *br_linspace_(br_linspace_args args);

/* ---- inspection: all cheap; a failed array has dtype BR_NO_DTYPE and ndim 0 ---- */

BR_API int br_ndim(const br_array *x);
/* ndim extents, BR_UNKNOWN among them where only the data tell; lives as long as x. */
BR_API const int64_t *br_shape(const br_array *x);
BR_API br_dtype br_dtype_of(const br_array *x);
BR_API int64_t br_nelem(const br_array *x); /* BR_UNKNOWN where an extent is */
/* Of the whole array, if it were in memory; SIZE_MAX where an extent is unknown. */
BR_API size_t br_nbytes(const br_array *x);
/* Along one axis; -1 for a bad axis and for one of unknown extent. */
BR_API int64_t br_num_chunks(const br_array *x, int axis);
/* br_chunks - the extents of the chunks along an axis, up to `max` of them into `extents`, which
 * may be NULL where max is 0; returns how many there are, -1 for a bad axis and for one of unknown
 * extent. */
BR_API int64_t br_chunks(const br_array *x, int axis, int64_t *extents, int64_t max);
/* br_error - why an array failed: operation, shapes and file:line; "" for a good one. br_status_of
 * - the status beside it. */
BR_API const char *br_error(const br_array *x);
BR_API br_status br_status_of(const br_array *x);

/* br_print - one line: dtype, shape, chunks and what it is made by. br_print_tree - the
 * expression, a line an operation with its place. Both only look; they write to `to` and return
 * BR_EIO if that fails. */
BR_API br_status br_print(const br_array *x, FILE *to);
BR_API br_status br_print_tree(const br_array *x, FILE *to);

/* ---- indexing and shape ---- */

/* br_index - basic indexing as in Python: br_index(x, "10:20, ::-1, None, ..., -1").
 *
 * text  items separated by commas: an integer (drops the axis), start:stop:step with any part left
 *       out and any step sign, None or newaxis (adds an axis of extent 1), at most one "..."; axes
 *       not named are taken whole
 * Returns a view: nothing is copied. Slices reach through elementwise operations and reductions
 * down to the sources, of which only the elements asked for are read; of products and user
 * functions the chunks that are touched are computed.
 * Errors  BR_EINDEX pointing at the column: bad text, too many items, integer out of range, step 0.
 * br_indexf - the same with a printf format: br_indexf(x, "%d::12, ...", month).
 */
BR_API br_array *br_index_(br_array *x, const char *text, br_place at);
BR_API br_array *br_indexf_(br_array *x, br_place at, const char *format, ...) BR_PRINTF(3, 4);

/* br_index_items - the struct form. .kind: 'i' integer, ':' slice, 'n' new axis, '.' ellipsis.
 * For slices has_start and has_stop say which are given, and step 0 means 1. The list is read
 * during the call. Errors: BR_EINDEX, as br_index. */
typedef struct br_index_item {
    char kind;
    bool has_start, has_stop;
    int64_t start, stop, step;
} br_index_item;
BR_API br_array *br_index_items_(br_array *x, const br_index_item *items, int n, br_place at);

/* br_permute_dims - axis i of the result is axis axes[i] of x, every axis once. Errors:
 * BR_EAXIS. */
BR_API br_array *br_permute_dims_(br_array *x, br_axes axes, br_place at);

/* br_reshape - the same elements in C order with another shape; one extent may be -1 and is
 * computed.
 *
 * Copies, chunk by chunk, unless only extents of 1 are added or dropped. Chunks that are runs of
 * whole rows map to runs of rows, any others are gathered from all chunks of the rows they touch.
 * Errors  BR_ESHAPE when the number of elements differs.
 */
BR_API br_array *br_reshape_(br_array *x, br_extents shape, br_place at);

/* br_broadcast_to - x repeated along axes of extent 1 and new leading axes. Errors: BR_ESHAPE. */
BR_API br_array *br_broadcast_to_(br_array *x, br_extents shape, br_place at);

/* br_expand_dims - a new axis of extent 1 before axis `axis` of the result. br_squeeze - drops the
 * listed axes of extent 1. Errors: BR_EAXIS (out of range, or a longer axis for br_squeeze). */
BR_API br_array *br_expand_dims_(br_array *x, int axis, br_place at);
BR_API br_array *br_squeeze_(br_array *x, br_axes axes, br_place at);

/* br_rechunk - the same array cut into other chunks.
 *
 * .chunks       an extent for each axis: 0 or -1 for the whole axis, BR_AUTO to leave it to
 *               bramble, as in BR_CHUNKS(BR_AUTO, -1). BR_CHUNKS_AUTO, or nothing given, leaves
 *               all.
 * .chunk_bytes  what automatic chunks take at most, 4 MiB by default. The longest of the automatic
 *               axes is cut to a power of two until a chunk is no larger; the last axis keeps 512
 *               elements if the others can be cut instead. Shape and dtype decide, not the machine.
 * Errors  BR_ESHAPE (not as many extents as axes, an extent below -2), BR_EARG (chunk_bytes, but no
 *         automatic axis).
 * Cost    none by itself where x is read from memory, from a file or is an elementwise expression
 *         of such: its readers read the new chunks straight from there. Computed chunks are copied
 *         once, by those that read them, and are held until the last of them has; when that does
 *         not fit the memory limit they are cut first, and the pieces go one by one (two copies).
 *         Results have the same bits either way.
 */
typedef struct br_rechunk_args {
    br_place at;
    br_array *x;
    br_extents chunks;
    size_t chunk_bytes;
} br_rechunk_args;
BR_API br_array *br_rechunk_(br_rechunk_args args);

#ifndef __cplusplus
#define br_from_memory(...)                                                                        \
    br_from_memory_((br_from_memory_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_full(...)   br_full_((br_full_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_zeros(...)  br_zeros_((br_zeros_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_ones(...)   br_ones_((br_zeros_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_arange(...) br_arange_((br_arange_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_linspace(...)                                                                           \
    br_linspace_((br_linspace_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_index(x, text)           br_index_((x), (text), BR_HERE)
#define br_indexf(x, ...)           br_indexf_((x), BR_HERE, __VA_ARGS__)
#define br_index_items(x, items, n) br_index_items_((x), (items), (n), BR_HERE)
#define br_permute_dims(x, axes)    br_permute_dims_((x), axes, BR_HERE)
#define br_reshape(x, shape)        br_reshape_((x), shape, BR_HERE)
#define br_broadcast_to(x, shape)   br_broadcast_to_((x), shape, BR_HERE)
#define br_expand_dims(x, axis)     br_expand_dims_((x), (axis), BR_HERE)
#define br_squeeze(x, axes)         br_squeeze_((x), axes, BR_HERE)
#define br_rechunk(...)             br_rechunk_((br_rechunk_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
