/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_type.c - stored HDF5 types to dtypes and back; h5py's forms of bool and complex.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"

/* dtype, native type, little-endian form, big-endian form, fix that swaps one element */
#define PLAIN_TYPES(X)                                                                             \
    X(BR_INT8, H5T_NATIVE_INT8, H5T_STD_I8LE, H5T_STD_I8BE, BRI_H5_AS_IS)                          \
    X(BR_INT16, H5T_NATIVE_INT16, H5T_STD_I16LE, H5T_STD_I16BE, BRI_H5_SWAP2)                      \
    X(BR_INT32, H5T_NATIVE_INT32, H5T_STD_I32LE, H5T_STD_I32BE, BRI_H5_SWAP4)                      \
    X(BR_INT64, H5T_NATIVE_INT64, H5T_STD_I64LE, H5T_STD_I64BE, BRI_H5_SWAP8)                      \
    X(BR_UINT8, H5T_NATIVE_UINT8, H5T_STD_U8LE, H5T_STD_U8BE, BRI_H5_AS_IS)                        \
    X(BR_UINT16, H5T_NATIVE_UINT16, H5T_STD_U16LE, H5T_STD_U16BE, BRI_H5_SWAP2)                    \
    X(BR_UINT32, H5T_NATIVE_UINT32, H5T_STD_U32LE, H5T_STD_U32BE, BRI_H5_SWAP4)                    \
    X(BR_UINT64, H5T_NATIVE_UINT64, H5T_STD_U64LE, H5T_STD_U64BE, BRI_H5_SWAP8)                    \
    X(BR_FLOAT32, H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, H5T_IEEE_F32BE, BRI_H5_SWAP4)                  \
    X(BR_FLOAT64, H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, BRI_H5_SWAP8)

static hid_t native(br_dtype dtype)
{
    switch (dtype) {
#define NATIVE(dtype_, native_, le, be, swap)                                                      \
    case dtype_:                                                                                   \
        return native_;
        PLAIN_TYPES(NATIVE)
#undef NATIVE
    default:
        return -1;
    }
}

/* Types whose stored bytes need at most a swap. */
static bool plain_number(hid_t stored, bri_h5_type *out)
{
#define TRY(dtype_, native_, le, be, swap)                                                         \
    if (H5Tequal(stored, native_) > 0 || H5Tequal(stored, le) > 0 || H5Tequal(stored, be) > 0) {   \
        out->dtype = dtype_;                                                                       \
        out->fix = H5Tequal(stored, native_) > 0 ? BRI_H5_AS_IS : swap;                            \
        out->plain = true;                                                                         \
        out->bytes = H5Tget_size(stored);                                                          \
        return true;                                                                               \
    }
    PLAIN_TYPES(TRY)
#undef TRY
    return false;
}

/* float16 as h5py stores it. */
static bool half(hid_t stored, bri_h5_type *out)
{
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    if (H5Tget_class(stored) != H5T_FLOAT || H5Tget_size(stored) != 2 ||
        H5Tget_precision(stored) != 16 || H5Tget_ebias(stored) != 15 ||
        H5Tget_norm(stored) != H5T_NORM_IMPLIED ||
        H5Tget_fields(stored, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0 ||
        sign != 15 || exponent != 10 || exponent_bits != 5 || mantissa != 0 || mantissa_bits != 10)
        return false;
    H5T_order_t order = H5Tget_order(stored), ours = H5Tget_order(H5T_NATIVE_INT);
    out->dtype = BR_FLOAT32;
    out->plain = order == H5T_ORDER_LE || order == H5T_ORDER_BE;
    out->fix = order == ours ? BRI_H5_HALF : BRI_H5_HALF_SWAPPED;
    out->bytes = 2;
    return out->plain;
}

/* Numbers of other widths or bit layouts go to the next wider dtype, by H5Dread's conversion. */
static bool odd_number(hid_t stored, bri_h5_type *out)
{
    size_t bytes = H5Tget_size(stored);
    out->plain = false;
    out->fix = BRI_H5_AS_IS;
    if (H5Tget_class(stored) == H5T_FLOAT) {
        out->dtype = bytes <= 4 ? BR_FLOAT32 : BR_FLOAT64;
        snprintf(out->name, sizeof out->name, "%zu-byte floats", bytes);
        return bytes <= 8;
    }
    bool is_signed = H5Tget_sign(stored) == H5T_SGN_2;
    static const br_dtype wide[2][4] = {{BR_UINT8, BR_UINT16, BR_UINT32, BR_UINT64},
                                        {BR_INT8, BR_INT16, BR_INT32, BR_INT64}};
    out->dtype = wide[is_signed][(bytes > 1) + (bytes > 2) + (bytes > 4)];
    snprintf(out->name, sizeof out->name, "%zu-byte integers", bytes);
    return bytes <= 8;
}

/* HDF5 forgets the sign of an integer with fewer bits than its bytes hold when it also changes the
 * order of the bytes, so these keep their order. */
static hid_t memory_of_odd(hid_t stored, bri_h5_type *out)
{
    H5T_order_t order = H5Tget_order(stored);
    if (H5Tget_class(stored) != H5T_INTEGER || order == H5Tget_order(H5T_NATIVE_INT))
        return H5Tcopy(native(out->dtype));
    switch (out->dtype) {
#define SAME_ORDER(dtype_, native_, le, be, swap)                                                  \
    case dtype_:                                                                                   \
        out->after = swap;                                                                         \
        return H5Tcopy(order == H5T_ORDER_BE ? be : le);
        PLAIN_TYPES(SAME_ORDER)
#undef SAME_ORDER
    default:
        return -1;
    }
}

static bool number(hid_t stored, bri_h5_type *out)
{
    if (plain_number(stored, out) || half(stored, out))
        out->memory = H5Tcopy(native(out->dtype));
    else if (odd_number(stored, out))
        out->memory = memory_of_odd(stored, out);
    return out->memory >= 0;
}

/* h5py stores bool as an enum of int8 with these two members. */
static bool is_truth(hid_t stored)
{
    signed char no = -1, yes = -1;
    return H5Tget_size(stored) == 1 && H5Tget_nmembers(stored) == 2 &&
           H5Tenum_valueof(stored, "FALSE", &no) >= 0 &&
           H5Tenum_valueof(stored, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
}

/* Enums convert only to enums in HDF5, and numbers without a name become others; so nothing is
 * converted. */
static bool enumeration(hid_t stored, bri_h5_type *out)
{
    hid_t base = H5Tget_super(stored);
    bool ok = base >= 0 && plain_number(base, out);
    if (!ok)
        snprintf(out->name, sizeof out->name, "enums of unusual integers");
    if (base >= 0)
        H5Tclose(base);
    if (!ok)
        return false;
    if (is_truth(stored)) {
        out->dtype = BR_BOOL;
        out->fix = BRI_H5_TRUTH;
    }
    out->after = out->fix;
    out->memory = H5Tcopy(stored);
    return out->memory >= 0;
}

enum { MAX_FIELD = 1024 }; /* longer names of fields are not found */

static bool member_named(hid_t compound, unsigned i, const char *name)
{
    char *stored = H5Tget_member_name(compound, i);
    bool same = stored != NULL && strcmp(stored, name) == 0;
    H5free_memory(stored);
    return same;
}

static hid_t complex_type(const char *const names[2], hid_t part, size_t part_bytes)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, 2 * part_bytes);
    if (type < 0 || H5Tinsert(type, names[0], 0, part) < 0 ||
        H5Tinsert(type, names[1], part_bytes, part) < 0)
        return -1;
    return type;
}

/* As h5py and nc-complex write them, and others. */
static const char *const complex_names[][2] = {
    {"r", "i"}, {"re", "im"}, {"real", "imag"}, {"Re", "Im"}, {"real", "imaginary"}};

static const char *const *names_of_complex(hid_t stored)
{
    for (size_t k = 0; k < sizeof complex_names / sizeof complex_names[0]; k++)
        if (H5Tget_nmembers(stored) == 2 && member_named(stored, 0, complex_names[k][0]) &&
            member_named(stored, 1, complex_names[k][1]))
            return complex_names[k];
    return NULL;
}

static bool complex_number(hid_t stored, bri_h5_type *out)
{
    const char *const *names = names_of_complex(stored);
    if (names == NULL)
        return false;
    hid_t re = H5Tget_member_type(stored, 0), im = H5Tget_member_type(stored, 1);
    bool ok = re >= 0 && im >= 0 && H5Tequal(re, im) > 0 && H5Tget_class(re) == H5T_FLOAT &&
              plain_number(re, out);
    if (ok) {
        size_t part = H5Tget_size(re);
        out->plain = H5Tget_size(stored) == 2 * part && H5Tget_member_offset(stored, 0) == 0 &&
                     H5Tget_member_offset(stored, 1) == part;
        if (!out->plain)
            out->fix = BRI_H5_AS_IS;
        out->memory = complex_type(names, native(out->dtype), part);
        out->dtype = out->dtype == BR_FLOAT32 ? BR_COMPLEX64 : BR_COMPLEX128;
        out->bytes = 2 * part;
        ok = out->memory >= 0;
    }
    if (re >= 0)
        H5Tclose(re);
    if (im >= 0)
        H5Tclose(im);
    return ok;
}

/* Says what the members are called. */
static void name_compound(hid_t stored, const char *before, bri_h5_type *out)
{
    int n = H5Tget_nmembers(stored);
    size_t used =
        (size_t)snprintf(out->name, sizeof out->name, "%scompounds with the members", before);
    for (int i = 0; i < n && used < sizeof out->name; i++) {
        char *name = H5Tget_member_name(stored, (unsigned)i);
        used += (size_t)snprintf(out->name + used, sizeof out->name - used, "%s %s",
                                 i > 0 ? "," : "", name != NULL ? name : "?");
        H5free_memory(name);
    }
}

/* What H5Dread takes this member alone out of compounds by. */
static bool memory_of_member(const char *field, bri_h5_type *out)
{
    hid_t member = out->memory;
    out->memory = H5Tcreate(H5T_COMPOUND, H5Tget_size(member));
    bool ok = out->memory >= 0 && H5Tinsert(out->memory, field, 0, member) >= 0;
    H5Tclose(member);
    return ok;
}

/* The member that a field is, or is in: "a.b" may be b in a, or be called so. Its name is left in
 * `first`, and the rest of the field returned; NULL when there is none. */
static const char *first_member(hid_t stored, const char *field, char *first, int *i)
{
    size_t n = strlen(field);
    memcpy(first, field, n + 1);
    while (H5Tget_class(stored) == H5T_COMPOUND) {
        *i = H5Tget_member_index(stored, first);
        if (*i >= 0 && field[n] == '\0')
            return "";
        if (*i >= 0 && field[n + 1] != '\0')
            return field + n + 1;
        while (n > 0 && field[n - 1] != '.')
            n--;
        if (n == 0)
            break;
        first[--n] = '\0';
    }
    return NULL;
}

static void no_such_field(hid_t stored, bri_h5_type *out)
{
    if (H5Tget_class(stored) == H5T_COMPOUND)
        name_compound(stored, "no such field; it holds ", out);
    else
        snprintf(out->name, sizeof out->name, "no compounds, whose .field could be taken");
}

static bool member(hid_t stored, const char *field, bri_h5_type *out)
{
    char first[MAX_FIELD];
    int i = -1;
    const char *rest = strlen(field) < sizeof first ? first_member(stored, field, first, &i) : NULL;
    if (rest == NULL) {
        no_such_field(stored, out);
        return false;
    }
    hid_t type = H5Tget_member_type(stored, (unsigned)i);
    bool ok = type >= 0 && bri_h5_type_of(type, rest, out) && memory_of_member(first, out);
    if (type >= 0)
        H5Tclose(type);
    out->stride = H5Tget_size(stored);
    out->offset += H5Tget_member_offset(stored, (unsigned)i);
    if (out->fix == BRI_H5_HALF || out->fix == BRI_H5_HALF_SWAPPED) {
        out->plain = false;
        out->fix = BRI_H5_AS_IS;
    }
    return ok;
}

static const char *class_name(hid_t stored)
{
    switch (H5Tget_class(stored)) {
    case H5T_STRING:
        return H5Tis_variable_str(stored) > 0 ? "variable-length strings" : "fixed-length strings";
    case H5T_TIME:
        return "times";
    case H5T_BITFIELD:
        return "bit fields";
    case H5T_OPAQUE:
        return "opaque bytes";
    case H5T_REFERENCE:
        return "references";
    case H5T_VLEN:
        return "variable-length sequences";
    case H5T_ARRAY:
        return "arrays as elements";
    default:
        return "an unknown type";
    }
}

static bool compound(hid_t stored, bri_h5_type *out)
{
    if (complex_number(stored, out))
        return true;
    name_compound(stored, "", out);
    return false;
}

bool bri_h5_type_of(hid_t stored, const char *field, bri_h5_type *out)
{
    *out = (bri_h5_type){.memory = -1, .stride = H5Tget_size(stored)};
    if (field[0] != '\0')
        return member(stored, field, out);
    switch (H5Tget_class(stored)) {
    case H5T_INTEGER:
    case H5T_FLOAT:
        return number(stored, out);
    case H5T_ENUM:
        return enumeration(stored, out);
    case H5T_COMPOUND:
        return compound(stored, out);
    default:
        snprintf(out->name, sizeof out->name, "%s", class_name(stored));
        return false;
    }
}

hid_t bri_h5_type_to_write(hid_t stored, const bri_h5_type *type)
{
    switch (H5Tget_class(stored)) {
    case H5T_ENUM:
        return H5Tget_native_type(stored, H5T_DIR_ASCEND);
    case H5T_INTEGER:
        return H5Tcopy(native(type->dtype));
    default:
        return H5Tcopy(type->memory);
    }
}

static hid_t truth_type(void)
{
    signed char no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    if (type < 0 || H5Tenum_insert(type, "FALSE", &no) < 0 ||
        H5Tenum_insert(type, "TRUE", &yes) < 0)
        return -1;
    return type;
}

hid_t bri_h5_type_for(br_dtype dtype)
{
    switch (dtype) {
    case BR_BOOL:
        return truth_type();
    case BR_COMPLEX64:
        return complex_type(complex_names[0], H5T_NATIVE_FLOAT, 4);
    case BR_COMPLEX128:
        return complex_type(complex_names[0], H5T_NATIVE_DOUBLE, 8);
    default:
        return H5Tcopy(native(dtype));
    }
}

/* The elements may lie unaligned: contiguous data can start at any address of the file. */
#define SWAP(bits)                                                                                 \
    for (size_t i = 0; i + bits / 8 <= n; i += bits / 8) {                                         \
        uint##bits##_t x;                                                                          \
        memcpy(&x, bytes + i, sizeof x);                                                           \
        x = __builtin_bswap##bits(x);                                                              \
        memcpy(bytes + i, &x, sizeof x);                                                           \
    }

void bri_h5_fix_bytes(bri_h5_fix fix, char *bytes, size_t n)
{
    switch (fix) {
    case BRI_H5_AS_IS:
        break;
    case BRI_H5_SWAP2:
        SWAP(16)
        break;
    case BRI_H5_SWAP4:
        SWAP(32)
        break;
    case BRI_H5_SWAP8:
        SWAP(64)
        break;
    case BRI_H5_HALF:
    case BRI_H5_HALF_SWAPPED:
        break; /* when it is in its place */
    case BRI_H5_TRUTH:
        for (size_t i = 0; i < n; i++)
            bytes[i] = bytes[i] != 0;
        break;
    }
}

/* Exact: a float16 is a float32 with a smaller exponent, which the multiplication corrects. */
static float widened(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float x;
    memcpy(&x, &bits, sizeof x);
    x *= 0x1p112f;
    memcpy(&bits, &x, sizeof bits);
    if ((half & 0x7c00) == 0x7c00) /* infinity or NaN, with its payload */
        bits = 0x7f800000 | (uint32_t)(half & 0x3ff) << 13;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void fix_line(bri_h5_fix fix, size_t element, char *at, int64_t n, int64_t stride)
{
    bool half = fix == BRI_H5_HALF || fix == BRI_H5_HALF_SWAPPED;
    for (int64_t i = 0; i < n; i++, at += stride) {
        uint16_t bits;
        if (!half) {
            bri_h5_fix_bytes(fix, at, element);
            continue;
        }
        memcpy(&bits, at, sizeof bits);
        float x = widened(fix == BRI_H5_HALF ? bits : __builtin_bswap16(bits));
        memcpy(at, &x, sizeof x);
    }
}

void bri_h5_box_fix(const bri_h5_box *box, bri_h5_fix fix, size_t element, char *to)
{
    int64_t index[BR_MAX_NDIM] = {0};
    int last = box->ndim - 1, a = 0;
    while (a >= 0) {
        fix_line(fix, element, to, last < 0 ? 1 : box->count[last], last < 0 ? 0 : box->to[last]);
        for (a = last - 1; a >= 0; a--) {
            to += box->to[a];
            if (++index[a] < box->count[a])
                break;
            index[a] = 0;
            to -= box->to[a] * box->count[a];
        }
    }
}
