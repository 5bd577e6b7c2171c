#!/usr/bin/env bash
# Runs the tests of a package or workspace in every way that must not matter, and compares the reports' digests: each program
# that is named (a debug and a release build of airtight, say), cold and warm caches, one and many jobs, another folder, home,
# language, time zone, umask, environment, and a copy of the sources elsewhere. What differs is named, and the status is 1.
#
#     host/benches/same.sh FOLDER target/debug/airtight target/release/airtight
#
# The copy is of FOLDER alone: packages that it uses from outside by relative paths have to be in it.
set -euo pipefail

[ $# -ge 2 ] || {
    echo "usage: $0 FOLDER PROGRAM..." >&2
    exit 2
}
folder=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
expected='' differs=0

# Rustup and cargo go on using what they have when the home is another.
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}

digest() {
    local report=$work/report.json
    rm -f "$report"
    "$@" --workspace --no-fail-fast --report "json=$report" >"$work/output" 2>&1 </dev/null || true
    [ -e "$report" ] || {
        cat "$work/output" >&2
        echo "$*: no report was written" >&2
        exit 2
    }
    sed -n 's/^  *"digest": "\(sha256:[0-9a-f]*\)".*/\1/p' "$report" | head -1
}

same() {
    local what=$1 found
    shift
    found=$(digest "$@")
    expected=${expected:-$found}
    if [ "$found" = "$expected" ]; then
        echo "same     $what"
    else
        differs=1
        echo "DIFFERS  $what: $found, expected $expected"
    fi
}

mkdir -p "$work/home" "$work/a copy/of it"
cp -a "$folder" "$work/a copy/of it/sources"
rm -rf "$work/a copy/of it/sources/target"

for program; do
    program=$(realpath "$program")
    same "$program" "$program" test "$folder"
    same "  a cold cache" env AIRTIGHT_CACHE_DIR="$work/cache" "$program" test "$folder"
    same "  a warm cache" env AIRTIGHT_CACHE_DIR="$work/cache" "$program" test "$folder"
    same "  no cache, one job" "$program" test "$folder" --no-cache -j1
    same "  shuffled, many jobs" "$program" test "$folder" --shuffle 7 -j8
    same "  from elsewhere" env -C / "$program" test "$folder"
    same "  another home, user, language and time zone" env HOME="$work/home" USER=somebody LANG=tr_TR.UTF-8 \
        LC_ALL=tr_TR.UTF-8 TZ=Pacific/Auckland AIRTIGHT_CACHE_DIR="$work/cache" "$program" test "$folder"
    same "  other variables" env NOISE="$(head -c 9999 /dev/zero | tr '\0' x)" RUST_BACKTRACE=full CARGO_INCREMENTAL=0 \
        "$program" test "$folder"
    same "  another umask" sh -c 'umask 077 && exec "$@"' sh "$program" test "$folder"
    same "  another folder" "$program" test "$work/a copy/of it/sources"
done
exit "$differs"
