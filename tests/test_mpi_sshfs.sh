#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_sshfs.sh - three hosts that share a directory by sshfs, a file system with caches of its own, over their network: one
# serves it, the others mount it under the same path. Needs root, as test_mpi_hosts.sh does, sshfs and sftp-server.
#
# usage: test_mpi_sshfs.sh DIRECTORY    where the program fault_store is
set -uo pipefail
store=$(realpath "$1/fault_store")
cd "$(dirname "$0")" || exit 2

# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
sftp=$(command -v sftp-server /usr/lib/openssh/sftp-server /usr/lib/sftp-server | head -1)
{ [ -n "$sftp" ] && command -v sshfs >/dev/null; } || skip "sshfs and sftp-server are not installed"
{ [ -c /dev/fuse ] && unshare -m true 2>/dev/null; } || skip "this kernel or container mounts no file systems of users"
virtual_hosts brsftp 3 84
mkdir "$work/files"

# A connection is a process that serves files.
cat >"$work/serve.py" <<'SERVE'
import socketserver, subprocess, sys
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        subprocess.run([sys.argv[1]], stdin=self.request, stdout=self.request)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("", 7022), Handler).serve_forever()
SERVE
ip netns exec brsftp-0 python3 "$work/serve.py" "$sftp" >"$work/served" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; cluster/vcluster down >/dev/null 2>&1; rm -rf "$work"' EXIT

# Runs a program in the directory: `near` on the first host where it is, `far` on all by sshfs.
cat >"$work/entry" <<ENTRY
#!/bin/sh
how=\$1
shift
cd "$work/files" || exit 1
[ "\$how-\$(hostname)" = near-brsftp-0 ] && exec "\$@"
exec unshare -m sh -c 'cd / && { sshfs -f -o directport=7022 brsftp-0:"\$0" "\$0" & } && fs=\$!
    for i in \$(seq 400); do mountpoint -q "\$0" && break; sleep 0.1; done
    mountpoint -q "\$0" && cd "\$0" && "\$@"
    code=\$?
    cd / && umount "\$0"
    wait \$fs
    exit \$code' "$work/files" "\$@"
ENTRY
chmod +x "$work/entry"

on_hosts()
{
    BRAMBLE_LOG=info BRAMBLE_NUM_THREADS=1 timeout -k 5 400 cluster/vcluster mpirun --mca plm_rsh_agent "$work/rsh" \
        -np 3 --map-by node "$work/entry" "$@" >"$work/out" 2>&1 </dev/null
}
# Conditions, which check calls.
# shellcheck disable=SC2317
said() { grep -q "$1" "$work/out"; }
# shellcheck disable=SC2317
tidy() { [ "$(cd "$work/files" && echo ./*)" = "$1" ]; }

# shellcheck disable=SC2317 # right DATASET...: on the host that has the file
right() { for name in "$@"; do "$store" check "$work/files/new.h5" "$name" >"$work/out" 2>&1 || return 1; done; }

for _ in $(seq 200); do
    ip netns exec brsftp-1 bash -c "exec 3<>/dev/tcp/$VC_SUBNET.1/7022" 2>/dev/null && break
    sleep 0.1
done
for how in near far; do
    on_hosts $how "$store" fast new.h5 x add
    check "$how: three hosts write a file" [ $? = 0 ]
    check "which is told" said "new.h5: all 3 ranks write"
    check "its elements are right" right x
    if [ $how = near ]; then
        on_hosts $how "$store" fast new.h5 y add
        check "$how: they add to it" [ $? = 0 ]
        check "which is told" said "new.h5: all 3 ranks write"
        check "it has both" right x y
    else
        on_hosts $how "$store" check new.h5 x
        check "$how: they read it" [ $? = 0 ]
        rm "$work/files/new.h5"
        on_hosts $how "$store" resume new.h5 x packed
        check "$how: they write one in steps" [ $? = 0 ]
        check "which is told" said "new.h5: all 3 ranks write"
        check "its elements are right" right x
    fi
    check "nothing else is there" tidy "./new.h5"
    rm -f "$work"/files/*
done
echo "$failures failed"
exit "$failures"
