#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - installs into a temporary prefix and builds an outside program in every way that the README shows:
# pkg-config with the shared and the static library, find_package, add_subdirectory.
# usage: run.sh SOURCE_DIRECTORY BUILD_DIRECTORY WORK_DIRECTORY
set -euo pipefail
source=$1 build=$2 work=$3
here=$source/tests/package

say()
{
    printf '== %s\n' "$*"
}

rm -rf "$work"
mkdir -p "$work"
say "install, then move the tree: nothing in it may name its place"
cmake --install "$build" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name libbramble.a)")
export PKG_CONFIG_PATH=$libdir/pkgconfig

say "pkg-config, shared"
read -ra cflags <<<"$(pkg-config --cflags bramble)"
read -ra libs <<<"$(pkg-config --libs bramble)"
if [ "${#cflags[@]}" != 1 ]; then
    echo "bramble.pc gives its users more than one directory of headers: ${cflags[*]}" >&2
    exit 1
fi
gcc -std=c11 "${cflags[@]}" "$here/main.c" "${libs[@]}" -o "$work/shared"
LD_LIBRARY_PATH=$libdir "$work/shared"
say "the library finds its own programs"
LD_LIBRARY_PATH=$libdir "$work/shared" "$work/install.log" | grep "not an HDF5 file"

say "pkg-config, static"
read -ra libs <<<"$(pkg-config --static --libs bramble)"
libs=("${libs[@]/#-lbramble/-l:libbramble.a}")
gcc -std=c11 "${cflags[@]}" "$here/main.c" "${libs[@]}" -o "$work/static"
if ldd "$work/static" | grep libbramble; then
    echo "the static program needs the shared library" >&2
    exit 1
fi
"$work/static"

# cmake_way NAME CMAKE_ARGUMENTS... - configures, builds and runs the outside program.
cmake_way()
{
    local tree=$work/$1
    { cmake -S "$here" -B "$tree" "${@:2}" && cmake --build "$tree" -j "$(nproc)"; } >"$tree.log" 2>&1 ||
        { cat "$tree.log"; exit 1; }
    "$tree/with_bramble"
    "$tree/with_bramble_static"
}
say "find_package"
cmake_way find_package -DCMAKE_PREFIX_PATH="$work/prefix"
say "add_subdirectory"
cmake_way add_subdirectory -DBRAMBLE_SOURCE="$source" -DBRAMBLE_KERNEL_FLAGS=-O0
