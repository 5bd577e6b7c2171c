#!/usr/bin/env bash
# Every test of packages of Go's standard library, unmodified, here and under native `go test`: a table with a line a package, and
# each reason for which a test that passes natively does not pass here.
#
#   tests/go-suites.sh FOLDER [--keep] [PACKAGE…]
#
# Go is what AIRTIGHT_GO names, else `go` in the search path; its sources are beside it. FOLDER receives both reports of each package;
# with --keep, those that are there are not made anew. Tests are asked to be short. Exit status: 0 every difference is a stated one; 1 some
# are not, or fewer than 98 % of what runs on both pass here; 2 an argument is wrong, or a package could not be run. AIRTIGHT_PROGRAM
# names another airtight than this tree's.
set -euo pipefail
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml"
# Both at once, with the features of the whole workspace: one build of the engine serves both.
"${CARGO:-cargo}" build --quiet --locked --manifest-path "$root" --workspace --bin airtight --bin go-suites
exec "${CARGO:-cargo}" run --quiet --locked --manifest-path "$root" --bin go-suites -- "$@"
