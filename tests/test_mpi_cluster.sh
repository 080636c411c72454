#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_cluster.sh - scripts/cluster on three hosts of their own: the table and the links, the library that goes to each of them, a
# program that gets all cores of a host, one that is copied since a host does not have it, and where files with relative names are.
#
# usage: test_mpi_cluster.sh DIRECTORY    where the programs mpi_settings and mpi_places are
set -uo pipefail
program=$(realpath "$1/mpi_settings")
places=$(realpath "$1/mpi_places")
build=$(realpath "$1/..")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
virtual_hosts brpi 3 79
hostfile=$VC_RUN/hostfile

# What a program that hangs was waiting for is in what it says. That a rank then "failed to TCP connect" only means that the
# other one has gone first, ended by this timeout: the error that Open MPI names there is an earlier one of its thread.
export BRAMBLE_WATCHDOG=60
on_host()
{
    local host=$1
    shift
    timeout -k 5 400 cluster/vcluster exec "$host" ../scripts/cluster "$@" >"$work/out" 2>&1 </dev/null
}

on_first()
{
    on_host brpi-0 "$@"
}

on_first check "$hostfile" --ssh "$work/rsh"
check "the hosts differ in their cards only in name" [ $? = 1 ]
check "which is found" [ "$(grep -c 'machine-id as brpi-0' "$work/out")" = 2 ]
check "nothing else is" [ "$(grep -cE '^ *[0-9]+\. ' "$work/out")" = 2 ]
check "six links are measured" [ "$(grep -oE '[0-9]+ / [0-9]+' "$work/out" | wc -l)" = 6 ]
check "on virtual links of 150 microseconds" bash -c "! grep -qE ' [0-9]{1,2} / | 1[0-3][0-9] / ' '$work/out'"

cluster/vcluster link brpi-2 cut
on_first check "$hostfile" --ssh "$work/rsh"
check "a cut cable is found from both other hosts" [ "$(grep -c "brpi-2: brpi-[01] can't connect" "$work/out")" = 2 ]
cluster/vcluster link brpi-2 up

# Each host sees a disk of its own where the library goes.
mkdir "$work/prefix" "$work/brpi-1" "$work/brpi-2"
cat >"$work/rsh-disks" <<RSH
#!/bin/sh
host=\$1
shift
exec "$work/rsh" "\$host" "mount --bind '$work/\$host' '$work/prefix' &&" "\$@"
RSH
chmod +x "$work/rsh-disks"
on_first install "$hostfile" --ssh "$work/rsh-disks" --no-packages --tree "$build" --prefix "$work/prefix"
check "the library is installed" [ $? = 0 ]
check "on three hosts" [ "$(grep -cE "^brpi-[012]: installed in $work/prefix$" "$work/out")" = 3 ]
check "where it can be read" [ "$(find -L "$work/prefix" "$work"/brpi-[12] -name libbramble.so -type f -size +0 | wc -l)" = 3 ]
sent=/tmp/bramble-0/install
rm -f $sent/bramble.tar.gz $sent/packages.txt $sent/scripts/setup
rmdir --ignore-fail-on-non-empty $sent/scripts $sent

# mpirun binds one or two ranks to a core each. The library takes all cores of the host, on another one than mpirun's, too.
unset BRAMBLE_NUM_THREADS
on_first run "$hostfile" --ssh "$work/rsh" -np 2 --mpirun "--map-by node --report-bindings" -- "$program"
check "two ranks run" [ $? = 0 ]
for rank in 0 1; do
    [ "$(nproc)" = 1 ] || check "mpirun binds rank $rank to a core" grep -q "rank $rank bound to" "$work/out"
    check "rank $rank has a thread for each core of its host" grep -q "^rank $rank on brpi-$rank: .*, threads $(nproc)$" "$work/out"
done

on_host brpi-1 run "$hostfile" --ssh "$work/rsh" -- "$program"
check "a program that all hosts have runs" [ $? = 0 ]
check "where it is" grep -q "^rank 2 on brpi-2" "$work/out"
check "with rank 0 where it was called" grep -q "^rank 0 on brpi-1" "$work/out"
check "which it says" grep -q "names of files without / in front mean brpi-1:$PWD$" "$work/out"
check "without copying" bash -c "! grep -q copied '$work/out'"

# Host 1 sees an empty directory where the program is.
cat >"$work/rsh-hidden" <<RSH
#!/bin/sh
host=\$1
shift
[ "\$host" = brpi-1 ] && set -- "mount -t tmpfs none '$(dirname "$program")' &&" "\$@"
exec "$work/rsh" "\$host" "\$@"
RSH
chmod +x "$work/rsh-hidden"
on_first run "$hostfile" --ssh "$work/rsh-hidden" -- "$program"
check "a program that a host lacks runs" [ $? = 0 ]
check "copied" grep -q "copied to /tmp/bramble-0/.* on 3 hosts" "$work/out"
check "also there" grep -q "^rank 1 on brpi-1" "$work/out"
# And nothing of others, who may test here, too.
copied=$(grep -oE '/tmp/bramble-0/[^/ ]+' "$work/out" | head -1)
[ -z "$copied" ] || rm -rf "$copied"
rmdir --ignore-fail-on-non-empty /tmp/bramble-0
# On each host but the one that the command is given on, the directory stands for another one, or, where a host has none, is not there.
mkdir -p "$work"/{above/files,brpi-1-above/files,brpi-2-above/files,home}
cat >"$work/rsh-own" <<RSH
#!/bin/sh
host=\$1
shift
exec "$work/rsh" "\$host" "export HOME='$work/home'; mount --bind '$work/\$host-above' '$work/above' && cd / &&" "\$@"
RSH
chmod +x "$work/rsh-own"
files_of()
{
    find "$work/above" "$work"/brpi-[12]-above "$work/home" -name 'data.h5' -printf '%P in %H\n' | sed "s:$work/::" | sort
}

# In that directory, with the hosts of a hostfile.
in_files()
{
    local hostfile=$1 cluster
    shift
    cluster=$(realpath ../scripts/cluster)
    # shellcheck disable=SC2016 # the inner shell's
    timeout -k 5 400 cluster/vcluster exec brpi-0 sh -c 'cd "$0" && exec "$@"' "$work/above/files" \
        "$cluster" run "$hostfile" --ssh "$work/rsh-own" -- "$places" "$@" >"$work/out" 2>&1 </dev/null
}

in_files "$hostfile" make
check "a program stores files with relative names" [ $? = 0 ]
check "they are on rank 0's host only" [ "$(files_of)" = "files/data.h5 in above" ]
check "as was said" grep -q "^cluster: rank 0 is on brpi-0; .* mean brpi-0:$work/above/files\$" "$work/out"
in_files "$hostfile" once
check "what they hold travels to the others" [ $? = 0 ]
find "$work/above/files" -type f -delete
in_files "$hostfile" once
check "a file that is not there is an error" [ $? != 0 ]
check "which names host and file, once" [ "$(grep -o '[^ ]*data\.h5: No such file or directory' "$work/out")" = "brpi-0:data.h5: No such file or directory" ]

# Called on a machine that is none of the hosts: rank 0 is on the first of them.
grep -v '^brpi-0' "$hostfile" >"$work/others"
in_files "$work/others" make
check "rank 0 is elsewhere: files are stored" [ $? = 0 ]
check "on its host only" [ "$(files_of)" = "files/data.h5 in brpi-1-above" ]
check "as was said" grep -q "^cluster: rank 0 is on brpi-1; .* mean brpi-1:$work/above/files\$" "$work/out"
rm -r "$work/brpi-1-above/files"
in_files "$work/others" make
check "rank 0's host has no such directory: files are stored" [ $? = 0 ]
check "in its home only" [ "$(files_of)" = "data.h5 in home" ]
check "as was said" grep -q "mean brpi-1:the home directory, since $work/above/files is not there\$" "$work/out"
echo "$failures failed"
exit "$failures"
