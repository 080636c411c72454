/* SPDX-License-Identifier: BSD-3-Clause
 * fault_hostile.c - opens and reads damaged files of the corpus, for fault_hostile.sh: metadata is
 * damaged in .untrusted files, stored chunks in others. Each call works or says why not; what a
 * file takes in time and memory has bounds.
 *
 * usage: fault_hostile FOLDER COUNT SEED
 *   COUNT files, made one after the other as FOLDER/hostile.h5
 */
#include <bramble/bramble.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "array/io/hdf5_internal.h"
#include "tests/corpus.h"

enum { MAX_FILE = 1 << 20, MAX_BYTES = 16 << 20, MOST_SECONDS = 30, MOST_MIB = 1024 };

static uint64_t state;
static const char *folder;
static br_context *ctx;
static int opened, refused, crashed, late, wrong;

static uint32_t dice(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

/* ---- a damaged file ---- */

typedef struct victim {
    const entry *entry;
    size_t n;
    unsigned char *bytes;
    bool *stored;                    /* bytes of chunks, of whatever dataset */
    size_t header, ntrees, tree[64]; /* where the dataset's object header is, and index nodes */
} victim;

static void mark(victim *v, uint64_t address, uint64_t n)
{
    for (uint64_t i = address; i < address + n && i < v->n; i++)
        v->stored[i] = true;
}

static void mark_dataset(victim *v, const entry *e)
{
    bri_h5_dataset *d;
    if (bri_h5_open_field(in_corpus(e->file), e->dataset, e->field, &d) != BR_OK)
        return;
    int64_t chunks = d->kind == BRI_H5_CHUNKED, bytes = (int64_t)d->stride;
    for (int a = 0; a < d->info.ndim; a++) {
        chunks *= d->grid[a];
        bytes *= d->info.shape[a];
    }
    for (int64_t i = 0; i < chunks; i++) {
        const bri_h5_chunk *chunk = bri_h5_chunk_at(d, i);
        if (chunk->address != BRI_H5_HOLE)
            mark(v, chunk->address, chunk->bytes);
    }
    if (d->kind == BRI_H5_CONTIGUOUS && d->address != BRI_H5_HOLE)
        mark(v, d->address, (uint64_t)bytes);
    bri_h5_close(d);
}

/* Object headers of old files begin with nothing to know them by; index nodes do. */
static void find_metadata(victim *v)
{
    static const char marks[] = "TREESNODHEAPOHDRFRHPFHDBBTHDBTLFFAHDFADBEAHDEAIBGCOL";
    H5O_info_t info;
    hid_t file = H5Fopen(in_corpus(v->entry->file), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (H5Oget_info_by_name(file, v->entry->dataset, &info, H5P_DEFAULT) >= 0)
        v->header = info.addr;
    H5Fclose(file);
    for (size_t i = 0; i + 4 <= v->n && v->ntrees < 64; i++)
        for (size_t k = 0; k + 4 < sizeof marks; k += 4)
            if (memcmp(v->bytes + i, marks + k, 4) == 0 && dice(4) == 0 && v->ntrees < 64)
                v->tree[v->ntrees++] = i;
}

static size_t metadata_at(const victim *v)
{
    switch (dice(4)) {
    case 0:
        return dice(v->n);
    case 1:
        return v->ntrees > 0 ? v->tree[dice(v->ntrees)] + dice(160) : dice(v->n);
    default:
        return dice(40) == 0 ? dice(96) : v->header + dice(300);
    }
}

/* The asserts of Check are for its own tests. */
static unsigned char *load(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0)
        perror(path), exit(1);
    *n = (size_t)ftell(f);
    rewind(f);
    unsigned char *bytes = malloc(*n + 1);
    if (fread(bytes, 1, *n, f) != *n)
        perror(path), exit(1);
    fclose(f);
    return bytes;
}

static bool choose(victim *v)
{
    const entry *e = &entries[dice((size_t)nentries)];
    size_t n;
    unsigned char *bytes = load(in_corpus(e->file), &n);
    *v = (victim){.entry = e, .n = n, .bytes = bytes, .stored = calloc(n + 1, sizeof(bool))};
    for (int i = 0; i < nentries && n <= MAX_FILE; i++)
        if (strcmp(entries[i].file, e->file) == 0)
            mark_dataset(v, &entries[i]);
    find_metadata(v);
    return n > 0 && n <= MAX_FILE;
}

/* Bytes at `at` and behind it become something that parsers don't like. */
static void damage_at(victim *v, size_t at)
{
    static const uint64_t numbers[] = {
        0, 1, 0xff, 0xffff, UINT32_MAX, UINT64_MAX, 1 << 20, (uint64_t)INT64_MAX, 1ull << 32, 0x80};
    uint64_t number = numbers[dice(sizeof numbers / sizeof numbers[0])];
    size_t n = (size_t)1 << dice(4);
    for (size_t i = 0; i < n && at + i < v->n; i++)
        switch (dice(3)) {
        case 0:
            v->bytes[at + i] = (unsigned char)dice(256);
            break;
        case 1:
            v->bytes[at + i] ^= (unsigned char)(1 << dice(8));
            break;
        default:
            v->bytes[at + i] = (unsigned char)(number >> 8 * i);
        }
}

static void damage(victim *v, bool stored)
{
    int places = 1 + (int)dice(1 + dice(8));
    for (int tries = 0; places > 0 && tries < 100000; tries++) {
        size_t at = stored ? dice(v->n) : metadata_at(v);
        if (at >= v->n || v->stored[at] != stored)
            continue;
        damage_at(v, at);
        places--;
    }
    if (!stored && dice(12) == 0)
        v->n = dice(v->n);
}

static const char *write_victim(const victim *v)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/hostile.h5", folder);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(v->bytes, 1, v->n, f) != v->n || fclose(f) != 0)
        perror(path), exit(1);
    return path;
}

/* ---- what is done with it ---- */

static void complain(int i, const victim *v, const char *what)
{
    printf("file %d (%s:%s): %s\n", i, v->entry->file, v->entry->dataset, what);
    wrong++;
}

/* A status that is not success comes with a text. */
static bool told(int i, const victim *v, br_status st, const char *text)
{
    if (st == BR_OK)
        return true;
    if (text[0] == '\0')
        complain(i, v, "failed without a message");
    if (st == BR_EINTERNAL)
        complain(i, v, text);
    refused++;
    crashed += strstr(text, "crashed the probe") != NULL;
    late += strstr(text, "took the probe more") != NULL;
    br_clear_error(ctx);
    return false;
}

/* All of it, or of what says that it is large the first few elements. */
static void read_elements(int i, const victim *v, br_array *x)
{
    char some[4 * BR_MAX_NDIM + 1] = "";
    if (br_nbytes(x) > MAX_BYTES) {
        for (int a = 0; a < br_ndim(x); a++)
            strcat(some, a > 0 ? ",:3" : ":3");
        x = br_index(x, some);
    }
    size_t bytes = br_nbytes(x);
    if (!told(i, v, br_status_of(x), br_error(x)) || bytes > MAX_BYTES)
        return;
    void *to = malloc(bytes + 1);
    told(i, v, br_compute(x, to, bytes), br_message(ctx));
    free(to);
}

static void read_file(int i, const victim *v, bool untrusted)
{
    br_scope *scope = br_scope_open(ctx);
    const char *path = write_victim(v);
    const entry *e = v->entry;
    br_array *x = br_from_hdf5(ctx, path, e->dataset, .field = e->field, .untrusted = untrusted);
    if (told(i, v, br_status_of(x), br_error(x))) {
        opened++;
        read_elements(i, v, x);
    }
    br_file *file;
    if (i % 4 == 0 &&
        told(i, v, br_open_file(ctx, path, &file, .untrusted = true), br_message(ctx))) {
        FILE *nowhere = fopen("/dev/null", "w");
        br_print_file(file, nowhere);
        fclose(nowhere);
        br_close_file(file);
    }
    br_clear_error(ctx);
    br_scope_close(scope);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long peak_mib(int who)
{
    struct rusage use;
    getrusage(who, &use);
    return use.ru_maxrss >> 10;
}

static void one(int i)
{
    victim v;
    double start = now();
    if (choose(&v)) {
        bool untrusted = i % 3 != 0;
        damage(&v, !untrusted);
        read_file(i, &v, untrusted);
    }
    if (now() - start > MOST_SECONDS)
        complain(i, &v, "took too long");
    free(v.bytes);
    free(v.stored);
}

int main(int argc, char **argv)
{
    if (argc != 4 || !read_index())
        return NO_CORPUS;
    folder = argv[1];
    int count = atoi(argv[2]), seed = atoi(argv[3]);
    ctx = br_open(NULL, NULL);
    for (int i = 0; i < count; i++) {
        printf("file %d of seed %d\n", i, seed); /* the last line, when this crashes */
        fflush(stdout);
        state = ((uint64_t)seed << 32) + (uint64_t)i * 2 + 1;
        dice(1), dice(1);
        one(i);
    }
    long mine = peak_mib(RUSAGE_SELF), probes = peak_mib(RUSAGE_CHILDREN);
    printf("%d datasets opened, %d errors told (%d crashed the probe, %d took too long), "
           "peaks %ld MiB here, %ld MiB in probes\n",
           opened, refused, crashed, late, mine, probes);
#if !defined(__SANITIZE_ADDRESS__)
    if (mine > MOST_MIB) {
        printf("that is more than %d MiB\n", MOST_MIB);
        wrong++;
    }
#endif
    return br_close(ctx) != BR_OK || wrong > 0;
}
