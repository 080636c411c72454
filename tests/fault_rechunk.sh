#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_rechunk.sh - fault_alloc.sh for fault_rechunk: chunks that are held, cut and paired.
# usage: fault_rechunk.sh DIRECTORY
exec "$(dirname "$0")/fault_alloc.sh" "$1" fault_rechunk
