#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_hosts.sh - ranks on hosts of their own: what rank 0's environment says reaches every host, although mpirun forwards only
# its own variables, and a lost host ends the job. The hosts are network namespaces (tests/cluster), so this needs root.
#
# usage: test_mpi_hosts.sh DIRECTORY    where the program mpi_settings is
set -uo pipefail
program=$(realpath "$1/mpi_settings")
cd "$(dirname "$0")" || exit 2

skip()
{
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "virtual hosts need root"
[ -e /dev/net/tun ] || skip "virtual hosts need /dev/net/tun"
command -v ip >/dev/null || skip "virtual hosts need iproute2"
ip netns add bramble-probe 2>/dev/null || skip "this kernel or container gives no network namespaces"
ip netns del bramble-probe

export VC_RUN=/run/bramble-test-cluster VC_SUBNET=10.78.0 VC_BRIDGE=brtest0
work=$(mktemp -d)
trap 'cluster/vcluster down >/dev/null 2>&1; rm -rf "$work"' EXIT
cluster/vcluster up -n 2 -s 2 -p brhost >"$work/up" 2>&1 || { cat "$work/up"; skip "the virtual cluster did not start"; }

# As ssh does it: the environment of the remote side is its own.
cat >"$work/rsh" <<RSH
#!/bin/sh
exec env -i PATH="\$PATH" HOME=/root VC_RUN=$VC_RUN VC_SUBNET=$VC_SUBNET VC_BRIDGE=$VC_BRIDGE "$PWD/cluster/netns-rsh" "\$@"
RSH
chmod +x "$work/rsh"

failures=0
check()
{
    local what=$1
    shift
    if "$@"; then
        echo "PASS $what"
    else
        echo "FAIL $what"
        cat "$work/out"
        failures=$((failures + 1))
    fi
}

BRAMBLE_PEER_TIMEOUT=17 BRAMBLE_NUM_THREADS=1 timeout -k 5 60 cluster/vcluster mpirun \
    --mca plm_rsh_agent "$work/rsh" -np 2 --map-by node "$program" >"$work/out" 2>&1 </dev/null
check "two hosts compute together" [ $? = 0 ]
check "rank 1 is on the second host" grep -q "^rank 1 on brhost-1" "$work/out"
check "rank 0's settings reach the other host" grep -q "^rank 1 .*timeout 17," "$work/out"
check "a host's own number of threads stays its own" grep -q "^rank 1 .*threads setting -1," "$work/out"
echo "$failures failed"
exit "$failures"
