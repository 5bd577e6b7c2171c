#!/usr/bin/env bash
# How long it takes from an edit of one line of one test to the last verdict, beside nextest natively: the guest's own build
# is in both. Prints a line a package: `name: ours ms, theirs ms, ratio (goal)`.
#
#     host/benches/edit.sh [PACKAGE_DIR…]
#
# Each directory is a package whose tests pass; without one, a package of 300 tests is made. Directories are copied and not changed.
# Needs cargo-nextest, and a wasm toolchain (`airtight setup`).
set -euo pipefail
cd "$(dirname "$0")/../.."
source host/benches/support/times.sh

runs=${RUNS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --quiet -p airtight --bins
airtight=$PWD/target/release/airtight

# In the place of the one for all scripts: what it says is kept, and tests may fail.
millis() {
    local began ended
    began=$(date +%s%N)
    "$@" >"$work/said" 2>&1 </dev/null || true
    ended=$(date +%s%N)
    echo $(((ended - began) / 1000000))
}

make_package() {
    mkdir -p "$1/src"
    printf '[package]\nname = "edited"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n' >"$1/Cargo.toml"
    {
        echo 'use std::collections::BTreeMap;'
        for ((i = 0; i < 300; i++)); do
            cat <<RUST
#[test]
fn counts_$i() {
    let words = ["a", "b", "a", "case $i"];
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_owned()).or_insert(0_u32) += 1;
    }
    assert_eq!(counts["a"], 2, "of {counts:?} in $i");
}
RUST
        done
    } >"$1/src/lib.rs"
}

# Puts statement number $2 into the first test of a package, in the place of the one before.
edit() {
    local file
    file=$({ grep -rl --include=*.rs '^ *#\[test\]' "$1/src" "$1/tests" 2>/dev/null || true; } | LC_ALL=C sort | sed -n 1p)
    awk -v number="$2" '
        /black_box\("edit/ { next }
        { print }
        /^ *#\[test\]/ { in_test = 1 }
        in_test && !done && /\{ *$/ { printf "    std::hint::black_box(\"edit %s\");\n", number; done = 1 }
    ' "$file" >"$work/edited" && cp "$work/edited" "$file"
}

measure() {
    local dir=$1 ours=() theirs=()
    edit "$dir" start
    (cd "$dir" && "$airtight" test . >/dev/null 2>&1 || true; cargo nextest run --no-fail-fast >/dev/null 2>&1 || true)
    for ((i = 0; i < runs; i++)); do
        edit "$dir" "of ours $i"
        ours+=("$(cd "$dir" && millis "$airtight" test .)")
        edit "$dir" "of theirs $i"
        theirs+=("$(cd "$dir" && millis cargo nextest run --no-fail-fast)")
    done
    ours=$(printf '%s\n' "${ours[@]}" | median) theirs=$(printf '%s\n' "${theirs[@]}" | median)
    echo "$2: $ours ms, $theirs ms, $(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }') (at most 1.1)"
}

if [ $# = 0 ]; then
    make_package "$work/edited-package"
    measure "$work/edited-package" "300 tests"
fi
for dir in "$@"; do
    cp -r "$dir" "$work/package"
    rm -rf "$work/package/target"
    measure "$work/package" "$(basename "$dir")"
    rm -rf "$work/package"
done
