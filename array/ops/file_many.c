/* SPDX-License-Identifier: BSD-3-Clause
 * file_many.c - one dataset in each of many files as one array.
 */
#include <glob.h>
#include <string.h>

#include <bramble/io.h>
#include <bramble/shape.h>

#include "array/ops/file.h"
#include "runtime/alloc.h"

static bool same_number(br_number a, br_number b)
{
    if (a.kind != b.kind)
        return false;
    return a.kind == 'f' ? memcmp(&a.re, &b.re, sizeof a.re) == 0 : a.u == b.u;
}

static bool same_packing(const bri_h5_packing *a, const bri_h5_packing *b)
{
    bool same = a->any == b->any && a->flip == b->flip && a->truth == b->truth &&
                a->range == b->range && a->nfill == b->nfill && a->nmissing == b->nmissing &&
                a->floats == b->floats && strcmp(a->wrong, b->wrong) == 0 &&
                same_number(a->least, b->least) && same_number(a->most, b->most) &&
                same_number(a->scale, b->scale) && same_number(a->offset, b->offset);
    for (int i = 0; same && i < a->nmissing; i++)
        same = same_number(a->missing[i], b->missing[i]);
    return same;
}

static bool all_packed_alike(const bri_h5_dataset *d)
{
    const bri_h5_packing *first = bri_h5_packing_of(bri_h5_part(d, 0));
    for (int i = 1; i < bri_h5_parts(d); i++)
        if (!same_packing(first, bri_h5_packing_of(bri_h5_part(d, i))))
            return false;
    return true;
}

/* An array for each file, unpacked in its own way. d is taken over. */
static br_array *join_files(bri_call *call, const bri_file_call *args, bri_h5_dataset *d)
{
    int axis = bri_h5_many_axis(d), n = args->n;
    br_array **x = bri_calloc((size_t)n, sizeof *x);
    if (x == NULL) {
        bri_h5_close(d);
        return bri_handle_error(call, BR_ENOMEM);
    }
    bri_log_info(call->ctx, "from_hdf5_many: %s is packed differently in %s and others",
                 args->dataset, args->paths[0]);
    for (int i = 0; i < n; i++) {
        bri_file_call one = *args;
        one.paths = &args->paths[i];
        one.n = 1;
        one.parked = true;
        x[i] = bri_build_hdf5(call, &one, bri_h5_take_part(d, i));
    }
    br_concat_args joined = {.at = call->at, .arrays = x, .n = n, .axis = {1, {axis}}};
    br_array *all = br_concat_(joined);
    bri_h5_close(d);
    bri_free(x);
    return all;
}

static br_array *from_paths(bri_call *call, const bri_file_call *args)
{
    bri_h5_dataset *d;
    const bri_h5_probe probe = bri_probe_of(call->ctx);
    const bri_h5_set set = {args->paths,   args->n,     args->axis,
                            args->dataset, args->field, args->untrusted ? &probe : NULL};
    br_status st = bri_h5_open_many(&set, &d);
    if (st != BR_OK)
        return bri_handle_error(call, st);
    if (!args->raw && !all_packed_alike(d))
        return join_files(call, args, d);
    if (args->n > 1)
        return bri_build_hdf5(call, args, d);
    bri_file_call one = *args;
    one.parked = true;
    br_array *x = bri_build_hdf5(call, &one, bri_h5_take_part(d, 0));
    bri_h5_close(d);
    return x;
}

static br_status glob_error(int code, const char *pattern)
{
    char from[BRI_H5_FROM];
    if (code == GLOB_NOSPACE)
        return bri_no_memory(0, "the paths that match");
    if (code != GLOB_NOMATCH)
        return bri_file_error(BR_EIO, "%s: cannot be looked up", pattern);
    return bri_file_error(BR_ENOTFOUND, "%s: no path matches%s", pattern,
                          bri_h5_looked_from(pattern, from));
}

static br_array *from_pattern(bri_call *call, bri_file_call *args, const char *pattern)
{
    glob_t found;
    int code = glob(pattern, 0, NULL, &found);
    if (code != 0) {
        globfree(&found);
        return bri_handle_error(call, glob_error(code, pattern));
    }
    args->paths = (const char *const *)found.gl_pathv;
    args->n = (int)found.gl_pathc;
    br_array *x = from_paths(call, args);
    globfree(&found);
    return x;
}

static br_status check_args(const br_from_hdf5_many_args *args)
{
    if (args->dataset == NULL)
        return bri_error(BR_EARG, "the dataset is NULL");
    if ((args->path == NULL) == (args->paths == NULL))
        return bri_error(BR_EARG, "give a pattern of paths, or .paths and .npaths");
    if (args->paths != NULL && args->npaths < 1)
        return bri_error(BR_EARG, "no paths are given");
    for (int i = 0; args->paths != NULL && i < args->npaths; i++)
        if (args->paths[i] == NULL)
            return bri_error(BR_EARG, "path %d is NULL", i);
    return BR_OK;
}

br_array *br_from_hdf5_many_(br_from_hdf5_many_args args)
{
    bri_call call = {args.ctx, "from_hdf5_many", args.at};
    br_array *failed = bri_check_call(&call, NULL, 0);
    if (failed != NULL)
        return failed;
    br_status st = check_args(&args);
    if (st != BR_OK)
        return bri_handle_error(&call, st);
    bri_file_call file = {args.paths, args.npaths, args.dataset, args.field,    &args.chunks,
                          args.axis,  false,       args.raw,     args.untrusted};
    return args.paths != NULL ? from_paths(&call, &file) : from_pattern(&call, &file, args.path);
}
