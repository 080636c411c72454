#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_hosts.sh - ranks on hosts of their own: what rank 0's environment says reaches every host, although mpirun forwards only
# its own variables, and a lost host ends the job. The hosts are network namespaces (tests/cluster), so this needs root.
#
# usage: test_mpi_hosts.sh DIRECTORY    where the programs mpi_settings and mpi_looks are
set -uo pipefail
program=$(realpath "$1/mpi_settings")
looks=$(realpath "$1/mpi_looks")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
virtual_hosts brhost 2 78

BRAMBLE_PEER_TIMEOUT=17 BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun \
    --mca plm_rsh_agent "$work/rsh" --oversubscribe -np 4 --map-by node "$program" >"$work/out" 2>&1 </dev/null
check "two hosts compute together" [ $? = 0 ]
check "rank 1 is on the second host" grep -q "^rank 1 on brhost-1" "$work/out"
check "a function runs once a host" grep -qx "one a host: 0 1" "$work/out"
check "rank 0's settings reach the other host" grep -q "^rank 1 .*timeout 17," "$work/out"
check "a host's own number of threads stays its own" grep -q "^rank 1 .*threads setting -1," "$work/out"

# What it is that a short value waits for where all threads of both hosts compute, their own tasks, the other one's, or submitted
# ones: the communication thread. It looks every 0.3 ms at least.
for what in own lent submitted; do
    BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 2 --map-by node "$looks" $what >"$work/out" 2>&1 </dev/null
    check "both look for messages often while tasks compute ($what)" [ "$(grep -c '^good: ' "$work/out")" = 2 ]
done
echo "$failures failed"
exit "$failures"
