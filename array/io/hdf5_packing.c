/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_packing.c - what attributes say about elements: which are missing, how they are scaled.
 *
 * The names are those of netCDF's conventions,
 * https://docs.unidata.ucar.edu/nug/current/attribute_conventions.html
 */
#include <stdarg.h>
#include <string.h>

#include "array/io/hdf5_attribute.h"
#include "runtime/error.h"

static void note(bri_h5_packing *p, const char *format, ...)
{
    size_t used = strlen(p->text);
    va_list args;
    va_start(args, format);
    if (used > 0 && used + 2 < sizeof p->text) {
        memcpy(p->text + used, ", ", 3);
        used += 2;
    }
    vsnprintf(p->text + used, sizeof p->text - used, format, args);
    va_end(args);
}

/* Only the first thing that is wrong is kept: it is told when the elements are to be unpacked. */
static void wrong(bri_h5_packing *p, const char *name, const char *what)
{
    if (p->wrong[0] == '\0')
        snprintf(p->wrong, sizeof p->wrong, "its attribute %s %s", name, what);
}

static double as_double(br_number n)
{
    return n.kind == 'i' ? (double)n.i : n.kind == 'u' ? (double)n.u : n.re;
}

static void note_numbers(bri_h5_packing *p, const char *name, const br_number *number, int64_t n)
{
    if (n > 1)
        note(p, "%s %.9g ... %.9g", name, as_double(number[0]), as_double(number[n - 1]));
    else if (n == 1)
        note(p, "%s %.9g", name, as_double(number[0]));
}

static br_status read_attribute(const bri_h5_dataset *d, const char *name, bri_h5_attribute *a)
{
    char where[BRI_H5_MESSAGE];
    br_status st = bri_h5_attribute_read(d->dataset, name, a);
    return st == BR_OK ? BR_OK
                       : bri_file_error(st, "%s: %s", bri_h5_where(d, -1, where), bri_last_error());
}

/* Up to `most` numbers of the attribute, 0 when it is not there or not usable; *texts, if it is not
 * NULL, when there are texts instead. */
static br_status numbers_or_texts(bri_h5_dataset *d, const char *name, br_number *out, int most,
                                  int *n, bool *texts)
{
    bri_h5_packing *p = &d->packing;
    bri_h5_attribute a;
    *n = 0;
    if (H5Aexists(d->dataset, name) <= 0)
        return BR_OK;
    p->any = true;
    BRI_TRY(read_attribute(d, name, &a));
    if (a.n > most)
        wrong(p, name, "has too many values");
    for (int64_t i = 0; i < a.n && i < most; i++)
        out[i] = bri_h5_attribute_number(&a, i);
    if (texts != NULL && a.text != NULL) {
        *texts = true;
        note(p, "%s \"%.20s\"", name, a.n > 0 ? a.text[0] : "");
    } else if (a.n > 0 && out[0].kind == 0)
        wrong(p, name, "is no number");
    else
        *n = a.n < most ? (int)a.n : most;
    note_numbers(p, name, out, *n);
    bri_h5_attribute_free(&a);
    return BR_OK;
}

static br_status numbers(bri_h5_dataset *d, const char *name, br_number *out, int most, int *n)
{
    return numbers_or_texts(d, name, out, most, n, NULL);
}

static br_status one_number(bri_h5_dataset *d, const char *name, br_number *out)
{
    int n;
    return numbers(d, name, out, 1, &n);
}

/* *found when the attribute is this word. */
static br_status is_word(bri_h5_dataset *d, const char *name, const char *word, bool *found)
{
    bri_h5_attribute a;
    *found = false;
    if (H5Aexists(d->dataset, name) <= 0)
        return BR_OK;
    BRI_TRY(read_attribute(d, name, &a));
    *found = a.text != NULL && a.n == 1 && strcmp(a.text[0], word) == 0;
    if (*found)
        note(&d->packing, "%s %s", name, word);
    d->packing.any |= *found;
    bri_h5_attribute_free(&a);
    return BR_OK;
}

static br_status read_missing(bri_h5_dataset *d)
{
    bri_h5_packing *p = &d->packing;
    int n;
    BRI_TRY(numbers_or_texts(d, "_FillValue", p->missing, BRI_H5_MISSING, &p->nfill, &p->floats));
    BRI_TRY(numbers_or_texts(d, "missing_value", p->missing + p->nfill, BRI_H5_MISSING - p->nfill,
                             &n, &p->floats));
    p->nmissing = p->nfill + n;
    return BR_OK;
}

/* valid_range goes before valid_min and valid_max, as in netCDF4. */
static br_status read_range(bri_h5_dataset *d)
{
    bri_h5_packing *p = &d->packing;
    br_number range[2];
    int n;
    BRI_TRY(numbers(d, "valid_range", range, 2, &n));
    if (n == 2) {
        p->least = range[0];
        p->most = range[1];
        p->range = true;
        return BR_OK;
    }
    if (n == 1)
        wrong(p, "valid_range", "has one value, not two");
    BRI_TRY(one_number(d, "valid_min", &p->least));
    return one_number(d, "valid_max", &p->most);
}

br_status bri_h5_read_packing(bri_h5_dataset *d)
{
    bri_h5_packing *p = &d->packing;
    bool has_sign = d->info.dtype >= BR_INT8 && d->info.dtype <= BR_INT64;
    bool is_unsigned = d->info.dtype >= BR_UINT8 && d->info.dtype <= BR_UINT64;
    *p = (bri_h5_packing){0};
    if (d->field[0] != '\0' || bri_kind(d->info.dtype) == 'b' || bri_kind(d->info.dtype) == 'c')
        return BR_OK;
    if (has_sign)
        BRI_TRY(is_word(d, "_Unsigned", "true", &p->flip));
    if (is_unsigned)
        BRI_TRY(is_word(d, "_Unsigned", "false", &p->flip));
    BRI_TRY(read_missing(d));
    BRI_TRY(read_range(d));
    BRI_TRY(one_number(d, "scale_factor", &p->scale));
    BRI_TRY(one_number(d, "add_offset", &p->offset));
    return is_word(d, "dtype", "bool", &p->truth);
}

const bri_h5_packing *bri_h5_packing_of(const bri_h5_dataset *d)
{
    return &d->packing;
}
