/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_shared.c - a file that several processes write: who sees it, where they write, what the
 * HDF5 library then finds.
 */
#include <errno.h>
#include <fcntl.h>
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

static br_status meet(bri_h5_meeting *m, const bri_h5_mark *mark, const char *path, uint64_t *align)
{
    (void)m;
    ck_assert(mark->id != 0 && access(path, W_OK) == 0);
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
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    snprintf(command, sizeof command, "%s.tmp.%s.%ld.9", in_folder("out.h5"), host, (long)child);
    int locked = open(command, O_RDWR);
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
                bri_h5_write_rows(form, bri_h5_shared_id(o), start, count, part, &bytes), BR_OK);
            ck_assert_uint_eq(bytes, (uint64_t)(16 * wide * 8));
        }
    ck_assert_int_eq(bri_h5_commit(o), BR_OK);
    check_elements(in_folder("out.h5"), "x");
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
    tcase_add_test(t, rows_have_their_places);
    return run(suite);
}
