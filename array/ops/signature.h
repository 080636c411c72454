/* SPDX-License-Identifier: BSD-3-Clause
 * signature.h - signatures of functions on core elements: "(i,j),(j)->(i)".
 */
#ifndef BRI_SIGNATURE_H
#define BRI_SIGNATURE_H

#include <bramble/base.h>

enum { BRI_SIGNATURE_ARGUMENTS = 9 };

/* A dimension; its name points into the text and has no closing zero. */
typedef struct bri_dimension {
    const char *name;
    int length;
    int64_t fixed; /* its extent when the name is a number, else -1 */
} bri_dimension;

/* A name is one dimension wherever it stands, a number another one each time. */
typedef struct bri_signature {
    int ninputs;
    int ndims; /* that are different */
    bri_dimension dim[BR_MAX_NDIM];
    int ncore[BRI_SIGNATURE_ARGUMENTS]; /* of the inputs, then the result */
    int8_t core[BRI_SIGNATURE_ARGUMENTS][BR_MAX_NDIM];
} bri_signature;

/* BR_EARG with the column of what is wrong. The text must outlive the signature. */
br_status bri_signature_parse(const char *text, bri_signature *out);

#endif
