#!/usr/bin/env bash
# Every test of the unmodified suites of published crates, here and under native `cargo test`: a table with a line a suite, and
# each reason for which a test that passes natively does not pass here.
#
#   tests/native-suites.sh FOLDER [--threads] [--timing] [CRATE…]
#
# The crates are those of tests/heap-suites, and FOLDER may be the same one; with --threads, those of tests/thread-suites, built for
# wasm32-wasip1-threads. With --timing, each suite is run here once more, when all is compiled, and that time is told.
# AIRTIGHT_PROGRAM names another airtight than this tree's. Exit status: 0 every difference is a stated limit of the platform or a
# known one; 1 some are not; 2 an argument is wrong, or a suite could not be fetched or built.
set -euo pipefail
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml"
# Both at once, with the features of the whole workspace: one build of the engine serves both.
"${CARGO:-cargo}" build --quiet --locked --manifest-path "$root" --workspace --bin airtight --bin native-suites
exec "${CARGO:-cargo}" run --quiet --locked --manifest-path "$root" --bin native-suites -- "$@"
