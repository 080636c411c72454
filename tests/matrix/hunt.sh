#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# hunt.sh - runs the matrix of cases from other seeds, under schedulers and memory limits in turn, and prints what failed;
# it ends after the fifth seed that did.
# usage: hunt.sh PROGRAM FIRST_SEED LAST_SEED [CASES]
set -euo pipefail
program=$(realpath "$1") first=$2 last=$3 cases=${4:-260}
unset "${!BRAMBLE_@}"
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

status=0
for seed in $(seq "$first" "$last"); do
    case $((seed % 4)) in
    0) settings=(BRAMBLE_SCHEDULER=sync) ;;
    1) settings=(BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=3) ;;
    2) settings=(BRAMBLE_SCHEDULER=sync BRAMBLE_MEMORY_LIMIT=4M) ;;
    3) settings=(BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=2 BRAMBLE_MEMORY_LIMIT=4M) ;;
    esac
    env "${settings[@]}" timeout 900 "$program" --seed "$seed" --cases "$cases" >"$errors" 2>&1 || {
        echo "seed $seed, ${settings[*]}, ended with $?"
        grep FAILED "$errors" || tail -3 "$errors"
        status=$((status + 1))
        [ $status -lt 5 ] || break
    }
done
exit $((status > 0))
