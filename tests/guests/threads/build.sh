#!/usr/bin/env bash
# Builds `threads.wasm`. Not every machine has the target wasm32-wasip1-threads; so the module is kept, without debug information, most
# of which is the C library's.
set -euo pipefail
cd "$(dirname "$0")"
airtight=${AIRTIGHT_PROGRAM:-airtight}
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
"$airtight" test --threads --release --no-run --test threads --target-dir "$target" .
cp "$target"/wasm32-wasip1-threads/release/deps/threads-*.wasm threads.wasm
