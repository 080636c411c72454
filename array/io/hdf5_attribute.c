/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_attribute.c - reading an attribute: numbers or texts; and what attributes say about how
 * elements are packed. The HDF5 lock is held.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/io/hdf5_attribute.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum { MAX_BYTES = 16 << 20 }; /* of one attribute; HDF5 itself stops at 64 KiB in most files */

void bri_h5_attribute_free(bri_h5_attribute *a)
{
    for (int64_t i = 0; a->text != NULL && i < a->n; i++)
        bri_free(a->text[i]);
    bri_free(a->text);
    bri_free(a->data);
    bri_free(a->name);
    *a = (bri_h5_attribute){0};
}

static br_status failed(const char *name)
{
    char why[BRI_H5_MESSAGE];
    const char *because = bri_h5_reason(why);
    return bri_error(bri_h5_errno() == ENOMEM ? BR_ENOMEM : BR_EFORMAT,
                     "the attribute \"%s\" cannot be read%s%s", name,
                     because[0] != '\0' ? ": " : "", because);
}

static br_status read_variable_texts(hid_t attribute, hid_t stored, bri_h5_attribute *a)
{
    hid_t space = H5Aget_space(attribute);
    char **texts = bri_calloc((size_t)a->n + 1, sizeof *texts);
    br_status st = texts != NULL ? BR_OK : BR_ENOMEM;
    if (st == BR_OK && (space < 0 || H5Aread(attribute, stored, texts) < 0))
        st = failed(a->name);
    for (int64_t i = 0; i < a->n && st == BR_OK; i++) {
        a->text[i] = bri_strdup(texts[i] != NULL ? texts[i] : "");
        if (a->text[i] == NULL)
            st = BR_ENOMEM;
    }
    if (texts != NULL && space >= 0)
        H5Dvlen_reclaim(stored, space, H5P_DEFAULT, texts);
    if (space >= 0)
        H5Sclose(space);
    bri_free(texts);
    return st;
}

/* Texts of a fixed size end at a zero, at their size, or at the blanks before it. */
static br_status read_fixed_texts(hid_t attribute, hid_t stored, bri_h5_attribute *a)
{
    size_t size = H5Tget_size(stored);
    bool blanks = H5Tget_strpad(stored) == H5T_STR_SPACEPAD;
    char *all = bri_calloc((size_t)a->n + 1, size);
    br_status st = all != NULL ? BR_OK : BR_ENOMEM;
    if (st == BR_OK && H5Aread(attribute, stored, all) < 0)
        st = failed(a->name);
    for (int64_t i = 0; i < a->n && st == BR_OK; i++) {
        const char *from = all + (size_t)i * size;
        size_t n = strnlen(from, size);
        while (blanks && n > 0 && from[n - 1] == ' ')
            n--;
        a->text[i] = bri_malloc(n + 1);
        if (a->text[i] == NULL) {
            st = BR_ENOMEM;
            break;
        }
        memcpy(a->text[i], from, n);
        a->text[i][n] = '\0';
    }
    bri_free(all);
    return st;
}

static br_status read_numbers(hid_t attribute, const bri_h5_type *type, bri_h5_attribute *a)
{
    a->dtype = type->dtype;
    a->data = bri_calloc((size_t)a->n + 1, br_dtype_size(a->dtype));
    if (a->data == NULL)
        return BR_ENOMEM;
    if (a->n > 0 && H5Aread(attribute, type->memory, a->data) < 0)
        return failed(a->name);
    bri_h5_fix_bytes(type->after, a->data, (size_t)a->n * br_dtype_size(a->dtype));
    return BR_OK;
}

static br_status read_values(hid_t attribute, hid_t stored, bri_h5_attribute *a)
{
    if (H5Tget_class(stored) == H5T_STRING) {
        a->text = bri_calloc((size_t)a->n + 1, sizeof *a->text);
        if (a->text == NULL)
            return BR_ENOMEM;
        return H5Tis_variable_str(stored) > 0 ? read_variable_texts(attribute, stored, a)
                                              : read_fixed_texts(attribute, stored, a);
    }
    bri_h5_type type;
    br_status st = BR_OK;
    if (bri_h5_type_of(stored, "", &type))
        st = read_numbers(attribute, &type, a);
    else
        snprintf(a->other, sizeof a->other, "%.60s", type.name);
    if (type.memory >= 0)
        H5Tclose(type.memory);
    return st;
}

static br_status read_open(hid_t attribute, bri_h5_attribute *a)
{
    hid_t stored = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    size_t size = stored >= 0 ? H5Tget_size(stored) : 0;
    br_status st = BR_OK;
    if (n < 0 || size == 0)
        st = failed(a->name);
    else if ((uint64_t)n > MAX_BYTES / size)
        st = bri_error(BR_EFORMAT, "the attribute \"%s\" is too large", a->name);
    if (st == BR_OK) {
        a->n = n;
        st = read_values(attribute, stored, a);
    }
    if (space >= 0)
        H5Sclose(space);
    if (stored >= 0)
        H5Tclose(stored);
    return st;
}

br_status bri_h5_attribute_read(hid_t object, const char *name, bri_h5_attribute *a)
{
    *a = (bri_h5_attribute){.name = bri_strdup(name)};
    if (a->name == NULL)
        return BR_ENOMEM;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    br_status st = attribute >= 0 ? read_open(attribute, a) : failed(name);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (st != BR_OK)
        bri_h5_attribute_free(a);
    return st;
}

br_number bri_h5_attribute_number(const bri_h5_attribute *a, int64_t i)
{
    switch (a->dtype) {
#define NUMBER(dtype_, type, make)                                                                 \
    case dtype_:                                                                                   \
        return make(((const type *)a->data)[i]);
        NUMBER(BR_BOOL, uint8_t, br_number_int)
        NUMBER(BR_INT8, int8_t, br_number_int)
        NUMBER(BR_INT16, int16_t, br_number_int)
        NUMBER(BR_INT32, int32_t, br_number_int)
        NUMBER(BR_INT64, int64_t, br_number_int)
        NUMBER(BR_UINT8, uint8_t, br_number_uint)
        NUMBER(BR_UINT16, uint16_t, br_number_uint)
        NUMBER(BR_UINT32, uint32_t, br_number_uint)
        NUMBER(BR_UINT64, uint64_t, br_number_uint)
        NUMBER(BR_FLOAT32, float, br_number_float)
        NUMBER(BR_FLOAT64, double, br_number_float)
#undef NUMBER
    default:
        return (br_number){0};
    }
}
