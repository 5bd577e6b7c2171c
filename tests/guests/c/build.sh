#!/bin/sh
# Compiles every C guest of this folder into DIR, here by default: sh build.sh [DIR]
# Needs a clang and wasm-ld of one version with the wasm32-wasi libraries: Debian's clang-22 (or later), lld-22,
# libclang-rt-22-dev-wasm32 and wasi-libc. The modules are committed, for machines without them.
set -eu
into=${1:-.}
mkdir -p "$into"
into=$(cd "$into" && pwd)
cd "$(dirname "$0")"

for source in *.c; do
    name=${source%.c}
    case $name in
        *above_the_data* | *below_the_stack*) layout=--no-stack-first ;;
        *) layout=--stack-first ;;
    esac
    case $name in
        *unoptimised*) level=-O0 ;;
        *) level=-O1 ;;
    esac
    "${CLANG:-clang-22}" --target=wasm32-wasi -g $level -Wall -Werror -Wno-deprecated -fno-builtin -I../../../guest-sdk/c \
        "-ffile-prefix-map=$PWD=c" -ffile-prefix-map=/usr=usr "-fdebug-compilation-dir=c" --no-wasm-opt "-Wl,$layout" -o "$into/$name.wasm" "$source"
done
