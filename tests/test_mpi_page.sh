#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_page.sh - the commands that docs/pi-cluster.md shows are given as they stand there, on four hosts with the names that they
# have there: each is accepted and prints what the page says. A command that nobody knows how to try is a failure.
#
# usage: test_mpi_page.sh DIRECTORY    of the test programs; the build tree above it has the examples
# shellcheck disable=SC2016,SC2317 # backquotes are the page's, and check calls functions
set -uo pipefail
build=$(realpath "$1/..")
cd "$(dirname "$0")" || exit 2
top=$(realpath ..)
page=$top/docs/pi-cluster.md
# shellcheck source=tests/virtual-hosts.sh
. ./virtual-hosts.sh
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
[ -x "$build/examples/04_climate" ] || skip "the examples are not built"
for name in cmake mpirun python3; do
    [[ $(command -v $name) != /usr/local/* ]] || skip "$name is in /usr/local, which is each host's own here"
done
virtual_hosts pi 4 91 # the page's subnet
unset "${!BRAMBLE_@}"
here=$work/bramble
mkdir "$here" "$here/build" "$work/bin"
ln -s "$top/scripts" "$top/packages.txt" "$here"
ln -s "$build" "$here/build/release"

# A host's own /etc, with a name and a number of its own, and its own /usr/local: the library is installed there.
for host in pi-0 pi-1 pi-2 pi-3; do
    mkdir -p "$work/$host/local"
    cp -a /etc "$work/$host/etc"
    cp "$VC_RUN/$host.hosts" "$work/$host/etc/hosts"
    echo "$host" | md5sum | cut -c1-32 >"$work/$host/etc/machine-id"
done
cat >"$work/own" <<OWN
mkdir -p -m 700 /tmp/bramble-0
mount --bind "$work/\$(hostname)/etc" /etc && mount --bind "$work/\$(hostname)/local" /usr/local &&
    mount -t tmpfs none /var/cache && mount -t tmpfs none /tmp/bramble-0 || exit 1
OWN
# ssh by its name, since the commands have no --ssh.
cat >"$work/bin/ssh" <<SSH
#!/bin/sh
while :; do
    case \$1 in
    -o) shift 2 ;;
    -*) shift ;;
    *) break ;;
    esac
done
host=\$1
shift
exec "$work/rsh" "\$host" ". '$work/own' && cd &&" "\$@"
SSH
chmod +x "$work/bin/ssh"

# The commands of blocks (with a $ in front, or without) and between backquotes: those that call what is here or mpirun. What the
# last table has first are messages, and test_cluster.py looks for those.
starts='^([$] )?([A-Z]+=[^ ]* )*(scripts/|build/release/|mpirun|cmake|-)'
blocks() { awk '/^```/ { inside = !inside; next } inside' "$page" | grep -E "$starts"; }
spans() { awk '/^```/ { inside = !inside; next } !inside' "$page" | sed 's/^| `[^`]*` |//' | grep -oE '`[^`]*`' | tr -d '`' | grep -E "$starts|^BRAMBLE_.*="; }
commands() { { blocks && spans; } | sed -E 's/^\$ //; s/ +#.*//' | awk '!seen[$0]++'; }

# On pi-0, in the directory of bramble.
on_first()
{
    PATH=$work/bin:$PATH timeout -k 5 400 cluster/vcluster exec pi-0 sh -c ". '$work/own' && cd '$here' && $1" >"$work/out" 2>&1 </dev/null
}

works() { check "$1" on_first "${2-$1}"; }

# The lines that follow a command in its block; a line that goes on is one.
shown_after() { grep -F -A 40 -- "\$ $1" "$page" | sed '1d; /^```/,$d; /^\$ /,$d' | sed -E ':more; /\\$/ { N; s/\\\n +//; b more }'; }

# Without what differs from run to run: where it is, bits that depend on the processor, what the run cost; and without a warning of
# mpirun's that only virtual hosts get (cluster/README.md).
same_text()
{
    grep -v ' plm:rsh: Warning: setpgid' | sed -E "s:$here/?(\$):/home/pi/bramble\1:; s:$here/::g" | sed -E 's/^digest .*/digest/; /^this run/,$ s/^(  [a-z ]*[a-z]) .*/\1/'
}
prints() { diff <(shown_after "$1" | same_text) <(same_text <"$work/out") >"$work/different" || { cat "$work/different"; false; }; }

# The columns of tables: the names are apart by two blanks.
headers() { grep -E '^(host|us / Mbit/s)  ' "$1" | sed -E 's/  +/|/g'; }
has_headers() { [ "$(headers "$page")" = "$(headers "$work/out")" ]; }

examples() { sed -n '/^## 6/,/^## A dir/p' "$page" | grep -oE '^`[0-9]{2}_[a-z]+' | tr -d '`'; }

# How a command of the page is tried.
try()
{
    local command=$1 name
    case $command in
    *scripts/demo) # it builds
        check "$command is there" test -x "$top/${command##* }"
        check "$command reads its setting" grep -q "{${command%%=*}:-" "$top/${command##* }"
        ;;
    'scripts/cluster install machines'*)
        # Hosts have no network to get packages from.
        "$top/scripts/setup" --dry-run build | grep -qE 'all packages are here|no Debian' || command+=" --no-packages"
        works "$command"
        check "the library is on four hosts" [ "$(grep -cx 'pi-[0-3]: installed in /usr/local' "$work/out")" = 4 ]
        ;;
    'scripts/cluster check machines')
        works "$command"
        check "says nothing to fix" grep -qx 'nothing to fix' "$work/out"
        check "has the columns of the page" has_headers
        ;;
    *examples/NAME)
        for name in $(examples); do
            check "there is an example $name" test -x "$build/examples/$name"
        done
        works "${command/NAME/12_workers}"
        for name in 0 1 2 3; do
            check "worker $name says what the page says" grep -qxFf <(grep -x "hello from worker $name .*" "$page") "$work/out"
        done
        ;;
    'scripts/cluster run machines -- '*)
        works "$command"
        check "it prints what the page says" prints "$command"
        ;;
    'scripts/cluster '[a-z]*) works "$command --help" ;;
    'build/release/'*) works "$command" ;;
    mpirun) check "mpirun is there" command -v mpirun ;;
    mpirun*) works "$command /bin/true" "$command -np 1 /bin/true" ;;
    -x*) works "scripts/cluster run machines --mpirun '$command' -- /bin/true" ;;
    '-np N') works "scripts/cluster run machines -np 5 -- /bin/true" ;;
    -*) works "scripts/cluster run machines $command -- /bin/true" ;;
    BRAMBLE_*) settings+="$command " ;; # together, below
    *) check "it is known how to try: $command" false ;;
    esac
}

# The hostfile is a block of the page, too.
grep -E '^pi-[0-9] slots=' "$page" >"$here/machines"
check "the page has a hostfile of four hosts" [ "$(wc -l <"$here/machines")" = 4 ]
settings=
mapfile -t all < <(commands)
: >"$work/out"
check "the page has commands" [ ${#all[@]} -ge 15 ]
for command in "${all[@]}"; do
    try "$command"
done

# The settings that it names; and what one of them makes visible.
works "${settings}scripts/cluster run machines -- build/release/examples/04_climate climate.nc out.nc out.ppm"
said=$(grep -oE '`all [0-9]+ ranks [^`]*`' "$page" | tr -d '`')
check "the log says what the page says: $said" grep -qF -- "$said" "$work/out"
rmdir --ignore-fail-on-non-empty /tmp/bramble-0
echo "$failures failed"
exit "$failures"
