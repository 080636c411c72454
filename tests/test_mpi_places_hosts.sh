#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_places_hosts.sh - four hosts without a shared file system, of which one has the files: each has a directory of its own
# under the same path (a mount namespace). Needs root, as test_mpi_hosts.sh does.
#
# usage: test_mpi_places_hosts.sh DIRECTORY    where the program mpi_places is
set -uo pipefail
program=$(realpath "$1/mpi_places")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
unshare -m true 2>/dev/null || skip "this kernel or container gives no mount namespaces"
virtual_hosts brfile 4 79
mkdir "$work/files"
(cd "$work/files" && BRAMBLE_SCHEDULER=threads timeout -k 5 60 "$program" make) >"$work/out" 2>&1 </dev/null
(cd "$work/files" && BRAMBLE_SCHEDULER=threads timeout -k 5 60 "$program" cases) >"$work/alone" 2>"$work/errors" </dev/null

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
    BRAMBLE_NUM_THREADS=1 timeout -k 5 170 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 4 --map-by node "$work/there" "$program" "$@" >"$work/out" 2>"$work/errors" </dev/null
}

on_hosts explain
check "br_explain names the host" grep -q '^  data\.h5: on 1 of 4 hosts (brfile-0); its chunks travel from there$' "$work/out"
on_hosts compute
check "three runs of a sum" [ "$(grep -c '^sum' "$work/out")" = 3 ]
on_hosts cases
check "four hosts compute" [ $? = 0 ]
check "with the bits of one" diff "$work/alone" "$work/out"
echo "$failures failed"
exit "$failures"
