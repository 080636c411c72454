/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_shared.c - a file that several processes write: who sees it, where they write, what the
 * HDF5 library then finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "array/io/hdf5_output.h"
#include "tests/hdf5_samples.h"

enum { N = 4096, PAGE = 4096 };

/* ---- marks ---- */

static int new_file(const char *path, bri_h5_mark *mark)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_eq(bri_h5_mark_file(fd, mark), 0);
    return fd;
}

START_TEST(who_sees_the_file_is_known_by_its_answer)
{
    bri_h5_mark mark, other;
    const char *path = in_folder("a");
    int fd = new_file(path, &mark);
    ck_assert_int_eq(bri_h5_join_file(&mark, 1, path, "a"), 0);
    ck_assert(bri_h5_has_answer(path, &mark, 1));
    ck_assert(!bri_h5_has_answer(path, &mark, 2));
    ck_assert_int_eq(bri_h5_write_joined(mark.id, "hello", 5, 300000), BR_OK);
    char found[5] = "";
    ck_assert_int_eq((int)pread(fd, found, 5, 300000), 5);
    ck_assert_mem_eq(found, "hello", 5);
    ck_assert_int_eq(bri_h5_leave_file(mark.id, true), BR_OK);
    ck_assert_int_eq(bri_h5_leave_file(mark.id, true), BR_OK);
    ck_assert_int_ne(bri_h5_write_joined(mark.id, "hello", 5, 0), BR_OK);
    close(new_file(in_folder("b"), &other));
    ck_assert_int_eq(bri_h5_join_file(&mark, 3, in_folder("b"), "b"), ENOENT);
    ck_assert_int_eq(bri_h5_join_file(&mark, 3, in_folder("c"), "c"), ENOENT);
    ck_assert_int_ne(bri_h5_join_file(&mark, 3, folder, "folder"), 0);
    ck_assert_int_ne(bri_h5_join_file(&mark, 3, "/dev/null", "null"), 0);
    close(fd);
}
END_TEST

/* A copy has the mark, but the answer is not where it is looked for. */
START_TEST(a_copy_is_found_out)
{
    bri_h5_mark mark;
    int fd = new_file(in_folder("a"), &mark),
        copy = open(in_folder("copy"), O_RDWR | O_CREAT, 0666);
    char bytes[100];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    ck_assert_int_eq((int)pwrite(copy, bytes, (size_t)n, 0), (int)n);
    ck_assert_int_eq(bri_h5_join_file(&mark, 1, in_folder("copy"), "copy"), 0);
    ck_assert(!bri_h5_has_answer(in_folder("a"), &mark, 1));
    ck_assert_int_eq(bri_h5_leave_file(mark.id, false), BR_OK);
    close(fd), close(copy);
}
END_TEST

START_TEST(a_file_without_a_name_is_found_by_another_process)
{
    bri_h5_mark mark;
    char path[100], mine[64];
    int fd = open(folder, O_RDWR | O_TMPFILE, 0666);
    if (fd < 0)
        return; /* this file system has none such */
    ck_assert_int_eq(bri_h5_mark_file(fd, &mark), 0);
    snprintf(mine, sizeof mine, "/proc/self/fd/%d", fd);
    ck_assert_int_eq(bri_h5_path_for_others(mine, path, sizeof path), BR_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(bri_h5_join_file(&mark, 5, path, "file"));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(bri_h5_has_answer(path, &mark, 5));
    close(fd);
}
END_TEST

/* ---- chunks ---- */

static uint64_t wanted_align;
static bool replacing;

static void expect_locked(const char *path)
{
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_msg(flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK, "%s", path);
    close(fd);
}

static void put_another_there(const char *path)
{
    int fd = open(in_folder("another"), O_RDWR | O_CREAT, 0666);
    ck_assert_int_eq((int)write(fd, "something else", 14), 14);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(rename(in_folder("another"), path), 0);
}

/* What has a name until it is complete is locked all the time, also meanwhile. */
static br_status meet(bri_h5_meeting *m, const bri_h5_mark *mark, const char *path, uint64_t *align)
{
    (void)m;
    ck_assert(mark->id != 0 && access(path, W_OK) == 0);
    if (strstr(path, ".h5.") != NULL)
        expect_locked(path);
    if (replacing)
        put_another_there(path);
    *align = wanted_align;
    return BR_OK;
}

static br_status claim(const bri_h5_runs *runs, uint64_t bytes, uint64_t *address)
{
    return bri_h5_claim(runs->file, bytes, address);
}

static void put_shared(bri_h5_writer *w, int64_t start, int64_t count, const double *from,
                       bool again)
{
    const bri_h5_form *form = bri_h5_form_of(w);
    int64_t n = bri_h5_count_parts(form, &start, &count);
    bri_h5_record *records = malloc((size_t)n * sizeof *records);
    bri_h5_runs runs = {.file = bri_h5_shared_id(w->output),
                        .claim = claim,
                        .memory = malloc(bri_h5_run_room(form, &start, &count) + 1)};
    for (int k = 0; k <= again; k++) {
        uint64_t bytes = 0;
        ck_assert_int_eq(bri_h5_write_runs(form, &runs, &start, &count, from, records), BR_OK);
        ck_assert_int_eq((int64_t)records[0].address % (int64_t)wanted_align, 0);
        ck_assert_int_eq(bri_h5_enter(w, &start, &count, records, &bytes), BR_OK);
        ck_assert_uint_gt(bytes, 0);
    }
    free(records);
    free(runs.memory);
}

static void check_elements(const char *path, const char *name)
{
    double found[N];
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t data = H5Dopen2(file, name, H5P_DEFAULT);
    ck_assert_int_ge(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found), 0);
    for (int i = 0; i < N; i++)
        ck_assert_msg(found[i] == i * 0.5, "%s: element %d is %g", name, i, found[i]);
    ck_assert_int_ge(H5Dclose(data) | H5Fclose(file), 0);
}

/* Stored chunks from a few bytes on, between those that HDF5 writes itself. */
START_TEST(hdf5_finds_what_others_wrote)
{
    static const struct {
        int64_t align, chunk, box;
        int deflate;
        bool checksum;
    } how[] = {{8, 512, 512, 4, false},   {8, 100, 1000, 1, true},  {8, 3, 600, 0, false},
               {PAGE, 512, 512, 4, true}, {PAGE, 64, 512, 0, true}, {PAGE, 4096, 4096, 9, false}};
    double x[N];
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = _i % 2 == 1};
    bri_h5_output *o;
    bri_h5_writer *shared, *alone;
    wanted_align = (uint64_t)how[_i].align;
    for (int i = 0; i < N; i++)
        x[i] = i * 0.5;
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_spec spec = {.dtype = BR_FLOAT64, .ndim = 1, .shape = {N}, .chunk = {how[_i].chunk}};
    bri_h5_spec other = {.dtype = BR_FLOAT64, .ndim = 1, .shape = {N}, .chunk = {64}};
    spec.deflate = how[_i].deflate;
    spec.fletcher32 = how[_i].checksum;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_uint_ne(bri_h5_shared_id(o), 0);
    ck_assert_int_eq(bri_h5_create(o, "shared", &spec, &shared), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "alone", &other, &alone), BR_OK);
    int64_t box = how[_i].box;
    for (int64_t at = 0; at < N; at += box) {
        int64_t n = at + box < N ? box : N - at, whole = (at + 63) / 64 * 64;
        put_shared(shared, at, n, x + at, at % 3 == 0);
        for (; whole < at + n && whole + 64 <= N; whole += 64)
            ck_assert_int_eq(bri_h5_put(alone, &whole, &(int64_t){64}, x + whole, NULL), BR_OK);
    }
    uint64_t id = bri_h5_shared_id(o), address;
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    ck_assert_int_eq(bri_h5_claim(id, 8, &address), BR_ECANCELLED);
    check_elements(in_folder("out.h5"), "shared");
    check_elements(in_folder("out.h5"), "alone");
}
END_TEST

/* Nobody has joined: the file is like any other. */
START_TEST(nobody_joins)
{
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = true};
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_output *o;
    wanted_align = 0;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_uint_eq(bri_h5_shared_id(o), 0);
    ck_assert_int_ne(access(in_folder("out.h5"), F_OK), 0);
    bri_h5_abort(o);
    ck_assert_int_ne(access(in_folder("out.h5"), F_OK), 0);
}
END_TEST

/* How other programs make them. */
static const struct {
    bool latest, tail, keeps_list;
    hsize_t user_block, align;
    H5F_fspace_strategy_t strategy;
} made[] = {
    {.strategy = H5F_FSPACE_STRATEGY_FSM_AGGR, .align = 8},
    {.strategy = H5F_FSPACE_STRATEGY_FSM_AGGR, .align = PAGE, .latest = true},
    {.strategy = H5F_FSPACE_STRATEGY_FSM_AGGR, .align = 8, .user_block = 1024},
    {.strategy = H5F_FSPACE_STRATEGY_FSM_AGGR, .align = PAGE, .tail = true},
    {.strategy = H5F_FSPACE_STRATEGY_NONE, .align = 8, .latest = true},
    {.strategy = H5F_FSPACE_STRATEGY_PAGE, .align = 8},
    {.strategy = H5F_FSPACE_STRATEGY_PAGE, .align = 8, .keeps_list = true},
    {.strategy = H5F_FSPACE_STRATEGY_FSM_AGGR, .align = 8, .keeps_list = true},
};

/* HDF5 gives places in it without asking the driver, so one process writes it. */
static bool places_itself(int how)
{
    return made[how].strategy == H5F_FSPACE_STRATEGY_PAGE || made[how].keeps_list;
}

/* Half of what "old" has is its elements, the rest its numbers, which become shorter chunks. */
static void make_old(const char *path, int how)
{
    double x[N];
    const hsize_t n = N, chunk = 512;
    for (int i = 0; i < N; i++)
        x[i] = (double)((uint32_t)i * 2654435761u);
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_space_strategy(creation, made[how].strategy, made[how].keeps_list, 1);
    H5Pset_userblock(creation, made[how].user_block);
    if (made[how].latest)
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    hid_t space = H5Screate_simple(1, &n, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &chunk);
    H5Pset_deflate(list, 1);
    hid_t data = H5Dcreate2(file, "old", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x), 0);
    ck_assert_int_ge(H5Dclose(data) | H5Pclose(list) | H5Sclose(space) | H5Fclose(file), 0);
    ck_assert_int_ge(H5Pclose(creation) | H5Pclose(access), 0);
    if (made[how].tail)
        ck_assert_int_eq(truncate(path, 300000), 0);
}

static int count_temporaries(void)
{
    char command[400];
    snprintf(command, sizeof command, "exit $(ls '%s' | grep -c '^out.h5.tmp.')", folder);
    return WEXITSTATUS(system(command));
}

/* A file with a name that a killed process leaves goes with the next one; not that of a process
 * that lives, nor one that somebody writes. */
START_TEST(what_is_left_goes)
{
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = true};
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_output *o, *second;
    int status;
    wanted_align = PAGE;
    pid_t child = fork();
    if (child == 0)
        _exit(bri_h5_output_open(&target, &o) == BR_OK ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(count_temporaries(), 1);
    char command[700];
    snprintf(command, sizeof command, "cd '%s' && for f in out.h5.tmp.*; do cp $f ${f%%.*}.9; done",
             folder);
    ck_assert_int_eq(system(command), 0);
    glob_t found;
    snprintf(command, sizeof command, "%s.tmp.*.%ld.9", in_folder("out.h5"), (long)child);
    ck_assert_int_eq(glob(command, 0, NULL, &found), 0);
    int locked = open(found.gl_pathv[0], O_RDWR);
    globfree(&found);
    ck_assert_int_ge(locked, 0);
    ck_assert_int_eq(flock(locked, LOCK_EX), 0);
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(count_temporaries(), 2);
    close(locked);
    ck_assert_int_eq(bri_h5_output_open(&target, &second), BR_OK);
    ck_assert_int_eq(count_temporaries(), 2);
    bri_h5_abort(second);
    bri_h5_abort(o);
    ck_assert_int_eq(count_temporaries(), 0);
}
END_TEST

/* Also when HDF5 locks nothing; a new file, a copy, and one whose making can be resumed. */
START_TEST(what_is_written_is_locked)
{
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = true};
    bri_h5_target target = {.path = in_folder("out.h5"),
                            .meeting = &meeting,
                            .safe_copy = _i / 2 == 1,
                            .resume = _i / 2 == 2};
    bri_h5_output *o, *second;
    char command[700];
    wanted_align = PAGE;
    setenv("HDF5_USE_FILE_LOCKING", _i % 2 == 0 ? "FALSE" : "TRUE", 1);
    if (target.safe_copy)
        make_old(target.path, 0);
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(count_temporaries(), !target.resume);
    snprintf(command, sizeof command, "flock -n -E 9 '%s'/out.h5.%s* true", folder,
             target.resume ? "part" : "tmp.");
    ck_assert_int_eq(WEXITSTATUS(system(command)), 9);
    if (target.resume) {
        ck_assert_int_eq(bri_h5_output_open(&target, &second), BR_EIO);
        ck_assert_ptr_nonnull(strstr(bri_last_error(), "locked, another program is making"));
        ck_assert_int_eq(WEXITSTATUS(system(command)), 9);
    }
    bri_h5_abort(o);
    ck_assert_int_ne(WEXITSTATUS(system(command)), 9);
    unsetenv("HDF5_USE_FILE_LOCKING");
}
END_TEST

/* Rows of a dataset without chunks. */
START_TEST(rows_have_their_places)
{
    static const int64_t rows = 64, columns = N / 64;
    double x[N], part[N];
    bri_h5_meeting meeting = {.meet = meet};
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_spec spec = {.dtype = BR_FLOAT64, .ndim = 2, .shape = {rows, columns}};
    bri_h5_output *o;
    bri_h5_writer *w;
    wanted_align = 8;
    for (int i = 0; i < N; i++)
        x[i] = i * 0.5;
    ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
    ck_assert_int_eq(bri_h5_create(o, "x", &spec, &w), BR_OK);
    const bri_h5_form *form = bri_h5_form_of(w);
    ck_assert(form->laid_out);
    for (int64_t r = 0; r < rows; r += 16)
        for (int64_t c = 0; c < columns; c += r < 32 ? 24 : columns) {
            uint64_t bytes = 0;
            int64_t wide = r >= 32 ? columns : c + 24 < columns ? 24 : columns - c;
            int64_t start[] = {r, c}, count[] = {16, wide};
            for (int64_t i = 0; i < 16 * wide; i++)
                part[i] = x[(r + i / wide) * columns + c + i % wide];
            ck_assert_uint_eq(bri_h5_row_bytes(form, count),
                              (size_t)(wide == columns ? 16 * wide : wide) * 8);
            ck_assert_int_eq(
                bri_h5_write_ends(form, bri_h5_shared_id(o), 0, start, count, (char *)part, &bytes),
                BR_OK);
            ck_assert_uint_eq(bytes, (uint64_t)(16 * wide * 8));
        }
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    check_elements(in_folder("out.h5"), "x");
}
END_TEST

/* ---- files that exist ---- */

static void put_half(bri_h5_writer *w, const double *x, int64_t first)
{
    const int64_t count = N / 2;
    ck_assert_int_eq(bri_h5_put(w, &first, &count, x + first, NULL), BR_OK);
}

/* Chunks of "old" are made anew before and after, so their places are given to others. */
START_TEST(files_that_exist)
{
    double x[N];
    bri_h5_meeting meeting = {.meet = meet};
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_spec spec = {.dtype = BR_FLOAT64, .ndim = 1, .shape = {N}, .chunk = {64}};
    bri_h5_output *o;
    bri_h5_writer *old, *new;
    struct stat before, after;
    const bool alone = places_itself(_i);
    wanted_align = made[_i].align;
    for (int i = 0; i < N; i++)
        x[i] = i * 0.5;
    make_old(target.path, _i);
    for (int aborted = 1; aborted >= 0; aborted--) {
        ck_assert_int_eq(stat(target.path, &before), 0);
        ck_assert_int_eq(bri_h5_output_open(&target, &o), BR_OK);
        ck_assert_int_eq(stat(target.path, &after), 0);
        ck_assert_int_eq(after.st_size, before.st_size);
        ck_assert_int_eq(bri_h5_shared_id(o) == 0, alone);
        ck_assert_int_eq(meeting.tracks_space, alone);
        ck_assert_int_eq(bri_h5_create(o, "new", &spec, &new), BR_OK);
        ck_assert_int_eq(bri_h5_open_to_write(o, "old", &old), BR_OK);
        if (made[_i].align < PAGE)
            put_half(old, x, 0);
        for (int64_t at = 0; at < N && !alone; at += 512)
            put_shared(new, at, 512, x + at, false);
        if (alone)
            ck_assert_int_eq(bri_h5_put(new, &(int64_t){0}, &(int64_t){N}, x, NULL), BR_OK);
        if (made[_i].align >= PAGE)
            put_half(old, x, 0);
        put_half(old, x, N / 2);
        if (!aborted) {
            ck_assert_int_eq(bri_h5_commit(o), BR_OK);
            continue;
        }
        bri_h5_abort(o);
        ck_assert_int_eq(stat(target.path, &after), 0);
        ck_assert_int_eq(after.st_size, before.st_size);
    }
    check_elements(target.path, "new");
    check_elements(target.path, "old");
}
END_TEST

/* Another program may replace a file at any moment: while the others look for it, or later. */
START_TEST(files_that_are_replaced)
{
    bri_h5_meeting meeting = {.meet = meet, .elsewhere = _i < 2};
    bri_h5_target target = {.path = in_folder("out.h5"), .meeting = &meeting};
    bri_h5_output *o;
    wanted_align = PAGE;
    if (_i > 0)
        make_old(target.path, 0);
    target.safe_copy = _i == 1;
    replacing = _i < 3;
    br_status status = bri_h5_output_open(&target, &o);
    replacing = false;
    if (_i == 3) {
        ck_assert_int_eq(status, BR_OK);
        put_another_there(target.path);
        status = bri_h5_commit(o);
    }
    ck_assert_int_eq(status, BR_EIO);
    ck_assert_msg(strstr(bri_last_error(), "put another file in its place") != NULL, "%s",
                  bri_last_error());
    ck_assert_int_eq(access(in_folder("out.h5"), F_OK) == 0, _i > 0);
    ck_assert_int_eq(count_temporaries(), _i < 2); /* that of the other program */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_shared");
    TCase *t = new_case(suite, "marks");
    tcase_add_test(t, who_sees_the_file_is_known_by_its_answer);
    tcase_add_test(t, a_copy_is_found_out);
    tcase_add_test(t, a_file_without_a_name_is_found_by_another_process);
    t = new_case(suite, "chunks");
    tcase_add_loop_test(t, hdf5_finds_what_others_wrote, 0, 6);
    tcase_add_test(t, nobody_joins);
    tcase_add_test(t, what_is_left_goes);
    tcase_add_loop_test(t, what_is_written_is_locked, 0, 6);
    tcase_add_test(t, rows_have_their_places);
    tcase_add_loop_test(t, files_that_exist, 0, sizeof made / sizeof made[0]);
    tcase_add_loop_test(t, files_that_are_replaced, 0, 4);
    return run_suite(suite);
}
