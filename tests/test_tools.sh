#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_tools.sh - what we write is read by h5py, netCDF4, xarray and HDF5's own tools.
#
# usage: test_tools.sh DIRECTORY    where the program make_netcdf is
set -euo pipefail
program=$(realpath "$1/make_netcdf")
cd "$(dirname "$0")"
unset "${!BRAMBLE_@}"

python=/usr/bin/python3
$python -c 'import h5py, netCDF4, xarray' 2>/dev/null ||
    { echo "skipped: python3-h5py, python3-netcdf4 and python3-xarray are needed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$python test_tools.py make "$work"
BRAMBLE_NUM_THREADS=2 "$program" "$work"
$python test_tools.py check "$work"
for file in "$work"/*.nc "$work"/*.h5; do
    h5dump "$file" >"$work/dump"
    grep -q bramble "$work/dump" && { echo "$file has a hidden name"; exit 1; }
    h5ls -rv "$file" >"$work/dump"
done
echo "PASS h5dump and h5ls"
