#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# clang.sh - everything also compiles with clang, warnings being errors.
# usage: clang.sh SOURCE_DIRECTORY WORK_DIRECTORY
set -euo pipefail
source=$1 work=$2
if ! command -v clang >/dev/null; then
    echo "skipped: clang is not installed"
    exit 77
fi
mkdir -p "$work"
{ cmake -S "$source" -B "$work" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 \
    -DBRAMBLE_KERNEL_FLAGS=-O0 &&
    cmake --build "$work" -j "$(nproc)"; } >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
