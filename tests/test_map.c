/* SPDX-License-Identifier: BSD-3-Clause
 * test_map.c - access maps and axes by arithmetic, against element-by-element enumeration.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "array/expr/map.h"
#include "array/plan/rectangle.h"
#include "tests/suite.h"

static int64_t dice(int64_t n)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (int64_t)(x % (uint64_t)n);
}

/* ---- maps ---- */

/* A map of a random kind whose indices stay inside a source of n elements, for a consumer of
 * *extent. */
static bri_map_axis random_axis(int axis, int64_t n, int64_t *extent)
{
    bri_map_axis m = {axis, dice(n), dice(9) - 4};
    if (m.step == 0)
        m = (bri_map_axis){BRI_FIXED, m.start, 0};
    int64_t room = m.step > 0 ? (n - 1 - m.start) / m.step : m.step < 0 ? m.start / -m.step : 20;
    *extent = 1 + dice(room + 1);
    return m;
}

static int64_t index_of(const bri_map_axis *m, int64_t i)
{
    return m->axis == BRI_FIXED ? m->start : m->start + m->step * i;
}

START_TEST(ranges_and_inverses)
{
    for (int k = 0; k < 20000; k++) {
        int64_t n = 1 + dice(30);
        int64_t extent;
        bri_map_axis m = random_axis(0, n, &extent);
        int64_t from = dice(extent);
        int64_t count = 1 + dice(extent - from);
        int64_t low;
        int64_t high;
        bri_map map = {.ndim = 1, .from = {m}};
        bri_leaf box = {.origin = {from}, .extent = {count}, .nelem = count};
        bri_rectangle r;
        bri_rectangle_of(&map, &box, &r);
        bri_rectangle_range(&r, 0, &low, &high);
        int64_t want_low = n;
        int64_t want_high = -1;
        for (int64_t i = from; i < from + count; i++) {
            want_low = index_of(&m, i) < want_low ? index_of(&m, i) : want_low;
            want_high = index_of(&m, i) > want_high ? index_of(&m, i) : want_high;
        }
        ck_assert(low == want_low && high == want_high);

        int64_t a = dice(n);
        int64_t b = a + dice(n - a + 1);
        bri_map_inverse(&m, extent, a, b, &from, &count);
        for (int64_t i = 0; i < extent; i++) {
            bool inside = index_of(&m, i) >= a && index_of(&m, i) < b;
            ck_assert(inside == (i >= from && i < count));
        }
    }
}
END_TEST

/* x[slice] of y[slice] reads what reading one after the other does. */
START_TEST(maps_compose)
{
    for (int k = 0; k < 20000; k++) {
        int64_t n[2] = {1 + dice(20), 1 + dice(20)};
        int64_t middle[2];
        int64_t outer_extent[2];
        bri_map inner = {
            .ndim = 2,
            .from = {random_axis(1, n[0], &middle[1]), random_axis(0, n[1], &middle[0])}};
        bri_map outer = {.ndim = 2,
                         .from = {random_axis(0, middle[0], &outer_extent[0]),
                                  random_axis(1, middle[1], &outer_extent[1])}};
        bri_map both = bri_map_compose(&outer, &inner);
        for (int64_t i = 0; i < outer_extent[0] * outer_extent[1]; i++) {
            int64_t at[2] = {i / outer_extent[1], i % outer_extent[1]};
            int64_t mid[2] = {index_of(&outer.from[0], at[0]), index_of(&outer.from[1], at[1])};
            for (int a = 0; a < 2; a++) {
                const bri_map_axis *m = &inner.from[a];
                int64_t want = m->axis == BRI_FIXED ? m->start : index_of(m, mid[m->axis]);
                const bri_map_axis *c = &both.from[a];
                ck_assert(want == (c->axis == BRI_FIXED ? c->start : index_of(c, at[c->axis])));
            }
        }
        bri_map identity = bri_map_identity(2);
        bri_map same = bri_map_compose(&identity, &inner);
        ck_assert(bri_map_equal(&same, &inner));
    }
}
END_TEST

/* ---- axes ---- */

static bri_axis random_regular(int64_t extent)
{
    return bri_axis_regular(extent, 1 + dice(extent > 0 ? extent : 1));
}

/* Chunks lie one after the other, and every element is found in its own. */
static void check_axis(const bri_axis *axis)
{
    int64_t at = 0;
    int64_t largest = 0;
    ck_assert_int_ge(axis->nchunks, 1);
    for (int64_t c = 0; c < axis->nchunks; c++) {
        ck_assert_int_eq(bri_axis_start(axis, c), at);
        int64_t count = bri_axis_count(axis, c);
        ck_assert(count > 0 || axis->extent == 0);
        for (int64_t i = at; i < at + count; i++)
            ck_assert_int_eq(bri_axis_find(axis, i), c);
        largest = count > largest ? count : largest;
        at += count;
    }
    ck_assert_int_eq(at, axis->extent);
    ck_assert_int_eq(bri_axis_start(axis, axis->nchunks), at);
    ck_assert_int_eq(bri_axis_largest(axis), largest);
}

/* A slice is cut where its source is. */
static void check_slice(const bri_axis *x)
{
    int64_t step = (1 + dice(5)) * (dice(2) ? 1 : -1);
    int64_t start = dice(x->extent);
    int64_t room = step > 0 ? (x->extent - 1 - start) / step : start / -step;
    int64_t count = dice(room + 2);
    bri_axis y;
    ck_assert_int_eq(bri_axis_slice(x, start, step, count, &y), BR_OK);
    check_axis(&y);
    ck_assert_int_eq(y.extent, count);
    for (int64_t i = 1; i < count; i++) {
        bool source_cut =
            bri_axis_find(x, start + step * i) != bri_axis_find(x, start + step * (i - 1));
        ck_assert(source_cut == (bri_axis_find(&y, i) != bri_axis_find(&y, i - 1)));
    }
    bri_axis_release(&y);
}

START_TEST(axes_are_cut)
{
    for (int k = 0; k < 5000; k++) {
        int64_t extent = dice(40);
        bri_axis a = random_regular(extent);
        bri_axis b = random_regular(extent);
        bri_axis both;
        check_axis(&a);
        ck_assert_int_eq(bri_axis_unify(&a, &b, &both), BR_OK);
        check_axis(&both);
        for (int64_t i = 1; i < extent; i++) {
            bool cut = bri_axis_find(&a, i) != bri_axis_find(&a, i - 1) ||
                       bri_axis_find(&b, i) != bri_axis_find(&b, i - 1);
            ck_assert(cut == (bri_axis_find(&both, i) != bri_axis_find(&both, i - 1)));
        }
        if (extent > 0)
            check_slice(&both);
        bri_axis shared = bri_axis_share(&both);
        ck_assert(bri_axis_equal(&shared, &both));
        bri_axis_release(&shared);
        bri_axis_release(&both);
        bri_axis_release(&a);
        bri_axis_release(&b);
    }
}
END_TEST

/* Made by arithmetic, an axis is the same as one made of a list of its chunks. */
static void check_like_listed(const bri_axis *y)
{
    bri_axis listed;
    int64_t extent[64];
    check_axis(y);
    for (int64_t c = 0; c < y->nchunks; c++)
        extent[c] = bri_axis_count(y, c);
    ck_assert_int_eq(bri_axis_listed(extent, y->nchunks, &listed), BR_OK);
    ck_assert_ptr_null(listed.starts);
    ck_assert(listed.first == y->first && listed.chunk == y->chunk);
    ck_assert(listed.extent == y->extent && listed.nchunks == y->nchunks);
}

START_TEST(regular_axes_by_arithmetic)
{
    int made = 0;
    for (int k = 0; k < 20000; k++) {
        int64_t extent = 2 + dice(30);
        int64_t chunk = 1 + dice(6);
        int64_t start = dice(extent);
        bri_axis whole = bri_axis_regular(extent, chunk);
        bri_axis x; /* with another first chunk */
        bri_axis y;
        ck_assert_int_eq(bri_axis_slice(&whole, start, 1, extent - start, &x), BR_OK);
        ck_assert_ptr_null(x.starts);
        check_slice(&x);
        check_like_listed(&x);
        bri_axis next = bri_axis_regular(1 + dice(20), chunk);
        if (bri_axis_join_regular(&x, &next, &y)) {
            made++;
            check_like_listed(&y);
            ck_assert_int_eq(y.nchunks, x.nchunks + next.nchunks);
            for (int64_t c = 0; c < y.nchunks; c++)
                ck_assert_int_eq(bri_axis_count(&y, c), c < x.nchunks
                                                            ? bri_axis_count(&x, c)
                                                            : bri_axis_count(&next, c - x.nchunks));
        }
    }
    ck_assert_int_gt(made, 1000);
}
END_TEST

/* Nothing is listed, so a number of chunks that fits no memory is no matter. */
START_TEST(very_many_chunks)
{
    const int64_t n = (int64_t)1 << 50;
    static const struct {
        int64_t start, step, chunks;
    } slices[] = {{1, 1, (int64_t)1 << 46},  {7, 4, (int64_t)1 << 46},   {-1, -1, (int64_t)1 << 46},
                  {5, 64, (int64_t)1 << 44}, {-2, -8, (int64_t)1 << 46}, {0, 1000, n / 1000 + 1}};
    bri_axis x = bri_axis_regular(n, 16);
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        int64_t step = slices[i].step;
        int64_t start = slices[i].start < 0 ? n + slices[i].start : slices[i].start;
        int64_t count = step > 0 ? (n - 1 - start) / step + 1 : start / -step + 1;
        bri_axis y;
        bri_axis both;
        ck_assert(bri_axis_slice_regular(&x, start, step, count, &y));
        ck_assert_int_eq(y.nchunks, slices[i].chunks);
        ck_assert(bri_axis_join_regular(&x, &x, &both));
        ck_assert_int_eq(both.nchunks, 2 * x.nchunks);
    }
}
END_TEST

/* Starts are kept as distances of 1, 2, 4 or 8 bytes, 64 to a base: what comes back is what went
 * in, at both ends of each width. */
START_TEST(long_lists)
{
    static const int64_t longest[] = {
        1, 4, 5, 1040, 1041, 60000, 68174087, 68174088, (int64_t)1 << 40};
    enum { MOST = 400 };
    int64_t extent[MOST];
    for (int k = 0; k < 2000; k++) {
        int64_t most = longest[dice(sizeof longest / sizeof *longest)];
        int64_t n = 1 + dice(MOST);
        bri_axis x;
        for (int64_t c = 0; c < n; c++)
            extent[c] = dice(3) > 0 ? most : 1 + dice(most);
        extent[dice(n)] = most;
        ck_assert_int_eq(bri_axis_listed(extent, n, &x), BR_OK);
        int64_t at = 0;
        for (int64_t c = 0; c < n; at += extent[c++]) { /* each assertion writes to a file */
            int64_t found[] = {bri_axis_start(&x, c), bri_axis_find(&x, at),
                               bri_axis_find(&x, at + extent[c] - 1)};
            if (found[0] != at || found[1] != c || found[2] != c)
                ck_abort_msg("chunk %d of %d", (int)c, (int)n);
        }
        ck_assert_int_eq(x.extent, at);
        ck_assert_int_eq(bri_axis_largest(&x), most);
        if (at < 2000)
            check_slice(&x);
        bri_axis_release(&x);
    }
}
END_TEST

static void refused(br_status st, const char *text)
{
    ck_assert_int_eq(st, BR_ESHAPE);
    ck_assert_msg(strstr(bri_last_error(), text) != NULL, "%s", bri_last_error());
}

/* Grids of other ranks may say anything: nobody walks through 2^46 chunks, or runs out of numbers.
 */
START_TEST(too_many_to_list)
{
    const int64_t n = (int64_t)1 << 50;
    bri_axis x = bri_axis_regular(n, 16);
    bri_axis shorter = bri_axis_regular(n, 15);
    bri_axis each = bri_axis_regular(INT64_MAX, 1);
    bri_axis pairs = bri_axis_regular(INT64_MAX, 2);
    bri_axis y;
    refused(bri_axis_slice(&x, 1, 3, n / 3, &y), "chunks along an axis");
    refused(bri_axis_unify(&x, &shorter, &y), "at most 268435456 of them can be listed");
    refused(bri_axis_unify(&each, &pairs, &y), "chunks along an axis");
    refused(bri_axis_listed((const int64_t[]){INT64_MAX, 1}, 2, &y), "more than 2^63 elements");
    refused(bri_check_listed(-1), "-1 chunks");
    ck_assert_int_eq(bri_check_listed((int64_t)1 << 28), BR_OK);
}
END_TEST

START_TEST(automatic_chunks)
{
    for (int k = 0; k < 5000; k++) {
        int ndim = 1 + (int)dice(4);
        size_t size = (size_t)1 << dice(5);
        int64_t shape[4];
        int64_t stored[4];
        int64_t chunk[4];
        double bytes = (double)size;
        for (int a = 0; a < ndim; a++) {
            shape[a] = 1 + dice((int64_t)1 << dice(18));
            stored[a] = 1 + dice(shape[a] < 1000 ? shape[a] : 1000);
        }
        bool from_file = dice(2);
        bri_auto_chunks(ndim, shape, size, from_file ? stored : NULL, dice(2), chunk);
        for (int a = 0; a < ndim; a++) {
            ck_assert(chunk[a] >= 1 && chunk[a] <= shape[a]);
            ck_assert(!from_file || chunk[a] == shape[a] || chunk[a] % stored[a] == 0);
            bytes *= (double)chunk[a];
        }
        ck_assert_msg(from_file || bytes <= BRI_AUTO_CHUNK_BYTES, "%g bytes", bytes);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("map");
    tcase_add_test(tcase, ranges_and_inverses);
    tcase_add_test(tcase, maps_compose);
    tcase_add_test(tcase, axes_are_cut);
    tcase_add_test(tcase, regular_axes_by_arithmetic);
    tcase_add_test(tcase, very_many_chunks);
    tcase_add_test(tcase, long_lists);
    tcase_add_test(tcase, too_many_to_list);
    tcase_add_test(tcase, automatic_chunks);
    return run_case("map", tcase);
}
