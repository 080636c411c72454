/* SPDX-License-Identifier: BSD-3-Clause
 * definitions.h - what reductions are by definition, of the elements of one result.
 */
#ifndef MATRIX_DEFINITIONS_H
#define MATRIX_DEFINITIONS_H

#include "tests/matrix/fold.h"

/* The arguments of a call; which of them a reduction takes stands in its row. */
typedef struct call {
    br_array *x, *where, *weights;
    reduced by;
    br_dtype dtype; /* .dtype */
    bool has_initial;
    number initial;
    double correction, order; /* order: NAN when it is not given */
} call;

/* How many elements take part. */
int64_t how_many(const group *g);

/* These put result i, of the elements of g. */
void put_sum(nd *r, int64_t i, const group *g, const call *c);
void put_prod(nd *r, int64_t i, const group *g, const call *c);
void put_mean(nd *r, int64_t i, const group *g, const call *c);
void put_var(nd *r, int64_t i, const group *g, const call *c);
void put_std(nd *r, int64_t i, const group *g, const call *c);
void put_min(nd *r, int64_t i, const group *g, const call *c);
void put_max(nd *r, int64_t i, const group *g, const call *c);
void put_argmin(nd *r, int64_t i, const group *g, const call *c);
void put_argmax(nd *r, int64_t i, const group *g, const call *c);
void put_count(nd *r, int64_t i, const group *g, const call *c);
void put_any(nd *r, int64_t i, const group *g, const call *c);
void put_all(nd *r, int64_t i, const group *g, const call *c);
void put_ptp(nd *r, int64_t i, const group *g, const call *c);
void put_logsumexp(nd *r, int64_t i, const group *g, const call *c);
void put_norm(nd *r, int64_t i, const group *g, const call *c);
void put_average(nd *r, int64_t i, const group *g, const call *c);

#endif
