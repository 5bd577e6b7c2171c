#!/usr/bin/env bash
# Runs the preview-1 cases of the public wasi-testsuite on airtight, and ends with `N passed, M failed`.
#
#   tests/wasi-testsuite.sh [--mode MODE] [--engine ENGINE] FOLDER
#
# FOLDER is a checkout of https://github.com/WebAssembly/wasi-testsuite, of its branch prod/testsuite-base, which has the
# binaries; it is only read. Exit status: 0 every case passed, 1 a case failed, 2 the folder or an argument is wrong.
set -euo pipefail
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml"
exec "${CARGO:-cargo}" run --quiet --locked --manifest-path "$root" --bin wasi-testsuite -- "$@"
