/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_rows.c - rows of files without chunks: whole pages by one process, their ends by
 * another one, in either byte order.
 */
#include "array/io/hdf5_internal.h"
#include "array/io/hdf5_runs.h"
#include "array/io/hdf5_shared.h"
#include "tests/hdf5_samples.h"

static int new_file(const char *path, bri_h5_mark *mark)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_eq(bri_h5_mark_file(fd, mark), 0);
    return fd;
}

static const struct {
    size_t page;
    uint64_t address; /* of the first element */
    bool swapped;
} how[] = {{0, 24, false},    {64, 24, false}, {128, 24, false}, {512, 24, false},
           {8192, 24, false}, {0, 27, true},   {64, 27, true},   {64, 1, false},
           {128, 1, true},    {512, 24, true}, {64, 63, true},   {8192, 5, true}};

/* Pages of rows by one process, their ends by another one. */
START_TEST(pages_and_ends_are_the_rows)
{
    enum { ROWS = 24, COLUMNS = 40 };
    const size_t page = how[_i].page;
    const off_t at = (off_t)how[_i].address;
    bri_h5_form form = {.ndim = 2, .shape = {ROWS, COLUMNS}, .element = 8, .address = (uint64_t)at};
    double x[ROWS * COLUMNS], part[ROWS * COLUMNS], found[ROWS * COLUMNS] = {0};
    bri_h5_mark mark;
    form.swap = how[_i].swapped ? BRI_H5_SWAP8 : BRI_H5_AS_IS;
    int fd = new_file(in_folder("rows"), &mark);
    ck_assert_int_eq(bri_h5_join_file(&mark, 1, in_folder("rows"), "rows"), 0);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = i + 0.25;
    for (int64_t r = 0; r < ROWS; r += 6)
        for (int64_t c = 0; c < COLUMNS; c += r < 12 ? 13 : COLUMNS) {
            int64_t wide = r >= 12 ? COLUMNS : c + 13 < COLUMNS ? 13 : COLUMNS - c;
            int64_t start[] = {r, c}, count[] = {6, wide};
            uint64_t bytes = 0;
            size_t used = 0;
            for (int64_t i = 0; i < 6 * wide; i++)
                part[i] = x[(r + i / wide) * COLUMNS + c + i % wide];
            size_t bound = bri_h5_ends_bound(&form, page, count);
            char *ends = malloc(bound);
            ck_assert_uint_le(bound, (size_t)(6 * wide * 8));
            ck_assert_int_eq(
                bri_h5_write_pages(&form, mark.id, page, start, count, part, ends, &used), BR_OK);
            ck_assert_uint_le(used, bound);
            ck_assert(page != 0 || used == (size_t)(6 * wide * 8));
            memset(ends + used, 0xff, bound - used); /* nothing of it is read */
            ck_assert_int_eq(bri_h5_write_ends(&form, mark.id, page, start, count, ends, &bytes),
                             BR_OK);
            ck_assert_uint_eq(bytes, (uint64_t)(6 * wide * 8));
            free(ends);
        }
    ck_assert_int_eq((int)pread(fd, found, sizeof found, at), (int)sizeof found);
    for (int i = 0; i < ROWS * COLUMNS && how[_i].swapped; i++) {
        uint64_t bits;
        memcpy(&bits, &found[i], sizeof bits);
        bits = __builtin_bswap64(bits);
        memcpy(&found[i], &bits, sizeof bits);
    }
    ck_assert_mem_eq(found, x, sizeof x);
    ck_assert_int_eq(bri_h5_leave_file(mark.id, false), BR_OK);
    close(fd);
}
END_TEST

/* Parts of elements, longer than what is swapped at a time. */
START_TEST(any_bytes_of_elements_are_written)
{
    enum { N = 10000 };
    static const struct {
        bri_h5_fix fix;
        size_t width;
    } fixes[] = {{BRI_H5_AS_IS, 1}, {BRI_H5_SWAP2, 2}, {BRI_H5_SWAP4, 4}, {BRI_H5_SWAP8, 8}};
    const size_t width = fixes[_i].width;
    char x[8 * N], want[8 * N], found[8 * N];
    int fd = open(in_folder("bytes"), O_RDWR | O_CREAT | O_TRUNC, 0666);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (char)dice(256);
    for (size_t i = 0; i < sizeof x; i++)
        want[i] = x[i / width * width + (width - 1 - i % width)];
    for (int k = 0; k < 200; k++) {
        size_t first = dice(sizeof x), n = k % 2 ? dice(30) : dice(sizeof x);
        n = n < sizeof x - first ? n : sizeof x - first;
        ck_assert(bri_h5_write_as(fd, fixes[_i].fix, x, first, n, 1000 + (uint64_t)k));
        ck_assert_int_eq((int)pread(fd, found, n, 1000 + k), (int)n);
        ck_assert_mem_eq(found, want + first, n);
    }
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_rows");
    TCase *t = new_case(suite, "rows");
    tcase_add_loop_test(t, pages_and_ends_are_the_rows, 0, sizeof how / sizeof how[0]);
    tcase_add_loop_test(t, any_bytes_of_elements_are_written, 0, 4);
    return run_suite(suite);
}
