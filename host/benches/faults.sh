#!/usr/bin/env bash
# How long it takes to let each of some 200 calls of one test fail, measured in that test's own time: of a test alone, and of one behind
# a set-up that leaks a block after each failure, so that each run is done twice. Prints a line each: `name: ratio (goal)`. The runs go to
# all processors, so the ratio is of this machine. AIRTIGHT_PROGRAM names the program, which is else built for release.
set -euo pipefail
cd "$(dirname "$0")/../.."
source host/benches/support/times.sh

runs=${RUNS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${AIRTIGHT_PROGRAM:-}" ]; then
    cargo build --release --quiet -p airtight --bins
    AIRTIGHT_PROGRAM=$PWD/target/release/airtight
fi

# A package with a test that makes calls: its folder, what comes before the test, and what the test does first and last. Each read stands
# at a place of its own: calls that fail alike at one place are tried once.
package() {
    mkdir -p "$1/src" "$1/tests"
    printf '[package]\nname = "calls"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n' >"$1/Cargo.toml"
    : >"$1/src/lib.rs"
    {
        echo 'use std::{fs::{self, File}, io::Read};'
        echo "$2"
        echo '#[test] fn makes_calls() -> std::io::Result<()> {'
        echo "    $3"
        echo '    fs::write("/tmp/a", "contents")?;'
        for ((i = 0; i < 66; i++)); do
            echo '    File::open("/tmp/a")?.read(&mut [0; 4])?;'
        done
        echo "    $4"
        echo '    fs::remove_file("/tmp/a")'
        echo '}'
    } >"$1/tests/t.rs"
}

# A whole number that a report has under a key, the first of them.
figure() {
    grep -o "\"$2\": *[0-9]*" "$1" | head -n 1 | grep -o '[0-9]*$'
}

# Searches the test of a package: its folder, what the test is, and the goal. What it takes alone is what its set-up takes, too.
search() {
    local alone=() sweeps=() wasm i
    cd "$work/$1"
    "$AIRTIGHT_PROGRAM" test . --no-run >/dev/null 2>&1
    wasm=$(find target/wasm32-wasip1 -path '*/deps/*.wasm' | xargs grep -l makes_calls | head -n 1)
    for ((i = 0; i < runs; i++)); do
        # Not of a report that names places: their lines would be looked up within the test's time.
        "$AIRTIGHT_PROGRAM" run "$wasm" --report libtest-json=test.json >/dev/null
        alone+=("$(grep -o '"exec_time":[0-9.]*' test.json | awk -F : '{ sum += $2 } END { printf "%d", sum * 1000000 }')")
        # It fails where something leaks.
        "$AIRTIGHT_PROGRAM" faults "$wasm" --report json=faults.json >/dev/null || [ $? -eq 100 ]
        sweeps+=("$(figure faults.json wall_ms)")
    done
    local alone_us sweep_ms tried ratio
    alone_us=$(printf '%s\n' "${alone[@]}" | median) sweep_ms=$(printf '%s\n' "${sweeps[@]}" | median)
    tried=$(figure faults.json tried)
    ratio=$(awk -v a="$sweep_ms" -v b="$alone_us" 'BEGIN { printf "%.0f", a * 1000 / (b > 0 ? b : 1) }')
    echo "a search of $tried failures against $2 alone ($sweep_ms ms, $alone_us us): $ratio (under $3)"
}

package "$work/calls" "" "" ""
search calls "the test" 200
package "$work/behind" '#[test] fn sets_up() {
    let mut sum = 0u64;
    for n in 0..5_000_000 { sum = std::hint::black_box(sum.wrapping_mul(6364136223846793005).wrapping_add(n)); }
}' 'let kept = Box::leak(Box::new([7u64; 8])) as *mut [u64; 8];' 'drop(unsafe { Box::from_raw(kept) });'
printf '[profile.default]\nsetup-test = "sets_up"\n' >"$work/behind/airtight.toml"
search behind "the set-up and the test" 30
