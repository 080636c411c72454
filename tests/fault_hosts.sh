#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fault_hosts.sh - a host that is lost while ranks compute: cable cut, network silent, frozen, without power. The job ends in time with
# one message that names the rank and its host, and no rank is left behind. Hosts are network namespaces, so this needs root.
#
# usage: fault_hosts.sh DIRECTORY    where the programs fault_array and mpi_toy are
set -uo pipefail
programs=$(realpath "$1")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
virtual_hosts brlost 3 81
# By these names ranks are counted: other tests run the same programs meanwhile.
cp "$programs/fault_array" "$programs/mpi_toy" "$work"
sleeper=$work/fault_array
toy=$work/mpi_toy

# A network that was cut takes a moment to come back: a connection is then refused, since nothing listens, and not lost.
connected()
{
    local from to said
    for from in 0 1 2; do
        for to in 1 2 3; do
            said=$(cluster/vcluster exec "brlost-$from" timeout 1 bash -c "</dev/tcp/$VC_SUBNET.$to/9" 2>&1 </dev/null)
            [[ $said = *refused* ]] || return 1
        done
    done
}

# How a program is started on all hosts.
by_hand=(env BRAMBLE_PEER_TIMEOUT=3 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" -np 3 --map-by node)
# With scripts/cluster the first to notice is mpirun, after 9 s, by the keepalive that it is given; the ranks would after 30.
by_script=(env -u BRAMBLE_PEER_TIMEOUT cluster/vcluster exec brlost-0 ../scripts/cluster run "$VC_RUN/hostfile" --ssh "$work/rsh" --)
launcher=("${by_hand[@]}")

# Three ranks on hosts of their own, started in the background, which have met and begun. Their host and network may be lost for mpirun,
# too, which would notice it after minutes.
# They must meet within BRAMBLE_PEER_TIMEOUT, the 3 s after which a rank counts as lost; a busy machine may take longer, so it begins again.
begin()
{
    for _ in 1 2 3; do
        start_job "$@"
        grep -q 'the ranks have not met' "$work/out" || break
        wait $job
    done
    sleep 1.5
    start=$SECONDS
}

start_job()
{
    for _ in $(seq 20); do
        connected && break
        sleep 0.2
    done
    : >"$work/out" # what the run before said is not this one's
    BRAMBLE_NUM_THREADS=1 timeout -k 5 400 "${launcher[@]}" "$@" >"$work/out" 2>&1 </dev/null &
    job=$!
    while kill -0 $job 2>/dev/null; do
        sleep 0.1
        grep -q '^it begins' "$work/out" && break
    done
}

ranks_alive()
{
    local n=0 pid
    for pid in $(pgrep -f "^($sleeper|$toy) "); do
        [ "$(awk '$1 == "State:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" != Z ] && n=$((n + 1))
    done
    echo $n
}

end()
{
    code=0
    { wait "$job" || code=$?; } 2>/dev/null
    seconds=$((SECONDS - start))
}

says_once() { [ "$(grep -cE -- "$1" "$work/out")" = 1 ]; }
lost() { echo "    exit code $code after $seconds s"; [ "$code" != 0 ] && [ "$code" != 124 ] && [ "$seconds" -le 20 ] && says_once "$1"; }
# Ranks that were cut off notice it by themselves.
gone()
{
    for _ in $(seq 150); do
        [ "$(ranks_alive)" = 0 ] && return
        sleep 0.1
    done
    return 1
}

# The last host is lost while everybody waits for its rank, and while all send to all.
for what in cut blackhole; do
    begin "$sleeper" sleep 60
    cluster/vcluster link brlost-2 $what
    end
    check "$what: one message in time" lost '^bramble: rank 0 on brlost-0: no sign of life from rank 2 on brlost-2 for [3-9] s'
    check "$what: no rank is left" gone
    cluster/vcluster link brlost-2 up
done
begin "$toy" exchange 100000 1000000
cluster/vcluster link brlost-2 blackhole
end
check "blackhole while values travel: one message in time" lost '^bramble: rank 0 on brlost-0: no sign of life from rank 2 on brlost-2'
check "blackhole while values travel: no rank is left" gone
cluster/vcluster link brlost-2 up

# Then the first host, where mpirun is: each of the two sides ends by itself.
begin "$sleeper" sleep 60
cluster/vcluster link brlost-0 cut
end
# It loses both others at once.
check "the first host is cut off: one message in time" lost '^bramble: rank 0 on brlost-0: no sign of life from rank ([12]) on brlost-\1 for [3-9] s'
check "the first host is cut off: no rank is left" gone
cluster/vcluster link brlost-0 up

# A frozen host answers whoever asks its kernel; its ranks end when it goes on.
begin "$sleeper" sleep 60
cluster/vcluster freeze brlost-1
end
check "frozen: one message in time" lost '^bramble: rank 0 on brlost-0: no sign of life from rank 1 on brlost-1 for [3-9] s'
cluster/vcluster thaw brlost-1
check "frozen: no rank is left after it goes on" gone

begin "$sleeper" sleep 60
cluster/vcluster kill brlost-1
end
check "a host without power: in time" lost '^(ORTE was unable|ORTE has lost|bramble: rank 0 on brlost-0: no sign of life from rank 1)'
check "a host without power: no rank is left" gone

# Open MPI's message names the host that was lost, here with one of these numbers, and the ranks have nothing to add.
noticed()
{
    echo "    exit code $code after $seconds s"
    [ "$code" != 0 ] && [ "$code" != 124 ] && says_once '^ORTE has lost communication with a remote daemon' &&
        says_once "^ +Remote daemon: .* on node brlost-[$1]\$" && ! grep -q '^bramble:' "$work/out"
}
launcher=("${by_script[@]}")
for lost in 2:2 0:12; do # mpirun is on host 0, and loses both others at once
    begin "$sleeper" sleep 60
    cluster/vcluster link "brlost-${lost%:*}" cut
    end
    check "scripts/cluster run, host ${lost%:*} is cut off: mpirun notices and says it once" noticed "${lost#*:}"
    check "scripts/cluster run, host ${lost%:*} is cut off: no rank is left" gone
    cluster/vcluster link "brlost-${lost%:*}" up
done

echo "$failures failures"
[ $failures = 0 ]
