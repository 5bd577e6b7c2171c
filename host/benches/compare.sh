#!/usr/bin/env bash
# Runs every speed comparison in one go, on this machine, and prints a line each: `name: ratio (goal)`.
# Needs cargo-nextest for the comparison with it, and a wasm toolchain (`airtight setup`).
set -euo pipefail
cd "$(dirname "$0")/../.."
source host/benches/support/times.sh

runs=${RUNS:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A crate with `$1` tests, padded with `$2` table entries so that its module is as large as is wanted.
make_crate() {
    mkdir -p "$work/$3/src"
    printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n' "$3" >"$work/$3/Cargo.toml"
    {
        echo '#[cfg(test)] mod tests {'
        for ((i = 0; i < $1; i++)); do
            echo "    #[test] fn adds_$i() { assert_eq!(std::hint::black_box($i) + 1, $((i + 1))); }"
        done
        echo "    #[test] fn uses_the_table() { assert_eq!(std::hint::black_box(&TABLE)[1], 1); }"
        echo "    static TABLE: [u8; $2] = { let mut table = [7; $2]; table[1] = 1; table };"
        echo '}'
    } >"$work/$3/src/lib.rs"
}

cargo build --release --quiet -p airtight --benches --bins
airtight=$PWD/target/release/airtight

cargo bench --quiet -p airtight --bench cost 2>/dev/null
cargo bench --quiet -p airtight --bench many 2>/dev/null
cargo bench --quiet -p airtight --bench files 2>/dev/null
cargo bench --quiet -p airtight --bench forks 2>/dev/null
AIRTIGHT_PROGRAM=$airtight host/benches/forks.sh

make_crate 500 16 tiny
(cd "$work/tiny" && "$airtight" test . --no-run >/dev/null 2>&1 && cargo nextest run --no-run >/dev/null 2>&1)
wasm=$(find "$work/tiny/target/wasm32-wasip1" -path '*/deps/*.wasm' | head -n 1)
"$airtight" run "$wasm" >/dev/null
ours=() theirs=()
for ((i = 0; i < runs; i++)); do
    ours+=("$(millis "$airtight" run "$wasm")")
    theirs+=("$(cd "$work/tiny" && millis cargo nextest run)")
done
ours=$(printf '%s\n' "${ours[@]}" | median) theirs=$(printf '%s\n' "${theirs[@]}" | median)
echo "nextest natively against airtight, 500 tiny tests ($theirs ms, $ours ms): $(ratio "$theirs" "$ours") (at least 10)"

make_crate 5 2000000 large
(cd "$work/large" && "$airtight" test . --no-run >/dev/null 2>&1)
wasm=$(find "$work/large/target/wasm32-wasip1" -path '*/deps/*.wasm' | head -n 1)
"$airtight" run "$wasm" >/dev/null
# From starting to the first PASS line.
first_verdict() {
    "$airtight" run -j1 "$wasm" 2>/dev/null | grep -m1 -q PASS
}
firsts=()
for ((i = 0; i < runs; i++)); do
    firsts+=("$(millis first_verdict)")
done
size=$(stat -c %s "$wasm")
echo "first verdict of a module of $size bytes, warm cache: $(printf '%s\n' "${firsts[@]}" | median) ms (at most 50)"

host/benches/heap.sh
if command -v "${AIRTIGHT_GO:-go}" >/dev/null; then
    AIRTIGHT_PROGRAM=$airtight host/benches/go.sh
else
    echo 'NOT MEASURED: there is no Go (AIRTIGHT_GO, PATH), so no test of a Go package was timed' >&2
fi
