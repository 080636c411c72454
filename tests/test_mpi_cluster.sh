#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_cluster.sh - scripts/cluster on three hosts of their own: the table and the links, and a program that is copied since one host
# does not have it.
#
# usage: test_mpi_cluster.sh DIRECTORY    where the program mpi_settings is
set -uo pipefail
program=$(realpath "$1/mpi_settings")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
virtual_hosts brpi 3 79
hostfile=$VC_RUN/hostfile

on_first()
{
    timeout -k 5 90 cluster/vcluster exec brpi-0 ../scripts/cluster "$@" >"$work/out" 2>&1 </dev/null
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

on_first run "$hostfile" --ssh "$work/rsh" -- "$program"
check "a program that all hosts have runs" [ $? = 0 ]
check "where it is" grep -q "^rank 2 on brpi-2" "$work/out"
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
rm -rf /tmp/bramble-0
echo "$failures failed"
exit "$failures"
