/* SPDX-License-Identifier: BSD-3-Clause
 * user.h - what the operations by functions of the user's share: their calls and their parameters'
 * form on the wire.
 */
#ifndef BRI_USER_H
#define BRI_USER_H

#include "array/ops/ops.h"

/* A call as it was made. */
typedef struct bri_user_call {
    const bri_op *op;
    bri_function fn;
    const void *data;
    size_t data_bytes;
    br_dtype dtype;
    bool cheap, impure;
    size_t scratch_bytes;
    const bri_layout *layout; /* of an array without inputs */
    const void *spec;         /* what else the operation must know */
    size_t spec_bytes;
} bri_user_call;

/* Are function, data and dtype (which may be none) good? */
br_status bri_check_user(const bri_user_call *u);
br_array *bri_build_user(bri_call *call, const bri_user_call *u, br_array *const *inputs,
                         int ninputs);

/* What the function gets as data. */
static inline const void *bri_user_data(const bri_user_params *p)
{
    return p->data_bytes > 0 ? p->data : p->pointer;
}

/* Where the spec stands, behind the data. */
static inline size_t bri_user_spec_at(const bri_user_params *p)
{
    return p->spec_bytes > 0 ? ((size_t)p->data_bytes + 15) / 16 * 16 : (size_t)p->data_bytes;
}
static inline const void *bri_user_spec(const void *params)
{
    const bri_user_params *p = params;
    return p->spec_bytes > 0 ? p->data + bri_user_spec_at(p) : NULL;
}

/* Of bri_op. */
void bri_user_print(const bri_node *node, FILE *to);
br_status bri_user_pack(const bri_node *node, bri_writer *w);
br_status bri_user_unpack(br_context *ctx, bri_reader *r, void **params, size_t *bytes);
br_status bri_user_check(const bri_node *node);

#endif
