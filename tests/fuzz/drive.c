/* SPDX-License-Identifier: BSD-3-Clause
 * drive.c - calls a fuzz target where there is no libFuzzer: with its seeds, with given files, and
 * with seeds that were changed at random. It sees no coverage, so it finds less; but what was once
 * found stays found, with every compiler and sanitizer.
 *
 * usage: fuzz_x [ROUNDS [FILE...]]
 */
#include "tests/fuzz/fuzz.h"

enum { MAX_SEEDS = 1000, MOST = 1 << 16 };

static struct {
    uint8_t *bytes;
    size_t n;
} seeds[MAX_SEEDS];
static int nseeds;
static uint64_t state = 1;

static uint32_t dice(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

static void keep(void *to, const char *name, const void *bytes, size_t n)
{
    (void)to, (void)name;
    FUZZ_CHECK(nseeds < MAX_SEEDS);
    seeds[nseeds].bytes = fuzz_copy(bytes, n, n);
    seeds[nseeds++].n = n;
}

static void keep_file(const char *path)
{
    static uint8_t bytes[MOST];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        perror(path), exit(1);
    keep(NULL, path, bytes, fread(bytes, 1, MOST, f));
    fclose(f);
}

static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = fuzz_copy(bytes, n, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

/* Bytes of the input become others, go, are doubled, or come from another seed. */
static size_t change(uint8_t *bytes, size_t n)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};
    size_t at = n > 0 ? dice(n) : 0, less = n - at < 16 ? n - at : dice(16);
    switch (dice(6)) {
    case 0:
        if (n > 0)
            bytes[at] = odd[dice(sizeof odd)];
        return n;
    case 1:
        memmove(bytes + at, bytes + at + less, n - at - less);
        return n - less;
    case 2:
        if (n + less > MOST)
            return n;
        memmove(bytes + at + less, bytes + at, n - at);
        return n + less;
    case 3: {
        int k = (int)dice((size_t)nseeds);
        size_t from = seeds[k].n > 0 ? dice(seeds[k].n) : 0;
        size_t most = seeds[k].n - from < n - at ? seeds[k].n - from : n - at;
        if (most > 0)
            memcpy(bytes + at, seeds[k].bytes + from, dice(most) + 1);
        return n;
    }
    case 4:
        return dice(8) == 0 ? at : n;
    default:
        if (n > 0)
            bytes[at] = (uint8_t)(dice(2) == 0 ? dice(256) : bytes[at] ^ 1u << dice(8));
        return n;
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[MOST];
    LLVMFuzzerInitialize(&argc, &argv);
    long rounds = argc > 1 ? atol(argv[1]) : 1000;
    fuzz_seeds(keep, NULL);
    for (int i = 2; i < argc; i++)
        keep_file(argv[i]);
    for (int i = 0; i < nseeds; i++)
        run(seeds[i].bytes, seeds[i].n);
    for (long i = 0; i < rounds; i++) {
        int k = (int)dice((size_t)nseeds);
        size_t n = seeds[k].n < MOST ? seeds[k].n : MOST;
        memcpy(bytes, seeds[k].bytes, n);
        for (int changes = 1 + (int)dice(6); changes > 0; changes--)
            n = change(bytes, n);
        run(bytes, n);
    }
    printf("%d seeds, %ld rounds\n", nseeds, rounds);
    for (int i = 0; i < nseeds; i++)
        free(seeds[i].bytes);
    return 0;
}
