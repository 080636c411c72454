/* SPDX-License-Identifier: BSD-3-Clause
 * keep_libraries.c - for sanitizer builds of programs that use MPI: what other libraries have
 * loaded stays loaded until the process ends, and their leaks are theirs on every host.
 *
 * Open MPI unloads its components in MPI_Finalize, after which LeakSanitizer cannot tell whose an
 * allocation was, so that no suppression matches, and ThreadSanitizer gives up. Linked into the
 * program, this dlclose is the one that is called. What the program unloads by itself does go.
 */
#include <dlfcn.h>
#include <stddef.h>

/* The program's own code? */
static int is_ours(const void *code)
{
    static const char something;
    Dl_info ours;
    Dl_info its;
    return dladdr(&something, &ours) != 0 && dladdr(code, &its) != 0 &&
           ours.dli_fbase == its.dli_fbase;
}

__attribute__((visibility("default"))) int dlclose(void *library)
{
    int (*next)(void *) = NULL;
    if (!is_ours(__builtin_return_address(0)))
        return 0;
    *(void **)&next = dlsym(RTLD_NEXT, "dlclose");
    return next(library);
}

/* mpirun forwards no LSAN_OPTIONS to other hosts. */
__asm__(".pushsection .rodata\n"
        "suppressions_of_lsan: .incbin \"" SUPPRESSIONS "\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char suppressions_of_lsan[];

const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return suppressions_of_lsan;
}

__attribute__((visibility("default"))) const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
