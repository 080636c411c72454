/* SPDX-License-Identifier: BSD-3-Clause
 * file_ranks.h - which ranks have the files that a run reads.
 *
 * Rank 0 has them all, since it has built the arrays. Before a run it asks the others what they see
 * at the same paths; who does not see a file gets its elements from those who do (fetch.h). What
 * came out travels with the expression, so that all ranks plan the same.
 */
#ifndef BRI_FILE_RANKS_H
#define BRI_FILE_RANKS_H

#include "array/expr/wire.h"
#include "array/plan/stage.h"

/* The ranks that have a file, where not all do. */
typedef struct bri_having {
    int nranks, n;   /* n of them have it */
    int32_t *number; /* of each rank, among those that have it or among those that lack it */
    int32_t *rank;   /* that have it, ascending */
    unsigned char *has;
} bri_having;

/* Rank 0: asks about all files below the nodes. NULL when every rank has all of them. BR_EIO names
 * the hosts where a file is another one: its size, its first 4 KiB, its superblock or samples of
 * the rest differ. A modification time that differs is only told, once for each file. */
br_status bri_file_ranks_ask(br_context *ctx, bri_node *const *nodes, int n, bri_file_ranks **out);
bri_file_ranks *bri_file_ranks_share(bri_file_ranks *files);
void bri_file_ranks_release(bri_file_ranks *files);

/* The form that travels with the nodes; NULL is one, too. */
br_status bri_file_ranks_pack(const bri_file_ranks *files, bri_writer *w);
br_status bri_file_ranks_unpack(bri_reader *r, int nranks, bri_file_ranks **out);
/* Ranks above 0: opens the files below the nodes that this rank has. */
br_status bri_file_ranks_open(br_context *ctx, bri_node *const *nodes, int n,
                              const bri_file_ranks *files);

/* Who has the file of a node of the plan; NULL: all ranks. */
const bri_having *bri_having_of(const bri_plan *plan, const bri_node *node);
/* Is the node a file that every task reads by itself? */
bool bri_is_read_in_tasks(const bri_plan *plan, const bri_node *node);
/* The rank that reads for another one; who has the file reads for itself. */
int bri_having_server(const bri_having *h, int rank, int64_t chunk);

/* A line for each file that not all ranks have (br_explain). */
void bri_file_ranks_print(const bri_plan *plan, FILE *to);

#endif
