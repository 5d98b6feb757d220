# lanes.sh - counts what script/test runs. Sourced, with bash's pipefail on and the project as folder.
#
# $strict: not empty, a skip that test/may-skip.txt does not name is a failure. $full: the minutes
# that everything may take.
# shellcheck shell=bash

passed=0 failed=0 skipped=0
strict=${strict-}
full=${full-0}
logs=build/test
mkdir -p "$logs"

# step NAME COMMAND...: one check that is not a CTest test.
step() {
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$logs/$name.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        tail -n 60 "$logs/$name.log"
        echo "FAILED  $name; all of its output: $logs/$name.log"
        return 1
    fi
}

build() {    # build LANE [CMAKE OPTION...]
    local lane=$1
    shift
    cmake --preset "$lane" "$@" && ninja -C "build/$lane"
}

attribute() {    # attribute NAME FILE: a number of the first <testsuite ...>
    [ -s "$2" ] && tr '\n\t' '  ' <"$2" | grep -o '<testsuite [^>]*' | head -n 1 |
        sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p"
}

# lane NAME[:BUILD] [CTEST OPTION...]: tests of build/BUILD (that of the lane's name), counted one by one.
lane() {
    local name=${1%%:*} folder=build/${1##*:} start=$SECONDS
    local xml=$PWD/$logs/$name.xml
    shift
    ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$(nproc)" \
        --output-junit "$xml" "$@" >"$logs/$name.log" 2>&1 </dev/null
    local code=$? all bad skip
    all=$(attribute tests "$xml") bad=$(attribute failures "$xml") skip=$(attribute skipped "$xml")
    if [ "${all:-0}" -eq 0 ]; then
        failed=$((failed + 1))
        tail -n 20 "$logs/$name.log"
        echo "FAILED  $name: ctest ran nothing; all of its output: $logs/$name.log"
        return 1
    fi
    # A test whose program is missing stands among the skipped there.
    local missing
    missing=$(grep -c '\*\*\*Not Run' "$logs/$name.log")
    bad=$((bad + missing)) skip=$((skip - missing))
    passed=$((passed + all - bad - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
    if [ "$bad" -gt 0 ]; then
        grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test +#.* Passed )' "$logs/$name.log" | tail -n 150
        echo "FAILED  $name: $bad of $all tests; all of its output: $logs/$name.log"
    elif [ "$code" -ne 0 ]; then
        failed=$((failed + 1))
        tail -n 20 "$logs/$name.log"
        echo "FAILED  $name: ctest ended with $code; all of its output: $logs/$name.log"
    else
        echo "ok      $name: $((all - skip)) tests ($((SECONDS - start)) s)"
    fi
    [ "$skip" -eq 0 ] || report_skips "$name"
}

# fits MINUTES NAME: whether a lane of so many minutes still ends in time. If not, it is left out aloud.
fits() {
    [ $((SECONDS / 60 + $1)) -le "$full" ] || {
        echo "left out: $2, about $1 minutes; script/test --full takes the time for it"
        return 1
    }
}

# Says aloud what was skipped. Where a package could have provided for it, and we are strict, that
# is a failure. The lanes minimal and msan have no libraries: they skip what needs one.
report_skips() {
    local test line
    while read -r test; do
        line="skipped $1: $test"
        if [ -n "$strict" ] && [ "$1" != minimal ] && [ "$1" != msan ] &&
            ! sed 's/#.*//' test/may-skip.txt | awk '{ print $1 }' | grep -qxF -- "$test"; then
            skipped=$((skipped - 1)) failed=$((failed + 1))
            line="FAILED  $1: $test was skipped, and test/may-skip.txt does not name it"
        fi
        echo "$line"
    done < <(sed -n 's/^.*Test *#[0-9]*: \([^ ]*\) \.*\*\*\*Skipped.*/\1/p' "$logs/$1.log")
}

# figures BUILD: what its last tests said about themselves.
figures() {
    sed -n 's/^[.]*figure: //p' "build/$1/Testing/Temporary/LastTest.log" >>"$logs/figures.txt"
    sed 's/^/    /' "$logs/figures.txt"
}

finish() {
    [ "$skipped" -eq 0 ] || echo "$skipped tests were SKIPPED: their names stand above"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
