#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_places_hosts.sh - four hosts without a shared file system, of which one has the files:
# each has a directory of its own under the same path (a mount namespace). What they store into a
# new file is written by those that see it, wherever that is. Needs root, as test_mpi_hosts.sh does.
#
# usage: test_mpi_places_hosts.sh DIRECTORY    where the programs mpi_places and fault_store are
set -uo pipefail
program=$(realpath "$1/mpi_places")
store=$(realpath "$1/fault_store")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
unshare -m true 2>/dev/null || skip "this kernel or container gives no mount namespaces"
virtual_hosts brfile 4 82
mkdir "$work/files"
(cd "$work/files" && BRAMBLE_SCHEDULER=threads timeout -k 5 400 "$program" make) >"$work/out" 2>&1 </dev/null
(cd "$work/files" && BRAMBLE_SCHEDULER=threads timeout -k 5 400 "$program" cases) >"$work/alone" 2>"$work/errors" </dev/null

# On all hosts but the first, an empty file system stands in the directory's place.
cat >"$work/there" <<THERE
#!/bin/sh
cd "$work/files" || exit 1
[ "\$(hostname)" = brfile-0 ] && exec "\$@"
exec unshare -m sh -c 'mount -t tmpfs none "\$0" && cd "\$0" && exec "\$@"' "$work/files" "\$@"
THERE
chmod +x "$work/there"

on_hosts()
{
    BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 4 --map-by node "$work/there" "$program" "$@" >"$work/out" 2>"$work/errors" </dev/null
}

on_hosts explain
check "br_explain names the host" grep -q '^  data\.h5: on 1 of 4 hosts (brfile-0); its chunks travel from there$' "$work/out"
on_hosts compute
check "three runs of a sum" [ "$(grep -c '^sum' "$work/out")" = 3 ]
on_hosts cases
check "four hosts compute" [ $? = 0 ]
check "with the bits of one" diff "$work/alone" "$work/out"

BRAMBLE_BALANCE=off on_hosts store
check "chunks that one host writes for four travel to it compressed" [ $? = 0 ]

# Stores into a new file on four hosts, each of which enters the directory by a command of its own.
cat >"$work/entry" <<ENTRY
#!/bin/sh
cd "$work/files" || exit 1
mask() { exec unshare -m sh -c 'mount -t tmpfs none "\$0" && cd "\$0" && exec "\$@"' "$work/files" "\$@"; }
over() {
    exec unshare -m sh -c 'mount -t tmpfs none "\$0/own" && mkdir "\$0/own/upper" "\$0/own/work" &&
        mount -t overlay -o "lowerdir=\$0/files,upperdir=\$0/own/upper,workdir=\$0/own/work" none "\$0/files" &&
        cd "\$0/files" && exec "\$@"' "$work" "\$@"
}
how=\$1
shift
case \$how-\$(hostname) in
none-brfile-[123] | some-brfile-[23]) mask "\$@" ;;
copy-brfile-[123]) over "\$@" ;;
esac
exec "\$@"
ENTRY
chmod +x "$work/entry"
mkdir "$work/own"
(cd "$work/files" && "$store" fast alone.h5 x add) >"$work/out" 2>&1 </dev/null

stores()
{
    rm -f "$work/files/new.h5"
    BRAMBLE_LOG=info BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 4 --map-by node "$work/entry" "$1" "$store" fast new.h5 x add >"$work/out" 2>&1 </dev/null
    h5diff "$work/files/alone.h5" "$work/files/new.h5" >>"$work/out" 2>&1
}
# Conditions, which check calls.
# shellcheck disable=SC2317
said() { grep -q "new.h5: $1" "$work/out"; }
# shellcheck disable=SC2317
tidy() { ! ls "$work"/files/new.h5.tmp.* 2>/dev/null; }

stores all
check "four hosts write into one directory" [ $? = 0 ]
check "which is told" said "all 4 ranks write"
bytes() { stat -c %s "$work/files/$1.h5"; }
check "at most a page is lost for each chunk, and some for metadata" \
    [ $(($(bytes new) - $(bytes alone))) -lt $((64 * 4096 + 100000)) ]
stores none
check "one host writes for four" [ $? = 0 ]
check "which is told" said "1 of 4 ranks write.*rank 1: No such file"
stores some
check "two hosts write their own chunks and those of two others" [ $? = 0 ]
check "which is told" said "2 of 4 ranks write.*rank 2: No such file"
if unshare -m sh -c "mount -t tmpfs none $work/own && mkdir $work/own/upper $work/own/work && mount -t overlay -o \
    lowerdir=$work/files,upperdir=$work/own/upper,workdir=$work/own/work none $work/files" 2>/dev/null; then
    stores copy
    check "what would be written into copies is sent" [ $? = 0 ]
    check "which is told" said "1 of 4 ranks write.*rank 1: sees another file there"
else
    echo "no overlay can be mounted here: copies were not tried"
fi
# Rows: each host writes pages of its own, their ends are written by rank 0.
rows()
{
    BRAMBLE_LOG=info BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 4 --map-by node "$work/entry" "$1" "$store" fast "new.$2" x "$3" >"$work/out" 2>&1 </dev/null
}
(cd "$work/files" && "$store" fast alone.npy x rows) >"$work/out" 2>&1 </dev/null
for how in all some; do
    rows $how npy rows
    check "four hosts write rows of an .npy file ($how see it)" cmp "$work/files/alone.npy" "$work/files/new.npy"
    rm -f "$work/files/new.h5"
    rows $how h5 contiguous
    check "and of a dataset without chunks" h5diff "$work/files/alone.h5" "$work/files/new.h5"
done
check "nothing is left beside the file" tidy

# A rank on another host dies while all write.
rm -f "$work/files/new.h5"
: >"$work/out" # what the run before said is not this one's
BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" -np 4 --map-by node \
    "$work/entry" all env HOLD=1 "$store" slow new.h5 x add >"$work/out" 2>&1 </dev/null &
job=$! writer='' victim=''
while kill -0 $job 2>/dev/null; do
    sleep 0.02
    [ "$(grep -c '^computes' "$work/out")" -ge 2 ] || continue
    writer=$(awk '$1 == "writes" { print $2 }' "$work/out")
    victim=$(awk -v writer="$writer" '$1 == "computes" && $2 != writer { print $2 }' "$work/out" | tail -1)
    kill -9 "$victim"
    break
done
wait $job
code=$?
check "a rank that writes is killed" [ "$victim" != '' -a $code != 0 -a $code != 124 ]
check "there is no file of that name" [ ! -e "$work/files/new.h5" ]
stores all
check "the next store works" [ $? = 0 ]
check "and leaves nothing beside the file" tidy

# Messages of files name the host, so that it is known on which one to look.
BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" -np 4 --map-by node \
    "$work/entry" all "$store" fast nowhere/new.h5 x add >"$work/out" 2>&1 </dev/null
check "a directory that is missing is an error" [ $? != 0 ]
check "which names host and path" grep -q ': brfile-0:nowhere/new\.h5: cannot be created: there is no directory' "$work/out"
echo "no file of HDF5" >"$work/files/data.h5"
on_hosts compute
check "which also what cannot be read does" grep -qh ': brfile-0:data\.h5: not an HDF5 file' "$work/out" "$work/errors"
echo "$failures failed"
exit "$failures"
