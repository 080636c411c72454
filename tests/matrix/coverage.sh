#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# coverage.sh - every function of the public headers that takes or makes arrays has a row in the matrix of cases, or a
# line with a reason in exceptions.txt.
# usage: coverage.sh PROGRAM INCLUDE_DIRECTORY
set -euo pipefail
program=$1 include=$2
here=$(cd "$(dirname "$0")" && pwd)

# Declarations with BR_API up to their semicolon, without comments; those about arrays, by name.
declared()
{
    cat "$include"/bramble/*.h | perl -0777 -ne '
        s{/\*.*?\*/}{}gs; s{//[^\n]*}{}g; s{^\s*#(?:[^\n]*\\\n)*[^\n]*}{}gm;
        while (/\bBR_API\b([^;]*);/g) {
            my $d = $1;
            next unless $d =~ /\bbr_(array|operand|result)\b|_args\b/;
            print "$1\n" if $d =~ /\bbr_(\w+?)_?\s*\(/;
        }' | sort -u
}

rows()
{
    "$program" --list | sed 's/(.*//' | tr -s ' ' '\n' | grep . | sort -u
}

exceptions()
{
    grep -v '^#' "$here/exceptions.txt" | awk 'NF > 1 { print $1 }' | sort -u
}

status=0
complain()
{
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2" >&2
        status=1
    fi
}
complain "functions without a row in tests/matrix (or a reason in exceptions.txt)" \
    "$(comm -23 <(declared) <(sort -u <(rows) <(exceptions)))"
complain "exceptions for functions that are not there" "$(comm -13 <(declared) <(exceptions))"
complain "exceptions for functions that have a row" "$(comm -12 <(rows) <(exceptions))"
echo "$(declared | wc -l) functions about arrays, $(exceptions | wc -l) of them without a row"
exit $status
