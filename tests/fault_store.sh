#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_store.sh - stores that are killed, that find the disk full, that lose a rank: no half file has the final
# name, what was in a file is there still, nothing temporary is left.
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

# killed SECONDS ARGUMENT...: starts the program and kills it after that time; false when it had ended before.
killed()
{
    local after=$1
    shift
    "$program" "$@" >"$work/out" 2>&1 &
    local pid=$!
    sleep "$after"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ $? = 137 ]
}

told() { [ "$(grep -c "^failed: .*$1" "$work/out")" = 1 ] && [ "$(grep -c '^bramble' "$work/out")" = 0 ]; }

# What programs of others find: everything as it was, and it can be written to.
whole()
{
    h5diff old.h5 files/a.h5 &&
        [ "$(h5ls files/a.h5 | awk '{ print $1 }')" = "$(h5ls old.h5 | awk '{ print $1 }')" ] &&
        "$program" check files/a.h5 first && "$program" check files/a.h5 group/second
}
alone() { [ "$(ls -A files)" = "$1" ]; }
complete() { "$program" check files/a.h5 first && "$program" check files/a.h5 third && alone a.h5; }

"$program" fast old.h5 first add 2>/dev/null && "$program" fast old.h5 group/second add 2>/dev/null || exit 2

# 64 chunks of 8 ms on the cores there are: some tenths of a second from the start.
stopped=0
for i in $(seq 12); do
    killed "0.$((RANDOM % 20 + 5))" slow files/new.h5 x add && stopped=$((stopped + 1))
    [ "$(ls -A files)" = "" ] || { "$program" check files/new.h5 x || break; rm files/*; }
done
verdict "a new file is complete or absent after kill -9 ($i times)" alone ""
verdict "some of them were killed" test $stopped -gt 2

for mode in add overwrite truncate copy; do
    name=third
    [ $mode = add ] || [ $mode = copy ] || name=first
    good=0 stopped=0
    for _ in $(seq 8); do
        cp old.h5 files/a.h5
        if killed "0.$((RANDOM % 20 + 5))" slow files/a.h5 $name $mode; then
            stopped=$((stopped + 1))
            whole && good=$((good + 1))
        fi
        rm files/a.h5
        alone "" || break
    done
    verdict "a file keeps what it has when $mode is killed ($stopped times)" test $stopped -gt 0 -a $good = $stopped
    verdict "$mode leaves nothing beside it" alone ""
done

# Stores that go on: killed at random moments until one of them ends.
went_on()
{
    "$program" check files/r.h5 x && h5diff "$1.h5" files/r.h5 >/dev/null && alone r.h5 && [ "$least" -lt 60 ]
}
for what in packed plain contiguous; do
    "$program" resume $what.h5 x $what >out 2>&1
    kept=0 least=64
    for i in $(seq 12); do
        case $((i % 3)) in
        0) export BRAMBLE_SCHEDULER=sync ;;
        *) export BRAMBLE_NUM_THREADS=2 ;;
        esac
        killed "0.$((RANDOM % 40 + 55))" resume files/r.h5 x $what
        ended=$?
        unset "${!BRAMBLE_@}"
        [ $ended = 0 ] || break
        [ ! -e files/r.h5.part.log ] || kept=$((kept + 1))
    done
    least=$(awk '$1 == "computed" { print $2 }' out)
    verdict "a store of $what chunks goes on after kill -9 ($kept times), at last with $least of 64" went_on $what
    rm files/*
done
# Begun on one rank, ended on three.
export BRAMBLE_NUM_THREADS=2
killed 0.8 resume files/r.h5 x packed
unset BRAMBLE_NUM_THREADS
refused() { "$program" resume files/r.h5 x "$1" >out 2>&1; [ $? = 1 ] && told "$2"; }
verdict "another expression does not go on" refused other 'files/r.h5.part: was begun by another'
verdict "neither do other options" refused plain 'files/r.h5.part: was begun by another'
cp files/r.h5.part.log saved.log
mpirun --oversubscribe -np 3 "$program" resume files/r.h5 x packed >out 2>&1 </dev/null
least=$(awk '$1 == "computed" { print $2 }' out)
verdict "ranks go on with what a thread has begun" went_on packed
# As after a kill between the last two steps of the end.
cp saved.log files/r.h5.part.log
"$program" resume files/r.h5 x packed >out 2>&1
least=$(awk '$1 == "computed" { print $2 }' out)
verdict "what was complete is complete, with $least of 64" went_on packed
verdict "a file that exists is not resumed" refused packed 'files/r.h5: exists'
rm files/*
# A full disk keeps what there was room for.
(trap '' XFSZ; ulimit -f 400; "$program" resume files/r.h5 x packed) >out 2>&1
verdict "no room to go on" told "File too large"
"$program" resume files/r.h5 x packed >out 2>&1
least=$(awk '$1 == "computed" { print $2 }' out)
verdict "it goes on when there is room, with $least of 64" went_on packed
rm files/*

# After a kill the next store works, into the same file.
cp old.h5 files/a.h5
killed 0.15 slow files/a.h5 third add
"$program" fast files/a.h5 third add >"$work/out" 2>&1
verdict "the next store after kill -9" complete
rm files/*

# A file size limit stands for a full disk where we may not mount one.
limited() { (trap '' XFSZ; ulimit -f 300; exec "$program" "$@") >"$work/out" 2>&1; [ $? = 1 ]; }
limited fast files/new.h5 x add
verdict "no room for a new file" told "File too large"
verdict "nothing is left of it" alone ""
# The same on one rank of three, which all write the file.
limited_rank()
{
    mpirun --oversubscribe -np 2 "$program" "$@" : \
        -np 1 sh -c 'trap "" XFSZ; ulimit -f 300; exec "$@"' rank "$program" "$@" >"$work/out" 2>&1 </dev/null
    [ $? = 1 ]
}
limited_rank fast files/new.h5 x add
verdict "no room for a new file on one rank" told "rank 2.*files/new.h5: cannot be written: File too large"
verdict "nothing is left of it" alone ""

# A quota, and NFS without locks, as a library makes believe.
odd() { env LD_PRELOAD="$odd_disk" "$@" >"$work/out" 2>&1; [ $? = 1 ]; }
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
    "$program" fast disk/a.h5 first add 2>/dev/null
    cp disk/a.h5 before
    fill_up
    full disk/a.h5 y add
    verdict "a full disk while adding to a file" told "No space left"
    verdict "the file has its old bytes" same
    full disk/a.h5 y copy
    verdict "no room for a copy" told "a copy takes"
    verdict "the file is as it was" same
    umount disk
    mounted=
else
    echo "no tmpfs can be mounted here: a full disk was not tried"
fi

# lose WORD: a rank that says so dies while all compute.
lose()
{
    timeout -k 5 40 mpirun --oversubscribe -np 3 "$program" slow files/new.h5 x add >"$work/out" 2>&1 </dev/null &
    local job=$! victim='' writer=''
    for _ in $(seq 200); do
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
    [ -n "$victim" ] && [ $code != 0 ] && [ $code != 124 ]
}
for word in computes writes; do
    verdict "a rank that $word is killed" lose $word
    verdict "it leaves no file" alone ""
done

echo "$failures failures"
[ $failures = 0 ]
