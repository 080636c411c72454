/* SPDX-License-Identifier: BSD-3-Clause
 * corpus.h - the index that tests/corpus.py writes.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char file[64], dataset[128], field[32], dtype[32], how[128], shape[64], raw[64];
} entry;

enum { MAX_ENTRIES = 2000, NO_CORPUS = 77 };
static entry entries[MAX_ENTRIES];
static int nentries;

typedef struct corpus_path {
    char path[400];
} corpus_path;

/* The corpus is made by the test's fixture in tests/corpus of the build. */
static inline corpus_path in_corpus_of(const char *name)
{
    corpus_path p;
    const char *build = getenv("TEST_BUILD_DIR");
    snprintf(p.path, sizeof p.path, "%.280s/tests/corpus/%.63s", build != NULL ? build : ".", name);
    return p;
}

/* For one thread. */
static inline const char *in_corpus(const char *name)
{
    static corpus_path last[4];
    static int next;
    corpus_path *p = &last[next++ % 4];
    *p = in_corpus_of(name);
    return p->path;
}

static inline bool read_index(void)
{
    FILE *f = fopen(in_corpus("index.txt"), "r");
    if (f == NULL) {
        fprintf(stderr, "no corpus: tests/corpus.py makes it\n");
        return false;
    }
    while (nentries < MAX_ENTRIES) {
        entry *e = &entries[nentries];
        if (fscanf(f, "%63[^\t]\t%127[^\t]\t%31[^\t]\t%127[^\t]\t%63[^\t]\t%63[^\n]\n", e->file,
                   e->dataset, e->dtype, e->how, e->shape, e->raw) != 6)
            break;
        char *dot = strchr(e->dataset, '.');
        if (dot != NULL) {
            *dot = '\0';
            strcpy(e->field, dot + 1);
        }
        nentries++;
    }
    fclose(f);
    return nentries > 0;
}

/* Those that public calls read. */
static inline bool is_packed(const entry *e)
{
    return strcmp(e->how, "unpacked") == 0 || strncmp(e->file, "packed", 6) == 0;
}

static inline void *read_bytes(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s is not there", path);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    void *bytes = malloc(*n + 1);
    ck_assert_uint_eq(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

#endif
