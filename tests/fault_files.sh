#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_files.sh - fault_alloc.sh for fault_files: listing files, missing values, fields, many files.
# usage: fault_files.sh DIRECTORY
exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_files
