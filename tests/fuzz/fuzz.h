/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz.h - what the fuzz targets share. Each has the one function that libFuzzer calls with bytes,
 * and gives the inputs to begin with; drive.c stands for libFuzzer where there is none.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef void fuzz_take(void *to, const char *name, const void *bytes, size_t n);

/* Gives all inputs of the target to begin with. */
void fuzz_seeds(fuzz_take *take, void *to);

/* fuzz_x --seeds FOLDER writes them there. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A number below `most` from the next bytes of an input. */
typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

static inline uint32_t fuzz_number(fuzz_input *in, int bytes, uint32_t most)
{
    uint32_t value = 0;
    for (; bytes > 0; bytes--) {
        value = value << 8 | (in->left > 0 ? *in->at : 0);
        in->at += in->left > 0;
        in->left -= in->left > 0;
    }
    return value % most;
}

/* Memory of just these bytes, so that the address sanitizer sees the first one beyond. */
static inline void *fuzz_copy(const void *bytes, size_t n, size_t room)
{
    void *p = malloc(room > 0 ? room : 1);
    if (p == NULL)
        abort();
    if (n > 0)
        memcpy(p, bytes, n);
    return p;
}

/* What is wrong in a way that no sanitizer sees. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
