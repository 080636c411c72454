/* SPDX-License-Identifier: BSD-3-Clause
 * node.h - the immutable nodes of the expression, and the operations they stand for.
 *
 * Equal nodes (same operation, parameters and inputs) are one node; handles (br_array) are many and
 * keep their own places.
 */
#ifndef BRI_NODE_H
#define BRI_NODE_H

#include <stdatomic.h>

#include <bramble/compute.h>

#include "array/expr/apart.h"
#include "array/expr/map.h"
#include "array/expr/table.h"
#include "array/kernels/program.h"
#include "runtime/context.h"
#include "runtime/function.h"
#include "runtime/job.h"

typedef struct bri_node bri_node;
typedef struct bri_recipe bri_recipe;
typedef struct bri_fuse bri_fuse;
typedef struct bri_stage_kind bri_stage_kind;
typedef struct bri_text bri_text;
typedef struct bri_writer bri_writer;
typedef struct bri_reader bri_reader;

/* Of all operations but concat, which takes any number. */
enum { BRI_MAX_INPUTS = 8 };

/* What an operation must tell. One file a family; registered in table.c. Unset members mean what
 * the comment says. */
typedef struct bri_op {
    const char *name;
    /* What a node that another rank sent must have (wire.c), as it is believed from then on: from
     * least to most inputs; as many bytes of parameters, or with `more` at least as many. */
    struct {
        int least, most;
        size_t params;
        bool more;
    } form;
    /* Could the parameters, which have that form, be of these inputs? Asked before infer, of such
     * nodes only. NULL: what is left to check, infer does. */
    bool (*fits)(const bri_recipe *recipe);
    /* Checks parameters and inputs; sets dtype, ndim and axes (bri_node_set_axis). */
    br_status (*infer)(bri_node *node);
    /* The map from the program's iteration space to input k, given that to the node. NULL:
     * broadcasting, as elementwise operations. */
    void (*access)(const bri_node *node, int input, const bri_map *map, bri_map *out);
    /* Adds the node's value to a block program: values[k] are the inputs'. NULL: the node is never
     * fused but has a stage of its own. */
    int (*emit)(bri_fuse *fuse, const bri_node *node, const bri_map *map, const int *values);
    /* How the node runs when it has a stage of its own; NULL: as a block program. */
    const bri_stage_kind *stage;
    /* Works on arrays whose extents are partly unknown, which others refuse: nothing in its
     * parameters depends on those, and infer checks them again when they are known. */
    bool any_extent;
    /* A view: emit passes its input's value on. A costly operation is not computed twice to save
     * memory. */
    bool view, costly;
    /* A view in which two axes of the result move along one of the source. */
    bool windows;
    /* Bit k: the elements of input k must be known before the node can be planned (indices of a
     * take, counts of a mask). */
    uint32_t waits_for;
    /* The node that stands for this one once all below it is known, counted for the caller:
     * inputs[] are the node's own as they have become, tables[k] has the elements, C order, of the
     * input k that it waits for, NULL of others. NULL: the same operation on those inputs. */
    br_status (*resolve)(const bri_node *node, bri_node *const *inputs, bri_table *const *tables,
                         bri_node **out);
    /* Parameters beyond the inputs, for printing; NULL: none. */
    void (*print)(const bri_node *node, FILE *to);
    /* The form that travels to other ranks and back; NULL: the bytes of the parameters. */
    br_status (*pack)(const bri_node *node, bri_writer *w);
    br_status (*unpack)(br_context *ctx, bri_reader *r, void **params, size_t *bytes);
    /* Opens node->resource on a rank above 0 that has the file; rank 0 has opened it to build the
     * node. NULL: there is none. */
    br_status (*open)(bri_node *node);
    /* Frees node->resource. */
    void (*destroy)(bri_node *node);
    /* Before every run: is what the node stands on still there? NULL: nothing could go. */
    br_status (*check)(const bri_node *node);
} bri_op;

struct bri_node {
    const bri_op *op;
    br_context *ctx;
    atomic_int refs;
    uint64_t hash;
    bri_node *next_in_table;
    bool unique;    /* never merged with an equal node */
    bool is_output; /* scratch of the planner */
    bool planned;   /* a plan of it is kept: data->forget_plans hears of its end */
    bool pending;   /* it or a node below waits for elements: resolved before it is planned */
    br_dtype dtype;
    int ndim;
    bri_axis *axis; /* ndim of them; room for BR_MAX_NDIM while infer runs */
    br_place at;    /* of the first call that made it */
    void *params;
    size_t params_bytes;
    bri_table *table;  /* NULL for most */
    bri_table *packed; /* the parameters as they travel, when they do so apart (wire.c) */
    /* An open dataset, a copy of the caller\'s elements; freed by destroy. */
    void *resource;
    uint32_t
        visit;    /* walks of the (one) building thread: number of the last walk that came here, */
    int32_t slot; /*  and what it noted */
    int nparents;
    int ninputs;
    bri_node *input[];
};

/* Operations in the order of their numbers on the wire. */
extern const bri_op *const bri_op_table[];
extern const int bri_op_count;

struct bri_recipe {
    const bri_op *op;
    const void *params;
    size_t params_bytes;
    bri_node *const *inputs;
    int ninputs;
    bool unique;
    void *resource;
    bri_table *table; /* sealed, or NULL */
    br_place at;
};

/* The node of a recipe: an existing equal one or a new one; counted once for the caller. resource
 * is taken over in any case; the table is the caller's to release. */
br_status bri_node_make(br_context *ctx, const bri_recipe *recipe, bri_node **out);
/* Frees a recipe's resource that no node took over. */
void bri_recipe_drop(const bri_recipe *recipe);
void bri_node_retain(bri_node *node);
void bri_node_release(bri_node *node);

/* Are all extents known? */
bool bri_node_is_known(const bri_node *node);
/* Have both the same shape for certain? */
bool bri_same_shape(const bri_node *a, const bri_node *b);
/* BR_ESHAPE when the extent of an axis of x, or with BRI_ALL_AXES of any, is unknown. */
enum { BRI_ALL_AXES = -1 };
br_status bri_check_known(const bri_node *x, int axis);
int64_t bri_node_nelem(const bri_node *node); /* BR_UNKNOWN where an extent is */
int64_t bri_node_nchunks(const bri_node *node);

/* Starts a walk over nodes: a number to compare node->visit with. */
uint32_t bri_node_new_walk(br_context *ctx);

/* All nodes below the outputs, inputs first, in a fixed order; *list is freed by the caller. */
br_status bri_node_sort(br_context *ctx, bri_node *const *outputs, int noutputs, bri_node ***list,
                        int *n);

/* What the array layer keeps in a context (ctx->array_data). */
typedef struct bri_array_data {
    bri_node **buckets;
    size_t nbuckets, nnodes;
    uint32_t walk;
    uint64_t next_unique;
    uint64_t next_stream; /* of random arrays that are given none */
    struct bri_persisted *persisted;
    int64_t *dropped; /* persisted arrays the other ranks do not know to be gone */
    int ndropped;
    int64_t next_persisted;
    br_run_info last_run;
    const bri_node *last_node; /* what it made, where that is one array; only compared, with its */
    uint64_t last_hash;        /*  hash */
    br_run_info counted;       /* what the phases did that come before a run (resolve.c) */
    struct bri_flights *flights; /* runs that nobody waits for */
    struct bri_cache *plans;     /* kept for computing the same again */
    void (*forget_plans)(bri_node *output);
    bri_apart apart;
    size_t most_indices; /* bytes of indices that travel with their node; tests set less */
    struct bri_balance *balance;
    size_t message_bytes; /* of the last run's message to the other ranks */
} bri_array_data;

static inline bri_array_data *bri_array_data_of(const br_context *ctx)
{
    return (bri_array_data *)ctx->array_data;
}

/* The last part of a source file's path, for messages: they are read by people, and compared by
 * tests on other machines. */
const char *bri_file_name(const char *path);
/* "(3, 4)" of extents. */
const char *bri_shape_text(int ndim, const int64_t *extent, char *text, size_t size);
/* The same of an array's: "?" where an extent is unknown. */
const char *bri_array_shape_text(int ndim, const int64_t *extent, char *text, size_t size);
const char *bri_node_shape_text(const bri_node *node, char *text, size_t size);

#endif
