#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_mpi_store_peaks.sh - files are stored by two and three ranks, each of which may hold 12 MiB: see mpi_store_peaks.c. h5py and
# NumPy read them.
#
# usage: test_mpi_store_peaks.sh DIRECTORY    where the program mpi_store_peaks is
set -uo pipefail
program=$(realpath "$1/mpi_store_peaks")
cd "$(dirname "$0")" || exit 2
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
unset "${!BRAMBLE_@}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

failures=0
within()
{
    BRAMBLE_MEMORY_LIMIT=12M BRAMBLE_NUM_THREADS=1 timeout -k 5 400 mpirun --oversubscribe -np "$1" "$program" 12 \
        >out 2>&1 </dev/null && [ "$(grep -c '^good: process' out)" = "$1" ]
}
# What NumPy and h5py find in the files.
cat >look.py <<'LOOK'
import sys
try:
    import h5py, numpy
except ImportError:
    sys.exit(print("    skipped: python3-h5py is needed to look at the files"))
place = numpy.arange(3072 * 3072, dtype=numpy.uint32).reshape(3072, 3072)
want = (place * numpy.uint32(2654435761) >> numpy.uint32(12)).astype(float)
found = h5py.File("peaks.h5", "r")
assert sorted(found) == ["a", "b", "c"]
assert all((found[name][...] == want).all() for name in "abc")
assert (numpy.load("peaks.npy") == want).all()
LOOK
for ranks in 2 3; do
    if within $ranks && /usr/bin/python3 look.py; then
        echo "PASS $ranks ranks"
    else
        echo "FAIL $ranks ranks"
        failures=$((failures + 1))
    fi
    sed 's/^/    /' out
    rm -f peaks.*
done
exit $failures
