#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# symbols.sh - what the shared library exports is what the public headers declare with BR_API, no more, no less.
# usage: symbols.sh LIBRARY INCLUDE_DIRECTORY
set -euo pipefail
library=$1 include=$2
read -ra mpi_flags <<<"$(pkg-config --cflags mpi-c)"  # for <bramble/mpi.h>

exported()
{
    nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

# BR_API is an attribute after preprocessing; the name declared is the one before the first parenthesis.
declared()
{
    (cd "$include" && printf '#include <%s>\n' bramble/*.h) |
        gcc -E -P "-I$include" "${mpi_flags[@]}" -x c - |
        perl -0777 -ne 'while (/__attribute__\s*\(\(visibility\("default"\)\)\)([^;]*);/g) {
            my $d = $1; $d =~ s/__attribute__\s*\(\(.*//s;
            print "$1\n" if $d =~ /(\w+)\s*\(/ or $d =~ /(\w+)\s*(\[[^\]]*\])?\s*$/ }' |
        grep '^br_' | sort -u  # mpi.h marks its own in the same way
}

status=0
if exported | grep -v '^br_'; then
    echo "these names are exported without the prefix br_" >&2
    status=1
fi
if ! diff <(declared) <(exported); then
    echo "< is declared with BR_API and not exported, > is exported and not declared" >&2
    status=1
fi
echo "$(exported | wc -l) exported symbols"
exit $status
