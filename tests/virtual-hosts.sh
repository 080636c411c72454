# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# virtual-hosts.sh - sourced by tests whose ranks are on hosts of their own: network namespaces (tests/cluster), so these need root.
# After `virtual_hosts NAME COUNT NUMBER` there are COUNT hosts NAME-0, NAME-1, ... in the subnet 10.NUMBER.0.0, both the test's alone;
# $work is a directory that goes at the end with them, and $work/rsh starts commands on them as ssh does: in an environment of their own.

skip()
{
    echo "skipped: $1"
    exit 77
}

# What a container may withhold from root, tried with the name $1. Says what is lacking.
lacking()
{
    local dir=/sys/fs/cgroup
    ip netns del "$1" 2>/dev/null # of a test that was killed
    ip netns add "$1" 2>/dev/null || { echo "no network namespaces"; return; }
    ip -n "$1" tuntap add dev tap0 mode tap 2>/dev/null || echo "no TAP devices"
    ip netns del "$1"
    : >"$work/uts"
    unshare --uts="$work/uts" true 2>/dev/null || echo "no UTS namespaces that stay"
    umount "$work/uts" 2>/dev/null
    [ -f $dir/cgroup.controllers ] || dir=$dir/freezer
    [ ! -d $dir ] || { mkdir "$dir/$1" 2>/dev/null && rmdir "$dir/$1"; } || echo "no control groups"
}

# Where all that they need is there, a cluster that does not start is a failure: else a broken one would go unnoticed.
virtual_hosts()
{
    local lack
    [ "$(id -u)" = 0 ] || skip "virtual hosts need root"
    [ -e /dev/net/tun ] || skip "virtual hosts need /dev/net/tun"
    command -v ip >/dev/null || skip "virtual hosts need iproute2"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    lack=$(lacking "$1-probe")
    [ -z "$lack" ] || skip "this kernel or container gives ${lack//$'\n'/, }"

    export VC_RUN=/run/bramble-$1 VC_SUBNET=10.$3.0 VC_BRIDGE=br$3
    trap 'cluster/vcluster down >/dev/null 2>&1; rm -rf "$work"' EXIT
    cluster/vcluster up -n "$2" -s 2 -p "$1" >"$work/up" 2>&1 || {
        echo "FAIL the virtual cluster did not start"
        cat "$work/up"
        exit 1
    }
    cat >"$work/rsh" <<RSH
#!/bin/sh
exec env -i PATH="\$PATH" HOME=/root VC_RUN=$VC_RUN VC_SUBNET=$VC_SUBNET VC_BRIDGE=$VC_BRIDGE "$PWD/cluster/netns-rsh" "\$@"
RSH
    chmod +x "$work/rsh"
}

failures=0
# What should hold, and the command that says whether it does; what $work/out has is shown when not.
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
