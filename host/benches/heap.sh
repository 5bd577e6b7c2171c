#!/usr/bin/env bash
# What heap accounting costs, and how it compares with tools that do the like natively. One run prints everything, a line each:
# `name: figure (goal)`. Figures are medians over rounds in which what is compared takes turns.
#
#     host/benches/heap.sh
#
# Needs a wasm toolchain (`airtight setup`) and, for the first time, the network: published crates are fetched. Valgrind and
# heaptrack are compared with where they are installed, and the script says so where they are not. If the same blocks are not
# found by all, that is said, and the status is 1.
#
#     ROUNDS=5       how often everything is run
#     CLOCK=wall     what is measured: `wall`, or `cpu`, which a busy machine disturbs less
#     AIRTIGHT=FILE  the program to measure, instead of a release build of this tree
#     SUITES=DIR     where the crates are kept between runs, instead of target/heap-suites
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-5} clock=${CLOCK:-wall} here=$PWD/host/benches/heap
suites=${SUITES:-$PWD/target/heap-suites}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

case $clock in
wall) TIMEFORMAT=%R ;;
cpu) TIMEFORMAT='%U %S' ;;
*) echo "CLOCK is wall or cpu, not $clock" >&2 && exit 2 ;;
esac

# Seconds that a command takes, with its output thrown away.
seconds() {
    { time "$@" >/dev/null 2>&1 </dev/null || true; } 2>&1 | awk '{ print $1 + $2 }'
}

# Runs each of the command lines in turn, after once to warm up; leaves the medians of their seconds in `took`, in the same order.
take_turns() {
    local round index
    for ((round = 0; round <= rounds; round++)); do
        for ((index = 1; index <= $#; index++)); do
            [ "$round" -gt 0 ] || : >"$work/seconds.$index"
            seconds eval "${!index}" >"$work/seconds"
            [ "$round" -eq 0 ] || cat "$work/seconds" >>"$work/seconds.$index"
        done
    done
    took=()
    for ((index = 1; index <= $#; index++)); do
        took+=("$(sort -n "$work/seconds.$index" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }')")
    done
}

calculate() {
    awk "BEGIN { printf \"%.2f\n\", $1 }"
}

# Fails unless the report `$1` holds the line `$2`.
expect() {
    grep -q -- "$2" "$1" || {
        echo "what was to be measured did not happen: $1 has no $2" >&2
        cat "$1" >&2
        exit 1
    }
}

# A crate of its own, `$1`, whose Cargo.toml goes on with what is read.
new_crate() {
    mkdir -p "$work/$1/src" "$work/$1/tests"
    {
        printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n' "$1"
        printf '[profile.release]\ndebug = "line-tables-only"\n'
        cat
    } >"$work/$1/Cargo.toml"
    touch "$work/$1/src/lib.rs"
}

# Builds tests for wasm, as `airtight test` with these arguments does.
build_wasm() {
    "$airtight" test --no-run --cargo-quiet "$@" >"$work/build.log" 2>&1 || {
        cat "$work/build.log" >&2
        exit 1
    }
}

# The module or program `$3` that was built of the crate `$1`, in this part of its target folder.
built() {
    find "$work/$1/target/$2/deps" -name "$3-*" -type f -executable -o -name "$3-*.wasm"
}

measured=${AIRTIGHT:-}
[ "$measured" ] || cargo build --release --quiet -p airtight --benches --bins
airtight=$(realpath "${measured:-${CARGO_TARGET_DIR:-target}/release/airtight}")

# Programs are run in `$work`, where the two profiles are.
export AIRTIGHT_CACHE_DIR=$work/cache
cat >"$work/airtight.toml" <<'TOML'
[profile.on]
[profile.off]
heap-accounting = false
TOML


### A pair of malloc and free.

new_crate pairs </dev/null
cp "$here/pairs.rs" "$work/pairs/src/lib.rs"
build_wasm "$work/pairs" --release --lib
pairs=$(built pairs wasm32-wasip1/release pairs)
pair() {
    airtight_run "$1" -j1 --fuel 1000G --exact "$pairs" "${@:3}" -- "$2"
}
airtight_run() {
    (cd "$work" && exec "$airtight" run --profile "$@")
}
pair on pairs_at_once --report json="$work/on.json" >/dev/null
expect "$work/on.json" '"tracked": true'
expect "$work/on.json" '"verdict": "pass"'
pair off pairs_at_once --report json="$work/off.json" >/dev/null
expect "$work/off.json" '"tracked": false'
for kind in at_once in_turn; do
    take_turns "pair on pairs_$kind" "pair on nothing_$kind" "pair off pairs_$kind" "pair off nothing_$kind"
    on=$(calculate "${took[0]} - ${took[1]}") off=$(calculate "${took[2]} - ${took[3]}")
    echo "malloc and free of 20 million blocks, freed ${kind/_/ }, hooked against plain ($on s, $off s):" \
        "$(calculate "$on / $off") (at most 5)"
done

### A million lost blocks.

lost() {
    pair "$1" a_million_lost "${@:2}"
}
lost on --report json="$work/lost.json" >/dev/null 2>&1 || true
expect "$work/lost.json" '"lost_blocks": 1000000'
take_turns "lost on" "lost off"
echo "a million lost blocks, told against not followed (${took[0]} s, ${took[1]} s):" \
    "$(calculate "${took[0]} / ${took[1]}") (at most 2)"

### Instances.

if [ "${measured:-}" ]; then
    echo "NOT MEASURED: what the hooks cost each instance, which is measured in this tree alone"
else
    cargo bench --quiet -p airtight --bench heap 2>/dev/null
fi

### Suites of published crates.

# The tests of the crates in `$suites`, in their sources as they were published.
fetch_suites() {
    local member
    mkdir -p "$suites/fetch/src"
    touch "$suites/fetch/src/lib.rs"
    {
        printf '[package]\nname = "fetch"\nversion = "0.0.0"\n[workspace]\n[dependencies]\n'
        for member in "${crates[@]}"; do echo "${member%-*} = \"=${member##*-}\""; done
    } >"$suites/fetch/Cargo.toml"
    (cd "$suites/fetch" && cargo vendor --quiet --versioned-dirs ../vendor >/dev/null)
    {
        printf '[workspace]\nresolver = "3"\nmembers = ['
        printf '"%s", ' "${crates[@]}"
        printf ']\n'
    } >"$suites/Cargo.toml"
    for member in "${crates[@]}"; do
        [ -e "$suites/$member" ] || cp -r "$suites/vendor/$member" "$suites/$member"
    done
}
crates=(
    serde_json-1.0.154 regex-syntax-0.8.11 indexmap-2.14.2 smallvec-1.16.5 petgraph-0.8.3 csv-1.4.0 arrayvec-0.7.8
    either-1.19.0
)
fetch_suites
# What does not build for wasm is left out.
"$airtight" test "$suites" --workspace --lib --tests --no-run --cargo-quiet >"$work/suites.log" 2>&1 || true
mapfile -t modules < <(find "$suites/target/wasm32-wasip1/debug/deps" -name '*.wasm' | sort)
suites() {
    airtight_run "$1" "${modules[@]}" "${@:2}"
}
for profile in on off; do
    suites "$profile" --report json="$work/suites-$profile.json" >/dev/null 2>&1 || true
done
tests_with() {
    grep -c "^ *\"$2\": $3" "$work/suites-$1.json" || true
}
tests=$(($(tests_with on verdict '"') - $(tests_with on verdict '"skip"'))) tracked=$(tests_with on tracked true)
expect "$work/suites-off.json" '"tracked": false'
[ "$(tests_with on verdict '"pass"')" -gt 500 ] || {
    echo "only $(tests_with on verdict '"pass"') of $tests tests of published crates pass: see $work/suites.log" >&2
    exit 1
}
take_turns "suites on" "suites off"
echo "${#modules[@]} modules of published crates, heap accounting on against off ($tests tests run, $tracked tracked," \
    "$(tests_with on verdict '"leak"') leak; ${took[0]} s, ${took[1]} s): $(calculate "${took[0]} / ${took[1]}") (at most 1.3)"

### A leaky program, natively under other tools.

new_crate leaky <<'TOML'
[[test]]
name = "small"
harness = false
[[test]]
name = "large"
harness = false
TOML
cp "$here/leaky.rs" "$work/leaky/src/leaky.rs"
leaky_main() {
    printf '#[path = "../src/leaky.rs"]\nmod leaky;\nfn main() {\n    leaky::run(%s);\n}\n' "$2" >"$work/leaky/tests/$1.rs"
}
leaky_main small 21
leaky_main large 601
build_wasm "$work/leaky" --release --test small --test large
cargo test --quiet --release --no-run --manifest-path "$work/leaky/Cargo.toml" --target-dir "$work/leaky/target"

# Each of these prints `FUNCTION BLOCKS BYTES` for the functions of the program that lose something, from a tool's own words.
#
# The end of a report has the leaks of its only test; the first function of a leak's stack that is the program's is the place.
lost_by_airtight() {
    awk '
        /"leaks": \[/ { on = 1 }
        on && /"count":/ { blocks = $2 + 0 }
        on && /"bytes":/ { bytes = $2 + 0 }
        on && match($0, /loses_[a-z_]+/) && blocks {
            name = substr($0, RSTART, RLENGTH); b[name] += blocks; s[name] += bytes; blocks = 0
        }
        END { for (name in b) print name, b[name], s[name] }' "$1" | sort
}
# In a record `9 (4 direct, 5 indirect) bytes in 2 blocks are definitely lost`, the blocks and the direct bytes are its own; the
# others have records of their own.
lost_by_memcheck() {
    awk '
        { gsub(",", "") }
        / are (definitely|indirectly) lost in / {
            bytes = $2; for (i = 2; i <= NF; i++) { if ($i == "direct") bytes = substr($(i - 1), 2); if ($i == "blocks") blocks = $(i - 1) }
        }
        match($0, /loses_[a-z_]+/) && blocks {
            name = substr($0, RSTART, RLENGTH); b[name] += blocks; s[name] += bytes; blocks = 0
        }
        END { for (name in b) print name, b[name], s[name] }' "$1" | sort
}
# Points of allocation, each with what it holds at the end and the indices of its frames, come before the frames.
lost_by_dhat() {
    awk -F '[][":,]+' '
        /^ *,"eb":/ { bytes = $3; blocks = $5 }
        /^ *,"fs":/ { n++; frames[n] = $0; b[n] = blocks; s[n] = bytes }
        /^,"ftbl":/ { table = 1; next }
        table { name[index_++] = match($0, /loses_[a-z_]+/) ? substr($0, RSTART, RLENGTH) : "" }
        END {
            for (i = 1; i <= n; i++) {
                count = split(frames[i], frame)
                for (j = 3; j <= count; j++) if (frame[j] != "" && name[frame[j] + 0] != "") {
                    all[name[frame[j] + 0]] += b[i]; bytes_of[name[frame[j] + 0]] += s[i]; break
                }
            }
            for (i in all) if (all[i]) print i, all[i], bytes_of[i]
        }' "$1" | sort
}
# Heaptrack says for each stack the bytes that were not freed; of blocks it knows only how many were allocated.
lost_by_heaptrack() {
    awk '
        match($0, /loses_[a-z_]+/) { s[substr($0, RSTART, RLENGTH)] += $NF }
        END { for (name in s) if (s[name]) print name, "-", s[name] }' "$1" | sort
}

# What the tool `$1` found in the program of the size `$2`, in `$work/found`, has to be what airtight found.
compare() {
    local ours=$work/$2.airtight
    if [ "$1" = heaptrack ]; then
        sed -E 's/ [0-9]+ / - /' "$work/$2.airtight" >"$work/$2.bytes"
        ours=$work/$2.bytes
    fi
    if cmp -s "$ours" "$work/found"; then
        echo "$2 leaky program, lost blocks and bytes by function, airtight against $1: the same (the same)"
    else
        echo "$2 leaky program, lost blocks and bytes by function, airtight against $1: DIFFERENT (the same)"
        diff "$ours" "$work/found" | sed 's/^/    /'
        failed=1
    fi
}

for size in small large; do
    ln -s "$(built leaky wasm32-wasip1/release "$size")" "$work/$size.wasm"
    ln -s "$(built leaky release "$size")" "$work/$size"
done
ours() { airtight_run on -j1 "$work/$1.wasm" "${@:2}"; }
natively() { "$work/$1"; }
memcheck() { valgrind --leak-check=full --show-leak-kinds=definite,indirect "$work/$1"; }
dhat() { valgrind --tool=dhat --dhat-out-file="$work/dhat.$1.json" "$work/$1"; }
heaptrack_of() { heaptrack -o "$work/heaptrack.$1" "$work/$1"; }
missing() {
    echo "NOT COMPARED with $1: it is not installed"
}
for size in small large; do
    ours "$size" --report json="$work/$size.json" >/dev/null 2>&1 || true
    expect "$work/$size.json" '"verdict": "leak"'
    lost_by_airtight "$work/$size.json" >"$work/$size.airtight"
    read -r _ blocks _ bytes _ < <(natively "$size" 2>&1)
    expect "$work/$size.json" "\"lost\": $bytes"
    expect "$work/$size.json" "\"lost_blocks\": $blocks"
    echo "$size leaky program, what it loses by its own count: $blocks blocks, $bytes bytes"
    if command -v valgrind >/dev/null; then
        memcheck "$size" >"$work/$size.memcheck" 2>&1
        dhat "$size" >/dev/null 2>&1
        lost_by_memcheck "$work/$size.memcheck" >"$work/found" && compare memcheck "$size"
        lost_by_dhat "$work/dhat.$size.json" >"$work/found" && compare DHAT "$size"
    else
        missing 'Valgrind (memcheck, DHAT)'
    fi
    if command -v heaptrack >/dev/null; then
        heaptrack_of "$size" >/dev/null 2>&1
        heaptrack_print -f "$work/heaptrack.$size".* -p0 -a0 -T0 --flamegraph-cost-type leaked -F "$work/heaptrack.$size.stacks" >/dev/null 2>&1
        lost_by_heaptrack "$work/heaptrack.$size.stacks" >"$work/found" && compare heaptrack "$size"
    else
        missing heaptrack
    fi
done

for size in small large; do
    peers=()
    command -v valgrind >/dev/null && peers+=(memcheck dhat)
    command -v heaptrack >/dev/null && peers+=(heaptrack_of)
    take_turns "ours $size" "natively $size" "${peers[@]/%/ $size}"
    echo "$size leaky program under airtight: ${took[0]} s, natively ${took[1]} s"
    for index in "${!peers[@]}"; do
        peer=${took[index + 2]} name=${peers[index]%_of} goal='no goal'
        [ "$name" != memcheck ] || goal='at least 10'
        echo "$size leaky program, $name against airtight ($peer s): $(calculate "$peer / ${took[0]}") ($goal)"
    done
done
exit "$failed"
