/* SPDX-License-Identifier: BSD-3-Clause
 * function.h - C functions by a name that other ranks understand: build-id of the module and offset
 * in it.
 *
 * Right for static, global, library and dlopened functions, under PIE and ASLR.
 */
#ifndef BRI_FUNCTION_H
#define BRI_FUNCTION_H

#include <bramble/base.h>

enum { BRI_BUILD_ID = 20 };

typedef struct bri_function_id {
    uint8_t build_id[BRI_BUILD_ID];
    uint32_t build_id_bytes;
    uint64_t offset;
} bri_function_id;

typedef void (*bri_function)(void);

/* BR_EARG when the address is in no module that is loaded (any more). 20 ns for the
 * program's own functions. */
br_status bri_function_check(bri_function f);
/* BR_EARG when the module has no build-id (linked with --build-id=none) or the address is in no
 * module. */
br_status bri_function_identify(bri_function f, bri_function_id *id);
/* The address is one of a constant in the module that holds the function, so on every rank it is as
 * far from it. */
bool bri_function_has_constant(bri_function f, const void *constant);
/* BR_EARG when no loaded module has the build-id: the rank runs another binary or lacks a
 * plugin. */
br_status bri_function_resolve(const bri_function_id *id, bri_function *f);
/* "name" from the symbol table where there is one, else "module+0xoffset". */
void bri_function_name(bri_function f, char *text, size_t size);
/* The function that holds an address of code: its name, "name in module" or "module+0xoffset". */
void bri_function_at(const void *code, char *text, size_t size);
/* Build-id of the running program and of libbramble's module as hex texts ("none" without one). */
void bri_build_ids(char program[2 * BRI_BUILD_ID + 1], char library[2 * BRI_BUILD_ID + 1]);

#endif
