/* SPDX-License-Identifier: BSD-3-Clause
 * fits.h - could the parameters that another rank sent be of the operation and its inputs? Members
 * `fits` of bri_op; wire.c has compared counts and sizes before.
 */
#ifndef BRI_FITS_H
#define BRI_FITS_H

#include "array/ops/ops.h"

bool bri_layout_fits(const bri_layout *layout);
/* Is it an axis of x? */
bool bri_axis_fits(const bri_node *x, int64_t axis);
/* Are the words n axes, and nothing else? */
bool bri_axis_words_fit(const int64_t *word, size_t nwords, int n);
/* Is there a zero byte in the n bytes? */
bool bri_text_fits(const char *text, size_t n);
/* Can elements be converted so? A complex one has no real form. */
bool bri_dtype_fits(br_dtype from, int32_t to);

/* ---- parameters that begin with the layout, and an axis of the first input ---- */
bool bri_fits_layout(const bri_recipe *r);
bool bri_fits_axis(const bri_recipe *r);

/* ---- of one operation or family each ---- */
bool bri_fits_memory(const bri_recipe *r);
bool bri_fits_range(const bri_recipe *r);
bool bri_fits_diagonal(const bri_recipe *r);
bool bri_fits_triangle(const bri_recipe *r);
bool bri_fits_indices(const bri_recipe *r);
bool bri_fits_random(const bri_recipe *r);
bool bri_fits_full_like(const bri_recipe *r);
bool bri_fits_grid(const bri_recipe *r);
bool bri_fits_elementwise(const bri_recipe *r);
bool bri_fits_astype(const bri_recipe *r);
bool bri_fits_view(const bri_recipe *r);
bool bri_fits_assign(const bri_recipe *r);
bool bri_fits_rechunk(const bri_recipe *r);
bool bri_fits_reshape(const bri_recipe *r);
bool bri_fits_matmul(const bri_recipe *r);
bool bri_fits_concat(const bri_recipe *r);
bool bri_fits_positions(const bri_recipe *r);
bool bri_fits_count(const bri_recipe *r);
bool bri_fits_compress(const bri_recipe *r);
bool bri_fits_picked(const bri_recipe *r);
bool bri_fits_take_along(const bri_recipe *r);
bool bri_fits_put_along(const bri_recipe *r);
bool bri_fits_take(const bri_recipe *r);
bool bri_fits_gather(const bri_recipe *r);
bool bri_fits_repeat(const bri_recipe *r);
bool bri_fits_repeat_counts(const bri_recipe *r);
bool bri_fits_hdf5(const bri_recipe *r);

/* ---- functions of the user's (fits_user.c) ---- */
bool bri_fits_user(const bri_recipe *r);
bool bri_fits_user_layout(const bri_recipe *r);
bool bri_fits_blocks(const bri_recipe *r);
bool bri_fits_overlap(const bri_recipe *r);
bool bri_fits_reduction(const bri_recipe *r);

/* What never travels. */
bool bri_fits_never(const bri_recipe *r);

#endif
