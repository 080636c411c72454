/* SPDX-License-Identifier: BSD-3-Clause
 * stage.h - the plan of a run: stages, their inputs through access maps, and the chunks that are
 * demanded.
 *
 * A stage has a leaf grid: the boxes its tasks work on. Chunk c of its value is made in steps t,
 * one leaf each: one step for most stages; a reduction has a leaf for each chunk along its fold
 * axis and combines them by the aligned tree; a product adds its steps up in a chain. Everything
 * about a task follows from (stage, chunk, step) by arithmetic, the same on every rank.
 */
#ifndef BRI_STAGE_H
#define BRI_STAGE_H

#include "array/expr/node.h"
#include "array/io/hdf5_form.h"
#include "runtime/job_spill.h"
#include "runtime/scheduler.h"

typedef struct bri_plan bri_plan;
typedef struct bri_stage bri_stage;
typedef struct bri_emitter bri_emitter;
typedef struct bri_file_ranks bri_file_ranks;
typedef struct bri_sharing bri_sharing;
typedef struct bri_tellings bri_tellings;

/* A box of a leaf grid. */
typedef struct bri_leaf {
    int64_t origin[BR_MAX_NDIM];
    int64_t extent[BR_MAX_NDIM];
    int64_t nelem;
} bri_leaf;

typedef enum bri_from {
    BRI_FROM_STAGE, /* chunks of another stage's value */
    BRI_FROM_FILE,  /* read in the task */
} bri_from;

/* Indices [from, to) along one leaf axis; to 0: all there are. */
typedef struct bri_span {
    int axis;
    int64_t from, to;
} bri_span;

/* What a stage reads: a source through a map from the stage's leaf grid. */
typedef struct bri_input {
    bri_from from;
    bri_stage *stage; /* FROM_STAGE */
    bri_node *node;   /* the source's node */
    bri_map map;
    bri_span span; /* only leaves within it read the source; no leaf lies across its ends */
    const struct bri_halo *halo; /* the map begins at a part of the widened leaf (halo.h), */
    uint64_t part;               /*  which one; NULL: at the leaf */
    int back;         /* so many inputs before is the first that reads the same source, shifted */
    bri_stage *faces; /* makes rectangles for leaves on other ranks; NULL: they get whole chunks */
} bri_input;

/* A block program for the leaves of a span, where not all of a stage's are made alike. */
typedef struct bri_part {
    bri_span span;
    bri_program *program;
    int result;     /* value of the program */
    int first, end; /* its inputs among the stage's */
} bri_part;

/* One chunk a task needs. */
typedef struct bri_need {
    bri_stage *stage;
    int64_t chunk;
} bri_need;

typedef struct bri_needs {
    bri_need *need;
    size_t n, room;
} bri_needs;

typedef struct bri_sizes {
    size_t output, scratch;
} bri_sizes;

enum { BRI_MOST_HELD = 4 };

/* A task at work. */
typedef struct bri_work {
    bri_plan *plan;
    bri_job *job;
    bri_stage *stage;
    bri_task *task;
    int64_t chunk, step;
    void *scratch;
    bool holds; /* slab by slab through a chunk: what is held of the first inputs' files */
    bri_h5_held held[BRI_MOST_HELD];
} bri_work;

/* Something that is done with steps of a stage. */
typedef struct bri_visitor bri_visitor;
struct bri_visitor {
    void (*visit)(const bri_visitor *self, const bri_stage *stage, int64_t chunk, int64_t step);
};

typedef enum bri_fold { BRI_FOLD_NONE, BRI_FOLD_TREE, BRI_FOLD_CHAIN } bri_fold;

struct bri_stage_kind {
    const char *name;
    /* Sets the grids, inputs and program of the stage of a node. */
    br_status (*build)(bri_plan *plan, bri_stage *stage);
    /* The chunks that one step needs; NULL: what the inputs' maps say (bri_stage_needs). */
    br_status (*needs)(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list);
    /* Beside `needs`: visits each step that needs chunk `of` of an input, as often as it lists
     * it. */
    void (*readers)(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor);
    /* Without `readers`: the chunks [*first, *last] outside of which no step needs chunk `of` of
     * the first input, so that its readers are found without asking all. */
    void (*candidates)(const bri_stage *stage, int64_t of, int64_t *first, int64_t *last);
    /* The inputs [*first, *end) that a chunk reads; NULL: all of them. */
    void (*inputs)(const bri_stage *stage, int64_t chunk, int *first, int *end);
    /* Bytes of a step's output and scratch. */
    void (*sizes)(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes);
    /* The same of a node of the tree, level > 0. */
    void (*node_sizes)(const bri_stage *stage, int64_t chunk, int level, bri_sizes *sizes);
    /* Runs a step, or a node of the tree: task->key.level > 0 and work->step its index. */
    br_status (*execute)(bri_work *work);
    /* The rank that runs a step; NULL: contiguous runs of the order (chunk, step). */
    int (*owner)(const bri_stage *stage, int64_t chunk, int64_t step);
    void (*destroy)(bri_stage *stage);
};

/* The leaves that make chunks, where not all do: along one axis, in ascending order. Chunk c along
 * it is made of leaf[c]. */
typedef struct bri_picks {
    int axis;
    int64_t n;
    int64_t leaf[];
} bri_picks;

/* A reduction's part that one stage does. */
typedef struct bri_reducing {
    bri_redop op;
    br_dtype operand; /* dtype of the elements */
    br_dtype result;
    double correction;
    uint32_t axes; /* of the leaf grid, reduced in this stage; the fold axis is the first of them */
    bool states;   /* the leaves read states of the stage before instead of elements */
    bool finishes; /* the root is turned into results */
    int64_t each;  /* elements that stand behind one element of a leaf's input */
    int64_t total; /* elements reduced to one result, when it finishes */
} bri_reducing;

struct bri_stage {
    uint32_t id;
    bri_plan *plan;
    const bri_stage_kind *kind;
    bri_node *node; /* whose value it is (not counted: the plan holds the outputs) */
    br_dtype dtype; /* of the value */
    int ndim;       /* grid of the value */
    bri_axis axis[BR_MAX_NDIM];
    int64_t nchunks;
    int leaf_ndim; /* grid of the leaves */
    bri_axis leaf_axis[BR_MAX_NDIM];
    bri_picks *picks; /* NULL: all leaves make chunks */
    bri_fold fold;
    int fold_axis;  /* of the leaf grid */
    int fold_more;  /* of a chain: that many axes behind it, too; the last one goes fastest */
    int64_t nsteps; /* leaves of one chunk */
    bri_program *program;
    int result; /* value of the program that is stored or reduced */
    bri_input *inputs;
    int ninputs;
    int follows; /* the input whose owners this stage's are (place.c), or -1 */
    bri_reducing reducing;
    bri_stage *pass; /* its leaves are made by the tasks of this stage */
    bool streamed;   /* its tasks are emitted as soon as what they read has been made */
    bool followed;   /* has such readers, or eager ones (eager.c) */
    bool eager;      /* the same of a stage whose chunk c needs chunk c of one stage alone */
    bool shifted;    /* some inputs read one source, shifted */
    bool widened;    /* its program runs over widened leaves: elements are made more than once */
    bool at_owner;   /* the owner of a chunk alone has all that it takes to make it */
    bool local;      /* a chunk needs little but what lies about there (borders.c) */
    int border;      /* the root before which those at borders are made, from 1 on; 0: none */
    bool direct; /* the chunks are at hand on the rank that owns them: no task makes them there */
    bool direct_result; /* results go straight into the caller's memory, */
    char *target;       /*  dense C order of the whole array; NULL while only planning */
    void *data;         /* the kind's own */

    struct bri_edge *consumers; /* who reads it */
    int nconsumers;
    unsigned char *demanded;     /* bit for each chunk; NULL: all of them */
    const unsigned char *stored; /* bit for each chunk of a root that is not wanted again; NULL */
    bool wanted;                 /* some chunk is demanded */
    atomic_llong busy, work;     /* of its tasks here (balance.h), */
    atomic_llong timed;          /*  and their number */
    struct bri_memo *memo;       /* what tasks take (emit, make.c); NULL: asked for each */
    unsigned char *emitted;      /* bit for each chunk (emit) */
    unsigned char *steps_made;   /* streamed: bit for each step (emit) */
};

typedef struct bri_edge {
    bri_stage *stage;
    int input;
} bri_edge;

/* Has files keep the decoded chunks that several leaves need. */
void bri_plan_share_chunks(const bri_plan *plan);

struct bri_plan {
    br_context *ctx;
    int rank, nranks;
    bri_table *weights; /* of the ranks (balance.h); NULL: all alike, */
    int64_t *ends;      /*  and their sums */
    bri_stage **stages; /* inputs before readers */
    int nstages;
    size_t room;
    bri_stage **roots; /* whose chunks are emitted, in order */
    int nroots;
    bri_node **nodes; /* below the outputs */
    int nnodes;
    bri_node **own; /* nodes that only this plan has; counted */
    int nown;
    bri_stage **stage_of; /* by node->slot */
    bool *held;           /* by node->slot: not computed at each place that reads it (hold.c) */
    unsigned thrift;      /* bri_thrift: what this plan gives up, */
    unsigned could;       /*  and what could make a difference to it */
    int npasses;
    bri_file_ranks *files;     /* which ranks have which files (file_ranks.h); counted, NULL: all */
    size_t lists;              /* bytes of the lists of places that stages keep (gather.h) */
    bri_tellings *told;        /* what rank 0's plan tells the others (told.h): its own, */
    const bri_tellings *heard; /*  or what it has told this rank, so many of which */
    int nheard;                /*  have been heard */
    double careless_bound;     /* bytes that are never all held (fit.c) */
    size_t peak;               /* of the serial order, at most; set where the memory is checked */
    size_t supply_room;        /* bytes kept free to supply other ranks (supply.h) */
    bool serial; /* one task after the other, all of rank 0, whatever the scheduler (fit.c) */
    bool spills; /* values go to disk: what the serial order does to them, and what it */
    size_t spill_limit; /*  may hold (fit.c) */
    size_t spare;       /* bytes that the serial order leaves */
    bool measured;      /* dry is what emission without running says */
    bri_dry_run dry;
    size_t ceiling; /* bytes that this run will not exceed: predicted, and enforced; or 0 */
    size_t needed;  /* bytes that it takes at least, where it does not fit */
    bri_spill_trace trace;
    bri_spill_counts predicted_spill;
    bri_emitter *emitter;
};

extern const bri_stage_kind bri_stage_program, bri_stage_reduce, bri_stage_reduction,
    bri_stage_blocks, bri_stage_matmul, bri_stage_reshape, bri_stage_concat, bri_stage_memory,
    bri_stage_persisted, bri_stage_results, bri_stage_result, bri_stage_store, bri_stage_store_npy,
    bri_stage_keep, bri_stage_packing, bri_stage_spreading, bri_stage_store_packed,
    bri_stage_store_rows, bri_stage_pass, bri_stage_mirror, bri_stage_diagonal,
    bri_stage_count_true, bri_stage_picked, bri_stage_take_along, bri_stage_put_along,
    bri_stage_gather, bri_stage_assign, bri_stage_repeat, bri_stage_cut, bri_stage_pieces,
    bri_stage_face, bri_stage_overlap, bri_stage_fetch;

/* ---- building (build.c, fuse.c) ---- */

/* A new stage, not yet in the plan's list; NULL without memory. */
bri_stage *bri_stage_new(bri_plan *plan, const bri_stage_kind *kind, bri_node *node);
/* Of one that is in no list. */
void bri_stage_free(bri_stage *stage);
/* Ends building: numbers the stage and tells its inputs about their reader, or frees it when st is
 * an error; returns the status. */
br_status bri_stage_finish(bri_plan *plan, bri_stage *stage, br_status st);
/* Tells the stage's inputs about their reader. */
br_status bri_stage_note_readers(bri_stage *stage);
br_status bri_stage_note_reader(bri_stage *from, bri_stage *reader, int input);
/* The stage that makes a node's value as it is: an existing one or a new one. */
br_status bri_stage_of(bri_plan *plan, bri_node *node, bri_stage **out);
/* Adds the node's value, seen through map, as an input; looks through views and takes sources
 * directly. *index is its number. */
br_status bri_stage_input(bri_stage *stage, bri_node *node, const bri_map *map, int *index);
/* Adds the node's value as an input that is read by its own indices, not by those of the stage's
 * leaves, so that nothing follows from these on how often: a file is read part by part. */
br_status bri_stage_input_apart(bri_stage *stage, bri_node *node);
/* Adds the node's value as it is, by its own indices: a file seen through views is read as such,
 * anything else comes in the node's chunks. */
br_status bri_stage_input_cut(bri_stage *stage, bri_node *node);
br_status bri_stage_add_input(bri_stage *stage, const bri_input *input, int *index);
/* Copies a node's grid to the stage's value and leaf grids. */
void bri_stage_grid(bri_stage *stage, const bri_node *node);
/* The counts that follow from the grids: nchunks, nsteps. */
void bri_stage_count(bri_stage *stage);
/* Joins stages that read the same into passes, unless thrift keeps them apart, and seals all
 * programs (share.c). */
br_status bri_plan_share(bri_plan *plan);
/* The file's elements, seen through input->map, are read by several of the stage's leaves: the
 * input becomes the stage that reads each chunk once, unless thrift says otherwise or each leaf's
 * part is small. */
br_status bri_hold_file(bri_stage *stage, bri_input *input);
/* All leaves together read at most half of the chunks of the input's node that they touch. */
bool bri_reads_little(const bri_stage *stage, const bri_input *input);
/* Numbers the stages anew, inputs before readers. */
br_status bri_plan_renumber(bri_plan *plan);
/* Fuses the node into the stage's program, over the stage's leaf grid; sets *value. */
br_status bri_fuse_into(bri_stage *stage, bri_node *node, int *value);
/* Makes the program of a part of the stage, whose span is set: the node's elements one after the
 * other along the span, counted from its start. */
br_status bri_fuse_part(bri_stage *stage, bri_node *node, bri_part *part);
/* The same through a map from the leaf grid, for all leaves. */
br_status bri_fuse_seen(bri_stage *stage, bri_node *node, const bri_map *map, bri_part *part);

/* build of both kinds of reductions (stage_reduce.c): a chain of stages of stage->kind. The program
 * of one by the user's functions makes elements, not states. */
br_status bri_reduce_build(bri_plan *plan, bri_stage *stage);

/* ---- arithmetic (order.c) ---- */

/* Linear chunk number <-> coordinates in a grid, C order. */
void bri_grid_coords(int ndim, const bri_axis *axis, int64_t linear, int64_t *coord);
int64_t bri_grid_linear(int ndim, const bri_axis *axis, const int64_t *coord);
/* The leaf of (chunk, step), and back from a leaf's coordinates; chunk -1: it makes none. */
void bri_leaf_coords(const bri_stage *stage, int64_t chunk, int64_t step, int64_t *coord);
void bri_leaf_box(const bri_stage *stage, int64_t chunk, int64_t step, bri_leaf *leaf);
void bri_leaf_place(const bri_stage *stage, const int64_t *coord, int64_t *chunk, int64_t *step);
int64_t bri_chunk_nelem(const bri_stage *stage, int64_t chunk);
/* The rank that runs a step (place.c). */
int bri_stage_owner(const bri_stage *stage, int64_t chunk, int64_t step);
/* The rank where chunk's finished value is. */
int bri_value_owner(const bri_stage *stage, int64_t chunk);
/* Key of a chunk's finished value. */
bri_key bri_stage_key(const bri_stage *stage, int64_t chunk);
/* Nodes of the aligned tree over nsteps leaves: does (level, i) have two children; the node that
 * stands for it. */
bool bri_tree_real(int64_t nleaves, int level, int64_t i);
void bri_tree_normalise(int64_t nleaves, int *level, int64_t *i);
int bri_tree_top(int64_t nleaves);
int64_t bri_tree_width(int64_t nleaves, int level);

/* ---- demand (demand.c, readers.c) ---- */

br_status bri_needs_add(bri_needs *list, bri_stage *stage, int64_t chunk);
/* The indices of leaf axis a that lie in the span. */
int64_t bri_span_extent(const bri_stage *stage, const bri_span *span, int a);
/* What the inputs' maps say that a leaf needs: for each input the chunks of its box in C order. */
br_status bri_stage_needs(const bri_stage *stage, int64_t chunk, int64_t step, bri_needs *list);
/* The same of one input, for a box of the indices that its map leads from. */
br_status bri_input_needs(const bri_input *input, const bri_leaf *leaf, int owner, bri_needs *list);
/* Does the input's box contain something of its chunk `of`? */
bool bri_input_reads(const bri_input *input, const bri_leaf *leaf, int64_t of);
/* Visits the leaves that read chunk `of` of an input, as its map says. */
void bri_visit_leaves(const bri_stage *stage, int input, int64_t of, const bri_visitor *visitor);
/* Marks what the roots need, down to the sources. */
br_status bri_plan_demand(bri_plan *plan);
/* Finds the readers that run as soon as a chunk is there (eager.c); needs the demand. */
br_status bri_plan_eager(bri_plan *plan);
bool bri_is_demanded(const bri_stage *stage, int64_t chunk);
/* Number of tasks on this rank that read a chunk's value, and the other ranks with such tasks, into
 * `ranks` (nranks flags). */
br_status bri_count_readers(const bri_stage *stage, int64_t chunk, int *local,
                            unsigned char *ranks);

/* ---- block programs (stage_program.c) ---- */

/* Where a leaf's elements go: to the chunk's own value, dense, or to their place in the caller's
 * memory. */
void bri_output_view(const bri_stage *stage, const bri_leaf *leaf, const bri_value *value,
                     bri_view *out);

/* ---- reductions (stage_reduce.c) ---- */

/* Does a leaf make results, of the states of all elements? */
bool bri_reduce_leaf_is_all(const bri_stage *stage);
/* Bytes of what a leaf makes: a state, or the result when it is the root. */
size_t bri_reduce_leaf_bytes(const bri_stage *stage, const bri_leaf *leaf);
/* Writes n elements of a leaf's or the root's state out, as results when the stage is at its
 * end. */
br_status bri_reduce_deliver(const bri_stage *stage, int64_t n, const char *state, bool root,
                             void *out);

/* ---- reading inputs in a task (load.c, shifted.c, inputs.c) ---- */

/* Hands out scratch; with base NULL it only counts. */
typedef struct bri_bump {
    char *base;
    size_t used;
} bri_bump;
void *bri_bump_take(bri_bump *bump, size_t bytes);

/* Bytes that loading input i of a leaf box takes, taken from the bump (the same calls as bri_load,
 * without work). */
void bri_load_sizes(const bri_stage *stage, int input, const bri_leaf *leaf, bri_bump *bump);
/* The same for parts of the leaf with the extents of `part`, wherever they are: one may lie across
 * chunks where another one does not. */
void bri_load_part_sizes(const bri_stage *stage, int input, const bri_leaf *leaf,
                         const bri_leaf *part, bri_bump *bump);
/* Bytes that loading an input takes from its file, or reads of what is in memory. */
uint64_t bri_load_bytes(const bri_input *input, const bri_leaf *leaf);
/* Makes input i readable over a leaf box as a strided view; uses the task's ready values, scratch
 * and files. */
br_status bri_load(bri_work *work, int input, const bri_leaf *leaf, bri_bump *bump, bri_view *view);
/* Finds the inputs that read one source, shifted; the last change to them. */
void bri_plan_shifts(bri_plan *plan);
/* All inputs, and what that takes; those that read the same source from other elements on are read
 * as one where they would be copied. */
void bri_load_all_sizes(const bri_stage *stage, const bri_leaf *leaf, const bri_leaf *part,
                        bri_bump *bump);
br_status bri_load_all(bri_work *work, const bri_leaf *leaf, bri_bump *bump, bri_view *views);
/* Does an input's map give each element of a box one place of its own? */
bool bri_copies_whole(const bri_input *input, const bri_leaf *box, int ndim);
/* Does bri_load of input i over the box copy nothing, as the elements lie in one place? */
bool bri_is_at_hand(const bri_stage *stage, int input, const bri_leaf *box);
/* Copies input i over such a box to `out`, and what that takes beside it. */
void bri_copy_sizes(const bri_stage *stage, int input, bri_bump *bump);
br_status bri_copy_input(bri_work *work, int input, const bri_leaf *box, bri_bump *bump,
                         const bri_view *out);
/* The first element of a chunk's value, of the values the task has. */
char *bri_chunk_data(bri_work *work, const bri_stage *from, int64_t chunk);
/* Is a chunk of the input's stage, as it lies in memory, the leaf? */
bool bri_is_whole_chunk(const bri_stage *stage, const bri_input *input, const bri_leaf *leaf);
/* In a step of a chain but the first: lets the task's output begin as what the steps before made,
 * which is its last input. */
void bri_chain_continue(bri_work *work);

/* sizes and execute of a stage whose value is its first input (copied.c). */
void bri_copied_sizes(const bri_stage *stage, int64_t chunk, int64_t step, bri_sizes *sizes);
br_status bri_copied_execute(bri_work *work);

/* ---- the plan as a whole (build.c, emit.c, execute.c, run.c) ---- */

typedef enum bri_sink_kind {
    BRI_SINK_RESULT,
    BRI_SINK_STORE,
    BRI_SINK_KEEP,
    BRI_SINK_NPY,
    BRI_SINK_FUTURES,
} bri_sink_kind;

/* Where an output goes. All but `buffer` and `writer` travel to other ranks. */
typedef struct bri_sink {
    bri_sink_kind kind;
    void *buffer;            /* RESULT: the caller's, on rank 0 */
    void *writer;            /* STORE: a bri_h5_writer, NPY: a bri_npy_writer, FUTURES: a
                              * bri_chunk_futures; on rank 0 */
    const bri_h5_form *form; /* STORE, over several ranks: how chunks are packed where they are, */
    const bri_sharing *sharing;  /* and which ranks write them there (store_shared.h); or NULL */
    const unsigned char *stored; /* STORE: bit for each chunk that is stored already, or NULL */
    size_t stored_bytes;
    int64_t id; /* KEEP: number of the persisted array */
} bri_sink;

/* What a plan can do with less memory, and more time. */
typedef enum bri_thrift {
    BRI_IN_ORDER = 1,      /* what other ranks need edges of has its turn like all (borders.h) */
    BRI_READ_AGAIN = 2,    /* a file's chunks are read by each task that needs them, not held */
    BRI_CUT_FIRST = 4,     /* computed chunks that several new ones need are cut (stage_cut.c) */
    BRI_APART = 8,         /* no passes, no takes in two parts, no value held that need not be */
    BRI_SPILL = 16,        /* values wait on disk (job_spill.h) */
    BRI_KEEP_ON_DISK = 32, /* what is persisted is kept there */
} bri_thrift;

/* What a run is to make. */
typedef struct bri_outputs {
    bri_node *const *node;
    const bri_sink *sink;
    int n;
    unsigned thrift;       /* bri_thrift: what is given up for memory */
    bri_file_ranks *files; /* which ranks have the files below them (file_ranks.h); NULL: all */
    bri_tellings *heard;   /* ranks above 0: what rank 0's plan tells (told.h), while planning */
} bri_outputs;

br_status bri_plan_new(br_context *ctx, const bri_outputs *outputs, bri_plan **out);
void bri_plan_free(bri_plan *plan);

br_status bri_emitter_new(bri_plan *plan);
/* Emission begins anew. */
void bri_emitter_restart(bri_plan *plan);
void bri_emitter_free(bri_plan *plan);

extern const bri_job_ops bri_plan_job_ops;
/* BR_EUNSUPPORTED, not stored anywhere, in a function that a task of arrays calls, which fails
 * then; and in tasks that were handed in on ranks above 0. */
br_status bri_check_may_compute(const br_context *ctx);

/* "mean": the operation as messages name it. */
void bri_operation_name(const bri_node *node, char *text, size_t size);
/* "mean (climate.c:12), chunk (0, 3)" */
void bri_describe(const bri_stage *stage, int64_t chunk, char *text, size_t size);
/* The same of a value: that of a chunk, or "part of" one. */
void bri_describe_value(const bri_stage *stage, bri_key key, char *text, size_t size);
/* The user's function that the stage's node calls; "" when there is none. */
void bri_describe_function(const bri_stage *stage, char *text, size_t size);

#endif
