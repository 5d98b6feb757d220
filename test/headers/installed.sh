#!/bin/bash
# installed.sh SOURCE BUILD CC CMAKE: installs into an empty folder, then builds an example there as
# a user would, once through pkg-config and once through find_package, and runs it.
set -euo pipefail
source=$1 build=$2 cc=$3 cmake=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

"$cmake" --install "$build" --prefix "$place/usr" >"$place/install.log" 2>&1 || {
    cat "$place/install.log"
    exit 1
}
cp "$source/examples/build_graph.c" "$place/"
cd "$place"

pc=$(find usr -name deconvnet.pc -printf '%h')
[ -n "$pc" ] || { echo "deconvnet.pc is not installed"; exit 1; }
export LD_LIBRARY_PATH="$place/${pc%/pkgconfig}"
export PKG_CONFIG_PATH="$place/$pc"
version=$(sed -n 's/.*DCN_VERSION "\(.*\)".*/\1/p' usr/include/deconvnet.h)
if command -v pkg-config >/dev/null; then
    [ "$(pkg-config --modversion deconvnet)" = "$version" ] || {
        echo "deconvnet.pc says $(pkg-config --modversion deconvnet), deconvnet.h $version"
        exit 1
    }
    # shellcheck disable=SC2046  # flags are words
    "$cc" -std=c11 build_graph.c -o by_pkg_config $(pkg-config --cflags --libs deconvnet) -lm
    ./by_pkg_config >/dev/null
else
    echo "skipped: no pkg-config; script/bootstrap build installs it"
    exit 77
fi

cat >CMakeLists.txt <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(deconvnet $version REQUIRED)
add_executable(by_cmake build_graph.c)
target_link_libraries(by_cmake PRIVATE deconvnet::deconvnet m)
CMAKE
if ! { "$cmake" -G Ninja -S . -B b -DCMAKE_PREFIX_PATH="$place/usr" -DCMAKE_C_COMPILER="$cc" &&
    "$cmake" --build b; } >b.log 2>&1; then
    cat b.log
    exit 1
fi
b/by_cmake >/dev/null

mapfile -t elf < <(find usr -name 'libdeconvnet.so*' -type f -o -path '*/bin/deconvnet' -type f)
[ "${#elf[@]}" -eq 2 ] || { echo "not one library and one command: ${elf[*]}"; exit 1; }
"$source/script/check-hardening" "${elf[@]}"

# The command finds the library beside it, wherever the two were put.
unset LD_LIBRARY_PATH
if [ -x usr/bin/deconvnet ]; then
    usr/bin/deconvnet --version >/dev/null
fi
