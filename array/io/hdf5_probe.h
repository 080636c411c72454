/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_probe.h - what the program bramble-probe does.
 */
#ifndef BRI_HDF5_PROBE_H
#define BRI_HDF5_PROBE_H

#include "array/io/hdf5_internal.h"

enum { BRI_H5_PROBE_MIB = 2048 }; /* of addresses that the program may use */

/* Reads of the file names[0] what opening its dataset names[1], field names[2], reads (names[1]
 * NULL: what listing it reads), also the elements when H5Dread reads them, and writes one line for
 * bri_h5_ask_probe. */
br_status bri_h5_answer_probe(const char *const names[3], FILE *to);

bri_h5_identity bri_h5_identity_of(const bri_h5_dataset *d);
/* Opens the file and closes it again. */
br_status bri_h5_identify(const char *path, bri_h5_identity *found);

#endif
