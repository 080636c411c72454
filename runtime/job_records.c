/* SPDX-License-Identifier: BSD-3-Clause
 * job_records.c - blocks of records, recycled one by one.
 */
#include "runtime/job_records.h"

#include <stdint.h>
#include <string.h>

#include "runtime/alloc.h"

/* The first block is small, since most jobs are; blocks double while that is for nothing but speed.
 * A record begins where a cache line does. */
enum { FIRST_RECORDS = 8, MOST_BYTES = 64 << 10, LINE = 64 };

typedef struct bri_block {
    struct bri_block *next;
} bri_block;

void bri_records_init(bri_records *records, size_t size)
{
    memset(records, 0, sizeof *records);
    records->size = size;
    records->next = FIRST_RECORDS * size <= MOST_BYTES ? FIRST_RECORDS * size : size;
}

void bri_records_fini(bri_records *records)
{
    while (records->all != NULL) {
        bri_block *next = records->all->next;
        bri_free(records->all);
        records->all = next;
    }
}

static br_status add_block(bri_records *r)
{
    bri_block *block = bri_malloc(sizeof *block + LINE + r->next);
    if (block == NULL)
        return BR_ENOMEM;
    block->next = r->all;
    r->all = block;
    uintptr_t after = (uintptr_t)(block + 1);
    r->fresh = (char *)(block + 1) + (-after & (LINE - 1));
    r->end = r->fresh + r->next;
    if (2 * r->next <= MOST_BYTES)
        r->next *= 2;
    return BR_OK;
}

void *bri_record_take(bri_records *r)
{
    void *record = r->idle;
    if (record != NULL) {
        memcpy(&r->idle, record, sizeof r->idle);
        return record;
    }
    if (r->fresh == r->end && add_block(r) != BR_OK)
        return NULL;
    record = r->fresh;
    r->fresh += r->size;
    return record;
}

void bri_record_give(bri_records *r, void *record)
{
    memcpy(record, &r->idle, sizeof r->idle);
    r->idle = record;
}
