#!/usr/bin/env bash
# Heap accounting over the unmodified suites of published crates: how many tests have a tracked heap, what they lose, and
# whether forgets planted into copies of them are found.
#
#   tests/heap-suites.sh FOLDER [--seed N] [--plants N] [--timing] [CRATE…]
#
# FOLDER receives the crates' sources, which cargo fetches, and what is built of them; it is kept from run to run. Exit status:
# 0 all as it should be; 1 too few tests are tracked, a block is lost that is not a confirmed leak, or a plant was missed;
# 2 an argument is wrong, or a suite could not be fetched or built. AIRTIGHT_PROGRAM names another airtight than this tree's.
set -euo pipefail
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml"
# Both at once, with the features of the whole workspace: one build of the engine serves both.
"${CARGO:-cargo}" build --quiet --locked --manifest-path "$root" --workspace --bin airtight --bin heap-suites
exec "${CARGO:-cargo}" run --quiet --locked --manifest-path "$root" --bin heap-suites -- "$@"
