/* SPDX-License-Identifier: BSD-3-Clause
 * hash.h - a fast checksum of 64 bits, for what is written and read back.
 */
#ifndef BRI_HASH_H
#define BRI_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 with seed 0 (Y. Collet, xxHash, specification 0.1.1). */
uint64_t bri_hash64(const void *data, size_t bytes);

#endif
