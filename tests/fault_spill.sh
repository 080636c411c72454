#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_spill.sh - values on disk whose process is killed, whose disk is full, whose file is damaged: one clear message,
# no wrong number, nothing left.
#
# usage: fault_spill.sh DIRECTORY    where the program fault_spill is
set -uo pipefail
program=$(realpath "$1/fault_spill")
unset "${!BRAMBLE_@}"
work=$(mktemp -d /var/tmp/bramble-spill-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
mkdir spill
export BRAMBLE_SPILL_DIR=$work/spill BRAMBLE_NUM_THREADS=2 BRAMBLE_LOG=quiet BRAMBLE_SCHEDULER=threads
failures=0

verdict()
{
    local name=$1
    shift
    if "$@" && [ -z "$(ls -A spill)" ]; then
        echo "PASS $name"
        return
    fi
    echo "FAIL $name"
    sed 's/^/    /' out | head -20
    ls -la spill
    failures=$((failures + 1))
}

run() { BRAMBLE_MEMORY_LIMIT=$1 timeout 400 "$program" "$2" >out 2>&1; }
told() { [ "$(grep -c '^failed: .*'"$1" out)" = 1 ] && [ "$(wc -l <out)" = 1 ]; }

in_memory() { run 128M plain && cp out expected; }
verdict 'in memory' in_memory

same() { run 3M plain && cmp out expected; }
verdict 'the same on disk' same

full() { ! run 3M full && told "spilling: [0-9]* bytes could not be written to $work/spill beside [0-9]* there"; }
verdict 'full' full

damaged() { ! run 3M damage && told 'differ from what was written (checksum)'; }
verdict 'damaged' damaged

# Killed while something is in the file, which has no name then either.
killed()
{
    : >out
    BRAMBLE_MEMORY_LIMIT=3M "$program" slow >out 2>&1 &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        grep -q 'on disk' out && break
        sleep 0.02
    done
    [ -z "$(ls -A spill)" ] || return 1
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    [ $? = 137 ] && grep -q '^on disk [1-9][0-9]*, links 0' out
}
verdict 'killed' killed

missing() { ! BRAMBLE_SPILL_DIR=$work/nothing run 3M plain && told "spilling: directory $work/nothing"; }
verdict 'no directory' missing

memory() { ! BRAMBLE_SPILL_DIR=/dev/shm run 3M plain && told '/dev/shm is in memory (tmpfs)'; }
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ]; then
    verdict 'in memory again' memory
fi
[ "$failures" = 0 ]
