/* SPDX-License-Identifier: BSD-3-Clause
 * nan.h - reductions that leave NaNs out. A complex number is one when either part is; bool and
 * integers have none, and the reductions are those of reduce.h.
 *
 * What all reductions have in common stands in reduce.h. One pass, unless composed.
 */
#ifndef BRAMBLE_NAN_H
#define BRAMBLE_NAN_H

#include <bramble/reduce.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_nansum, br_nanprod - 0 and 1 where all are NaN. */
BR_API br_array *br_nansum_(br_sum_args args);
BR_API br_array *br_nanprod_(br_sum_args args);

/* br_nanmean - NaN where all are. */
BR_API br_array *br_nanmean_(br_mean_args args);

/* br_nanvar, br_nanstd - as br_var and br_std of what is no NaN, n being how many those are; NaN
 * where n <= correction. Without a NaN the bits are those of br_var. */
BR_API br_array *br_nanvar_(br_var_args args);
BR_API br_array *br_nanstd_(br_var_args args);

/* br_nanmin, br_nanmax - NaN where all are, or .initial where it is given. */
BR_API br_array *br_nanmin_(br_min_args args);
BR_API br_array *br_nanmax_(br_min_args args);

/* br_nanargmin, br_nanargmax - as br_argmin and br_argmax of what is no NaN, also next to
 * infinities. Where all are NaN the run ends with BR_EARG: there is no such index. */
BR_API br_array *br_nanargmin_(br_reduce_args args);
BR_API br_array *br_nanargmax_(br_reduce_args args);

#ifndef __cplusplus
#define br_nansum(...)  br_nansum_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanprod(...) br_nanprod_((br_sum_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanmean(...) br_nanmean_((br_mean_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanvar(...)  br_nanvar_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanstd(...)  br_nanstd_((br_var_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanmin(...)  br_nanmin_((br_min_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanmax(...)  br_nanmax_((br_min_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanargmin(...)                                                                          \
    br_nanargmin_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_nanargmax(...)                                                                          \
    br_nanargmax_((br_reduce_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
