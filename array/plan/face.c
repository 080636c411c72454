/* SPDX-License-Identifier: BSD-3-Clause
 * face.c - the rectangles of chunks that are sent to leaves on other ranks.
 */
#include "array/plan/face.h"

#include "array/plan/halo.h"
#include "array/plan/sink.h"
#include "runtime/alloc.h"

/* More values than this are not numbered: the stage has a bit for each. */
static const int64_t MOST_FACES = (int64_t)1 << 26;

/* What a face stage is for. */
typedef struct faces {
    bri_stage *reader;
    int input;
    int64_t room[BR_MAX_NDIM]; /* the most chunks a leaf reads along each axis of the source */
    int64_t each;              /* numbers for a leaf */
    bool alone;                /* each element is read by one leaf at most, and by nobody else */
} faces;

static const faces *faces_of(const bri_stage *stage)
{
    return stage->data;
}

static void rectangle_of_step(const bri_stage *reader, const bri_input *input, int64_t chunk,
                              int64_t step, bri_rectangle *r)
{
    bri_leaf leaf;
    bri_leaf box;
    bri_leaf_box(reader, chunk, step, &leaf);
    bri_input_box(input, &leaf, &box);
    bri_rectangle_of(&input->map, &box, r);
}

static int64_t first_chunk(const bri_input *input, const bri_rectangle *r, int a)
{
    int64_t low;
    int64_t high;
    bri_rectangle_range(r, a, &low, &high);
    return bri_axis_find(&input->stage->axis[a], low);
}

/* The part of the rectangle in a chunk; its number of elements. */
static int64_t part_in_chunk(const bri_input *input, const bri_rectangle *r, const int64_t *coord,
                             bri_rectangle *part)
{
    part->ndim = r->ndim;
    part->nelem = 1;
    for (int a = 0; a < r->ndim; a++) {
        int64_t first;
        if (!bri_rectangle_part(r, a, &input->stage->axis[a], coord[a], &first, &part->count[a]))
            return part->nelem = 0;
        part->start[a] = r->start[a] + first * r->step[a];
        part->step[a] = r->step[a];
        part->nelem *= part->count[a];
    }
    return part->nelem;
}

bool bri_face_sent(const bri_input *input, int64_t chunk, int64_t step, const int64_t *coord)
{
    const bri_stage *from = input->stage;
    bri_rectangle r;
    bri_rectangle part;
    if (input->faces == NULL)
        return false;
    const faces *f = faces_of(input->faces);
    int64_t source = bri_grid_linear(from->ndim, from->axis, coord);
    if (bri_stage_owner(f->reader, chunk, step) == bri_value_owner(from, source))
        return false;
    rectangle_of_step(f->reader, input, chunk, step, &r);
    int64_t n = part_in_chunk(input, &r, coord, &part);
    int64_t all = bri_chunk_nelem(from, source);
    return f->alone ? n < all : 2 * n <= all;
}

int64_t bri_face_number(const bri_input *input, int64_t chunk, int64_t step, const int64_t *coord)
{
    const faces *f = faces_of(input->faces);
    int64_t at[BR_MAX_NDIM];
    bri_rectangle r;
    bri_leaf_coords(f->reader, chunk, step, at);
    rectangle_of_step(f->reader, input, chunk, step, &r);
    int64_t place = 0;
    for (int a = 0; a < r.ndim; a++)
        place = place * f->room[a] + coord[a] - first_chunk(input, &r, a);
    return bri_grid_linear(f->reader->leaf_ndim, f->reader->leaf_axis, at) * f->each + place;
}

char *bri_face_data(bri_work *work, const bri_input *input, const int64_t *coord,
                    const bri_rectangle *r, const int64_t *first, int64_t *stride)
{
    bri_rectangle all;
    bri_rectangle part;
    int64_t number = bri_face_number(input, work->chunk, work->step, coord);
    rectangle_of_step(faces_of(input->faces)->reader, input, work->chunk, work->step, &all);
    part_in_chunk(input, &all, coord, &part);
    char *data = bri_chunk_data(work, input->faces, number);
    int64_t next = (int64_t)br_dtype_size(input->stage->dtype);
    for (int a = r->ndim - 1; a >= 0; a--) {
        int64_t at = r->start[a] + first[a] * r->step[a];
        stride[a] = next;
        data += (at - part.start[a]) / part.step[a] * next;
        next *= part.count[a];
    }
    return data;
}

/* ---- those of a chunk ---- */

typedef struct chunk_faces {
    bri_visitor visitor;
    const bri_input *input;
    int64_t chunk;
    int64_t coord[BR_MAX_NDIM];
    br_status (*found)(void *data, int64_t number);
    void *data;
    br_status *status;
} chunk_faces;

static void visit_leaf(const bri_visitor *self, const bri_stage *reader, int64_t chunk,
                       int64_t step)
{
    const chunk_faces *c = (const chunk_faces *)self; /* its first member */
    bri_leaf leaf;
    if (chunk < 0 || *c->status != BR_OK || !bri_is_demanded(reader, chunk))
        return;
    bri_leaf_box(reader, chunk, step, &leaf);
    if (bri_input_reads(c->input, &leaf, c->chunk) &&
        bri_face_sent(c->input, chunk, step, c->coord))
        *c->status = c->found(c->data, bri_face_number(c->input, chunk, step, c->coord));
}

br_status bri_faces_each(const bri_stage *stage, int64_t chunk,
                         br_status (*found)(void *data, int64_t number), void *data)
{
    const faces *f = faces_of(stage);
    br_status st = BR_OK;
    chunk_faces c = {.visitor = {visit_leaf},
                     .input = &f->reader->inputs[f->input],
                     .chunk = chunk,
                     .found = found,
                     .data = data,
                     .status = &st};
    if (f->alone)
        return BR_OK;
    bri_grid_coords(c.input->stage->ndim, c.input->stage->axis, chunk, c.coord);
    bri_visit_leaves(f->reader, f->input, chunk, &c.visitor);
    return st;
}

bool bri_faces_shared(const bri_stage *stage)
{
    return stage->kind == &bri_stage_face && stage->wanted && !faces_of(stage)->alone;
}

int64_t bri_faces_reach(const bri_stage *stage)
{
    const faces *f = faces_of(stage);
    const bri_stage *from = stage->inputs[0].stage;
    int64_t far = 0;
    int64_t stride = 1;
    for (int a = from->ndim - 1; a >= 0; a--) {
        far += f->room[a] * stride;
        stride *= from->axis[a].nchunks;
    }
    return far;
}

/* ---- the stage ---- */

static bool within_span(const bri_input *input, const bri_leaf *leaf)
{
    const bri_span *s = &input->span;
    return s->to == 0 || (leaf->origin[s->axis] >= s->from && leaf->origin[s->axis] < s->to);
}

bool bri_face_part(const bri_stage *stage, int64_t number, int64_t *coord, bri_rectangle *part)
{
    const faces *f = faces_of(stage);
    const bri_input *input = &f->reader->inputs[f->input];
    int64_t leaf[BR_MAX_NDIM];
    int64_t chunk;
    int64_t step;
    bri_rectangle r;
    bri_leaf box;
    bri_grid_coords(f->reader->leaf_ndim, f->reader->leaf_axis, number / f->each, leaf);
    bri_leaf_place(f->reader, leaf, &chunk, &step);
    bri_leaf_box(f->reader, chunk, step, &box);
    if (!within_span(input, &box))
        return false;
    rectangle_of_step(f->reader, input, chunk, step, &r);
    int64_t place = number % f->each;
    for (int a = r.ndim - 1; a >= 0; a--) {
        coord[a] = place % f->room[a];
        place /= f->room[a];
    }
    for (int a = 0; a < r.ndim; a++) {
        if (r.nelem == 0)
            return false;
        coord[a] += first_chunk(input, &r, a);
        if (coord[a] >= input->stage->axis[a].nchunks)
            return false;
    }
    return part_in_chunk(input, &r, coord, part) > 0 && bri_face_sent(input, chunk, step, coord);
}

/* Along each axis of the source no more than a chunk has, or than a leaf. */
size_t bri_face_most(const bri_stage *stage)
{
    const bri_stage *reader = faces_of(stage)->reader;
    const bri_input *input = &reader->inputs[faces_of(stage)->input];
    size_t bytes = br_dtype_size(stage->dtype);
    for (int a = 0; a < input->map.ndim; a++) {
        int64_t most = bri_axis_largest(&input->stage->axis[a]);
        int axis = input->map.from[a].axis;
        bool plain = input->halo == NULL && input->map.window[a].step == 0;
        int64_t leaf = !plain ? most : axis < 0 ? 1 : bri_axis_largest(&reader->leaf_axis[axis]);
        bytes *= (size_t)(leaf < most ? leaf : most);
    }
    return bytes;
}

const bri_stage *bri_face_reader(const bri_stage *stage, int64_t number, int64_t *leaf)
{
    const bri_stage *reader = faces_of(stage)->reader;
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    if (!bri_face_part(stage, number, coord, &part))
        return NULL;
    bri_grid_coords(reader->leaf_ndim, reader->leaf_axis, number / faces_of(stage)->each, leaf);
    return reader;
}

static br_status needs(const bri_stage *stage, int64_t number, int64_t step, bri_needs *list)
{
    bri_stage *from = stage->inputs[0].stage;
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    (void)step;
    if (from->direct || !bri_face_part(stage, number, coord, &part))
        return BR_OK;
    return bri_needs_add(list, from, bri_grid_linear(from->ndim, from->axis, coord));
}

static int owner(const bri_stage *stage, int64_t number, int64_t step)
{
    const bri_stage *from = stage->inputs[0].stage;
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    (void)step;
    return bri_face_part(stage, number, coord, &part)
               ? bri_value_owner(from, bri_grid_linear(from->ndim, from->axis, coord))
               : 0;
}

static void sizes(const bri_stage *stage, int64_t number, int64_t step, bri_sizes *sizes)
{
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    (void)step;
    bool any = bri_face_part(stage, number, coord, &part);
    sizes->output = any ? (size_t)part.nelem * br_dtype_size(stage->dtype) : 0;
    sizes->scratch = 0;
}

static br_status execute(bri_work *work)
{
    int64_t coord[BR_MAX_NDIM];
    bri_rectangle part;
    if (bri_face_part(work->stage, work->chunk, coord, &part))
        bri_copy_part(work, &work->stage->inputs[0], &part, coord, work->task->output->data);
    return BR_OK;
}

static void destroy(bri_stage *stage)
{
    bri_free(stage->data);
}

static br_status no_build(bri_plan *plan, bri_stage *stage)
{
    (void)plan;
    (void)stage;
    return BR_OK;
}

const bri_stage_kind bri_stage_face = {.name = "face",
                                       .build = no_build,
                                       .needs = needs,
                                       .sizes = sizes,
                                       .execute = execute,
                                       .owner = owner,
                                       .destroy = destroy};

/* ---- building ---- */

/* The axis of the leaves that axis k of what the map begins at moves with. */
static int leaf_axis_of(const bri_input *input, int k)
{
    return k < 0 ? BRI_FIXED : input->halo != NULL ? input->halo->axis[k].leaf : k;
}

/* A leaf's chunk is read as it is. */
static bool reads_alike(const bri_stage *reader, const bri_input *input)
{
    if (input->halo != NULL || input->map.ndim != reader->leaf_ndim)
        return false;
    for (int a = 0; a < input->map.ndim; a++) {
        const bri_map_axis *m = &input->map.from[a];
        if (m->axis != a || m->start != 0 || m->step != 1 || input->map.window[a].step != 0 ||
            !bri_axis_equal(&reader->leaf_axis[a], &input->stage->axis[a]))
            return false;
    }
    return true;
}

/* Leaves that read the same rectangle on the same rank would get it several times. */
static bool repeats(const bri_stage *reader, const bri_input *input)
{
    uint32_t seen = 0;
    for (int a = 0; a < input->map.ndim; a++) {
        int axis = leaf_axis_of(input, input->map.from[a].axis);
        seen |= axis >= 0 ? 1u << axis : 0;
    }
    for (int a = 0; a < reader->leaf_ndim; a++)
        if (!(seen >> a & 1) && reader->leaf_axis[a].nchunks > 1)
            return true;
    return false;
}

/* The chunks along axis a of the source that leaf coordinates i, j along the axes that it moves
 * with read. */
static int64_t chunks_read(const bri_stage *reader, const bri_input *input, int a,
                           const int64_t *coord)
{
    int64_t low;
    int64_t high;
    int64_t chunk;
    int64_t step;
    bri_leaf leaf;
    bri_rectangle r;
    bri_leaf_place(reader, coord, &chunk, &step);
    bri_leaf_box(reader, chunk, step, &leaf);
    if (!within_span(input, &leaf))
        return 0;
    rectangle_of_step(reader, input, chunk, step, &r);
    if (r.count[a] == 0)
        return 0;
    bri_rectangle_range(&r, a, &low, &high);
    const bri_axis *axis = &input->stage->axis[a];
    return bri_axis_find(axis, high) - bri_axis_find(axis, low) + 1;
}

static int64_t most_chunks(const bri_stage *reader, const bri_input *input, int a)
{
    int first = leaf_axis_of(input, input->map.from[a].axis);
    int second =
        input->map.window[a].step != 0 ? leaf_axis_of(input, input->map.window[a].axis) : BRI_FIXED;
    int64_t coord[BR_MAX_NDIM] = {0};
    int64_t most = 1;
    if (input->span.to > 0)
        coord[input->span.axis] =
            bri_axis_find(&reader->leaf_axis[input->span.axis], input->span.from);
    for (int64_t i = 0; i < (first < 0 ? 1 : reader->leaf_axis[first].nchunks); i++)
        for (int64_t j = 0; j < (second < 0 ? 1 : reader->leaf_axis[second].nchunks); j++) {
            if (first >= 0)
                coord[first] = i;
            if (second >= 0)
                coord[second] = j;
            int64_t n = chunks_read(reader, input, a, coord);
            most = n > most ? n : most;
        }
    return most;
}

/* Room for the numbers of all leaves; false when there are too many. */
static bool number_faces(const bri_stage *reader, const bri_input *input, faces *f, int64_t *n)
{
    double all = 1;
    *n = 1;
    f->each = 1;
    for (int a = 0; a < reader->leaf_ndim; a++) {
        all *= (double)reader->leaf_axis[a].nchunks;
        *n *= reader->leaf_axis[a].nchunks;
    }
    for (int a = 0; a < input->map.ndim; a++) {
        f->room[a] = most_chunks(reader, input, a);
        all *= (double)f->room[a];
        if (all > (double)MOST_FACES)
            return false;
        f->each *= f->room[a];
    }
    *n *= f->each;
    return true;
}

static br_status new_faces(bri_plan *plan, bri_stage *reader, int i, const faces *like, int64_t n)
{
    bri_input *input = &reader->inputs[i];
    int index;
    faces *f = bri_memdup(like, sizeof *like);
    bri_stage *stage = f != NULL ? bri_stage_new(plan, &bri_stage_face, input->node) : NULL;
    if (stage == NULL) {
        bri_free(f);
        return BR_ENOMEM;
    }
    stage->data = f;
    stage->dtype = input->stage->dtype;
    stage->ndim = stage->leaf_ndim = 1;
    stage->axis[0] = stage->leaf_axis[0] = bri_axis_regular(n, 1);
    bri_input whole = {.from = BRI_FROM_STAGE,
                       .stage = input->stage,
                       .node = input->node,
                       .map = bri_map_identity(input->stage->ndim)};
    BRI_TRY(bri_stage_finish(plan, stage, bri_stage_add_input(stage, &whole, &index)));
    input->faces = stage;
    return bri_stage_note_reader(stage, reader, i);
}

/* Where each element has one reader, as in a rechunk, rectangles are all that need travel. Others
 * may need most of a chunk twice, which then comes once, as a whole. */
static bool reads_alone(const bri_input *input)
{
    return input->halo == NULL && !bri_map_has_windows(&input->map) &&
           input->stage->nconsumers == 1;
}

static br_status add_faces(bri_plan *plan, bri_stage *reader, int i)
{
    faces f = {.reader = reader, .input = i, .alone = reads_alone(&reader->inputs[i])};
    int64_t n;
    return number_faces(reader, &reader->inputs[i], &f, &n) ? new_faces(plan, reader, i, &f, n)
                                                            : BR_OK;
}

static bool may_have_faces(const bri_stage *reader, const bri_input *input)
{
    bool plain = reader->kind->needs == NULL && reader->kind->readers == NULL &&
                 reader->picks == NULL && reader->kind != &bri_stage_mirror && !bri_is_sink(reader);
    return input->from == BRI_FROM_STAGE && plain && reader->pass == NULL &&
           input->stage->kind != &bri_stage_fetch && /* has other means (stage_fetch.c) */
           input->stage->kind != &bri_stage_mirror && input->stage->picks == NULL &&
           !reads_alike(reader, input) && !repeats(reader, input);
}

br_status bri_plan_faces(bri_plan *plan)
{
    int nstages = plan->nstages;
    if (plan->nranks == 1)
        return BR_OK;
    for (int s = 0; s < nstages; s++)
        for (int i = 0; i < plan->stages[s]->ninputs; i++)
            if (may_have_faces(plan->stages[s], &plan->stages[s]->inputs[i]))
                BRI_TRY(add_faces(plan, plan->stages[s], i));
    return plan->nstages > nstages ? bri_plan_renumber(plan) : BR_OK;
}
