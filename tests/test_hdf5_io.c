/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_io.c - writing datasets, read back by the HDF5 library and by ourselves; full disks;
 * threads.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "array/io/hdf5_output.h"
#include "tests/hdf5_samples.h"
#include "tests/nobody.h"

/* How a writer is tested: the layout, and the extents of the boxes it is put in. */
typedef struct output {
    layout l;
    int deflate;
    int64_t block[4];
    bool checksum;
} output;

// clang-format off
static const output outputs[] = {
    {{"scalar", NULL, BR_FLOAT64, "", "", 0, 0, {0}, {0}}, 0, {0}, false},
    {{"empty", NULL, BR_FLOAT32, "", "", 0, 2, {0, 7}, {4, 4}}, 4, {1, 7}, false},
    {{"contiguous", NULL, BR_FLOAT32, "", "", 0, 3, {20, 31, 17}, {0}}, 0, {6, 8, 17}, false},
    {{"a chunk at a time", NULL, BR_FLOAT64, "", "", 0, 2, {50, 60}, {16, 16}}, 4, {16, 16}, false},
    {{"many chunks at a time", NULL, BR_INT32, "", "", 0, 2, {50, 60}, {8, 9}}, 9, {24, 60}, false},
    {{"across chunks", NULL, BR_UINT16, "", "", 0, 2, {50, 60}, {16, 16}}, 1, {20, 13}, false},
    {{"unfiltered", NULL, BR_INT64, "", "", 0, 3, {9, 8, 7}, {4, 3, 2}}, 0, {4, 3, 2}, false},
    {{"large chunks", NULL, BR_INT8, "", "", 0, 2, {9, 8}, {100, 100}}, 4, {9, 8}, false},
    {{"bool", NULL, BR_BOOL, "", "", 0, 1, {1000}, {128}}, 4, {128}, false},
    {{"complex64", NULL, BR_COMPLEX64, "", "", 0, 2, {50, 60}, {16, 16}}, 4, {16, 16}, false},
    {{"complex128", NULL, BR_COMPLEX128, "", "", 0, 2, {50, 60}, {0}}, 0, {16, 60}, false},
    {{"checksums", NULL, BR_FLOAT32, "", "", 0, 2, {50, 60}, {16, 16}}, 4, {16, 16}, true},
    {{"only checksums", NULL, BR_INT8, "", "", 0, 2, {51, 61}, {17, 15}}, 0, {17, 61}, true},
};
// clang-format on
enum { NOUTPUTS = sizeof outputs / sizeof outputs[0] };

static bri_h5_spec spec_of(const output *o)
{
    bri_h5_spec spec = {
        .dtype = o->l.dtype, .ndim = o->l.ndim, .deflate = o->deflate, .shuffle = o->deflate > 0};
    spec.fletcher32 = o->checksum;
    for (int a = 0; a < o->l.ndim; a++) {
        spec.shape[a] = (int64_t)o->l.shape[a];
        spec.chunk[a] = (int64_t)o->l.chunk[a];
    }
    return spec;
}

static br_status put_box(bri_h5_writer *w, const layout *l, const int64_t *start,
                         const int64_t *count)
{
    int64_t n = 1, at[4] = {0};
    size_t size = br_dtype_size(l->dtype);
    for (int a = 0; a < l->ndim; a++)
        n *= count[a];
    char *box = malloc((size_t)n * size + 1), *p = box;
    for (int a = 0; a >= 0 && n > 0; p += size) {
        int64_t index = 0;
        for (int i = 0; i < l->ndim; i++)
            index = index * (int64_t)l->shape[i] + start[i] + at[i];
        set(l->dtype, p, 0, l->dtype == BR_BOOL ? (int)value(index) % 2 : value(index));
        if (is_complex(l->dtype))
            set(l->dtype, p, 1, -value(index));
        for (a = l->ndim - 1; a >= 0 && ++at[a] == count[a]; a--)
            at[a] = 0;
    }
    uint64_t bytes = 0;
    br_status status = bri_h5_put(w, start, count, box, &bytes);
    free(box);
    return status == BR_OK && n > 0 && bytes == 0 ? BR_EINTERNAL : status;
}

static br_status put_all(bri_h5_writer *w, const output *o)
{
    int64_t start[4] = {0}, count[4];
    br_status status = BR_OK;
    for (int a = 0; a >= 0 && status == BR_OK;) {
        for (int i = 0; i < o->l.ndim; i++) {
            int64_t left = (int64_t)o->l.shape[i] - start[i];
            count[i] = left < o->block[i] ? left : o->block[i];
        }
        status = put_box(w, &o->l, start, count);
        for (a = o->l.ndim - 1; a >= 0; a--) {
            if ((start[a] += o->block[a]) < (int64_t)o->l.shape[a])
                break;
            start[a] = 0;
        }
    }
    return status;
}

/* Compares a dataset as H5Dread gives it. */
static void check_written(const char *path, const char *name, const output *o)
{
    layout l = o->l;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT),
          data = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t memory = is_complex(l.dtype)  ? complex_of(H5T_NATIVE_DOUBLE, 8)
                   : l.dtype == BR_BOOL ? H5Dget_type(data)
                                        : H5Tcopy(H5T_NATIVE_DOUBLE);
    ck_assert_msg(data >= 0, "%s: not there", l.name);
    l.dtype = is_complex(l.dtype) ? BR_COMPLEX128 : l.dtype == BR_BOOL ? BR_BOOL : BR_FLOAT64;
    choice c = choose(&l, true);
    char *buffer = malloc((size_t)c.bytes + 1);
    ck_assert_int_ge(H5Dread(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer), 0);
    ck_assert(is_right(&l, &c, buffer));
    free(buffer);
    ck_assert_int_ge(H5Tclose(memory) | H5Dclose(data) | H5Fclose(file), 0);
}

static br_status create_in(const bri_h5_target *target, const char *name, const bri_h5_spec *spec,
                           bri_h5_writer **w)
{
    bri_h5_output *o;
    *w = NULL;
    br_status status = bri_h5_output_open(target, &o);
    if (status != BR_OK)
        return status;
    status = bri_h5_create(o, name, spec, w);
    if (status != BR_OK)
        bri_h5_abort(o);
    return status;
}

static br_status create(const char *path, const char *name, const bri_h5_spec *spec,
                        bri_h5_writer **w)
{
    return create_in(&(bri_h5_target){.path = path}, name, spec, w);
}

static bri_h5_writer *create_ok(const char *path, const char *name, const output *o)
{
    bri_h5_writer *w;
    bri_h5_spec spec = spec_of(o);
    br_status status = create(path, name, &spec, &w);
    ck_assert_msg(status == BR_OK, "%s: %s", o->l.name, bri_last_error());
    return w;
}

static void commit_ok(bri_h5_writer *w)
{
    br_status status = bri_h5_commit(w->output);
    ck_assert_msg(status == BR_OK, "%s", bri_last_error());
}

static void expect_no_writer(const char *path, const char *name, br_status want, const char *text)
{
    bri_h5_writer *w;
    bri_h5_spec spec = spec_of(&outputs[3]);
    ck_assert_int_eq(create(path, name, &spec, &w), want);
    ck_assert_ptr_null(w);
    ck_assert_msg(strstr(bri_last_error(), text) != NULL, "%s", bri_last_error());
}

static int nfiles(void)
{
    int n = 0;
    DIR *directory = opendir(folder);
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n - 2;
}

static uint64_t digest(const char *path)
{
    uint64_t sum = 14695981039346656037u;
    FILE *f = fopen(path, "rb");
    for (int c = fgetc(f); c != EOF; c = fgetc(f))
        sum = (sum ^ (uint64_t)c) * 1099511628211u;
    fclose(f);
    return sum;
}

START_TEST(writes_every_layout)
{
    const output *o = &outputs[_i];
    const char *path = in_folder("out.h5");
    bri_h5_writer *w = create_ok(path, "/some/where/x", o);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(put_all(w, o), BR_OK);
    commit_ok(w);
    ck_assert_int_eq(nfiles(), 1);
    check_written(path, "some/where/x", o);
    bri_h5_dataset *d = open_ok(path, "some/where/x");
    ck_assert_int_eq(bri_h5_about(d)->dtype, o->l.dtype);
    for (int i = 0; i < 20; i++) {
        choice c = choose(&o->l, i == 0);
        read_ok(d, &o->l, &c);
    }
    bri_h5_close(d);
}
END_TEST

START_TEST(adds_to_a_file)
{
    const char *path = in_folder("out.h5");
    make_file(path, &plain);
    bri_h5_dataset *reader = open_ok(path, "g/x");
    for (int i = 0; i < NOUTPUTS; i++) {
        bri_h5_writer *w = create_ok(path, outputs[i].l.name, &outputs[i]);
        expect_no_writer(path, "other", BR_EIO, "writing");
        expect_error(path, "g/x", BR_EIO, "writing");
        ck_assert_int_eq(put_all(w, &outputs[i]), BR_OK);
        ck_assert_int_eq(read_all(NULL, &plain, reader), BR_OK);
        commit_ok(w);
    }
    for (int i = 0; i < NOUTPUTS; i++)
        check_written(path, outputs[i].l.name, &outputs[i]);
    expect_no_writer(path, "contiguous", BR_EARG, "already");
    expect_no_writer(path, "g", BR_EARG, "already");
    expect_no_writer(path, "contiguous/x", BR_EARG, "cannot be created");
    bri_h5_close(reader);
    ck_assert_int_eq(read_all(path, &plain, NULL), BR_OK);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
    const char *path = in_folder("out.h5");
    for (int i = 0; i < NOUTPUTS; i++) {
        bri_h5_writer *w = create_ok(path, "x", &outputs[i]);
        ck_assert_int_eq(put_all(w, &outputs[i]), BR_OK);
        bri_h5_abort(w->output);
        ck_assert_int_eq(nfiles(), 0);
    }
    make_file(path, &plain);
    uint64_t before = digest(path);
    bri_h5_writer *w = create_ok(path, "new/deep/x", &outputs[5]);
    ck_assert_int_eq(put_all(w, &outputs[5]), BR_OK);
    bri_h5_abort(w->output);
    ck_assert(digest(path) == before);
    expect_error(path, "new", BR_ENOTFOUND, "no dataset");
    ck_assert_int_eq(read_all(path, &plain, NULL), BR_OK);
}
END_TEST

START_TEST(refuses_what_cannot_be_written)
{
    layout l = {"slow", &H5T_STD_I32BE_g, BR_INT32, "", "", COMPACT, 2, {20, 30}, {0}};
    expect_no_writer(in_folder("no/such/out.h5"), "x", BR_EIO, "there is no directory");
    expect_no_writer(folder, "x", BR_EIO, "not a regular file");
    expect_no_writer("/dev/full", "x", BR_EIO, "not a regular file");
    expect_no_writer(in_folder("out.h5"), "", BR_EARG, "name");
    spoil(in_folder("text"), "hello, world", 12, 0);
    expect_no_writer(in_folder("text"), "x", BR_EFORMAT, "not an HDF5 file");
    make_file(in_folder("in.h5"), &l);
    bri_h5_dataset *d = open_ok(in_folder("in.h5"), "g/x");
    expect_no_writer(in_folder("in.h5"), "y", BR_EIO, "while this process reads it");
    bri_h5_close(d);
    bri_h5_abort(create_ok(in_folder("in.h5"), "y", &outputs[3])->output);
    ck_assert_int_eq(read_all(in_folder("in.h5"), &l, NULL), BR_OK);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    if (as_nobody())
        expect_no_writer(in_folder("out.h5"), "x", BR_EIO, "Permission denied");
    as_before();
    ck_assert_int_eq(chmod(folder, 0700), 0);
    ck_assert_int_eq(nfiles(), 2);
}
END_TEST

/* A file size limit stands for a full disk: the same writes fail, in whatever order HDF5 makes
 * them. */
START_TEST(survives_a_full_disk)
{
    const char *path = in_folder("out.h5");
    const output *o = &outputs[_i % NOUTPUTS];
    bool old = _i >= NOUTPUTS;
    uint64_t before = 0;
    if (old) {
        make_file(path, &plain);
        before = digest(path);
    }
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t size = 1; size < 200000; size += size / 2 + 100) {
        struct rlimit limit = {size, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
        bri_h5_writer *w;
        bri_h5_spec spec = spec_of(o);
        setrlimit(RLIMIT_FSIZE, &limit);
        br_status status = create(path, "y", &spec, &w);
        if (status == BR_OK) {
            put_all(w, o);
            status = bri_h5_commit(w->output);
        }
        setrlimit(RLIMIT_FSIZE, &none);
        ck_assert(status == BR_OK || strlen(bri_last_error()) > 0);
        ck_assert_int_eq(nfiles(), old || status == BR_OK);
        ck_assert(!old || status == BR_OK || digest(path) == before);
        if (old)
            ck_assert_int_eq(read_all(path, &plain, NULL), BR_OK);
        if (status == BR_OK)
            return check_written(path, "y", o);
    }
    ck_abort_msg("never written");
}
END_TEST

/* ---- threads ---- */

typedef struct team {
    bri_h5_dataset *d;
    bri_h5_writer *w;
    const output *o;
    int number;
    br_status status;
} team;

static void *member(void *data)
{
    team *t = data;
    layout l = t->o->l;
    for (int64_t i = t->number; t->w != NULL && i * t->o->block[0] < (int64_t)l.shape[0]; i += 4) {
        int64_t start[2] = {i * t->o->block[0], 0}, left = (int64_t)l.shape[0] - start[0];
        int64_t count[2] = {left < t->o->block[0] ? left : t->o->block[0], (int64_t)l.shape[1]};
        t->status |= put_box(t->w, &l, start, count);
    }
    for (int i = 0; t->d != NULL && i < 20; i++)
        t->status |= read_all(NULL, &l, t->d);
    return NULL;
}

START_TEST(threads_read_and_write)
{
    static const int which[] = {3, 4, 10};
    const output *o = &outputs[which[_i]];
    pthread_t threads[4];
    team teams[4];
    bri_h5_writer *w = create_ok(in_folder("out.h5"), "x", o);
    for (int phase = 0; phase < 2; phase++) {
        bri_h5_dataset *d = phase == 1 ? open_ok(in_folder("out.h5"), "x") : NULL;
        for (int i = 0; i < 4; i++) {
            teams[i] = (team){d, phase == 0 ? w : NULL, o, i, BR_OK};
            pthread_create(&threads[i], NULL, member, &teams[i]);
        }
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            ck_assert_int_eq(teams[i].status, BR_OK);
        }
        if (phase == 0)
            commit_ok(w);
        bri_h5_close(d);
    }
    check_written(in_folder("out.h5"), "x", o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_io");
    TCase *t = new_case(suite, "write");
    tcase_add_loop_test(t, writes_every_layout, 0, NOUTPUTS);
    tcase_add_test(t, adds_to_a_file);
    tcase_add_test(t, abort_leaves_nothing);
    tcase_add_test(t, refuses_what_cannot_be_written);
    tcase_add_loop_test(t, survives_a_full_disk, 0, 2 * NOUTPUTS);
    tcase_add_loop_test(t, threads_read_and_write, 0, 3);
    return run_suite(suite);
}
