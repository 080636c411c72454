/* SPDX-License-Identifier: BSD-3-Clause
 * job_records.h - records of one size, from blocks that belong to a job: a list of idle ones, no
 * allocation a record.
 *
 * What was given back comes first, as it is in the cache. Blocks go when the job does.
 */
#ifndef BRI_JOB_RECORDS_H
#define BRI_JOB_RECORDS_H

#include <stddef.h>

typedef struct bri_records {
    size_t size;           /* of a record, a multiple of 64 */
    void *idle;            /* linked by their first words */
    char *fresh, *end;     /* of the newest block: not handed out so far */
    struct bri_block *all; /* the newest first */
    size_t next;           /* bytes of the next block */
} bri_records;

void bri_records_init(bri_records *records, size_t size);
void bri_records_fini(bri_records *records);
/* Contents undefined; NULL with BR_ENOMEM. */
void *bri_record_take(bri_records *records);
void bri_record_give(bri_records *records, void *record);

#endif
