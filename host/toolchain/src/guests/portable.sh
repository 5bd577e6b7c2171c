# Compiles as the compiler does, but what is built for wasm32-wasip1 holds no path of this machine, and its symbols do
# not depend on one. Its version says so, for cargo to keep what it builds apart.
if [ "$*" = -vV ]; then
    "$rustc" -vV && echo "airtight: $recipe"
    exit
fi

target='' last=''
for arg do
    case "$last $arg" in
        "--target $wasm" | *" --target=$wasm") target=$wasm ;;
    esac
    last=$arg
done
if [ -z "$target" ] || [ -z "$__AIRTIGHT_WORKSPACE" ] || [ -z "$CARGO_MANIFEST_DIR" ]; then
    exec "$rustc" "$@"
fi

# Where the package comes from and the path to give it, the same for everybody who builds the same lock file.
dir=$CARGO_MANIFEST_DIR
name=$CARGO_PKG_NAME-$CARGO_PKG_VERSION
here=$(pwd -P)
path=$packages/$name base=$packages/$name
case $dir in
    "$rust_src"/*) origin=rust path=$rust${dir#"$rust_src"} base=$path ;;
    "$__AIRTIGHT_CARGO_HOME"/registry/src/*) origin=registry ;;
    "$__AIRTIGHT_CARGO_HOME"/git/checkouts/*) origin=git/${dir#"$__AIRTIGHT_CARGO_HOME"/git/checkouts/} ;;
    *)
        if [ "$here" = "$__AIRTIGHT_HERE" ]; then
            # Where cargo compiles what is in the workspace.
            origin=workspace path=$workspace${dir#"$__AIRTIGHT_WORKSPACE"} base=$workspace
        elif [ -e "$dir/.cargo-checksum.json" ]; then
            # Vendored: the same as from the registry.
            origin=registry
        else
            origin=path
        fi
        ;;
esac
case "$origin $__AIRTIGHT_TWICE " in
    "registry "*" $name "*)
        # Two registries have it: only their directories tell one from the other.
        index=${dir%/*}
        origin=registry/${index##*/}
        ;;
esac

# Cargo's own metadata depends on the paths of packages outside of the workspace, and every symbol depends on it.
count=$# last=''
for arg do
    case "$last $arg" in
        "-C metadata="*) arg=metadata=$origin:$path ;;
    esac
    last=$arg
    set -- "$@" "$arg"
done
shift "$count"

# Of several that match the compiler takes the last: the user's own come after all of these.
case $target in
    # The linker would let the memory of a test with threads grow to 1 GiB, and each thread takes 2 MiB of it. The test's limit counts.
    *-threads) set -- -C link-arg=--max-memory=4294967296 "$@" ;;
esac
if [ -n "$OUT_DIR" ]; then
    set -- "--remap-path-prefix=$OUT_DIR=$packages/$CARGO_PKG_NAME/out" "$@"
fi
exec "$rustc" \
    "--remap-path-prefix=$__AIRTIGHT_HOME=$packages/home" \
    "--remap-path-prefix=$__AIRTIGHT_CARGO_HOME=$packages/cargo-home" \
    "--remap-path-prefix=$__AIRTIGHT_TARGET_DIR=$packages/target" \
    "--remap-path-prefix=$rust_src=$rust" \
    "--remap-path-prefix=$__AIRTIGHT_WORKSPACE=$workspace" \
    "--remap-path-prefix=$here=$base" \
    "--remap-path-prefix=$dir=$path" \
    "$@"
