#!/bin/bash
# Installs the Debian packages that Souk is built and tested with; does nothing when all are there.
#   scripts/install-deps.sh            what `make demo` and `make test` need
#   scripts/install-deps.sh --check    also the tools of `make check` and `make fuzz`
# Nothing else is ever downloaded. Needs root or sudo, and says what it is about to do.
set -euo pipefail

packages=(gcc libc6-dev make pkg-config openmpi-bin libopenmpi-dev libzmq3-dev liblz4-dev
          libxxhash-dev libyaml-dev libjansson-dev zlib1g-dev libopenblas-dev libcmocka-dev)
# Named libmsgpack-dev in Debian 12, libmsgpack-c-dev in later releases.
msgpack=(libmsgpack-dev libmsgpack-c-dev)
[ "${1:-}" = --check ] && packages+=(clang clang-format shellcheck)

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if ! command -v dpkg-query >/dev/null; then
    # Not a Debian system: packages have other names there, so only look for the libraries.
    missing=()
    for library in libzmq liblz4 libxxhash yaml-0.1 zlib jansson openblas ompi-c cmocka; do
        pkg-config --exists "$library" || missing+=("$library")
    done
    pkg-config --exists msgpack || pkg-config --exists msgpack-c || missing+=(msgpack-c)
    [ ${#missing[@]} = 0 ] && exit 0
    echo "install-deps: pkg-config does not find: ${missing[*]}" >&2
    echo "install-deps: this is no Debian system; install them with its own package manager" >&2
    exit 2
fi

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ! is_installed "${msgpack[0]}" && ! is_installed "${msgpack[1]}"; then missing+=(msgpack); fi
# The runtime of clang's sanitizers and fuzzer has its version in the name: 14 in Debian 12. The
# package clang depends on clang-14, or whatever the version of the release is.
runtime_of() { sed -n 's/.*\bclang-\([0-9][0-9]*\)\b.*/libclang-rt-\1-dev/p' | head -n 1; }
if [ "${1:-}" = --check ]; then
    runtime=$(dpkg-query -W -f='${Depends}\n' clang 2>/dev/null | runtime_of || true)
    if [ -z "$runtime" ] || ! is_installed "$runtime"; then missing+=(clang-runtime); fi
fi
[ ${#missing[@]} = 0 ] && exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: missing packages: ${missing[*]}" >&2
        echo "install-deps: run this as root, or install sudo: apt-get install ${missing[*]}" >&2
        exit 2
    fi
    as_root=(sudo)
fi
echo "install-deps: installing what Souk needs to build and run: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
if [[ " ${missing[*]} " == *" msgpack "* ]]; then
    name=libmsgpack-dev
    apt-cache show libmsgpack-dev >/dev/null 2>&1 || name=libmsgpack-c-dev
    missing=("${missing[@]/%msgpack/$name}")
fi
if [[ " ${missing[*]} " == *" clang-runtime "* ]]; then
    runtime=$(apt-cache depends clang | grep 'Depends: clang-' | runtime_of || true)
    if [ -z "$runtime" ]; then
        echo "install-deps: apt-cache depends clang names no clang-N; install libclang-rt-N-dev" >&2
        exit 2
    fi
    missing=("${missing[@]/%clang-runtime/$runtime}")
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
