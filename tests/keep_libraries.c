/* SPDX-License-Identifier: BSD-3-Clause
 * keep_libraries.c - for sanitizer builds of programs that use MPI: libraries stay loaded until
 * the process ends.
 *
 * Open MPI unloads its components in MPI_Finalize, after which LeakSanitizer cannot tell whose an
 * allocation was, so that no suppression matches, and ThreadSanitizer gives up. Linked into the
 * program, this dlclose is the one that is called.
 */
#include <dlfcn.h>

__attribute__((visibility("default"))) int dlclose(void *library)
{
    (void)library;
    return 0;
}
