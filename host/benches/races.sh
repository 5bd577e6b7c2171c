#!/usr/bin/env bash
# How soon each race of the planted corpus is found: by `airtight run --schedules`; by its test binary of this machine, started again and again
# for as long as that took (and for SECONDS at least), which is what `cargo test` in a loop does; and by shuttle, whose types stand in for
# those of std in a copy of the source. Prints a table: schedules or starts up to the first failure, `-` where there was none.
#
#   host/benches/races.sh [SECONDS]
#
# AIRTIGHT_PROGRAM names the program. Cargo fetches shuttle; without the network its columns are empty.
set -euo pipefail
seconds=${1:-5}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
guest=$here/../../tests/guests/threads
airtight=${AIRTIGHT_PROGRAM:-airtight}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR

# The corpus with shuttle's types, and a list of the races.
mkdir -p "$work/shuttle/src" "$work/native/src" "$work/native/tests"
sed -e 's/\bstd::sync\b/shuttle::sync/; s/\bstd::thread\b/shuttle::thread/; /^#\[test\]$/d' "$guest/tests/races.rs" >"$work/shuttle/src/corpus.rs"
races=$(grep -o '^fn racy_[a-z_]*' "$guest/tests/races.rs" | cut -d' ' -f2)
{
    echo "#![allow(dead_code)]"
    cat "$work/shuttle/src/corpus.rs"
    echo "pub const RACES: &[(&str, fn())] = &["
    for race in $races; do echo "    (\"$race\", $race),"; done
    echo "];"
} >"$work/shuttle/src/all.rs"
# Inner documentation comes first in a file, and inner attributes behind it.
grep '^//!' "$work/shuttle/src/all.rs" >"$work/shuttle/src/corpus.rs"
grep -v '^//!' "$work/shuttle/src/all.rs" >>"$work/shuttle/src/corpus.rs"
rm "$work/shuttle/src/all.rs"
cp "$here/races/shuttle.rs" "$work/shuttle/src/main.rs"
printf '[package]\nname = "races"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\nshuttle = "0.8"\n' >"$work/shuttle/Cargo.toml"
if ! (cd "$work/shuttle" && cargo build --quiet --release) || ! "$work/shuttle/target/release/races" 10000 >"$work/shuttle.txt"; then
    : >"$work/shuttle.txt"
fi

cp "$guest/tests/races.rs" "$work/native/tests/races.rs"
: >"$work/native/src/lib.rs"
printf '[package]\nname = "races"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$work/native/Cargo.toml"
binary=$(cd "$work/native" && cargo test --quiet --no-run --test races --message-format=json |
    grep -o '"executable":"[^"]*"' | tail -n 1 | cut -d'"' -f4)

# The starts of the binary up to one that fails, or `-` and how many did not.
natively() {
    local race=$1 until starts=0
    until=$(awk -v now="$(date +%s.%N)" -v more="$2" 'BEGIN { printf "%.3f", now + more }')
    while awk -v now="$(date +%s.%N)" -v until="$until" 'BEGIN { exit !(now < until) }'; do
        starts=$((starts + 1))
        # One that does not end in two seconds has a deadlock.
        if ! timeout 2 "$binary" --exact "$race" >/dev/null 2>&1; then
            echo "$starts"
            return
        fi
    done
    echo "- of $starts"
}

printf '%-36s%10s%10s  %-14s%10s%10s\n' race airtight seconds natively shuttle pct
for race in $races; do
    began=$(date +%s.%N)
    "$airtight" run "$guest/races.wasm" --fuel 100M --schedules 10000 --report "json=$work/report.json" -- --exact "$race" >/dev/null 2>&1 || true
    took=$(awk -v began="$began" -v now="$(date +%s.%N)" 'BEGIN { printf "%.2f", now - began }')
    # One that fails under the schedule of every run is run under no other.
    found=$(grep -o 'found as number [0-9]* of' "$work/report.json" | grep -o '[0-9]*' || echo 0)
    loop=$(awk -v took="$took" -v least="$seconds" 'BEGIN { print (took > least ? took : least) }')
    shuttle=$(awk -v race="$race" '$1 == race { print $2, $4 }' "$work/shuttle.txt")
    read -r random pct <<<"${shuttle:-? ?}"
    printf '%-36s%10s%10s  %-14s%10s%10s\n' "$race" "$found" "$took" "$(natively "$race" "$loop")" "$random" "$pct"
done
