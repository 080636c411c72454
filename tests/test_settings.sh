#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# test_settings.sh - docs/settings.md has the table that BRAMBLE_HELP=1 prints, row by row.
# usage: TEST_BUILD_DIR=DIR test_settings.sh
set -euo pipefail
cd "$(dirname "$0")/.."
readonly hello=$TEST_BUILD_DIR/examples/00_hello
if [ ! -x "$hello" ]; then
    echo "skipped: the examples are not built"
    exit 77
fi
unset "${!BRAMBLE_@}"

rows()
{
    grep '^BRAMBLE_'
}
printed=$(BRAMBLE_HELP=1 "$hello" 2>/dev/null | rows)
if ! diff -u --label docs/settings.md --label "BRAMBLE_HELP=1" <(rows <docs/settings.md) - <<<"$printed"; then
    echo "docs/settings.md does not show the settings as they are"
    exit 1
fi
echo "$(wc -l <<<"$printed") settings are documented"
