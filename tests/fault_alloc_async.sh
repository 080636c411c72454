#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_alloc_async.sh - the nth allocation fails in a program with computes in flight; see fault_alloc.sh.
#
# usage: fault_alloc_async.sh DIRECTORY    where the program fault_alloc_async is
exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_alloc_async
