/* SPDX-License-Identifier: BSD-3-Clause
 * wire.h - the form in which an expression travels to other ranks: nodes in order, inputs by
 * number.
 */
#ifndef BRI_WIRE_H
#define BRI_WIRE_H

#include "array/expr/node.h"

struct bri_writer {
    unsigned char *bytes;
    size_t n, room;
    br_context *apart; /* tables and long parameters travel apart, in this context; NULL: inside */
    bool trial;        /* nobody gets it: what travels apart is left out */
    const char *file;  /* of the node before */
};

struct bri_reader {
    const unsigned char *at;
    size_t left;
    const char *file;
};

/* What a node begins with; then come the name of the file, the inputs' numbers, the parameters and
 * the table: one of the numbers below, or that under which it travels apart. One that stays where it
 * is has its number, length and hash. */
typedef struct bri_node_head {
    int32_t op;
    int32_t ninputs;
    int32_t unique;
    uint32_t params_bytes;
    int32_t line;
    uint32_t file_bytes;  /* 0: the same as of the node before */
    int32_t params_apart; /* they are a table of their own */
    int32_t unused;       /* no padding: it would be hashed */
    uint64_t hash;        /* of this head, with 0 here, and what follows up to the table */
} bri_node_head;
enum { BRI_NO_TABLE = 0, BRI_TABLE_INSIDE = -1, BRI_TABLE_STAYS = -2 };

/* rest: the n bytes behind the head, up to the table. */
uint64_t bri_node_head_hash(const bri_node_head *head, const void *rest, size_t n);

br_status bri_write(bri_writer *w, const void *bytes, size_t n);
br_status bri_read(bri_reader *r, void *out, size_t n);
/* The next n bytes where they stand. */
br_status bri_read_view(bri_reader *r, size_t n, const void **out);

/* Bytes that may be many: a number when they travel apart. The reader's are counted for the caller;
 * NULL: there are none. */
br_status bri_write_table(bri_writer *w, bri_table *table);
br_status bri_read_table(br_context *ctx, bri_reader *r, bri_table **out);

/* Functions travel as (build-id, offset). */
br_status bri_write_function(bri_writer *w, bri_function f);
br_status bri_read_function(bri_reader *r, bri_function *f);

/* The nodes below the outputs. */
br_status bri_pack_nodes(br_context *ctx, bri_writer *w, bri_node *const *outputs, int noutputs);
/* Rebuilds them; outputs[] are counted for the caller. *n is how many there are, at most room. */
br_status bri_unpack_nodes(br_context *ctx, bri_reader *r, bri_node **outputs, int room, int *n);

#endif
