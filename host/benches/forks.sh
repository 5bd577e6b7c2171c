#!/usr/bin/env bash
# What `$tests` tests cost that need one fixture: under airtight, which sets it up once and begins each test where that ended; under
# nextest with a set-up script that makes the fixture once and writes it down, so that each test's process reads it; and under nextest
# where each test's process makes it. Prints a line each. Needs cargo-nextest, and a wasm toolchain (`airtight setup`).
set -euo pipefail
cd "$(dirname "$0")/../.."
source host/benches/support/times.sh

airtight=${AIRTIGHT_PROGRAM:-$PWD/target/release/airtight}
[ -x "$airtight" ] || cargo build --release --quiet -p airtight --bins
tests=${TESTS:-200} runs=${RUNS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/src" "$work/tests" "$work/.config"
cat >"$work/Cargo.toml" <<END
[package]
name = "fixture"
version = "0.1.0"
edition = "2024"
[dev-dependencies]
airtight = { package = "airtight-sdk", path = "$PWD/guest-sdk" }
[workspace]
END
cat >"$work/src/lib.rs" <<'END'
use std::collections::BTreeMap;
pub type Words = BTreeMap<u64, String>;

/// The fixture: 20,000 words, about a megabyte, each of which takes some work.
pub fn make() -> Words {
    let word = |n: u64| (0..200).fold(n, |word, _| word.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
    (0..20_000).map(|n| (n, format!("{:016x}", word(n)))).collect()
}

pub fn write(words: &Words) -> String {
    words.values().map(|word| format!("{word}\n")).collect()
}

pub fn read(text: &str) -> Words {
    (0..).zip(text.lines().map(str::to_owned)).collect()
}
END
mkdir -p "$work/src/bin"
cat >"$work/src/bin/make-fixture.rs" <<'END'
fn main() {
    let file = std::env::args().nth(1).expect("a file");
    std::fs::write(file, fixture::write(&fixture::make())).unwrap();
}
END
{
    cat <<'END'
use std::sync::Mutex;

#[airtight::setup]
fn words() -> Mutex<fixture::Words> {
    Mutex::new(match std::env::var("FIXTURE") {
        Ok(file) => fixture::read(&std::fs::read_to_string(file).unwrap()),
        Err(_) => fixture::make(),
    })
}

fn takes_one(nth: u64) {
    let mut words = words().lock().unwrap();
    assert_eq!(words.len(), 20_000);
    assert!(words.remove(&nth).is_some());
}
END
    for ((i = 0; i < tests; i++)); do echo "#[test] fn takes_$i() { takes_one($i) }"; done
} >"$work/tests/words.rs"
cat >"$work/make.sh" <<END
#!/bin/sh
"$work/target/debug/make-fixture" "$work/words.txt"
echo "FIXTURE=$work/words.txt" >>"\$NEXTEST_ENV"
END
chmod +x "$work/make.sh"
cat >"$work/.config/nextest.toml" <<END
experimental = ["setup-scripts"]
[scripts.setup.words]
command = "$work/make.sh"
[[profile.scripted.scripts]]
filter = "all()"
setup = "words"
END

cd "$work"
cargo build --quiet --bins
cargo nextest run --no-run >/dev/null 2>&1
# So that building and compiling are not among what is measured.
"$airtight" test . --test words --cargo-quiet >/dev/null
wasm=$(find target/wasm32-wasip1 -path '*/deps/words-*.wasm' | head -n 1)
"$airtight" run "$wasm" >/dev/null
forked=$(measured "$airtight" run "$wasm")
scripted=$(measured cargo nextest run --profile scripted)
in_each=$(measured cargo nextest run)
echo "one fixture for $tests tests, begun from an image by airtight: $forked ms"
echo "one fixture for $tests tests, made by a set-up script of nextest's, a process a test: $scripted ms"
echo "one fixture for $tests tests, made in each process by nextest: $in_each ms"
