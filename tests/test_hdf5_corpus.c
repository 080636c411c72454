/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_corpus.c - the files of tests/corpus.py, read whole and in random selections, by
 * bri_h5_read and by H5Dread; and decoders given damaged chunks.
 */
#include <fenv.h>
#include <float.h>
#include <pthread.h>

#include "array/io/hdf5_codec.h"
#include "tests/corpus.h"
#include "tests/hdf5_samples.h"

static layout layout_of(const entry *e, const bri_h5_info *info)
{
    layout l = {.name = e->dataset, .dtype = info->dtype, .ndim = info->ndim};
    char shape[64] = "", *at = shape;
    for (int a = 0; a < info->ndim; a++) {
        at += sprintf(at, "%s%lld", a > 0 ? " " : "", (long long)info->shape[a]);
        l.shape[a] = (hsize_t)info->shape[a];
    }
    ck_assert_str_eq(info->ndim > 0 ? shape : "-", e->shape);
    return l;
}

static bri_h5_dataset *open_entry(const char *path, const entry *e)
{
    bri_h5_dataset *d;
    br_status st = bri_h5_open_field(path, e->dataset, e->field, &d);
    ck_assert_msg(st == BR_OK, "%s", bri_last_error());
    return d;
}

/* Compares the elements of a choice, byte by byte, with those of the whole array. */
static bool is_same(const layout *l, const choice *c, const char *got, const char *whole)
{
    int64_t at[4] = {0};
    size_t size = br_dtype_size(l->dtype);
    for (int a = 0; a < l->ndim; a++)
        if (c->count[a] == 0)
            return true;
    for (int a = 0; a >= 0;) {
        int64_t index = 0;
        const char *p = got + c->origin;
        for (int i = 0; i < l->ndim; i++) {
            index = index * (int64_t)l->shape[i] + c->start[i] + at[i] * c->step[i];
            p += at[i] * c->stride[i];
        }
        if (memcmp(p, whole + (size_t)index * size, size) != 0)
            return false;
        for (a = l->ndim - 1; a >= 0 && ++at[a] == c->count[a]; a--)
            at[a] = 0;
    }
    return true;
}

/* Once from the file, and once more or less from the chunk that the choice before this one has left
 * in the scratch. */
static void check_choice(const bri_h5_dataset *d, const layout *l, const choice *c,
                         const char *whole, void *scratch, bri_h5_held *held)
{
    for (int again = 0; again < 2; again++) {
        char *buffer = malloc((size_t)c->bytes + 1);
        br_status st = bri_h5_read_held(d, c->start, c->step, c->count, buffer + c->origin,
                                        c->stride, scratch, NULL, held);
        ck_assert_msg(st == BR_OK, "%s", bri_last_error());
        ck_assert_msg(is_same(l, c, buffer, whole), "%s: other elements", l->name);
        free(buffer);
    }
}

/* Random selections, one after the other from the same scratch. */
static void check_choices(const bri_h5_dataset *d, const layout *l, const char *whole)
{
    void *scratch = aligned_alloc(64, (bri_h5_scratch(d) + 63) / 64 * 64);
    bri_h5_held held = {0};
    for (int i = 0; i < 12; i++) {
        choice c = choose(l, i == 0);
        check_choice(d, l, &c, whole, scratch, i % 4 == 3 ? NULL : &held);
        if (i % 4 == 3)
            held.dataset = NULL;
    }
    free(scratch);
}

/* HDF5 has NaNs of its own when it converts float16. */
static bool same_floats(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i + 4 <= n; i += 4) {
        float x, y;
        memcpy(&x, a + i, 4);
        memcpy(&y, b + i, 4);
        if (memcmp(&x, &y, 4) != 0 && (x == x || y == y))
            return false;
    }
    return true;
}

/* Debian's bitshuffle takes zstd, which is younger, for something else. */
static bool can_undo(hid_t list, unsigned k)
{
    enum { BITSHUFFLE = 32008, CODEC = 4, ZSTD = 3 };
    unsigned flags;
    unsigned config;
    unsigned values[8] = {0};
    size_t n = 8;
    H5Z_filter_t id = H5Pget_filter2(list, k, &flags, &n, values, 0, NULL, &config);
    return H5Zfilter_avail(id) > 0 && !(id == BITSHUFFLE && values[CODEC] == ZSTD);
}

/* H5Dread of everything; what HDF5 has no filters for is left out, and numbers that it converts
 * itself, since it gets some of them wrong. Plugins may change this thread's arithmetic. */
static void check_by_library(const entry *e, const layout *l, const char *whole, size_t n)
{
    fenv_t arithmetic;
    if (strncmp(e->how, "H5Dread (type", 13) == 0)
        return;
    fegetenv(&arithmetic);
    hid_t file = H5Fopen(in_corpus(e->file), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, e->dataset, H5P_DEFAULT), list = H5Dget_create_plist(set);
    hid_t stored = H5Dget_type(set), memory = H5Tget_native_type(stored, H5T_DIR_ASCEND);
    bool can = H5Tget_size(memory) == br_dtype_size(l->dtype) && H5Tget_class(stored) != H5T_ENUM;
    for (int k = 0; k < H5Pget_nfilters(list); k++)
        can = can && can_undo(list, (unsigned)k);
    char *buffer = calloc(n + 1, 1);
    if (can) {
        ck_assert_int_ge(H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer), 0);
        bool same = H5Tget_size(stored) == 2 && l->dtype == BR_FLOAT32
                        ? same_floats(buffer, whole, n)
                        : memcmp(buffer, whole, n) == 0;
        ck_assert_msg(same, "%s: H5Dread differs", e->dataset);
    }
    free(buffer);
    H5Tclose(memory), H5Tclose(stored), H5Pclose(list), H5Dclose(set), H5Fclose(file);
    fesetenv(&arithmetic);
}

static void check_entry(const entry *e)
{
    if (is_packed(e))
        return; /* test_packing */
    if (strcmp(e->dtype, "error") == 0) {
        bri_h5_dataset *d;
        ck_assert_int_ne(bri_h5_open_field(in_corpus(e->file), e->dataset, e->field, &d), BR_OK);
        ck_assert_msg(strstr(bri_last_error(), e->how) != NULL, "%s", bri_last_error());
        return;
    }
    size_t n;
    bri_h5_dataset *d = open_entry(in_corpus(e->file), e);
    const bri_h5_info *info = bri_h5_about(d);
    char *whole = read_bytes(in_corpus(e->raw), &n);
    layout l = layout_of(e, info);
    ck_assert_str_eq(br_dtype_name(info->dtype), e->dtype);
    ck_assert_msg(strncmp(info->path_kind, e->how, strlen(e->how)) == 0, "%s:%s: %s, not %s",
                  e->file, e->dataset, info->path_kind, e->how);
    check_choices(d, &l, whole);
    bri_h5_close(d);
    check_by_library(e, &l, whole, n);
    free(whole);
}

START_TEST(reads_what_others_wrote)
{
    for (int i = 0; i < nentries; i++)
        check_entry(&entries[i]);
}
END_TEST

/* ---- threads, of which some are in the HDF5 library and others read beside it ---- */

static bool reads_whole(const entry *e)
{
    size_t n;
    int64_t step[4], start[4] = {0}, count[4], stride[4];
    bri_h5_dataset *d;
    if (bri_h5_open_field(in_corpus_of(e->file).path, e->dataset, e->field, &d) != BR_OK)
        return false;
    const bri_h5_info *info = bri_h5_about(d);
    int64_t bytes = (int64_t)br_dtype_size(info->dtype);
    for (int a = info->ndim - 1; a >= 0; a--) {
        step[a] = 1;
        count[a] = info->shape[a];
        stride[a] = bytes;
        bytes *= info->shape[a];
    }
    char *whole = read_bytes(in_corpus_of(e->raw).path, &n), *got = malloc(n + 1);
    void *scratch = aligned_alloc(64, (bri_h5_scratch(d) + 63) / 64 * 64);
    bool same = n == (size_t)bytes &&
                bri_h5_read(d, start, step, count, got, stride, scratch, NULL) == BR_OK &&
                memcmp(got, whole, n) == 0;
    bri_h5_close(d);
    free(whole), free(got), free(scratch);
    return same;
}

/* Every seventh dataset, and all that the library reads. */
static void *read_some(void *first)
{
    const entry *wrong = NULL;
    for (int i = 0; i < nentries; i++) {
        const entry *e = &entries[(i + (int)(intptr_t)first) % nentries];
        bool slow = strncmp(e->how, "H5Dread", 7) == 0;
        if (strcmp(e->dtype, "error") == 0 || is_packed(e) || (!slow && i % 7 > 0))
            continue;
        if (!reads_whole(e))
            wrong = e;
    }
    return (void *)wrong;
}

/* Debian's plugin of bitshuffle would have this thread flush subnormal numbers to 0. */
START_TEST(plugins_leave_arithmetic_alone)
{
    volatile double least = DBL_MIN;
    const entry *e = entries;
    while (strcmp(e->file, "bitshuffle.h5") != 0 || strcmp(e->dataset, "virtual") != 0)
        ck_assert_ptr_ne(++e, entries + nentries);
    ck_assert(reads_whole(e));
    ck_assert(least / 2 > 0);
}
END_TEST

START_TEST(threads_read_both_ways)
{
    pthread_t threads[4];
    void *wrong;
    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, read_some, (void *)(i * nentries / 4));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        ck_assert_msg(wrong == NULL, "%s:%s", ((entry *)wrong)->file, ((entry *)wrong)->dataset);
    }
}
END_TEST

/* ---- decoders: buffers of exactly the size they may touch, for the address sanitizer ---- */

static void unpack_exactly(bri_h5_unpack *unpack, const bri_h5_filters *filters, const char *from,
                           size_t n, size_t room)
{
    char *in = malloc(n > 0 ? n : 1), *out = malloc(room > 0 ? room : 1);
    if (n > 0)
        memcpy(in, from, n);
    bri_h5_packed p = {.from = in, .n = n, .to = out, .room = room, .filters = filters};
    const char *wrong = unpack(&p);
    ck_assert(wrong != NULL || p.made <= room);
    free(in);
    free(out);
}

static void damage(bri_h5_unpack *unpack, const bri_h5_filters *filters, const char *stored,
                   size_t n, size_t room)
{
    char *bytes = malloc(n);
    for (int i = 0; i < 200; i++) {
        memcpy(bytes, stored, n);
        for (uint32_t k = dice(4); k > 0; k--)
            bytes[dice(2) == 0 ? dice((uint32_t)n) : dice(n < 24 ? (uint32_t)n : 24)] =
                (char)(dice(3) == 0 ? 0xff : dice(256));
        size_t less = dice(3) == 0 ? dice((uint32_t)n + 1) : n;
        unpack_exactly(unpack, filters, bytes, less, dice(4) == 0 ? dice((uint32_t)room) : room);
    }
    free(bytes);
}

static bri_h5_unpack *unpack_of(const bri_h5_filters *filters)
{
    if (filters->n == 1 && filters->id[0] == BRI_H5_BITSHUFFLE && filters->bits.codec != 0)
        return bri_h5_unpack_blocks;
    if (filters->n != 1 || filters->id[0] == H5Z_FILTER_DEFLATE)
        return NULL;
    const bri_h5_codec *codec = bri_h5_codec_of(filters->id[0]);
    return codec != NULL ? codec->unpack : NULL;
}

START_TEST(survives_damaged_chunks)
{
    int tried = 0;
    for (int i = 0; i < nentries; i++) {
        if (strcmp(entries[i].dtype, "error") == 0 || is_packed(&entries[i]))
            continue;
        bri_h5_dataset *d = open_entry(in_corpus(entries[i].file), &entries[i]);
        bri_h5_unpack *unpack = d->kind == BRI_H5_CHUNKED ? unpack_of(&d->filters) : NULL;
        const bri_h5_chunk *chunk = unpack != NULL ? bri_h5_chunk_at(d, 0) : NULL;
        if (chunk != NULL && chunk->address != BRI_H5_HOLE) {
            char *stored = malloc(chunk->bytes);
            ck_assert_int_eq(bri_h5_pread(d, stored, chunk->bytes, chunk->address, 0), BR_OK);
            damage(unpack, &d->filters, stored, chunk->bytes, d->chunk_bytes);
            free(stored);
            tried++;
        }
        bri_h5_close(d);
    }
    ck_assert_int_ge(tried, 50);
}
END_TEST

/* Whole reads of files whose bytes were changed after they were opened give elements or an error.
 */
START_TEST(survives_damaged_files)
{
    for (int i = 0; i < nentries; i += 3) {
        const entry *e = &entries[i];
        if (strcmp(e->dtype, "error") == 0 || is_packed(e) || strstr(e->how, "another file"))
            continue;
        size_t n;
        char *bytes = read_bytes(in_corpus(e->file), &n);
        spoil(in_folder("in.h5"), bytes, n, 0);
        bri_h5_dataset *d = open_entry(in_folder("in.h5"), e);
        layout l = layout_of(e, bri_h5_about(d));
        int64_t nchunks = d->kind == BRI_H5_CHUNKED ? 1 : 0;
        for (int a = 0; a < l.ndim && nchunks > 0; a++)
            nchunks *= d->grid[a];
        for (int64_t k = 0; k < nchunks; k++) {
            const bri_h5_chunk *chunk = bri_h5_chunk_at(d, k);
            unsigned char other = (unsigned char)dice(256);
            if (chunk->address != BRI_H5_HOLE)
                spoil(in_folder("in.h5"), &other, 1, (off_t)(chunk->address + dice(chunk->bytes)));
        }
        choice c = choose(&l, true);
        char *buffer = malloc((size_t)c.bytes + 1);
        void *scratch = aligned_alloc(64, (bri_h5_scratch(d) + 63) / 64 * 64);
        br_status st = bri_h5_read(d, c.start, c.step, c.count, buffer, c.stride, scratch, NULL);
        ck_assert_msg(st == BR_OK || st == BR_EFORMAT || st == BR_EIO, "%s", bri_last_error());
        bri_h5_close(d);
        remove(in_folder("in.h5"));
        free(buffer), free(scratch), free(bytes);
    }
}
END_TEST

int main(void)
{
    if (!read_index())
        return NO_CORPUS;
    Suite *suite = suite_create("hdf5_corpus");
    TCase *t = new_case(suite, "corpus");
    tcase_add_test(t, reads_what_others_wrote);
    t = new_case(suite, "plugins");
    tcase_add_test(t, plugins_leave_arithmetic_alone);
    t = new_case(suite, "threads");
    tcase_add_test(t, threads_read_both_ways);
    t = new_case(suite, "damaged");
    tcase_add_test(t, survives_damaged_chunks);
    tcase_add_test(t, survives_damaged_files);
    return run_suite(suite);
}
