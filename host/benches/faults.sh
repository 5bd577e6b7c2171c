#!/usr/bin/env bash
# How long it takes to let each of some 200 calls of one test fail, measured in that test's own time; prints a line:
# `name: ratio (goal)`. The runs go to all processors, so the ratio is of this machine. AIRTIGHT_PROGRAM names the program, which is
# else built for release.
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

# Each read stands at a place of its own: calls that fail alike at one place are tried once.
mkdir -p "$work/calls/src" "$work/calls/tests"
printf '[package]\nname = "calls"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n' >"$work/calls/Cargo.toml"
: >"$work/calls/src/lib.rs"
{
    echo 'use std::{fs::{self, File}, io::Read};'
    echo '#[test] fn makes_calls() -> std::io::Result<()> {'
    echo '    fs::write("/tmp/a", "contents")?;'
    for ((i = 0; i < 66; i++)); do
        echo '    File::open("/tmp/a")?.read(&mut [0; 4])?;'
    done
    echo '    fs::remove_file("/tmp/a")'
    echo '}'
} >"$work/calls/tests/t.rs"

# A whole number that a report has under a key, the first of them.
figure() {
    grep -o "\"$2\": *[0-9]*" "$1" | head -n 1 | grep -o '[0-9]*$'
}

cd "$work/calls"
"$AIRTIGHT_PROGRAM" test . --no-run >/dev/null 2>&1
wasm=$(find target/wasm32-wasip1 -path '*/deps/*.wasm' | xargs grep -l makes_calls | head -n 1)
alone=() sweeps=()
for ((i = 0; i < runs; i++)); do
    # Not of a report that names places: their lines would be looked up within the test's time.
    "$AIRTIGHT_PROGRAM" run "$wasm" --report libtest-json=test.json >/dev/null
    alone+=("$(grep -o '"exec_time":[0-9.]*' test.json | head -n 1 | awk -F : '{ printf "%d", $2 * 1000000 }')")
    "$AIRTIGHT_PROGRAM" faults "$wasm" --report json=faults.json >/dev/null
    sweeps+=("$(figure faults.json wall_ms)")
done
alone=$(printf '%s\n' "${alone[@]}" | median) sweep=$(printf '%s\n' "${sweeps[@]}" | median)
tried=$(figure faults.json tried)
ratio=$(awk -v a="$sweep" -v b="$alone" 'BEGIN { printf "%.0f", a * 1000 / (b > 0 ? b : 1) }')
echo "a search of $tried failures against the test alone ($sweep ms, $alone us): $ratio (under 200)"
