#!/usr/bin/env bash
# Builds `panics.wasm`. Std is compiled for panics that unwind, which takes a minute and std's sources; so the module is kept.
set -euo pipefail
cd "$(dirname "$0")"
airtight=${AIRTIGHT_PROGRAM:-airtight}
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
"$airtight" test --unwind --release --no-run --test panics --target-dir "$target" .
cp "$target"/wasm32-wasip1/release/deps/panics-*.wasm panics.wasm
