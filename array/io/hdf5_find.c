/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_find.c - opening a dataset by name, and what a file has instead when it is not there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

enum {
    MAX_PATH = 1024,
    MAX_NAME = 256,    /* longer names are not listed */
    MAX_DEPTH = 16,    /* hard links can make groups contain themselves */
    MAX_VISITS = 5000, /* a message is not worth more objects than this */
    MAX_LISTED = 8,
};

typedef struct near_name {
    char name[MAX_NAME];
    int distance;
} near_name;

typedef struct search {
    const char *wanted;
    int visits, found, listed;
    near_name best[MAX_LISTED]; /* sorted by distance */
} search;

bool bri_h5_exists(hid_t file, const char *name)
{
    char part[MAX_PATH];
    size_t n = strlen(name);
    if (n >= MAX_PATH)
        return false;
    memcpy(part, name, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if ((name[i] != '/' && name[i] != '\0') || name[i - 1] == '/')
            continue;
        part[i] = '\0';
        if (H5Lexists(file, part, H5P_DEFAULT) <= 0)
            return false;
        part[i] = name[i];
    }
    return true;
}

/* Levenshtein distance without regard to case, one row of the table at a time. */
static int distance(const char *a, const char *b)
{
    int row[MAX_NAME + 1];
    int n = (int)strnlen(b, MAX_NAME);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            int d = diagonal + !same;
            diagonal = row[j];
            if (row[j] + 1 < d)
                d = row[j] + 1;
            if (row[j - 1] + 1 < d)
                d = row[j - 1] + 1;
            row[j] = d;
        }
    }
    return row[n];
}

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

/* "temprature" should find "/ocean/temperature": the last part counts most. */
static void note_dataset(search *s, const char *name)
{
    const char *wanted = s->wanted + (s->wanted[0] == '/');
    int far = 4 * distance(last_part(wanted), last_part(name)) + distance(wanted, name);
    s->found++;
    int at = s->listed;
    while (at > 0 && s->best[at - 1].distance > far)
        at--;
    if (at == MAX_LISTED)
        return;
    int moved = s->listed - at - (s->listed == MAX_LISTED);
    memmove(&s->best[at + 1], &s->best[at], (size_t)moved * sizeof s->best[0]);
    snprintf(s->best[at].name, MAX_NAME, "%s", name);
    s->best[at].distance = far;
    s->listed += s->listed < MAX_LISTED;
}

/* The H5L and H5O iterators changed their callbacks between HDF5 versions; these calls did not. */
static void visit(search *s, hid_t group, char name[MAX_NAME], int depth)
{
    H5G_info_t info;
    size_t prefix = strlen(name);
    if (depth > MAX_DEPTH || H5Gget_info(group, &info) < 0)
        return;
    for (hsize_t i = 0; i < info.nlinks && s->visits < MAX_VISITS; i++) {
        s->visits++;
        ssize_t n = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name + prefix,
                                       MAX_NAME - prefix - 1, H5P_DEFAULT);
        if (n < 0 || (size_t)n >= MAX_NAME - prefix - 1)
            continue;
        hid_t object = H5Oopen_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT);
        H5I_type_t type = object >= 0 ? H5Iget_type(object) : H5I_BADID;
        if (type == H5I_DATASET)
            note_dataset(s, name);
        if (type == H5I_GROUP) {
            strcat(name, "/");
            visit(s, object, name, depth + 1);
        }
        if (object >= 0)
            H5Oclose(object);
    }
    name[prefix] = '\0';
}

/* Adds "; its datasets are a, b and 3 more" to the error just made. */
static br_status with_datasets(br_status status, hid_t file, const char *wanted)
{
    char what[BRI_ERROR_TEXT], list[BRI_ERROR_TEXT] = "", name[MAX_NAME] = "";
    search *s = bri_calloc(1, sizeof *s);
    if (s == NULL)
        return BR_ENOMEM;
    snprintf(what, sizeof what, "%s", bri_last_error());
    s->wanted = wanted;
    visit(s, file, name, 0);
    size_t used = 0;
    for (int i = 0; i < s->listed && used < 600; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "",
                                 s->best[i].name);
    if (s->found > s->listed)
        snprintf(list + used, sizeof list - used, " and %d more", s->found - s->listed);
    if (s->found == 0)
        status = bri_error(status, "%s; the file has no datasets", what);
    else
        status = bri_error(status, "%s; the file has: %s", what, list);
    bri_free(s);
    return status;
}

/* What the link leads to, "" when it is none or not known. */
static void describe_link(hid_t file, const char *name, char text[BRI_H5_MESSAGE])
{
    H5L_info_t info;
    char value[MAX_NAME];
    const char *other = NULL, *object = NULL;
    unsigned flags;
    text[0] = '\0';
    if (H5Lget_info(file, name, &info, H5P_DEFAULT) < 0 || info.type == H5L_TYPE_HARD ||
        info.u.val_size > sizeof value ||
        H5Lget_val(file, name, value, sizeof value, H5P_DEFAULT) < 0)
        return;
    if (info.type == H5L_TYPE_SOFT)
        snprintf(text, BRI_H5_MESSAGE, "a link to \"%.*s\"", (int)info.u.val_size, value);
    else if (info.type == H5L_TYPE_EXTERNAL &&
             H5Lunpack_elink_val(value, info.u.val_size, &flags, &other, &object) >= 0)
        snprintf(text, BRI_H5_MESSAGE, "a link to \"%.120s\" of the file %.120s", object, other);
}

/* HDF5's message, or the errno, is made before the link is looked at. */
static br_status cannot_open(hid_t file, const char *path, const char *dataset)
{
    char what[BRI_ERROR_TEXT], link[BRI_H5_MESSAGE];
    br_status status = bri_h5_error(BR_EFORMAT, "%s: \"%s\" cannot be opened", path, dataset);
    snprintf(what, sizeof what, "%s", bri_last_error());
    describe_link(file, dataset, link);
    if (link[0] == '\0')
        return bri_error(status, "%s", what);
    return bri_file_error(BR_ENOTFOUND, "%s: \"%s\" is %s, which cannot be opened", path, dataset,
                          link);
}

br_status bri_h5_find(hid_t file, const char *path, const char *dataset, hid_t *out)
{
    *out = -1;
    bool root = strspn(dataset, "/") == strlen(dataset) && dataset[0] != '\0';
    if (dataset[0] == '\0' || (!root && !bri_h5_exists(file, dataset))) {
        bri_file_error(BR_ENOTFOUND, "%s: no dataset \"%s\"", path, dataset);
        return with_datasets(BR_ENOTFOUND, file, dataset);
    }
    hid_t object = H5Oopen(file, dataset, H5P_DEFAULT);
    if (object < 0 && bri_h5_errno() == EXDEV)
        return bri_file_error(
            BR_EUNSUPPORTED,
            "%s: \"%s\" is a link into another file, which .untrusted does not follow", path,
            dataset);
    if (object < 0)
        return cannot_open(file, path, dataset);
    H5I_type_t type = H5Iget_type(object);
    if (type == H5I_DATASET) {
        *out = object;
        return BR_OK;
    }
    H5Oclose(object);
    bri_file_error(BR_ENOTFOUND, "%s: \"%s\" is a %s, not a dataset", path, dataset,
                   type == H5I_GROUP ? "group" : "named type");
    return with_datasets(BR_ENOTFOUND, file, dataset);
}
