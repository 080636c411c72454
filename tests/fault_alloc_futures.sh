#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_alloc_futures.sh - the nth allocation fails in a program that hands in tasks; see fault_alloc.sh.
#
# usage: fault_alloc_futures.sh DIRECTORY    where the program fault_alloc_futures is
STEP=${STEP:-1} exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_alloc_futures
