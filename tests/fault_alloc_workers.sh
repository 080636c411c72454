#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_alloc_workers.sh - the nth allocation fails in a program that uses workers; see fault_alloc.sh.
#
# usage: fault_alloc_workers.sh DIRECTORY    where the program fault_alloc_workers is
STEP=${STEP:-3} exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_alloc_workers
