/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_notes.c - attributes of a dataset that is written, and of its file.
 *
 * Text is stored with a fixed length, as netCDF-4 stores characters: every program reads it.
 */
#include <string.h>

#include "array/io/hdf5_output.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

/* Attributes that stand for dimensions; hdf5_dims.c writes them. */
static const char *const reserved[] = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"};

bool bri_h5_is_reserved(const char *attribute)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(attribute, reserved[i]) == 0)
            return true;
    return false;
}

bool bri_h5_write_note(hid_t object, const char *name, hid_t type, hid_t space, const void *value)
{
    if (H5Aexists(object, name) > 0 && H5Adelete(object, name) < 0)
        return false;
    hid_t note = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = note >= 0 && H5Awrite(note, type, value) >= 0;
    if (note >= 0)
        H5Aclose(note);
    return good;
}

bool bri_h5_write_text(hid_t object, const char *name, const char *text)
{
    size_t n = strlen(text);
    bool ascii = true;
    for (size_t i = 0; i < n; i++)
        ascii = ascii && (unsigned char)text[i] < 128;
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    bool good = type >= 0 && space >= 0 && H5Tset_size(type, n > 0 ? n : 1) >= 0 &&
                H5Tset_strpad(type, n > 0 ? H5T_STR_NULLPAD : H5T_STR_NULLTERM) >= 0 &&
                H5Tset_cset(type, ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8) >= 0 &&
                bri_h5_write_note(object, name, type, space, text);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

/* ---- numbers ---- */

/* netCDF-4 knows neither truth values nor enumerations of them. */
static hid_t type_of_note(br_dtype dtype)
{
    return dtype == BR_BOOL ? H5Tcopy(H5T_NATIVE_INT8) : bri_h5_type_for(dtype);
}

/* A number as one element: of dtype, which follows from its kind. */
static br_dtype element_of(const br_number *number, char element[16])
{
    double complex_value[2] = {number->re, number->im};
    char truth = number->i != 0;
    switch (number->kind) {
    case 'b':
        memcpy(element, &truth, 1);
        return BR_BOOL;
    case 'i':
        memcpy(element, &number->i, 8);
        return BR_INT64;
    case 'u':
        memcpy(element, &number->u, 8);
        return BR_UINT64;
    case 'c':
        memcpy(element, complex_value, 16);
        return BR_COMPLEX128;
    default:
        memcpy(element, &number->re, 8);
        return BR_FLOAT64;
    }
}

/* Values that stand for missing elements have the dataset's type. */
static bool is_fill(const char *name)
{
    return strcmp(name, "_FillValue") == 0 || strcmp(name, "missing_value") == 0;
}

static br_status fill_of(const bri_h5_writer *w, const br_store_attribute *a, char element[16])
{
    char back[16];
    br_dtype from = element_of(&a->number, element);
    br_dtype to = w->spec.dtype;
    if (bri_kind(from) == 'c' || bri_kind(to) == 'c' || bri_kind(to) == 'b')
        return bri_error(BR_ETYPE, "%s: %s has no attribute %s", w->name, br_dtype_name(to),
                         a->name);
    hid_t number = type_of_note(from);
    bool good = number >= 0 && H5Tconvert(number, w->type, 1, element, NULL, H5P_DEFAULT) >= 0;
    memcpy(back, element, sizeof back);
    good = good && H5Tconvert(w->type, number, 1, back, NULL, H5P_DEFAULT) >= 0;
    if (number >= 0)
        H5Tclose(number);
    if (!good)
        return bri_h5_error(BR_EIO, "%s:%s: %s cannot be converted", w->output->path, w->name,
                            a->name);
    char before[16];
    element_of(&a->number, before);
    if (bri_kind(to) != 'f' && memcmp(before, back, br_dtype_size(from)) != 0)
        return bri_error(BR_EARG, "%s: the attribute %s is no number of %s", w->name, a->name,
                         br_dtype_name(to));
    return BR_OK;
}

br_status bri_h5_set_fill(const bri_h5_writer *w, hid_t creation)
{
    char element[16];
    for (const br_store_attribute *a = w->spec.attributes; a != NULL && a->name != NULL; a++) {
        if (strcmp(a->name, "_FillValue") != 0 || a->number.kind == 0)
            continue;
        BRI_TRY(fill_of(w, a, element));
        if (H5Pset_fill_value(creation, w->type, element) < 0)
            return bri_h5_error(BR_EIO, "%s:%s: the fill value cannot be set", w->output->path,
                                w->name);
    }
    return BR_OK;
}

static bool write_values(hid_t object, const br_store_attribute *a, br_dtype dtype,
                         const void *values, bool scalar)
{
    hsize_t n = (hsize_t)a->n;
    hid_t type = type_of_note(dtype);
    hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &n, NULL);
    bool good = type >= 0 && space >= 0 && bri_h5_write_note(object, a->name, type, space, values);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return good;
}

static br_status write_number(const bri_h5_writer *w, hid_t object, const br_store_attribute *a,
                              bool *good)
{
    char element[16];
    br_dtype dtype = element_of(&a->number, element);
    if (object == w->dataset && is_fill(a->name)) {
        BRI_TRY(fill_of(w, a, element));
        dtype = w->spec.dtype;
    }
    *good = write_values(object, a, dtype, element, true);
    return BR_OK;
}

static br_status write_attribute(const bri_h5_writer *w, hid_t object, const br_store_attribute *a)
{
    bool good = false;
    if (a->text != NULL)
        good = bri_h5_write_text(object, a->name, a->text);
    else if (a->number.kind != 0)
        BRI_TRY(write_number(w, object, a, &good));
    else
        good = write_values(object, a, a->dtype, a->values, false);
    return good && bri_h5_errno() == 0
               ? BR_OK
               : bri_h5_error(bri_h5_errno() != 0 ? BR_EIO : BR_EARG,
                              "%s:%s: attribute \"%s\" cannot be written", w->output->path,
                              object == w->dataset ? w->name : "/", a->name);
}

br_status bri_h5_check_attributes(const br_store_attribute *list, const char *dataset)
{
    enum { MOST = 60000 }; /* bytes; HDF5's own limit for all of a dataset's is 64 KiB */
    for (const br_store_attribute *a = list; a != NULL && a->name != NULL; a++) {
        bool one = (a->text != NULL) + (a->number.kind != 0) + (a->values != NULL) == 1;
        if (a->name[0] == '\0' || bri_h5_is_reserved(a->name))
            return bri_error(BR_EARG, "%s: \"%s\" cannot be an attribute's name", dataset, a->name);
        if (!one)
            return bri_error(BR_EARG, "%s: attribute \"%s\" has %s", dataset, a->name,
                             "not one of a text, a number and values");
        if (a->values != NULL && (!bri_dtype_ok(a->dtype) || a->n < 1 ||
                                  (uint64_t)a->n > MOST / br_dtype_size(a->dtype)))
            return bri_error(BR_EARG,
                             "%s: attribute \"%s\" must have a dtype and 1 to %d bytes of values",
                             dataset, a->name, MOST);
        if (a->text != NULL && strlen(a->text) > MOST)
            return bri_error(BR_EARG, "%s: attribute \"%s\" is longer than %d bytes", dataset,
                             a->name, MOST);
    }
    return BR_OK;
}

static br_status write_list(const bri_h5_writer *w, hid_t object, const br_store_attribute *list)
{
    for (const br_store_attribute *a = list; a != NULL && a->name != NULL; a++)
        BRI_TRY(write_attribute(w, object, a));
    return BR_OK;
}

br_status bri_h5_write_attributes(const bri_h5_writer *w)
{
    BRI_TRY(write_list(w, w->dataset, w->spec.attributes));
    if (w->spec.file_attributes == NULL)
        return BR_OK;
    hid_t root = H5Gopen2(w->output->file, "/", H5P_DEFAULT);
    if (root < 0)
        return bri_h5_error(BR_EIO, "%s: its attributes cannot be written", w->output->path);
    br_status status = write_list(w, root, w->spec.file_attributes);
    H5Gclose(root);
    return status;
}
