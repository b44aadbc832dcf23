#!/bin/sh
# The tests three times in a row, beside two loops that keep the processors busy. No test may depend on what else the
# machine does. Arguments are passed on: paths of tests, or whatever `bun test` takes.
#
#   test/busy.sh                       the whole suite, which takes about three times an hour
#   test/busy.sh test/faults           a part of it
set -u
cd "$(dirname "$0")/.." || exit 1
loops=''
trap 'for loop in $loops; do kill "$loop" 2>/dev/null; done' EXIT
trap 'exit 130' INT TERM
for _ in 1 2; do
  sh -c 'while :; do :; done' &
  loops="$loops $!"
done
failed=0
for turn in 1 2 3; do
  if npm test -- "$@"; then
    echo "busy: turn $turn passed"
  else
    echo "busy: turn $turn FAILED"
    failed=$((failed + 1))
  fi
done
echo "busy: $((3 - failed)) turns passed, $failed failed"
[ "$failed" -eq 0 ]
