#!/bin/sh
# Compile one checkpoint for several targets and prove every bundle by its self-test, under qemu-user where this
# machine has another architecture. docs/ci.md explains it.
#
#   build-bundles.sh CHECKPOINT OUTPUT [TARGET...]      writes OUTPUT/TARGET for each target
#
# LUTWERK         the command to compile with (default: lutwerk)
# LUTWERK_FLAGS   more options of `lutwerk compile`, such as "--quant i4g128 -c 2048"
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 CHECKPOINT OUTPUT [TARGET...]" >&2
    exit 2
fi
checkpoint=$1
output=$2
shift 2
[ $# -gt 0 ] || set -- x86-64-v3 arm64 armv7 riscv64

# The program that runs others of architecture $1 on this machine; nothing where none is needed.
emulator() {
    case "$1-$(uname -m)" in
        x86_64-x86_64 | aarch64-aarch64 | riscv64-riscv64 | armv7-armv7l) return ;;
        armv7-*) name=qemu-arm cpu="-cpu max" ;;
        riscv64-*) name=qemu-riscv64 cpu="" ;; # its default has everything, and older ones know no max
        *) name=qemu-$1 cpu="-cpu max" ;;
    esac
    found=$(command -v "$name-static" || command -v "$name") || {
        echo "$0: $name is missing; install it (Debian: apt-get install qemu-user-static)" >&2
        exit 1
    }
    echo "$found $cpu"
}

field() { # MANIFEST KEY.KEY
    python3 -c 'import functools, json, sys
print(functools.reduce(dict.get, sys.argv[2].split("."), json.load(open(sys.argv[1]))))' "$1" "$2"
}

mkdir -p "$output"
for target in "$@"; do
    bundle=$output/$target
    # Options are meant to be split into words.
    # shellcheck disable=SC2086
    ${LUTWERK:-lutwerk} compile "$checkpoint" --target "$target" -o "$bundle" --force ${LUTWERK_FLAGS:-}
    run=$(emulator "$(field "$bundle/manifest.json" needs.architecture)")
    echo "$target: self-test${run:+ with $run}"
    $run "$bundle/run" --self-test
    echo "$target: logits $(field "$bundle/manifest.json" golden.logits_sha256)"
done
