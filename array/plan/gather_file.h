/* SPDX-License-Identifier: BSD-3-Clause
 * gather_file.h - elementwise expressions of files, made box by box where something takes of them.
 */
#ifndef BRI_GATHER_FILE_H
#define BRI_GATHER_FILE_H

#include "array/plan/stage.h"

/* A stage, not in the plan's list, whose program makes any box of x by reading that box of files:
 * where x is a cheap elementwise expression of such alone. Else *out is NULL. Freed by
 * bri_stage_free. */
br_status bri_file_program(bri_plan *plan, bri_node *x, bri_stage **out);

/* Scratch for n elements of x, and the elements of a box, dense. */
void bri_file_program_sizes(const bri_stage *whole, int64_t n, bri_bump *bump);
br_status bri_file_program_run(const bri_work *work, bri_stage *whole, const bri_leaf *box,
                               bri_bump *bump, bri_view *x);

#endif
