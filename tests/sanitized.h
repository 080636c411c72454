/* SPDX-License-Identifier: BSD-3-Clause
 * sanitized.h - is this built with a sanitizer? They keep what is freed, and shadows of it. Or does
 * an emulator run it? Each takes some ten times as long.
 */
#ifndef TEST_SANITIZED_H
#define TEST_SANITIZED_H

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#ifdef TEST_EMULATED
#define SLOW 1
#else
#define SLOW SANITIZED
#endif

#endif
