#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# reports.sh - runs a script of tests and looks at what the address sanitizer says of any process that it starts, however that ends:
# many cases want a program to fail, or its ranks to be killed. A crash on purpose is not counted.
#
# usage: reports.sh SCRIPT ARGUMENT...
set -uo pipefail
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
code=0
ASAN_OPTIONS=${ASAN_OPTIONS-}:log_path=$reports/report "$@" || code=$?
for report in "$reports"/report*; do
    [ -e "$report" ] || continue
    grep -E 'ERROR: |runtime error: ' "$report" | grep -qvE 'AddressSanitizer: (SEGV|ABRT|stack-overflow) on ' || continue
    echo "FAIL a process of this test:"
    head -60 "$report"
    [ $code != 0 ] || code=1
done
exit $code
