#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# header.sh - compiles one public header alone, twice included, as strict C11 and as C++17 with every compiler here.
# usage: header.sh INCLUDE_DIRECTORY HEADER
set -euo pipefail
include=$1 header=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#include <%s>\n#include <%s>\nint main(void)\n{\n    return 0;\n}\n' "$header" "$header" >"$work/use.c"
cp "$work/use.c" "$work/use.cc"

flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only "-I$include")
# The one header about MPI communicators is the one that may need mpi.h.
if [ "$header" = bramble/mpi.h ]; then
    read -ra mpi_flags <<<"$(pkg-config --cflags mpi-c)"
    flags+=("${mpi_flags[@]/#-I/-isystem}")
fi

compile()
{
    if command -v "$1" >/dev/null; then
        echo "$1 $2 $header"
        "$1" "$2" "${flags[@]}" "$3"
    else
        echo "$1 is not installed: not tried"
    fi
}
compile gcc -std=c11 "$work/use.c"
compile clang -std=c11 "$work/use.c"
compile g++ -std=c++17 "$work/use.cc"
compile clang++ -std=c++17 "$work/use.cc"
