#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# libfuzzer.sh - runs each fuzz target under clang's libFuzzer for a second or two. Only the sources that parse are compiled
# for it, with the address sanitizer; the rest comes from the static library, so this takes seconds. scripts/fuzz is thorough.
# usage: libfuzzer.sh SOURCE_DIRECTORY WORK_DIRECTORY LIBRARY INCLUDE_DIRECTORIES LIBRARIES...
set -euo pipefail
source=$1 work=$2 library=$3
IFS=';' read -r -a folders <<<"$4"
shift 4
unset "${!BRAMBLE_@}"

flags=(-std=gnu11 -D_GNU_SOURCE -O1 -g1 -ffp-contract=off -fno-omit-frame-pointer -I"$source" -I"$source/include")
for folder in "${folders[@]}"; do
    flags+=(-isystem "$folder")
done

# What parses bytes: chunks and headers of files, texts, expressions from other ranks.
parsers=("$source"/array/io/{hdf5_{bits,box,decode,filter,plain,read,shuffle,unpack},npy_{header,read}}.c
    "$source"/array/ops/{index_text,elementwise,index,matmul,random,reduce,source,take,user,view}.c
    "$source"/array/ops/text/*.c "$source"/array/expr/*.c)

mkdir -p "$work"
if ! command -v clang >/dev/null; then
    echo "skipped: clang is not installed"
    exit 77
fi
echo 'int LLVMFuzzerTestOneInput(const char *p, long n); int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n < 0; }' >"$work/try.c"
if ! clang -fsanitize=fuzzer,address "$work/try.c" -o "$work/try" >"$work/try.log" 2>&1; then
    echo "skipped: this clang has no libFuzzer (package libclang-rt-dev): $(head -1 "$work/try.log")"
    exit 77
fi

rm -rf "$work/objects"
mkdir "$work/objects"
(cd "$work/objects" && clang "${flags[@]}" -fsanitize=fuzzer-no-link,address -c "${parsers[@]}" "$source/tests/fuzz/seeds.c")

# libhdf5 and MPI keep what they have allocated.
options=detect_leaks=0:allocator_may_return_null=1
status=0
for file in "$source"/tests/fuzz/fuzz_*.c; do
    target=$(basename "$file" .c) code=0
    export ASAN_OPTIONS=$options
    # A node of another rank may have any number of chunks: forged ones find little memory, as on a Pi.
    [ "$target" != fuzz_wire ] || ASAN_OPTIONS=$options:max_allocation_size_mb=64
    program=$work/$target seeds=$work/seeds.$target
    clang "${flags[@]}" -fsanitize=fuzzer,address "$file" "$work"/objects/*.o "$library" "$@" -lpthread -lm -ldl -o "$program"
    rm -rf "$seeds"
    mkdir "$seeds"
    "$program" --seeds "$seeds"
    find "$source/tests/fuzz" -path "*/found/$target-*" -exec cp -t "$seeds" {} +
    for most in 1 10 60; do # a machine with much else to do may need more than a second for a hundred inputs
        "$program" -max_total_time=$most -max_len=8192 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$work/found-$target-" "$seeds" >"$program.log" 2>&1 || code=$?
        inputs=$(sed -n 's/.*number_of_executed_units: *//p' "$program.log")
        if [ $code != 0 ] || [ "${inputs:-0}" -ge 100 ]; then
            break
        fi
    done
    echo "$target: exit code $code, ${inputs:-no} inputs, $(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$program.log" | tail -1) edges reached"
    if [ $code != 0 ] || [ "${inputs:-0}" -lt 100 ]; then
        grep -vE '^#[0-9]+.*cov:|^INFO' "$program.log" | tail -60
        status=1
    fi
done
exit $status
