/* SPDX-License-Identifier: BSD-3-Clause
 * listing.c - the public calls about what is in a file.
 */
#include <math.h>
#include <string.h>

#include "array/io/hdf5_list.h"
#include "array/ops/file.h"

br_status br_open_file_(br_open_file_args args)
{
    br_context *ctx = args.ctx;
    const bri_h5_probe probe = bri_probe_of(ctx);
    *args.out = NULL;
    if (ctx->status != BR_OK)
        return ctx->status;
    br_status st = args.path != NULL
                       ? bri_h5_list(args.path, args.untrusted ? &probe : NULL, args.out)
                       : bri_error(BR_EARG, "the path is NULL");
    if (st == BR_OK)
        return BR_OK;
    bri_error_context(st, "open_file (%s:%d)", bri_file_name(args.at.file), args.at.line);
    return bri_context_fail(ctx, st, bri_last_error());
}

void br_close_file(br_file *file)
{
    bri_h5_list_free(file);
}

int br_file_count(const br_file *file)
{
    return (int)file->n;
}

const br_item *br_file_item(const br_file *file, int i)
{
    return i >= 0 && (size_t)i < file->n ? &file->items[i] : NULL;
}

const br_item *br_file_find(const br_file *file, const char *path)
{
    path += path[0] == '/';
    for (size_t i = 0; i < file->n; i++)
        if (strcmp(file->items[i].path, path) == 0)
            return &file->items[i];
    return NULL;
}

const br_attribute *br_item_attribute(const br_item *item, const char *name)
{
    for (int k = 0; item != NULL && k < item->nattributes; k++)
        if (strcmp(item->attributes[k].name, name) == 0)
            return &item->attributes[k];
    return NULL;
}

double br_attribute_f64(const br_attribute *a, int64_t i)
{
    if (a == NULL || a->data == NULL || i < 0 || i >= a->n)
        return (double)NAN;
    switch (a->dtype) {
#define NUMBER(dtype_, type)                                                                       \
    case dtype_:                                                                                   \
        return (double)((const type *)a->data)[i];
        NUMBER(BR_BOOL, uint8_t)
        NUMBER(BR_INT8, int8_t)
        NUMBER(BR_INT16, int16_t)
        NUMBER(BR_INT32, int32_t)
        NUMBER(BR_INT64, int64_t)
        NUMBER(BR_UINT8, uint8_t)
        NUMBER(BR_UINT16, uint16_t)
        NUMBER(BR_UINT32, uint32_t)
        NUMBER(BR_UINT64, uint64_t)
        NUMBER(BR_FLOAT32, float)
        NUMBER(BR_FLOAT64, double)
#undef NUMBER
    default:
        return (double)NAN;
    }
}

/* ---- for people ---- */

enum { SHOWN_VALUES = 12 };

static void print_attribute(const br_item *item, const br_attribute *a, FILE *to)
{
    const char *last = strrchr(item->path, '/');
    fprintf(to, "    %s:%s =", last != NULL ? last + 1 : item->path, a->name);
    for (int64_t i = 0; i < a->n && i < SHOWN_VALUES && a->other[0] == '\0'; i++) {
        fprintf(to, "%s ", i > 0 ? "," : "");
        if (a->text != NULL)
            fprintf(to, "\"%s\"", a->text[i]);
        else if (a->data != NULL)
            bri_print_element(a->dtype, (const char *)a->data + (size_t)i * br_dtype_size(a->dtype),
                              to);
    }
    if (a->other[0] != '\0')
        fprintf(to, " (%s)", a->other);
    else if (a->n > SHOWN_VALUES)
        fprintf(to, ", ... (%lld values)", (long long)a->n);
    fprintf(to, "\n");
}

/* "(time = 12 unlimited, 64, lon = 128)" */
static void print_axes(const br_item *item, FILE *to)
{
    fprintf(to, "(");
    for (int a = 0; a < item->ndim; a++)
        fprintf(to, "%s%s%s%lld%s", a > 0 ? ", " : "", item->dim[a],
                item->dim[a][0] != '\0' ? " = " : "", (long long)item->shape[a],
                item->unlimited >> a & 1 ? " unlimited" : "");
    fprintf(to, ")");
}

static void print_dataset(const br_item *item, FILE *to)
{
    char chunk[160];
    fprintf(to, "%s %s", item->type, item->path);
    print_axes(item, to);
    if (item->ndim > 0 && item->chunk[0] > 0)
        fprintf(to, ", chunks %s", bri_shape_text(item->ndim, item->chunk, chunk, sizeof chunk));
    if (item->filters[0] != '\0')
        fprintf(to, ", %s", item->filters);
    fprintf(to, "\n");
}

void br_print_file(const br_file *file, FILE *to)
{
    fprintf(to, "%s\n", file->path);
    for (size_t i = 0; i < file->n; i++) {
        const br_item *item = &file->items[i];
        if (!item->is_group)
            print_dataset(item, to);
        else if (item->path[0] != '\0')
            fprintf(to, "group %s\n", item->path);
        for (int k = 0; k < item->nattributes; k++)
            print_attribute(item, &item->attributes[k], to);
    }
}
