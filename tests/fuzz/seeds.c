/* SPDX-License-Identifier: BSD-3-Clause
 * seeds.c - writes the inputs to begin with into a folder, for libFuzzer.
 */
#include "tests/fuzz/fuzz.h"

static void write_seed(void *to, const char *name, const void *bytes, size_t n)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", (const char *)to, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc == 3 && strcmp((*argv)[1], "--seeds") == 0) {
        fuzz_seeds(write_seed, (*argv)[2]);
        exit(0);
    }
    return 0;
}
