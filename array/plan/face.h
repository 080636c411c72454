/* SPDX-License-Identifier: BSD-3-Clause
 * face.h - parts of chunks that travel: with several ranks, a leaf that needs little of another
 * rank's chunk gets this rectangle of it only.
 *
 * A face stage stands between a stage and one of its inputs. Its values are numbered by (leaf,
 * place of the chunk among those that the leaf reads); the owner of the chunk makes them.
 */
#ifndef BRI_FACE_H
#define BRI_FACE_H

#include "array/plan/rectangle.h"

/* Gives the inputs of all stages that may need them their face stages; before demand. */
br_status bri_plan_faces(bri_plan *plan);

/* Does the step get a rectangle of the source's chunk `coord` instead of the chunk? */
bool bri_face_sent(const bri_input *input, int64_t chunk, int64_t step, const int64_t *coord);
/* The number of its value in input->faces. */
int64_t bri_face_number(const bri_input *input, int64_t chunk, int64_t step, const int64_t *coord);

/* Where, in the value that was sent, the elements of rectangle r from `first` on are; r is of the
 * step's leaf or of a slab of it. */
char *bri_face_data(bri_work *work, const bri_input *input, const int64_t *coord,
                    const bri_rectangle *r, const int64_t *first, int64_t *stride);

/* Copies a rectangle that lies in chunk `coord` of an input's source, dense (inputs.c). */
void bri_copy_part(bri_work *work, const bri_input *input, const bri_rectangle *part,
                   const int64_t *coord, char *out);

/* The chunk and the rectangle of a number; false when nothing is sent under it. */
bool bri_face_part(const bri_stage *faces, int64_t number, int64_t *coord, bri_rectangle *part);
/* No face has more bytes. */
size_t bri_face_most(const bri_stage *faces);
/* The stage that reads value `number` and its leaf; NULL when nothing is sent under the number. */
const bri_stage *bri_face_reader(const bri_stage *faces, int64_t number, int64_t *leaf);

/* Does the stage make parts of chunks that other leaves read, too? */
bool bri_faces_shared(const bri_stage *stage);
/* Chunks at least so far apart, in the order of the stage that the parts are of, are not read by
 * one leaf. */
int64_t bri_faces_reach(const bri_stage *faces);
/* Calls found(data, number) for each face that leaves get of a chunk, where those are parts that
 * other leaves read, too: halos, not pieces of a rechunk, which are the chunk all over again. */
br_status bri_faces_each(const bri_stage *faces, int64_t chunk,
                         br_status (*found)(void *data, int64_t number), void *data);

#endif
