#!/bin/bash
# lanes.sh SOURCE CMAKE: script/test counts a pass, a failure and a skip as what they are, and fails
# when it should.
set -uo pipefail
source=$1 cmake=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
mkdir test
export CTEST_OUTPUT_ON_FAILURE=

project() {    # project 'PASSING NAMES' 'FAILING' 'SKIPPING'
    {
        echo "cmake_minimum_required(VERSION 3.25)"
        echo "project(meta NONE)"
        echo "enable_testing()"
        for name in $1; do echo "add_test(NAME $name COMMAND true)"; done
        for name in $2; do echo "add_test(NAME $name COMMAND false)"; done
        for name in $3; do
            echo "add_test(NAME $name COMMAND sh -c \"exit 77\")"
            echo "set_tests_properties($name PROPERTIES SKIP_RETURN_CODE 77)"
        done
    } >CMakeLists.txt
    rm -rf build
    "$cmake" -G Ninja -S . -B build/lane1 >cmake.log 2>&1 || { cat cmake.log; exit 1; }
}

# expect STRICT EXIT 'LAST LINE' [EXTRA COMMAND]: runs the lane and compares.
expect() {
    local output code
    output=$(strict=$1 bash -uo pipefail -c ". '$source/script/lanes.sh'; ${4-:}; lane lane1; finish")
    code=$?
    if [ "$code" != "$2" ] || [ "$(tail -n 1 <<<"$output")" != "$3" ]; then
        printf '%s\n' "$output"
        echo "expected exit code $2 and \"$3\", got $code"
        exit 1
    fi
}

echo "d  # no package can provide it" >test/may-skip.txt
project "a b" "" "";    expect "" 0 "2 passed, 0 failed, 0 skipped"
project "a b" "c" "";   expect "" 1 "2 passed, 1 failed, 0 skipped"
project "a" "" "d e";   expect "" 0 "1 passed, 0 failed, 2 skipped"
project "a" "" "d";     expect 1 0 "1 passed, 0 failed, 1 skipped"
project "a" "" "d e";   expect 1 1 "1 passed, 1 failed, 1 skipped"
project "a" "c" "d e";  expect 1 1 "1 passed, 2 failed, 1 skipped"
project "" "" "";       expect "" 1 "0 passed, 1 failed, 0 skipped"
project "a" "" ""
echo 'add_test(NAME missing COMMAND /nowhere/program)' >>CMakeLists.txt
"$cmake" -G Ninja -S . -B build/lane1 >cmake.log 2>&1
expect "" 1 "1 passed, 1 failed, 0 skipped"
project "a" "" ""
expect "" 0 "2 passed, 0 failed, 0 skipped" "step good true"
expect "" 1 "1 passed, 1 failed, 0 skipped" "step bad false"
expect "" 0 "2 passed, 0 failed, 0 skipped" "full=5; fits 5 short && step good true"
expect "" 0 "1 passed, 0 failed, 0 skipped" "full=5; fits 6 long && step good true"
