#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_places.sh - files that only some ranks see, or see differently: ranks that have a file read it for the others, with the
# same bits; what differs is refused, and the hosts are named. Ranks see different files as they have different working directories.
#
# usage: test_mpi_places.sh DIRECTORY    where the programs mpi_places and sweep_* are
set -uo pipefail
programs=$(realpath "$1")
program=$programs/mpi_places
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh

# The settings of whoever started the tests must not decide.
for variable in $(compgen -e); do
    case $variable in BRAMBLE_*) unset "$variable" ;; esac
done
export BRAMBLE_NUM_THREADS=2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/with" "$work/without"
failures=0

# alone PROGRAM ARGUMENTS...: in one process, in the directory that has the files
alone()
{
    (cd "$work/with" && BRAMBLE_SCHEDULER=threads timeout -k 5 400 "$@") >"$work/alone" 2>"$work/errors" </dev/null
}

# ranks WITH WITHOUT PROGRAM ARGUMENTS...: so many ranks in one directory and in the other
ranks()
{
    local with=$1 without=$2
    shift 2
    code=0
    timeout -k 5 400 mpirun --oversubscribe -np "$with" -wdir "$work/with" "$@" : \
        -np "$without" -wdir "$work/without" "$@" >"$work/out" 2>"$work/errors" </dev/null || code=$?
}

verdict()
{
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name (exit code $code)"
        head -n 40 "$work/out" "$work/errors"
        failures=$((failures + 1))
    fi
}

# Conditions, which verdict calls.
# shellcheck disable=SC2317
{
    as_alone() { [ "$code" = 0 ] && diff "$work/alone" "$work/out"; }
    silent() { as_alone && [ ! -s "$work/errors" ]; }
    ended() { [ "$code" = 0 ]; }
    says() { [ "$code" = 0 ] && grep -qE -- "$1" "$work/out"; }
    refused() { says "^failed: .*$1" && ! grep -q '^sum' "$work/out"; }
    failed_by_close()
    {
        [ "$code" -gt 0 ] && [ "$code" -lt 124 ] && grep -q 'data.h5 is not the same file' "$work/errors" &&
            ! grep -q '^sum' "$work/out"
    }
    warned_once() { as_alone && [ "$(grep -cE -- "$1" "$work/errors")" = 1 ]; }
}

# ---- the same bits, wherever the files are ----

alone "$program" make || { cat "$work/errors"; exit 1; }
alone "$program" cases || { cat "$work/errors"; exit 1; }
for counts in "1 2" "2 1"; do
    # shellcheck disable=SC2086
    ranks $counts "$program" cases
    verdict "results, files on ${counts/ / rank(s), not on }" silent
done
verdict "nothing is written where no files are" test -z "$(ls -A "$work/without")"

alone "$program" flights
for counts in "1 2" "2 1"; do
    # shellcheck disable=SC2086
    ranks $counts "$program" flights
    verdict "several computes in flight, files on ${counts/ / rank(s), not on }" silent
done

# The file has 3.75 MiB, twice. What comes from other ranks may exceed the limit by one task's inputs.
alone "$program" within
export BRAMBLE_MEMORY_LIMIT=1792KiB
for counts in "1 2" "2 1"; do
    # shellcheck disable=SC2086
    ranks $counts "$program" within
    verdict "results within little memory, files on ${counts/ / rank(s), not on }" as_alone
    peak=$(sed -n 's/^peak //p' "$work/errors")
    verdict "and they keep to it" test "${peak:-9999999}" -le $(((1792 + 320) * 1024))
done
unset BRAMBLE_MEMORY_LIMIT

# All that these programs write and read again is on rank 0 only, or not on the last; they compare values with their own.
for row in "file 1 2" "file 2 1" "datasets 1 2" "npy 1 2" "store 1 2"; do
    read -r name with without <<<"$row"
    rm -rf "$work/sweep"
    mkdir "$work/sweep"
    (cd "$work/sweep" && BRAMBLE_SCHEDULER=threads timeout -k 5 400 "$programs/sweep_$name") >"$work/alone" 2>&1 </dev/null
    rm -rf "$work/sweep"
    mkdir "$work/sweep"
    code=0
    timeout -k 5 400 mpirun --oversubscribe -np "$with" -wdir "$work/sweep" "$programs/sweep_$name" : \
        -np "$without" -wdir "$work/without" "$programs/sweep_$name" >"$work/out" 2>"$work/errors" </dev/null || code=$?
    verdict "sweep of $name, files on $with rank(s), not on $without" as_alone
done

# ---- how much travels ----

for counts in "1 2" "2 1"; do
    # shellcheck disable=SC2086
    BRAMBLE_BALANCE=off ranks $counts "$program" travel "${counts#* }"
    verdict "chunks travel once, files on ${counts/ / rank(s), not on }" ended
done

BRAMBLE_NUM_THREADS=1 alone "$program" slow
BRAMBLE_NUM_THREADS=1 ranks 1 2 "$program" slow
verdict "ranks work at the same time on what is on rank 0" as_alone

# ---- what is said ----

ranks 1 2 "$program" explain
verdict "br_explain tells who has a file" says '^  data\.h5: on 1 of 3 (ranks \(0\)|hosts \(.*\)); its chunks travel from there$'
verdict "and many files" says '^  part_0\.h5 and 3 more: on 1 of 3 '
ranks 2 1 "$program" explain
verdict "also where several ranks have it" says '^  data\.h5: on 2 of 3 '

# ---- copies ----

alone "$program" compute
host=$(hostname)
cp -p "$work/with/data.h5" "$work/without/"
ranks 1 2 "$program" compute
verdict "a copy with the same times is as good" silent
touch -d '2001-02-03 04:05:06' "$work/without/data.h5"
ranks 1 2 "$program" compute
verdict "another modification time is told once" warned_once "data.h5: modified at another time .*rank 1 on $host; rank 2 on $host"

# differs OFFSET: another byte there
another_byte() { printf '\377' | dd of="$work/without/data.h5" bs=1 seek="$1" conv=notrunc status=none; }
size=$(stat -c %s "$work/with/data.h5")
another_byte $((size - 1))
ranks 1 2 "$program" compute
verdict "another byte at the end is refused" refused "data.h5 is not the same file on all hosts: rank 0 on $host has $size bytes; rank 1 on $host has as many, but others among .*rank 2"
cp -p "$work/with/data.h5" "$work/without/"
another_byte $((((size - 4096) / 15) * 7 + 11))
ranks 2 1 "$program" compute
verdict "another byte in between is refused" refused "data.h5 is not the same .*rank 0 on $host.*; rank 2 on $host has as many, but others among"
cp -p "$work/with/data.h5" "$work/without/"
another_byte 24
ranks 1 1 "$program" compute
verdict "another superblock is refused" refused "rank 1 on $host has as many, but others where it begins or has its superblock"
cp -p "$work/with/data.h5" "$work/without/"
echo more >>"$work/without/data.h5"
ranks 1 1 "$program" compute
verdict "another size is refused" refused "rank 0 on $host has $size bytes; rank 1 on $host has $((size + 5)) bytes"
ranks 1 1 "$program" once
verdict "which br_close makes the exit code" failed_by_close
rm "$work/without/data.h5"
mkdir "$work/without/data.h5"
ranks 1 1 "$program" compute
verdict "what cannot be read is told, and read elsewhere" warned_once "data.h5: cannot be read, other ranks do it: rank 1 on $host Is a directory"
rmdir "$work/without/data.h5"

# A virtual dataset's elements are in data.h5. HDF5 gives the fill value where that is not.
alone "$program" virtual
cp -p "$work/with/slow.h5" "$work/without/"
ranks 1 2 "$program" virtual
verdict "a virtual dataset without its source is refused" \
    refused "rank [12] on $host: .*slow.h5: 1 of the files that have its elements are missing here, 0 where rank 0 opened it"
cp -p "$work/with/data.h5" "$work/without/"
ranks 1 2 "$program" virtual
verdict "with it, it is as good" silent
rm "$work/without/slow.h5" "$work/without/data.h5"

# ---- files that go meanwhile ----

alone "$program" vanish "$work/none"
cp -p "$work/with/data.h5" "$work/without/"
ranks 1 2 "$program" vanish "$work/without/data.h5"
verdict "a file that goes on other hosts" as_alone
cp -p "$work/with/data.h5" "$work/saved"
ranks 1 2 "$program" vanish "$work/with/data.h5"
verdict "one that goes on rank 0 is an error" test "$code" = 1
verdict "that names it" grep -q 'data.h5: No such file' "$work/errors"
ranks 1 2 "$program" cases
verdict "one that was never there is told with the directory it was looked for in" \
    grep -qE "data.h5: No such file or directory \\(looked for from $work/with\\)" "$work/errors" "$work/out"
mv "$work/saved" "$work/with/data.h5"

echo "$failures failed"
exit "$failures"
