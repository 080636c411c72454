#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_alloc_store.sh - the nth allocation fails in a program that writes HDF5 files; see fault_alloc.sh.
#
# usage: fault_alloc_store.sh DIRECTORY    where the program fault_alloc_store is
exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_alloc_store
