/* SPDX-License-Identifier: BSD-3-Clause
 * poison.h - tells the address sanitizer, where it is there, which bytes nobody may touch.
 */
#ifndef BRI_POISON_H
#define BRI_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BRI_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BRI_POISON 1
#endif
#ifdef BRI_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#endif
