/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_space.c - space of files that several processes write: what HDF5 puts beside their
 * chunks, what is kept back until a step ends, what a killed program has left.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "array/io/hdf5_output.h"
#include "array/io/hdf5_overlay.h"
#include "tests/hdf5_samples.h"
#include "tests/sanitized.h"

/* ---- one process that plays all ----  */

static br_status meet(bri_h5_meeting *m, const bri_h5_mark *mark, const char *path, uint64_t *align)
{
    (void)mark, (void)path;
    *align = m->elsewhere ? 4096 : 8;
    return BR_OK;
}

static bri_h5_record claim(bri_h5_writer *w, uint64_t bytes)
{
    bri_h5_record r = {.bytes = bytes};
    ck_assert_int_eq(bri_h5_claim(bri_h5_shared_id(w->output), bytes, &r.address), BR_OK);
    return r;
}

static void put(bri_h5_writer *w, const bri_h5_record *r, const void *bytes)
{
    uint64_t id = bri_h5_shared_id(w->output);
    ck_assert_int_eq(bri_h5_write_joined(id, bytes, r->bytes, r->address), BR_OK);
}

static void enter(bri_h5_writer *w, int64_t start, int64_t count, const bri_h5_record *r)
{
    uint64_t bytes = 0;
    ck_assert_msg(bri_h5_enter(w, &start, &count, r, &bytes) == BR_OK, "%s", bri_last_error());
}

/* ---- names, which HDF5 writes as it writes chunks ---- */

static void check_names(const char *path)
{
    char command[300], text[1000];
    snprintf(command, sizeof command, "h5dump -A %s 2>&1", path);
    FILE *dump = popen(command, "r");
    bool seen = false;
    while (fgets(text, sizeof text, dump) != NULL) {
        ck_assert_msg(strstr(text, "unable") == NULL && strstr(text, "error") == NULL, "%s", text);
        seen |= strstr(text, "DIMENSION_LIST") != NULL;
    }
    ck_assert_int_eq(pclose(dump), 0);
    ck_assert(seen);
}

/* A heap of names has 4096 bytes, and so has a chunk. After some ten thousand chunks HDF5's cache
 * throws the heap out while a chunk is entered. Only the last chunk is written, the others take no
 * space of the disk. */
START_TEST(names_stay_beside_chunks_as_long)
{
    enum { CHUNKS = 60001, LENGTH = 512, STRIDE = 3 };
    static const double x[LENGTH];
    const char *const dims[] = {"time"};
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = _i > 0};
    bri_h5_target target = {.path = in_folder("names.h5"), .meeting = &meeting};
    bri_h5_spec spec = {.dtype = BR_FLOAT64,
                        .ndim = 1,
                        .shape = {(int64_t)CHUNKS * LENGTH},
                        .chunk = {LENGTH},
                        .dims = dims};
    bri_h5_output *o;
    bri_h5_writer *w;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "x", &spec, &w), BR_OK);
    for (int64_t i = 0; i < CHUNKS; i++) {
        const bri_h5_record r = claim(w, sizeof x);
        if (i == CHUNKS - 1)
            put(w, &r, x);
        enter(w, i * STRIDE % CHUNKS * LENGTH, LENGTH, &r);
    }
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    check_names(target.path);
}
END_TEST

/* ---- steps ---- */

static void step(bri_h5_output *o)
{
    bri_h5_lock();
    ck_assert_int_eq(bri_h5_checkpoint(o), BR_OK);
    bri_h5_unlock();
}

/* What the library's cache of metadata does when it likes. */
static void evict(bri_h5_output *o)
{
    bri_h5_lock();
    ck_assert_int_ge(H5Fflush(o->file, H5F_SCOPE_GLOBAL), 0);
    bri_h5_unlock();
}

/* A chunk that is written after a step has ended, which was given its space before that. */
START_TEST(a_late_chunk_outlasts_steps)
{
    enum { LENGTH = 4, CHUNKS = 100 };
    static const double x[LENGTH] = {1, 2, 3, 4};
    double found[LENGTH];
    bri_h5_meeting meeting = {.meet = meet};
    bri_h5_target target = {
        .path = in_folder("late.h5"), .meeting = &meeting, .resume = true, .fingerprint = {1, 2}};
    bri_h5_spec spec = {
        .dtype = BR_FLOAT64, .ndim = 1, .shape = {CHUNKS * LENGTH}, .chunk = {LENGTH}};
    bri_h5_output *o;
    bri_h5_writer *w;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "x", &spec, &w), BR_OK);
    ck_assert_int_eq(bri_h5_track(w, CHUNKS), BR_OK);
    ck_assert_int_eq(bri_h5_start_tracking(o), BR_OK);
    bri_h5_record r = claim(w, sizeof x);
    put(w, &r, x);
    enter(w, 0, LENGTH, &r);
    const bri_h5_record late = claim(w, sizeof x);
    step(o);
    r = claim(w, sizeof x);
    put(w, &r, x);
    enter(w, LENGTH, LENGTH, &r);
    evict(o);
    put(w, &late, x);
    enter(w, 2 * LENGTH, LENGTH, &late);
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);

    hsize_t first = 2 * LENGTH, n = LENGTH;
    hid_t file = H5Fopen(target.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t data = H5Dopen2(file, "x", H5P_DEFAULT), space = H5Dget_space(data);
    hid_t memory = H5Screate_simple(1, &n, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &n, NULL);
    ck_assert_int_ge(H5Dread(data, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, found), 0);
    ck_assert_mem_eq(found, x, sizeof x);
    ck_assert_int_ge(H5Sclose(memory) | H5Sclose(space) | H5Dclose(data) | H5Fclose(file), 0);
}
END_TEST

enum { ROW = 20001 };

static bri_h5_writer *open_rows(const bri_h5_target *target, bri_h5_output **o)
{
    const bri_h5_spec spec = {.dtype = BR_INT8, .ndim = 1, .shape = {ROW}};
    const bri_h5_spec small = {.dtype = BR_INT8, .ndim = 1, .shape = {4}, .chunk = {4}};
    bri_h5_writer *w, *other;
    ck_assert_int_eq(bri_h5_output_open(target, o), BR_OK);
    ck_assert_int_eq(bri_h5_create(*o, "x", &spec, &w), BR_OK);
    ck_assert_int_eq(bri_h5_create(*o, "beside", &small, &other), BR_OK);
    ck_assert_int_eq(bri_h5_track(w, 1), BR_OK);
    ck_assert_int_eq(bri_h5_track(other, 1), BR_OK);
    ck_assert_int_eq(bri_h5_start_tracking(*o), BR_OK);
    return w;
}

/* Others write elements while HDF5 keeps back pages, which are written whole; also when the store
 * goes on. In a file that was begun by one process alone they do not. */
START_TEST(rows_in_steps_share_no_page)
{
    const bool alone = _i == 0;
    char x[ROW], found[ROW];
    const int64_t start = 0, count = ROW;
    bri_h5_meeting meeting = {.meet = meet};
    bri_h5_target target = {.path = in_folder("rows.h5"), .resume = true, .fingerprint = {3, 4}};
    bri_h5_output *o;
    uint64_t bytes = 0;
    for (int i = 0; i < ROW; i++)
        x[i] = (char)(i % 101 + 1);
    target.meeting = alone ? NULL : &meeting;
    ck_assert_int_eq(open_rows(&target, &o)->form.laid_out, !alone);
    bri_h5_abort(o);
    target.meeting = &meeting;
    bri_h5_writer *w = open_rows(&target, &o);
    ck_assert_int_eq(w->form.laid_out, !alone);
    if (alone) {
        ck_assert_int_eq(bri_h5_put(w, &start, &count, x, NULL), BR_OK);
    } else {
        const uint64_t id = bri_h5_shared_id(o);
        ck_assert_uint_eq(w->form.address % BRI_H5_PAGE, 0);
        ck_assert_int_eq(bri_h5_put(o->writers, &start, &(int64_t){4}, "abcd", NULL), BR_OK);
        evict(o);
        ck_assert_int_eq(bri_h5_write_ends(&w->form, id, 0, &start, &count, x, &bytes), BR_OK);
    }
    step(o);
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    hid_t file = H5Fopen(target.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t data = H5Dopen2(file, "x", H5P_DEFAULT);
    ck_assert_int_ge(H5Dread(data, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, found), 0);
    ck_assert_mem_eq(found, x, sizeof x);
    ck_assert_int_ge(H5Dclose(data) | H5Fclose(file), 0);
}
END_TEST

/* ---- files that exist: what they have below their end stays as it is until commit ---- */

enum { OLD = 4096, OLD_CHUNK = 512 };

static uint64_t next_random(void)
{
    static uint64_t state = 1;
    return state = state * 6364136223846793005u + 1442695040888963407u;
}

/* Chunks that take little space, and a dimension, so that there is a heap, pages away from other
 * metadata. */
static void make_old(const char *path)
{
    static const double zeros[OLD];
    const char *const dims[] = {"time"};
    const bri_h5_target target = {.path = path};
    const int64_t start = 0, count = OLD;
    bri_h5_spec spec = {.dtype = BR_FLOAT64, .ndim = 1, .shape = {OLD}, .chunk = {OLD}};
    bri_h5_output *o;
    bri_h5_writer *w;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "long", &spec, &w), BR_OK);
    ck_assert_int_eq(bri_h5_put(w, &start, &count, zeros, NULL), BR_OK);
    spec.chunk[0] = OLD_CHUNK;
    spec.deflate = 1;
    spec.unlimited = 1;
    spec.dims = dims;
    ck_assert_int_eq(bri_h5_create(o, "old", &spec, &w), BR_OK);
    ck_assert_int_eq(bri_h5_put(w, &start, &count, zeros, NULL), BR_OK);
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
}

/* Each chunk of "old" gets longer, and HDF5 gives its place to what comes next. */
static void make_longer(bri_h5_writer *old)
{
    double x[OLD_CHUNK];
    for (int64_t at = 0; at < OLD; at += OLD_CHUNK) {
        for (int i = 0; i < OLD_CHUNK; i++)
            x[i] = (double)next_random();
        ck_assert_int_eq(bri_h5_put(old, &at, &(int64_t){OLD_CHUNK}, x, NULL), BR_OK);
    }
}

/* Rows that others write lie behind all that the file had; of others they are not told. */
START_TEST(rows_never_lie_in_what_became_free)
{
    bri_h5_meeting meeting = {.meet = meet, .tracks_space = true};
    const bri_h5_target target = {.path = in_folder("free.h5"), .meeting = &meeting};
    const bri_h5_spec rows = {.dtype = BR_INT8, .ndim = 1, .shape = {16}};
    bri_h5_output *o;
    bri_h5_writer *old, *w;
    struct stat before;
    int below = 0, laid_out = 0;
    make_old(target.path);
    ck_assert_int_eq(stat(target.path, &before), 0);
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_open_to_write(o, "old", &old), BR_OK);
    make_longer(old);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "rows%d", i);
        ck_assert_int_eq(bri_h5_create(o, name, &rows, &w), BR_OK);
        haddr_t address = H5Dget_offset(w->dataset);
        ck_assert(address != HADDR_UNDEF);
        ck_assert(!w->form.laid_out || address >= (haddr_t)before.st_size);
        below += address < (haddr_t)before.st_size;
        laid_out += w->form.laid_out;
        ck_assert_int_eq(bri_h5_put(w, &(int64_t){0}, &(int64_t){16}, "sixteen letters!", NULL),
                         BR_OK);
    }
    ck_assert_int_gt(below, 0);
    ck_assert_int_gt(laid_out, 0);
    bri_h5_abort(o);
}
END_TEST

static char *read_file(const char *path, size_t n)
{
    char *bytes = malloc(n);
    FILE *f = fopen(path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, n, f), n);
    fclose(f);
    return bytes;
}

/* Which dimensions a dataset has stands in a heap, which HDF5 writes as it writes raw data. To grow
 * "old", that of its own is read. */
START_TEST(heaps_do_not_change_in_place)
{
    const char *const dims[] = {"time"};
    const bri_h5_target target = {.path = in_folder("heap.h5")};
    bri_h5_spec spec = {.dtype = BR_FLOAT64, .ndim = 1, .shape = {OLD + OLD_CHUNK}, .dims = dims};
    bri_h5_output *o;
    bri_h5_writer *old, *w;
    struct stat before;
    spec.chunk[0] = OLD_CHUNK;
    make_old(target.path);
    ck_assert_int_eq(stat(target.path, &before), 0);
    char *had = read_file(target.path, (size_t)before.st_size);
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_open_to_write(o, "old", &old), BR_OK);
    ck_assert_int_eq(bri_h5_grow(old, 0, OLD_CHUNK), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "new", &spec, &w), BR_OK);
    evict(o);
    char *has = read_file(target.path, (size_t)before.st_size);
    ck_assert_mem_eq(has, had, (size_t)before.st_size);
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    check_names(target.path);
    free(has);
    free(had);
}
END_TEST

/* ---- what a killed store has left behind the end ---- */

static long resident_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void store(const char *path, const char *name, int64_t rows)
{
    br_context *ctx = br_open(NULL, NULL);
    br_array *x = br_full(ctx, BR_SHAPE(rows, 1 << 17), BR_NUM(1.5), .chunks = BR_CHUNKS(1, -1));
    ck_assert_msg(br_store_hdf5(x, path, name) == BR_OK, "%s", br_message(ctx));
    ck_assert_int_eq(br_close(ctx), 0);
}

START_TEST(what_a_killed_store_left_is_not_kept)
{
    enum { MIB = 96 };
    const char *path = in_folder("tail.h5");
    struct stat whole;
    store(path, "old", 1);
    ck_assert_int_eq(stat(path, &whole), 0);
    ck_assert_int_eq(truncate(path, whole.st_size + (MIB << 20)), 0);
    long before = resident_kib();
    store(path, "new", MIB);
    long more = resident_kib() - before;
    ck_assert_msg(SANITIZED || more < (MIB / 2) << 10, "%ld KiB more are resident", more);
    ck_assert_int_eq(stat(path, &whole), 0);
    ck_assert_int_lt(whole.st_size, (off_t)(MIB + 3) << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_space");
    TCase *t = new_case(suite, "space");
    tcase_add_loop_test(t, names_stay_beside_chunks_as_long, 0, 2);
    tcase_add_test(t, a_late_chunk_outlasts_steps);
    tcase_add_loop_test(t, rows_in_steps_share_no_page, 0, 2);
    tcase_add_test(t, rows_never_lie_in_what_became_free);
    tcase_add_test(t, heaps_do_not_change_in_place);
    tcase_add_test(t, what_a_killed_store_left_is_not_kept);
    return run_suite(suite);
}
