#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# sweep.sh - runs one program under every scheduler, thread count and rank count, and compares the bytes:
# standard output, and every file that the program writes into its working directory.
#
# usage: sweep.sh --name NAME --program FILE [--configurations LIST] [--expected FILE] [--lines REGEX | --each REGEX]
#                 [--varying REGEX] [--args ARG...]
#   --expected FILE  standard output must equal this file, too
#   --lines REGEX    compare only these lines (the others hold times, say); none of them is an error
#   --each REGEX     compare nothing, each output must match by itself; %r stands for the number of ranks
#   --varying REGEX  files of these names need not be equal (they hold times), only be there and not be empty
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh

configurations="sync:1 threads:1 threads:2 threads:4 mpi:1 mpi:2 mpi:3 mpi:4"
# Only against hangs: a loaded machine takes its time.
readonly seconds=400

name='' program='' expected='' lines='' each='' varying=''
args=()
while [ $# -gt 0 ]; do
    case $1 in
    --name) name=$2; shift 2 ;;
    --program) program=$(realpath "$2"); shift 2 ;;
    --configurations) configurations=$2; shift 2 ;;
    --expected) expected=$(realpath "$2"); shift 2 ;;
    --lines) lines=$2; shift 2 ;;
    --each) each=$2; shift 2 ;;
    --varying) varying=$2; shift 2 ;;
    --args) shift; args=("$@"); break ;;
    *) echo "sweep.sh: unknown argument $1" >&2; exit 2 ;;
    esac
done

# Runs one configuration in the current directory.
run()
{
    local scheduler=${1%:*} count=${1#*:}
    case $scheduler in
    sync) BRAMBLE_SCHEDULER=sync timeout -k 5 $seconds "$program" "${args[@]}" ;;
    threads) BRAMBLE_SCHEDULER=threads BRAMBLE_NUM_THREADS=$count timeout -k 5 $seconds "$program" "${args[@]}" ;;
    mpi) timeout -k 5 $seconds mpirun --oversubscribe -np "$count" "$program" "${args[@]}" ;;
    esac </dev/null
}

# same A B: HDF5 files are compared by content, since threads place their chunks as they finish.
same()
{
    case $1 in
    *.nc | *.h5) h5diff "$1" "$2" ;;
    *) cmp "$1" "$2" ;;
    esac
}

fail()
{
    echo "sweep of $name: $*" >&2
    exit 1
}

# The settings of whoever started the tests must not decide.
unset "${!BRAMBLE_@}"
# What a program that hangs was waiting for is in its errors.
export BRAMBLE_WATCHDOG=30

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
first=
for configuration in $configurations; do
    here=$work/$configuration
    mkdir -p "$here/files"
    status=0
    (cd "$here/files" && run "$configuration" >../all 2>../errors) || status=$?
    if [ $status != 0 ]; then
        cat "$here/all" "$here/errors"
        [ $status = 77 ] && exit 77 # what it needs is not installed
        [ $status = 124 ] && fail "$configuration did not end within $seconds s"
        fail "$configuration ended with status $status"
    fi
    if [ -n "$each" ]; then
        case $configuration in mpi:*) ranks=${configuration#*:} ;; *) ranks=1 ;; esac
        cat "$here/all"
        grep -qE -- "${each//%r/$ranks}" "$here/all" || fail "$configuration printed nothing like '${each//%r/$ranks}'"
        continue
    fi
    if [ -n "$lines" ]; then
        grep -E -- "$lines" "$here/all" >"$here/stdout" ||
            { cat "$here/all" "$here/errors"; fail "$configuration printed no line like '$lines'"; }
    else
        mv "$here/all" "$here/stdout"
    fi
    first=${first:-$here}
    diff -u "$first/stdout" "$here/stdout" || fail "$configuration printed something else than ${first##*/}"
    diff <(ls "$first/files") <(ls "$here/files") || fail "$configuration wrote other files than ${first##*/}"
    for file in "$first"/files/*; do
        [ -e "$file" ] || continue
        if [ -n "$varying" ] && [[ ${file##*/} =~ $varying ]]; then
            [ -s "$here/files/${file##*/}" ] || fail "$configuration wrote an empty ${file##*/}"
            continue
        fi
        same "$file" "$here/files/${file##*/}" || fail "$configuration wrote another ${file##*/} than ${first##*/}"
    done
done
if [ -n "$each" ]; then
    exit 0
fi
if [ -n "$expected" ]; then
    diff -u "$expected" "$first/stdout" || fail "the output is not the expected one"
fi
cat "$first/stdout"
echo "sweep of $name: same bytes under $configurations"
