#!/bin/sh
# alone.sh COMPILER -std=STANDARD -I FOLDER FILE: compiles, with every warning an error.
case "$1" in
    '' | *NOTFOUND) echo "skipped: no C++ compiler; script/bootstrap test installs g++"; exit 77 ;;
esac
exec "$1" "$2" "$3" "$4" -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$5"
