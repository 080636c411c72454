# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# verdicts.sh - sourced from tests/ by the scripts that run $program and judge how it ended and what it said.
# shellcheck source=tests/mpi-root.sh
. ./mpi-root.sh
unset "${!BRAMBLE_@}" # the settings of whoever started the tests must not decide

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# timed COMMAND...: what it wrote in $work/out, its exit code in $code (124: it hung), the time in $seconds.
timed()
{
    local start=$SECONDS
    code=0
    { timeout -k 5 400 "$@" >"$work/out" 2>&1 </dev/null || code=$?; } 2>/dev/null
    seconds=$((SECONDS - start))
}

# ranks N ARGUMENTS...: runs the program on so many.
# shellcheck disable=SC2154
ranks() { timed mpirun --oversubscribe -np "$1" "$program" "${@:2}"; }

# verdict NAME COMMAND...: whether the command is true of the last run; false counts as a failure.
verdict()
{
    local name=$1
    shift
    if "$@"; then
        echo "PASS $name"
        return
    fi
    echo "FAIL $name (exit code $code after $seconds s)"
    sed 's/^/    /' "$work/out" | head -40
    failures=$((failures + 1))
}

says() { grep -qE -- "$1" "$work/out"; }
says_once() { [ "$(grep -cE -- "$1" "$work/out")" = 1 ]; } # however many ranks there are
says_all() { local text; for text; do says "$text" || return 1; done; }

# The last line of a script, and its exit code.
summary()
{
    echo "$failures failures"
    [ "$failures" = 0 ]
}
