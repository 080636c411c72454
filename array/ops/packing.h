/* SPDX-License-Identifier: BSD-3-Clause
 * packing.h - elements as a dataset's attributes mean them.
 */
#ifndef BRI_PACKING_H
#define BRI_PACKING_H

#include "array/io/hdf5.h"
#include "array/ops/ops.h"

/* The array of the elements that `raw` has as stored. */
br_array *bri_unpacked(const bri_call *call, br_array *raw, const bri_h5_packing *packing);

#endif
