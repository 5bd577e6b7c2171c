#!/bin/sh
# Compiles a program for each copy of copies.c, and for each way of blocks.c, into DIR, here by default: sh build.sh [DIR]
# Needs what ../../c/build.sh needs. The modules are committed, for machines without it.
set -eu
into=${1:-.}
mkdir -p "$into"
into=$(cd "$into" && pwd)
cd "$(dirname "$0")"

for copy in forgets_input forgets_buffer forgets_stream closes_twice goes_on_for_ever mended; do
    "${CLANG:-clang-22}" --target=wasm32-wasi -g -O1 -Wall -Werror -Wno-deprecated -fno-builtin "-DCOPY=$copy" \
        "-ffile-prefix-map=$PWD=c" -ffile-prefix-map=/usr=usr "-fdebug-compilation-dir=c" --no-wasm-opt -o "$into/$copy.wasm" copies.c
done

for way in forgets_name frees_name loses_what_grows keeps_what_grows forgets_rows frees_rows leaves_open closes forgets_copy ends_itself \
    asks_again; do
    "${CLANG:-clang-22}" --target=wasm32-wasi -g -O1 -Wall -Werror -Wno-deprecated -fno-builtin "-DWAY=$way" \
        "-ffile-prefix-map=$PWD=c" -ffile-prefix-map=/usr=usr "-fdebug-compilation-dir=c" --no-wasm-opt -o "$into/$way.wasm" blocks.c
done
