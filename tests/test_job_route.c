/* SPDX-License-Identifier: BSD-3-Clause
 * test_job_route.c - the tree of a value's readers: all of them are in it once, whoever computes
 * it, and no rank sends more than ceil(log2(n + 1)) copies.
 */
#include <check.h>
#include <string.h>

#include "runtime/alloc.h"
#include "runtime/job.h"
#include "tests/suite.h"

enum { RANKS = 40 };

typedef struct tree {
    int n, owner;
    unsigned char reads[RANKS];
    int above[RANKS], size[RANKS], copies[RANKS];
} tree;

static int readers(const tree *t)
{
    int n = 0;
    for (int r = 0; r < t->n; r++)
        n += r != t->owner && t->reads[r];
    return n;
}

/* As that rank sees it. */
static void look(tree *t, int rank)
{
    br_context ctx = {.rank = rank, .nranks = t->n};
    bri_route *route;
    t->above[rank] = -1;
    ck_assert_int_eq(bri_route_new(&ctx, t->owner, t->reads, &route), BR_OK);
    ck_assert_int_eq(route != NULL, readers(t) > BRI_FEW_READERS);
    if (route == NULL)
        return;
    t->size[rank] = route->size;
    t->above[rank] = route->hop[0].rank;
    t->copies[route->hop[0].rank]++;
    ck_assert_int_eq(route->hop[route->nhops - 1].rank, t->owner);
    ck_assert_int_eq(route->hop[route->nhops - 1].size, readers(t) + 1);
    for (int i = 1; i < route->nhops; i++)
        ck_assert_int_gt(route->hop[i].size, route->hop[i - 1].size);
    bri_free(route);
}

static void check_tree(tree *t)
{
    int below[RANKS] = {0};
    int most = 0;
    memset(t->copies, 0, sizeof t->copies);
    for (int r = 0; r < t->n; r++)
        if (r != t->owner && t->reads[r])
            look(t, r);
    if (readers(t) <= BRI_FEW_READERS)
        return;
    for (int n = readers(t); n > 0; n /= 2)
        most++;
    for (int r = 0; r < t->n; r++) {
        ck_assert_int_le(t->copies[r], most);
        if (r != t->owner && t->reads[r])
            below[t->above[r]] += t->size[r];
    }
    for (int r = 0; r < t->n; r++)
        if (r != t->owner && t->reads[r])
            ck_assert_int_eq(t->size[r], below[r] + 1);
    ck_assert_int_eq(below[t->owner], readers(t));
}

START_TEST(trees)
{
    unsigned seed = 1;
    for (int n = 2; n <= RANKS; n++)
        for (int owner = 0; owner < n; owner++) {
            tree t = {.n = n, .owner = owner};
            memset(t.reads, 1, sizeof t.reads);
            check_tree(&t);
            for (int r = 0; r < n; r++)
                t.reads[r] = (seed = seed * 1664525 + 1013904223) >> 31;
            check_tree(&t);
        }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("route");
    tcase_add_test(tests, trees);
    return run_case("route", tests);
}
