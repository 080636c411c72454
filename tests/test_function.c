/* SPDX-License-Identifier: BSD-3-Clause
 * test_function.c - functions to names of their build and back.
 */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/function.h"
#include "tests/suite.h"

double a_global_function(double x);

double a_global_function(double x)
{
    return 2 * x;
}

static double a_static_function(double x)
{
    return x + 1;
}

static void there_and_back(bri_function f)
{
    bri_function_id id;
    bri_function back = NULL;
    ck_assert_msg(bri_function_identify(f, &id) == BR_OK, "%s", bri_last_error());
    ck_assert_uint_gt(id.build_id_bytes, 0);
    ck_assert_int_eq(bri_function_resolve(&id, &back), BR_OK);
    ck_assert(back == f);
}

START_TEST(functions_are_found_again)
{
    there_and_back((bri_function)a_static_function);
    there_and_back((bri_function)a_global_function);
    there_and_back((bri_function)there_and_back);
    void *math = dlopen("libm.so.6", RTLD_NOW);
    ck_assert_ptr_nonnull(math);
    there_and_back((bri_function)(uintptr_t)dlsym(math, "cbrt"));
}
END_TEST

/* An address inside of a function, as that of an instruction that failed. */
START_TEST(functions_by_an_address_inside)
{
    char name[128];
    bri_function_at((const char *)(uintptr_t)there_and_back + 5, name, sizeof name);
    ck_assert_str_eq(name, "there_and_back");
    bri_function_at((const char *)(uintptr_t)a_global_function + 1, name, sizeof name);
    ck_assert_str_eq(name, "a_global_function");
    bri_function_at((const void *)(uintptr_t)16, name, sizeof name);
    ck_assert_str_eq(name, "0x10");
    ck_assert_int_eq(bri_function_check((bri_function)there_and_back), BR_OK);
    ck_assert_int_eq(bri_function_check((bri_function)(uintptr_t)16), BR_EARG);
}
END_TEST

/* What may differ in another process is none: variables, memory, other modules. */
START_TEST(constants_of_a_module)
{
    static char variable[] = "v";
    char *heap = strdup("h");
    bri_function f = (bri_function)a_static_function;
    ck_assert(bri_function_has_constant(f, "literal"));
    ck_assert(!bri_function_has_constant(f, variable));
    ck_assert(!bri_function_has_constant(f, heap));
    ck_assert(!bri_function_has_constant(f, &heap));
    ck_assert(!bri_function_has_constant((bri_function)strlen, "literal"));
    free(heap);
}
END_TEST

START_TEST(strangers_are_refused)
{
    static double data;
    bri_function_id id;
    bri_function f;
    ck_assert_int_eq(bri_function_identify((bri_function)(uintptr_t)&data, &id), BR_EARG);
    ck_assert_int_eq(bri_function_identify(NULL, &id), BR_EARG);
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "in no loaded program or library"));

    ck_assert_int_eq(bri_function_identify((bri_function)a_static_function, &id), BR_OK);
    bri_function_id other = id;
    other.build_id[3] ^= 1;
    ck_assert_int_eq(bri_function_resolve(&other, &f), BR_EARG);
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "another build"));
    other = id;
    other.offset = UINT64_C(1) << 40; /* beyond the end: to some linkers the first bytes are code */
    ck_assert_int_eq(bri_function_resolve(&other, &f), BR_EARG);
    other.build_id_bytes = 4000;
    ck_assert_int_eq(bri_function_resolve(&other, &f), BR_EARG);
    memset(&other, 0, sizeof other);
    ck_assert_int_eq(bri_function_resolve(&other, &f), BR_EARG);
    ck_assert_ptr_nonnull(strstr(bri_last_error(), "none"));
}
END_TEST

START_TEST(functions_have_names)
{
    char name[64];
    bri_function_name((bri_function)a_global_function, name, sizeof name);
    ck_assert_str_eq(name, "a_global_function");
    bri_function_name((bri_function)a_static_function, name, sizeof name);
    ck_assert_str_eq(name, "a_static_function");
    bri_function_name((bri_function)(uintptr_t)dlsym(RTLD_DEFAULT, "malloc"), name, sizeof name);
    ck_assert(strstr(name, "malloc") != NULL);
    bri_function_name((bri_function)((uintptr_t)a_static_function + 1), name, sizeof name);
    ck_assert_msg(strncmp(name, "test_function+0x", 16) == 0, "%s", name);
    bri_function_name((bri_function)(uintptr_t)16, name, sizeof name);
    ck_assert_str_eq(name, "0x10");
    char little[4];
    bri_function_name((bri_function)a_static_function, little, sizeof little);
    ck_assert_str_eq(little, "a_s");
}
END_TEST

START_TEST(builds_have_ids)
{
    char program[2 * BRI_BUILD_ID + 1];
    char library[2 * BRI_BUILD_ID + 1];
    bri_build_ids(program, library);
    ck_assert_uint_eq(strlen(program), 40);
    ck_assert_uint_eq(strspn(program, "0123456789abcdef"), 40);
    ck_assert_str_eq(program, library); /* linked statically */
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("function");
    tcase_add_test(tests, functions_are_found_again);
    tcase_add_test(tests, functions_by_an_address_inside);
    tcase_add_test(tests, constants_of_a_module);
    tcase_add_test(tests, strangers_are_refused);
    tcase_add_test(tests, functions_have_names);
    tcase_add_test(tests, builds_have_ids);
    return run_case("function", tests);
}
