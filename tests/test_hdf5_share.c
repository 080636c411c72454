/* SPDX-License-Identifier: BSD-3-Clause
 * test_hdf5_share.c - threads that read the same chunks, which are decoded once and kept, while
 * others take the memory away.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "runtime/memory.h"
#include "tests/hdf5_samples.h"

static const layout stored = {"stored", &H5T_IEEE_F32LE_g, BR_FLOAT32, "sd", "", 0,
                              2,        {200, 160},        {40, 32}};

enum { READERS = 4, ROUNDS = 200 };

typedef struct team {
    bri_h5_dataset *d;
    bri_memory *memory;
    choice choices[READERS][ROUNDS];
    int number[READERS];
    atomic_int failures, running;
} team;

static team all;

static void *reader(void *data)
{
    const int *number = data;
    for (int i = 0; i < ROUNDS; i++)
        if (read_choice(all.d, &stored, &all.choices[*number][i]) != BR_OK)
            atomic_fetch_add(&all.failures, 1);
    atomic_fetch_sub(&all.running, 1);
    return NULL;
}

/* Tasks in the C order of boxes of these extents. */
static bri_h5_boxes boxes_of(const int64_t *extent)
{
    bri_h5_boxes boxes = {.n = 2, .order = {0, 1}};
    for (int a = 0; a < 2; a++) {
        boxes.extent[a] = extent[a];
        boxes.whole[a] = (int64_t)stored.shape[a];
        for (int64_t i = extent[a]; i < boxes.whole[a]; i += extent[a])
            boxes.cut[a] |= bri_h5_cuts(all.d, a, i);
    }
    return boxes;
}

/* As tasks that need the bytes. */
static void *taker(void *data)
{
    (void)data;
    while (atomic_load(&all.running) > 0)
        if (bri_memory_reserve(all.memory, 900 << 10))
            bri_memory_release(all.memory, 900 << 10);
    return NULL;
}

START_TEST(threads_share_chunks)
{
    static const int64_t rows[] = {3, 160};
    pthread_t thread[READERS + 1];
    bri_memory_stats stats;
    make_file(in_folder("in.h5"), &stored);
    all.d = open_ok(in_folder("in.h5"), "g/x");
    all.memory = bri_memory_new(1 << 20);
    bri_h5_boxes boxes = boxes_of(rows);
    bri_h5_share_chunks(all.d, &boxes, all.memory, 1 << 20);
    ck_assert(bri_h5_shares_chunks(all.d));
    for (int t = 0; t < READERS; t++)
        for (int i = 0; i < ROUNDS; i++)
            all.choices[t][i] = choose(&stored, i == 0);
    atomic_store(&all.running, READERS);
    for (int t = 0; t < READERS; t++) {
        all.number[t] = t;
        pthread_create(&thread[t], NULL, reader, &all.number[t]);
    }
    if (_i == 1)
        pthread_create(&thread[READERS], NULL, taker, NULL);
    for (int t = 0; t < READERS + _i; t++)
        pthread_join(thread[t], NULL);
    ck_assert_int_eq(all.failures, 0);
    bri_memory_about(all.memory, &stats);
    ck_assert_uint_le(stats.peak, 1 << 20);
    bri_h5_close(all.d);
    bri_memory_about(all.memory, &stats);
    ck_assert_uint_eq(stats.promised, 0);
    bri_memory_free(all.memory);
}
END_TEST

/* What is not decoded, not cut, or too much to be kept is read as ever. */
START_TEST(keeps_only_what_is_of_use)
{
    layout plain_chunks = stored;
    bri_memory *memory = bri_memory_new(1 << 20);
    make_file(in_folder("in.h5"), &stored);
    plain_chunks.filters = "";
    make_file(in_folder("plain.h5"), &plain_chunks);
    static const int64_t cases[][3] = {{40, 32, 0}, {80, 160, 0}, {200, 160, 0}, {3, 160, 1},
                                       {40, 5, 1},  {41, 32, 1},  {-1, 0, 0}};
    bri_h5_boxes boxes;
    for (int i = 0; cases[i][0] > 0; i++) {
        all.d = open_ok(in_folder("in.h5"), "g/x");
        boxes = boxes_of(cases[i]);
        bri_h5_share_chunks(all.d, &boxes, memory, 1 << 20);
        ck_assert_msg(bri_h5_shares_chunks(all.d) == (cases[i][2] == 1), "case %d", i);
        bri_h5_close(all.d);
    }
    const char *const names[] = {"in.h5", "plain.h5"};
    for (int i = 0; i < 2; i++) {
        all.d = open_ok(in_folder(names[i]), "g/x");
        boxes = boxes_of(cases[3]);
        bri_h5_share_chunks(all.d, &boxes, memory, i == 0 ? 100 << 10 : 1 << 20);
        ck_assert(!bri_h5_shares_chunks(all.d));
        bri_h5_close(all.d);
    }
    bri_memory_free(memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5_share");
    TCase *t = new_case(suite, "share");
    tcase_add_loop_test(t, threads_share_chunks, 0, 2);
    tcase_add_test(t, keeps_only_what_is_of_use);
    return run_suite(suite);
}
