#!/usr/bin/env bash
# How fast the tests of a Go package run, each in an instance of its own: a line a comparison, `what: ratio (goal)`.
# Needs Go: what AIRTIGHT_GO names, else `go` in the search path. AIRTIGHT_PROGRAM names another airtight than this tree's release build.
# How many times each is measured is RUNS; the medians count.
set -euo pipefail
cd "$(dirname "$0")/../.."
source host/benches/support/times.sh

runs=${RUNS:-5}
go=${AIRTIGHT_GO:-go}
export AIRTIGHT_GO=$go GOTOOLCHAIN=local GOFLAGS=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

program=${AIRTIGHT_PROGRAM:-}
if [ -z "$program" ]; then
    cargo build --release --quiet -p airtight --bins
    program=$PWD/target/release/airtight
fi

cd "$work"
printf 'module example.com/small\n\ngo 1.24\n' >go.mod
{
    printf 'package small\n\nimport "testing"\n\n'
    for ((i = 100; i < 200; i++)); do
        printf 'func TestAdds%d(t *testing.T) {\n\tif got := %d + 1; got != %d {\n\t\tt.Error(got)\n\t}\n}\n\n' $i $i $((i + 1))
    done
} >small_test.go

one_process_a_test() {
    for ((i = 100; i < 200; i++)); do "$go" test -count=1 -run "^TestAdds$i\$" .; done
}

# One binary that is built once, a process a test: without what `go test` itself takes.
one_process_of_the_binary_a_test() {
    for ((i = 100; i < 200; i++)); do ./small.test -test.run "^TestAdds$i\$"; done
}

"$go" test -c -o small.test .
"$program" go . >/dev/null
ours=$(measured "$program" go .)
plain=$(measured "$go" test -count=1 .)
each=$(runs=1 measured one_process_a_test)
binary=$(measured one_process_of_the_binary_a_test)
echo "go test with a process a test against airtight go, 100 small tests ($each ms, $ours ms): $(ratio "$each" "$ours") (at least 1)"
echo "plain go test against airtight go ($plain ms, $ours ms): $(ratio "$plain" "$ours")"
echo "a process of the built binary a test against airtight go ($binary ms, $ours ms): $(ratio "$binary" "$ours")"

# Start-up is what a program spends before its test, which the report tells once; a test takes it and its own. Fuel is exact, so that this
# figure is the same on a machine that is busy.
"$program" go . -j1 --report json=report.json >/dev/null 2>&1
start=$(grep -o '"start_fuel": *[0-9]*' report.json | grep -o '[0-9]*$')
test=$(grep -o '"fuel": *[0-9]*' report.json | grep -o '[0-9]*$' | grep -v '^0$' | median)
micros=$(grep -o '"us": *[0-9]*' report.json | grep -o '[0-9]*$' | median)
whole=$((start + test))
echo "a small test with its start against the start alone, fuel ($whole, $start): $(ratio "$whole" "$start") (at most 1.3); $micros us"

# A package that takes long to initialise, as `strings` does: its tests begin from an image.
mkdir long
cd long
printf 'module example.com/long\n\ngo 1.24\n' >go.mod
{
    sed 's/package small/package long/' ../small_test.go
    printf 'var table = func() (sum int) {\n\tfor i := range 200_000_000 {\n\t\tsum += i\n\t}\n\treturn sum\n}()\n'
} >long_test.go
"$program" go . >/dev/null
image=$(measured "$program" go .)
alone=$(measured "$program" go . --no-shortcut)
"$go" test -c -o small.test .
native=$(measured one_process_of_the_binary_a_test)
echo "100 tests after a long initialisation, each by itself against from an image ($alone ms, $image ms): $(ratio "$alone" "$image") (at least 2)"
echo "a process of the built binary a test against airtight go, the same ($native ms, $image ms): $(ratio "$native" "$image")"
