/* SPDX-License-Identifier: BSD-3-Clause
 * npy_read.c - opening .npy files: versions 1 to 3, which differ in the header's length and
 * encoding.
 */
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "array/io/npy.h"
#include "runtime/alloc.h"
#include "runtime/error.h"

/* NumPy itself refuses longer ones than 10000 bytes unless told otherwise. */
enum { PREFIX = 12, LONGEST_HEADER = 1 << 20 };

/* Bytes before the elements, the header's text among them: `length` bytes from `at` on. */
typedef struct preamble {
    uint64_t at, length;
} preamble;

static br_status read_preamble(const bri_h5_dataset *d, preamble *out)
{
    unsigned char b[PREFIX] = {0};
    size_t n = d->info.bytes < PREFIX ? (size_t)d->info.bytes : PREFIX;
    if (n == 0)
        return bri_file_error(BR_EFORMAT, "%s: the file is empty", d->path);
    BRI_TRY(bri_h5_pread(d, b, n, 0, -1));
    if (memcmp(b, "PK\3\4", 4) == 0)
        return bri_file_error(BR_EFORMAT, "%s: a zip archive (.npz): unpack the .npy files in it",
                              d->path);
    if (memcmp(b, "\x93NUMPY", 6) != 0)
        return bri_file_error(BR_EFORMAT, "%s: not an .npy file", d->path);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return bri_file_error(BR_EFORMAT, "%s: version %d.%d of the .npy format is not known",
                              d->path, b[6], b[7]);
    out->at = b[6] == 1 ? 10 : 12;
    out->length = b[8] | (uint64_t)b[9] << 8;
    if (b[6] > 1)
        out->length |= (uint64_t)b[10] << 16 | (uint64_t)b[11] << 24;
    if (out->length > LONGEST_HEADER)
        return bri_file_error(BR_EFORMAT, "%s: a header of %llu bytes, more than %d", d->path,
                              (unsigned long long)out->length, LONGEST_HEADER);
    if (d->info.bytes < out->at + out->length)
        return bri_file_error(BR_EFORMAT, "%s: the file ends inside its header", d->path);
    return BR_OK;
}

static bri_h5_fix fix_of(const bri_npy_header *h)
{
    return h->dtype == BR_BOOL ? BRI_H5_TRUTH : bri_npy_swap(h->dtype, h->swapped);
}

/* As a dataset in C order, with the axes as they lie in the file. */
static br_status set_layout(bri_h5_dataset *d, const bri_npy_header *h)
{
    d->kind = BRI_H5_CONTIGUOUS;
    d->element = d->stride = br_dtype_size(h->dtype);
    d->fix = fix_of(h);
    d->info.dtype = h->dtype;
    d->info.ndim = h->ndim;
    d->info.contiguous = true;
    d->info.path_kind = "pread";
    uint64_t bytes = d->element;
    bool empty = false;
    for (int a = h->ndim - 1; a >= 0; a--) {
        int64_t extent = h->shape[h->fortran ? h->ndim - 1 - a : a];
        d->info.shape[a] = extent;
        d->strides[a] = (int64_t)bytes;
        bytes *= extent > 0 ? (uint64_t)extent : 1;
        empty |= extent == 0;
    }
    bytes = empty ? 0 : bytes;
    if (d->info.bytes - d->address < bytes)
        return bri_file_error(BR_EFORMAT, "%s: cut off, %llu of %llu bytes of elements are there",
                              d->path, (unsigned long long)(d->info.bytes - d->address),
                              (unsigned long long)bytes);
    return BR_OK;
}

static br_status read_header(bri_h5_dataset *d, bool *fortran)
{
    preamble p = {0};
    bri_npy_header header;
    BRI_TRY(read_preamble(d, &p));
    char *text = bri_malloc((size_t)p.length + 1);
    if (text == NULL)
        return BR_ENOMEM;
    br_status st = bri_h5_pread(d, text, (size_t)p.length, p.at, -1);
    if (st == BR_OK)
        st = bri_npy_parse(d->path, text, (size_t)p.length, &header);
    bri_free(text);
    BRI_TRY(st);
    *fortran = header.fortran && header.ndim > 1;
    d->address = p.at + p.length;
    return set_layout(d, &header);
}

br_status bri_npy_open(const char *path, bri_h5_dataset **out, bool *fortran)
{
    *fortran = false;
    BRI_TRY(bri_h5_begin(path, "", out));
    br_status st = read_header(*out, fortran);
    if (st != BR_OK) {
        bri_h5_close(*out);
        *out = NULL;
    }
    return st;
}

/* One extent may be -1: as many as there are. */
static br_status complete_shape(const bri_h5_dataset *d, bri_npy_header *h)
{
    int unknown = -1;
    uint64_t bytes = br_dtype_size(h->dtype);
    for (int a = 0; a < h->ndim; a++) {
        if (h->shape[a] < -1 || (h->shape[a] == -1 && unknown >= 0))
            return bri_file_error(BR_EARG, "%s: an extent is %lld", d->path,
                                  (long long)h->shape[a]);
        if (h->shape[a] == -1)
            unknown = a;
        else if (__builtin_mul_overflow(bytes, (uint64_t)h->shape[a], &bytes))
            return bri_file_error(BR_EARG, "%s: the shape has too many elements", d->path);
    }
    if (unknown < 0)
        return BR_OK;
    uint64_t left = d->info.bytes - d->address;
    if (bytes == 0 || left % bytes != 0)
        return bri_file_error(
            BR_EFORMAT, "%s: %llu bytes are no multiple of the %llu of one index along axis %d",
            d->path, (unsigned long long)left, (unsigned long long)bytes, unknown);
    h->shape[unknown] = (int64_t)(left / bytes);
    return BR_OK;
}

br_status bri_raw_open(const char *path, const bri_npy_header *header, uint64_t offset,
                       bri_h5_dataset **out)
{
    bri_npy_header h = *header;
    BRI_TRY(bri_h5_begin(path, "", out));
    br_status st = BR_OK;
    (*out)->address = offset;
    if (offset > (*out)->info.bytes)
        st = bri_file_error(BR_EFORMAT, "%s: has %llu bytes, elements should begin at %llu", path,
                            (unsigned long long)(*out)->info.bytes, (unsigned long long)offset);
    if (st == BR_OK)
        st = complete_shape(*out, &h);
    if (st == BR_OK)
        st = set_layout(*out, &h);
    if (st != BR_OK) {
        bri_h5_close(*out);
        *out = NULL;
    }
    return st;
}
