#!/usr/bin/env bash
# Builds `threads.wasm`, `heap.wasm`, `sdk.wasm` and `races.wasm`. Not every machine has the target wasm32-wasip1-threads; so the modules are kept, without debug
# information, most of which is the C library's. The races are not optimised, so that no compiler mends one.
set -euo pipefail
cd "$(dirname "$0")"
airtight=${AIRTIGHT_PROGRAM:-airtight}
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
"$airtight" test --threads --release --no-run --test threads --test heap --test sdk --target-dir "$target" .
CARGO_PROFILE_TEST_STRIP=debuginfo "$airtight" test --threads --no-run --test races --target-dir "$target" .
cp "$target"/wasm32-wasip1-threads/release/deps/threads-*.wasm threads.wasm
cp "$target"/wasm32-wasip1-threads/release/deps/heap-*.wasm heap.wasm
cp "$target"/wasm32-wasip1-threads/release/deps/sdk-*.wasm sdk.wasm
cp "$target"/wasm32-wasip1-threads/debug/deps/races-*.wasm races.wasm
