#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_cores.sh - how many threads a process takes: masks of taskset, quotas of cgroups and bindings that were asked for
# are obeyed, mpirun's default binding is widened.
# usage: TEST_BUILD_DIR=DIR test_cores.sh
set -uo pipefail
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
readonly hello=$TEST_BUILD_DIR/examples/00_hello
if [ ! -x "$hello" ]; then
    echo "skipped: the examples are not built"
    exit 77
fi
unset "${!BRAMBLE_@}" "${!OMPI_MCA_@}"
failures=0

# The cores that the system lets this process have; those of a mask as taskset prints it.
cores=$(nproc)
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
last=$(taskset -cp $$ | sed 's/.*[-, ]//')
group=
trap '[ -z "$group" ] || rmdir "$group"' EXIT

# expect WHAT REGEX LINES COMMAND...: so many lines of its output match.
expect()
{
    local what=$1 regex=$2 lines=$3 output
    shift 3
    output=$(timeout -k 5 400 "$@" </dev/null 2>&1)
    if [ "$(grep -cE "$regex" <<<"$output")" = "$lines" ]; then
        echo "PASS $what"
    else
        failures=$((failures + 1))
        echo "FAIL $what: not $lines lines with '$regex' in"
        printf '    %s\n' "${output//$'\n'/$'\n'    }"
    fi
}

threads()
{
    [ "$1" = 1 ] && echo "1 thread " || echo "$1 threads "
}

expect "all cores" ": $(threads "$cores")" 1 "$hello"
expect "taskset" ": 1 thread \(1 core that this process may use\)" 1 taskset -c "$first" "$hello"

# A group of version 1 or 2 whose processes get half a core together; where we may make one.
make_group()
{
    local root
    for root in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup; do
        group=$root/bramble-test-$$
        mkdir "$group" 2>/dev/null || continue
        if [ -e "$group/cpu.cfs_quota_us" ]; then
            echo 50000 2>/dev/null >"$group/cpu.cfs_quota_us" && return 0
        elif [ -e "$group/cpu.max" ]; then
            echo "50000 100000" 2>/dev/null >"$group/cpu.max" && return 0
        fi
        rmdir "$group"
    done
    group=
    return 1
}

in_group()
{
    echo "$BASHPID" >"$group/cgroup.procs" && exec "$@"
}
if [ "$cores" -gt 1 ] && make_group; then
    export -f in_group
    export group
    # shellcheck disable=SC2016 # $0 is the inner shell's
    expect "a cgroup's quota" ": 1 thread \(1 core that this process may use\)" 1 bash -c 'in_group "$0"' "$hello"
else
    echo "SKIP a cgroup's quota: there is one core, or no right to make a group"
fi

# mpirun binds one or two ranks to a core each.
half=$((cores > 1 ? cores / 2 : 1))
widened=", mpirun's default binding widened"
[ "$cores" -gt 1 ] || widened=
expect "mpirun's default binding, one rank" ": $(threads "$cores").*may use$widened\)" 1 mpirun -np 1 "$hello"
if [ "$cores" -gt 1 ]; then
    expect "mpirun's default binding, two ranks" ": $(threads $half).*2 ranks of this host$widened\)" 2 \
        mpirun -np 2 "$hello"
    expect "a binding that was asked for" ": 1 thread .*1 core" 1 mpirun --bind-to core -np 1 "$hello"
    expect "such a binding of two ranks" ": 1 thread \\(1 core that mpirun bound this rank to" 2 \
        mpirun --bind-to core -np 2 "$hello"
    expect "taskset around mpirun" ": 1 thread .*1 core" 1 taskset -c "$first" mpirun --oversubscribe -np 1 "$hello"
    # shellcheck disable=SC2016 # so are these
    expect "taskset in a script below mpirun" ": 1 thread .*1 core" 1 \
        mpirun -np 1 bash -c 'taskset -c "$0" "$1"; exit' "$last" "$hello"
fi
echo "$failures failures"
[ $failures = 0 ]
