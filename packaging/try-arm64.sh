#!/bin/sh
# Install an aarch64 wheel into an arm64 Debian userland, and use it there, under qemu-user. packaging/README.md
# explains it.
#
#   try-arm64.sh WHEEL [FOLDER]       FOLDER keeps the userland for the next time (default: a temporary one)
#
# Needs debootstrap, dpkg-deb and qemu-user-static (Debian packages of these names), and root for debootstrap.
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 WHEEL [FOLDER]" >&2
    exit 2
fi
if [ ! -f "$1" ]; then
    echo "$0: $1 is no file; packaging/wheels.py builds the wheel" >&2
    exit 2
fi
wheel=$(realpath "$1")
if [ $# -gt 1 ]; then
    folder=$2
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
root=$(realpath "$folder")/root

# Packages are unpacked, not configured: Python runs without that, and their scripts would take half an hour here.
if [ ! -x "$root/usr/bin/python3.11" ]; then
    mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[.*\] \)\?\(http[^ ]*\).*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1)
    debootstrap --download-only --arch=arm64 --variant=minbase \
        --include=python3,python3-pip,ca-certificates bookworm "$folder/packages" ${mirror:+"$mirror"}
    mkdir -p "$root"
    for package in "$folder"/packages/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
fi

on() { # CPU PYTHON-ARGUMENTS...
    cpu=$1
    shift
    env -i HOME="$folder" PATH=/usr/bin LC_ALL=C.UTF-8 \
        qemu-aarch64-static -cpu "$cpu" -L "$root" "$root/usr/bin/python3.11" "$@"
}

echo "== $(on cortex-a76 -c 'import platform, sys; print(platform.machine(), sys.version.split()[0], *platform.libc_ver())')"
echo "== pip install"
site=$folder/site
rm -rf "$site"
# The wheel by the pip of the userland, which accepts or refuses its tag; what it depends on by this machine's, in seconds.
on cortex-a76 -m pip install --quiet --disable-pip-version-check --no-deps --target "$site" "$wheel"
requirements=$(sed -n 's/^Requires-Dist: *\([^;]*\)$/\1/p' "$site"/lutwerk-*.dist-info/METADATA | tr -d ' ')
# Requirements are words.
# shellcheck disable=SC2086
python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$site" --only-binary=:all: \
    --implementation cp --python-version 3.11 --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 $requirements
use() { # CPU LUTWERK-ARGUMENTS...
    cpu=$1
    shift
    on "$cpu" -c "import sys; sys.path.insert(0, '$site'); from lutwerk.cli import main; sys.exit(main())" "$@"
}
echo "== demo"
use cortex-a76 demo -n 16 -t 1 -o "$folder/bundle" --force
for cpu in cortex-a53 cortex-a72 cortex-a76; do
    echo "== verify on $cpu"
    use "$cpu" verify "$folder/bundle"
    qemu-aarch64-static -cpu "$cpu" "$folder/bundle/run" --self-test
done
