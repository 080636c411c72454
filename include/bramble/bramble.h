/* SPDX-License-Identifier: BSD-3-Clause
 * bramble.h - all of bramble: lazy chunked arrays for C programs, from a laptop to a cluster of
 * Raspberry Pis.
 */
#ifndef BRAMBLE_BRAMBLE_H
#define BRAMBLE_BRAMBLE_H

#include <bramble/array.h>
#include <bramble/base.h>
#include <bramble/blocks.h>
#include <bramble/compute.h>
#include <bramble/context.h>
#include <bramble/creation.h>
#include <bramble/delayed.h>
#include <bramble/elementwise.h>
#include <bramble/expr.h>
#include <bramble/file.h>
#include <bramble/functions.h>
#include <bramble/future.h>
#include <bramble/graph.h>
#include <bramble/indexing.h>
#include <bramble/io.h>
#include <bramble/linalg.h>
#include <bramble/mask.h>
#include <bramble/nan.h>
#include <bramble/overlap.h>
#include <bramble/random.h>
#include <bramble/reduce.h>
#include <bramble/reduction.h>
#include <bramble/shape.h>
#include <bramble/store.h>
#include <bramble/submit.h>
#include <bramble/user.h>
#include <bramble/version.h>
#include <bramble/workers.h>

#endif
