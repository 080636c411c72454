#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_store.sh - stores that are killed, that find the disk full, that lose a rank: no half file
# has the final name, what was in a file is there still, nothing temporary is left.
#
# usage: fault_store.sh DIRECTORY    where the program fault_store is
set -uo pipefail
program=$(realpath "$1/fault_store")
odd_disk=$(realpath "$1/odd_disk.so")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
unset "${!BRAMBLE_@}"

work=$(mktemp -d)
mounted=
clean_up()
{
    [ -z "$mounted" ] || umount "$mounted"
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 2
mkdir files
failures=0

verdict()
{
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
        return
    fi
    echo "FAIL $name"
    sed 's/^/    /' "$work/out" | head -20
    find "$work/files" ${mounted:+"$mounted"} | head
    failures=$((failures + 1))
}

# killed CHUNKS MICROSECONDS ARGUMENT...: the program is killed so long after it has begun so many;
# false when it had ended before, which is never so in less than a chunk takes: 8 ms of slow, 30 ms
# of resume.
killed()
{
    KILL_AFTER="$1 $2" "$program" "${@:3}" >"$work/out" 2>&1 &
    wait $! 2>/dev/null
    [ $? = 137 ]
}

# What odd_disk.c makes believe; it stands before the runtime of a sanitizer.
odd()
{
    env LD_PRELOAD="$odd_disk" ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" "$@" >"$work/out" 2>&1 &
    wait $! 2>/dev/null
    code=$?
    [ $code = 1 ]
}

told() { [ "$(grep -c "^failed: .*$1" "$work/out")" = 1 ] && [ "$(grep -c '^bramble' "$work/out")" = 0 ]; }

# What programs of others find: everything as it was, and it can be written to.
whole()
{
    h5diff old.h5 files/a.h5 &&
        [ "$(h5ls files/a.h5 | awk '{ print $1 }')" = "$(h5ls old.h5 | awk '{ print $1 }')" ] &&
        "$program" check files/a.h5 first && "$program" check files/a.h5 group/second
}
absent() { [ ! -e "$1" ] && rm -f "$1".tmp.*; }
alone() { [ "$(ls -A files)" = "$1" ]; }
complete() { "$program" check files/a.h5 first && "$program" check files/a.h5 third && alone a.h5; }

"$program" fast old.h5 first add 2>/dev/null && "$program" fast old.h5 group/second add 2>/dev/null || exit 2

# Of 64 chunks, each of 8 ms.
stopped=0
for _ in $(seq 12); do
    killed $((RANDOM % 64 + 1)) $((RANDOM % 7000)) slow files/new.h5 x add && stopped=$((stopped + 1))
    [ "$(ls -A files)" = "" ] || break
done
verdict "a new file is absent after kill -9 ($stopped times)" test $stopped = 12
for _ in $(seq 8); do
    killed 64 $((RANDOM % 40000)) slow files/new.h5 x add
    [ "$(ls -A files)" = "" ] || { "$program" check files/new.h5 x || break; rm files/*; }
done
verdict "it is complete or absent after kill -9 at the end" alone ""

for mode in add overwrite truncate copy; do
    name=third
    [ $mode = add ] || [ $mode = copy ] || name=first
    good=0
    for _ in $(seq 6); do
        cp old.h5 files/a.h5
        killed $((RANDOM % 64 + 1)) $((RANDOM % 7000)) slow files/a.h5 $name $mode && whole && good=$((good + 1))
        rm files/a.h5
        alone "" || break
    done
    verdict "a file keeps what it has when $mode is killed" test $good = 6
    verdict "$mode leaves nothing beside it" alone ""
done

# Stores that go on: killed at random moments after some chunks are noted as done, until one ends.
went_on()
{
    "$program" check files/r.h5 x && h5diff "$1.h5" files/r.h5 >/dev/null && alone r.h5 && [ "$least" -lt 64 ]
}
for what in packed plain contiguous; do
    "$program" resume $what.h5 x $what >out 2>&1
    kept=0
    for threads in 1 2 2; do
        BRAMBLE_NUM_THREADS=$threads killed 1 $((RANDOM % 29000)) resume files/r.h5 x $what || break
        [ ! -e files/r.h5.part.log ] || kept=$((kept + 1))
    done
    [ -e files/r.h5 ] || "$program" resume files/r.h5 x $what >out 2>&1
    least=$(awk '$1 == "computed" { print $2 }' out)
    verdict "a store of $what chunks goes on after kill -9 ($kept times), at last with $least of 64" went_on $what
    rm files/*
done
# Begun on one rank, ended on three.
BRAMBLE_NUM_THREADS=1 killed 1 0 resume files/r.h5 x packed
refused() { "$program" resume files/r.h5 x "$1" >out 2>&1; [ $? = 1 ] && told "$2"; }
verdict "another expression does not go on" refused other 'files/r.h5.part: was begun by another'
verdict "neither do other options" refused plain 'files/r.h5.part: was begun by another'
cp files/r.h5.part.log saved.log
mpirun --oversubscribe -np 3 "$program" resume files/r.h5 x packed >out 2>&1 </dev/null
least=$(awk '$1 == "computed" { print $2 }' out)
verdict "ranks go on with what a thread has begun" went_on packed
# The log of a step before the end.
cp saved.log files/r.h5.part.log
verdict "a file that exists is not resumed" refused packed 'files/r.h5: exists'
rm files/*
# A full disk keeps what there was room for.
(trap '' XFSZ; ulimit -f 400; "$program" resume files/r.h5 x packed) >out 2>&1
verdict "no room to go on" told "File too large"
"$program" resume files/r.h5 x packed >out 2>&1
least=$(awk '$1 == "computed" { print $2 }' out)
verdict "it goes on when there is room, with $least of 64" went_on packed
rm files/*

# Two ranks that write a file in steps end after one of these, since the one that has it is killed.
killed_ranks()
{
    : >"$work/lost"
    HOLD=1 BRAMBLE_NUM_THREADS=1 timeout -k 5 400 mpirun --oversubscribe -np 2 "$program" resume files/r.h5 x "$1" \
        >"$work/lost" 2>&1 </dev/null &
    local job=$! writer=''
    while kill -0 $job 2>/dev/null; do
        sleep 0.01
        grep -q '^renewed' lost && break
    done
    writer=$(awk '$1 == "writes" { print $2 }' lost)
    [ -n "$writer" ] && kill -9 "$writer"
    wait $job
    [ -n "$writer" ] && [ -e files/r.h5.part ] && [ -e files/r.h5.part.log ] && [ ! -e files/r.h5 ]
}
"$program" resume rows.h5 x rows >out 2>&1
for what in packed plain rows; do
    verdict "ranks are killed, and leave the $what chunks that are stored" killed_ranks $what
    "$program" resume files/r.h5 x $what >out 2>&1
    least=$(awk '$1 == "computed" { print $2 }' out)
    verdict "a thread goes on with them, with $least of 64" went_on $what
    rm -f files/*
done

# What is appended, and regions, are written where they are. Then a half of that may stay; what is beside it, not.
cat >parts.py <<'PARTS'
# parts.py LEFT|DONE KIND.MODE.NUMBER.h5...: what h5py finds after stores into parts that were killed, or were not.
import os
import sys
try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(print("    skipped: python3-h5py is needed to look at the files"))
place = np.arange(600 * 512, dtype="u4").reshape(600, 512)
elements = (place * np.uint32(2654435761) >> np.uint32(12)).astype(float)
old, new = -1 - elements, elements[:512]
begun = 0
for path in sys.argv[2:]:
    kind, mode = os.path.basename(path).split(".")[:2]
    stored, touched = old.copy(), np.zeros(old.shape, bool)
    if mode == "append":
        touched[576:] = True
    else:
        there, part = {"region": (np.s_[64:560, 64:440], np.s_[:496, :376]),
                       "across": (np.s_[40:552:2, 100:476], np.s_[::2, :376])}[mode]
        stored[there] = new[part]
        touched[there] = True
    with h5py.File(path, "r") as f:
        assert sorted(f) == ["first", "x"] and (f["first"][...] == new).all(), path
        x = f["x"]
        if sys.argv[1] == "DONE":
            stored = np.concatenate((stored, new[24:])) if mode == "append" else stored
            assert x.shape == stored.shape and (x[...] == stored).all(), path
            continue
        assert x.shape == old.shape, path
        begun += mode == "append" and os.path.getsize(path) > os.path.getsize(f"old-{kind}.h5")
        for r in range(0, 600, 64):
            for c in range(0, 512, 64):
                box = np.s_[r:r + 64, c:c + 64]
                try:
                    found = x[box]
                except OSError:
                    found = None
                begun += found is None or (found != old[box]).any()
                # Compressed chunks of the region may be anything.
                if kind != "packed" or not touched[box].any():
                    assert found is not None, f"{path}: rows from {r}, columns from {c} cannot be read"
                    assert ((found == old[box]) | (found == stored[box])).all(), f"{path}: {r}, {c}"
assert begun or sys.argv[1] == "DONE", "nothing had been written yet"
PARTS
looked_at() { /usr/bin/python3 parts.py "$@" >out 2>&1; }
mkdir killed
# Six times, from the first blocks to the last of 48; two threads have written all but two of those that are begun.
killed_parts()
{
    local i file
    for i in 0 1 2 3 4 5; do
        file=killed/$1.$2.$i.h5
        cp "old-$1.h5" "$file"
        BRAMBLE_NUM_THREADS=2 killed $((8 * i + RANDOM % 8 + 1)) $((RANDOM % 7000)) slow "$file" x "$2" &&
            h5ls "$file" >/dev/null && h5diff "old-$1.h5" "$file" /first || return
    done
    looked_at LEFT killed/"$1.$2".*
}
# killed_at_sync NUMBER FILE DATASET MODE: of a file that exists, the first comes when all data is written, the second when HDF5
# has closed it, the third when the pages are written that name the data.
killed_at_sync()
{
    odd ODD_DISK_KILL="$1" "$program" fast "${@:2}"
    [ $code = 137 ]
}
synced_parts()
{
    local at file
    for at in 1 2; do
        file=killed/$1.$2.$at.h5
        cp "old-$1.h5" "$file"
        killed_at_sync $at "$file" x "$2" && h5diff "old-$1.h5" "$file" /first && looked_at LEFT "$file" || return
    done
    [ "$2" != append ] || { cp "old-$1.h5" "$file" && killed_at_sync 3 "$file" x append && looked_at DONE "$file"; }
}
stored_after()
{
    "$program" fast "killed/$1.$2.5.h5" x "$2" >out 2>&1 && looked_at DONE "killed/$1.$2.5.h5"
}
for kind in plain packed contiguous; do
    "$program" fast old-$kind.h5 first add 2>/dev/null && "$program" fast old-$kind.h5 x old-$kind 2>/dev/null || exit 2
    for mode in append region across; do
        [ $kind-$mode != contiguous-append ] || continue
        verdict "$mode of $kind elements is killed, and what is beside it stays" killed_parts $kind $mode
        [ $kind = packed ] || verdict "the next one is complete" stored_after $kind $mode
        verdict "the same when it is killed before its data is named, and not after that" synced_parts $kind $mode
    done
done
rm -r killed
for mode in add overwrite; do
    name=third
    [ $mode = add ] || name=first
    for at in 1 2; do
        cp old.h5 files/a.h5
        verdict "$mode is killed before its data is named" killed_at_sync $at files/a.h5 $name $mode
        verdict "the file has what it had" whole
    done
done
rm files/*

# As it was, or complete: of append.
kept_or_done() { h5diff old-packed.h5 files/a.h5 >/dev/null 2>&1 || { cp files/a.h5 packed.append.h5 && looked_at DONE packed.append.h5; }; }
kept() { h5diff old-packed.h5 files/a.h5; }
for mode in append region; do
    good=0
    for _ in $(seq 3); do
        cp old-packed.h5 files/a.h5
        killed $((RANDOM % 48 + 1)) $((RANDOM % 7000)) slow files/a.h5 x $mode-copy && kept && good=$((good + 1))
    done
    verdict "with a copy $mode leaves what was there when it is killed" test $good = 3
done
good=0
for _ in $(seq 5); do
    cp old-packed.h5 files/a.h5
    killed 64 $((RANDOM % 40000)) slow files/a.h5 x append-copy
    kept_or_done && good=$((good + 1))
done
verdict "also at the end, or it is complete" test $good = 5
verdict "nothing is left beside it" alone a.h5
rm files/*

# After a kill the next store works, into the same file.
cp old.h5 files/a.h5
killed 20 0 slow files/a.h5 third add
"$program" fast files/a.h5 third add >"$work/out" 2>&1
verdict "the next store after kill -9" complete
rm files/*

# A file size limit stands for a full disk where we may not mount one.
limited() { (trap '' XFSZ; ulimit -f 300; exec "$program" "$@") >"$work/out" 2>&1; [ $? = 1 ]; }
limited fast files/new.h5 x add
verdict "no room for a new file" told "File too large"
verdict "nothing is left of it" alone ""
# The same on one rank of three, limited_rank BLOCKS ARGUMENT..., which all write the file.
limited_rank()
{
    # shellcheck disable=SC2016 # the inner shell's
    mpirun --oversubscribe -np 2 "$program" "${@:2}" : -np 1 sh -c 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"' \
        rank "$1" "$program" "${@:2}" >"$work/out" 2>&1 </dev/null
    [ $? = 1 ]
}
limited_rank 300 fast files/new.h5 x add
verdict "no room for a new file on one rank" told "rank 2.*files/new.h5: cannot be written: File too large"
verdict "nothing is left of it" alone ""
cp old.h5 files/a.h5
limited_rank $(($(stat -c %s old.h5) / 512 + 400)) fast files/a.h5 third add
verdict "no room to add to a file on one rank" told "rank 2.*files/a.h5: cannot be written: File too large"
verdict "the file has its old bytes" cmp old.h5 files/a.h5
rm files/*

# A folder and a file that belong to another; of three ranks, to the one that opens files to write.
denied() { AS_NOBODY=1 "$@" >"$work/out" 2>&1 </dev/null; [ $? = 1 ]; }
ranks="mpirun --oversubscribe -np 3"
chmod 755 . files
for all in "" "$ranks"; do
    chmod 555 files
    for what in "files/new.h5 x add" "files/new.npy x npy"; do
        # shellcheck disable=SC2086 # words
        denied $all "$program" fast $what
        verdict "a folder that may not be written to" told "${what%% *}: .*Permission denied"
        verdict "nothing is left there" alone ""
    done
    chmod 777 files
    cp old.h5 files/a.h5
    chmod 444 files/a.h5
    # shellcheck disable=SC2086
    denied $all "$program" fast files/a.h5 third add
    verdict "a file that may not be written to" told "files/a.h5: .*Permission denied"
    verdict "it is as it was" cmp old.h5 files/a.h5
    rm -f files/*
done
chmod 755 files

# A quota, and NFS without locks.
odd ODD_DISK_QUOTA=300000 "$program" fast files/new.h5 x add
verdict "a quota" told "files/new.h5:x: cannot be written: Disk quota exceeded"
verdict "nothing is left of it" alone ""
cp old.h5 files/a.h5
odd ODD_DISK_LOCKS=no "$program" fast files/a.h5 third add
verdict "a file that cannot be locked, to be added to" told "files/a.h5: No locks available.*HDF5_USE_FILE_LOCKING"
odd ODD_DISK_LOCKS=no "$program" check files/a.h5 first
verdict "the same, to be read" grep -q "files/a.h5: No locks available.*HDF5_USE_FILE_LOCKING" out
verdict "it is as it was" cmp old.h5 files/a.h5
rm files/*
odd ODD_DISK_LOCKS=no "$program" fast files/new.h5 x add
verdict "a new one" told "files/new.h5: No locks available.*HDF5_USE_FILE_LOCKING"
verdict "nothing is left of it" alone ""

# What a halt of the machine may leave follows from the order: all that was written is synced before the file has its name, and
# the name after that.
safe_order()
{
    awk '$1 == "write" { open = 1; kept = 0 } $1 == "sync" { open = 0; kept = named } $1 == "name" { early += open; named = 1; kept = 0 }
        END { exit !(named && kept && !early) }' calls
}
for new in "new.h5 add" "new.npy rows"; do
    rm -f files/* calls
    env LD_PRELOAD="$odd_disk" ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" ODD_DISK_LOG="$work/calls" \
        "$program" fast "files/${new% *}" x "${new#* }" >out 2>&1
    verdict "${new% *} is synced, then named, then its directory is synced" safe_order
    rm -f files/*
    odd ODD_DISK_SYNC=no "$program" fast "files/${new% *}" x "${new#* }"
    verdict "${new% *} on a disk that cannot sync" told "files/${new% *}: Input/output error"
    verdict "nothing is left of it" alone ""
done
cp old.h5 files/a.h5
odd ODD_DISK_SYNC=no "$program" fast files/a.h5 third add
verdict "a file to be added to, there" told "files/a.h5.*Input/output error"
verdict "it is as it was" cmp old.h5 files/a.h5
rm files/*

if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=1600k tmpfs disk 2>/dev/null; then
    mounted=$work/disk
    full() { "$program" fast "$@" >"$work/out" 2>&1; [ $? = 1 ]; }
    same() { cmp disk/a.h5 "$work/before" && [ "$(echo disk/*)" = "disk/a.h5 disk/filler" ]; }
    # Leaves 200 kB.
    fill_up() { head -c $(($(df --output=avail -B1 disk | tail -1) - 200000)) /dev/zero >disk/filler; }
    fill_up
    full disk/new.h5 x add
    rm disk/filler
    verdict "a full disk" told "No space left"
    verdict "nothing is left on it" test "$(ls -A disk)" = ""
    fill_up
    mpirun --oversubscribe -np 3 "$program" fast disk/new.h5 x add >"$work/out" 2>&1 </dev/null
    rm disk/filler
    verdict "a disk that three ranks fill" told "No space left"
    verdict "nothing is left on it" test "$(ls -A disk)" = ""
    fill_up
    mpirun --oversubscribe -np 3 "$program" fast disk/new.npy x npy >"$work/out" 2>&1 </dev/null
    rm disk/filler
    verdict "a disk that three ranks fill with an .npy file" told "No space left"
    verdict "nothing is left on it" test "$(ls -A disk)" = ""
    "$program" fast disk/a.h5 first add 2>/dev/null
    cp disk/a.h5 before
    fill_up
    full disk/a.h5 y add
    verdict "a full disk while adding to a file" told "No space left"
    verdict "the file has its old bytes" same
    mpirun --oversubscribe -np 3 "$program" fast disk/a.h5 y add >"$work/out" 2>&1 </dev/null
    verdict "three ranks that add to a file fill the disk" told "No space left"
    verdict "the file has its old bytes" same
    full disk/a.h5 y copy
    verdict "no room for a copy" told "a copy takes"
    verdict "the file is as it was" same
    rm disk/*
    mount -o remount,size=12M disk
    for part in plain-append packed-append plain-region packed-region contiguous-region packed-across; do
        cp "old-${part%-*}.h5" disk/a.h5
        cp disk/a.h5 before
        fill_up
        full disk/a.h5 x "${part#*-}"
        verdict "a full disk while $part is written" told "No space left"
        verdict "the file has its old bytes" same
        mpirun --oversubscribe -np 3 "$program" fast disk/a.h5 x "${part#*-}" >"$work/out" 2>&1 </dev/null
        verdict "and when three ranks write it" told "No space left"
        verdict "the file has its old bytes" same
        rm disk/*
    done
    umount disk
    mounted=
else
    echo "no tmpfs can be mounted here: a full disk was not tried"
fi

# lose WORD FILE DATASET MODE: a rank that says so dies while all compute, and one line tells it.
lose()
{
    : >"$work/out" # what the run before said is not this one's
    HOLD=1 timeout -k 5 400 mpirun --oversubscribe -np 3 "$program" slow "${@:2}" >"$work/out" 2>&1 </dev/null &
    local job=$! victim='' writer=''
    while kill -0 $job 2>/dev/null; do
        sleep 0.05
        [ "$(grep -c '^computes' out)" = 3 ] || continue
        writer=$(awk '$1 == "writes" { print $2 }' out)
        victim=$(awk -v writer="$writer" -v which="$1" '$1 == which && (which == "writes" || $2 != writer) { print $2 }' out |
            head -1)
        break
    done
    [ -n "$victim" ] && kill -9 "$victim"
    wait $job
    code=$?
    [ -n "$victim" ] && [ $code != 0 ] && [ $code != 124 ] && [ "$(grep -c 'rank [0-9].*signal 9' out)" = 1 ] &&
        ! grep -qE '^(failed|bramble)' out
}
for word in computes writes; do
    verdict "a rank that $word is killed" lose $word files/new.h5 x add
    verdict "it leaves no file" alone ""
    verdict "a rank that $word is killed" lose $word files/new.npy x npy
    verdict "it leaves no file of that name" absent files/new.npy
    for mode in add overwrite copy; do
        name=third
        [ $mode = overwrite ] && name=first
        cp old.h5 files/a.h5
        verdict "a rank that $word is killed during $mode" lose $word files/a.h5 $name $mode
        verdict "the file has what it had" whole
        rm files/a.h5
        verdict "nothing is left beside it" alone ""
    done
done

echo "$failures failures"
[ $failures = 0 ]
