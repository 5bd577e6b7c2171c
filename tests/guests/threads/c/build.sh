#!/usr/bin/env bash
# Builds the C programs with threads: by clang, with the headers of Debian's `wasi-libc`, and with the library and the linker that rustup
# installs with the target wasm32-wasip1-threads. Debian's own library has no threads; one of wasi-sdk has, and needs none of this.
set -euo pipefail
cd "$(dirname "$0")"
sysroot=$(rustc --print sysroot)
libs=$sysroot/lib/rustlib/wasm32-wasip1-threads/lib/self-contained
builtins=$(clang --print-resource-dir)/lib/wasi/libclang_rt.builtins-wasm32.a
linker=$(find "$sysroot" -name rust-lld | head -n 1)
for source in *.c; do
    object=$(mktemp)
    # Not optimised, so that no block that is lost is left out.
    clang --target=wasm32-wasip1-threads -pthread -isystem /usr/include/wasm32-wasi -O0 -g -c "$source" -o "$object"
    "$linker" -flavor wasm --import-memory --export-memory --shared-memory --max-memory=67108864 --strip-debug \
        "$libs/crt1-command.o" "$object" "$libs/libc.a" "$builtins" -o "${source%.c}.wasm"
    rm "$object"
done
