#!/usr/bin/env bash
# run.sh FOLDER WORD...: all tests that the words choose. Lab nodes that a failed or killed run left are taken down too.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
if [ -d "$1" ]; then
  CLUSTR_TEST_ARTIFACTS=$(realpath "$1")
  export CLUSTR_TEST_ARTIFACTS
  tests/kube/build.sh --test || exit 1
fi
clear_labs() {
  local lab
  for lab in /var/lib/clustr/labs/test*; do
    if [ -d "$lab" ]; then clustr lab down "$(basename "$lab")" >/dev/null; fi
  done
}
trap clear_labs EXIT
clear_labs
# What looks at the whole machine runs by itself; then two processes, each with a cluster of its own (conftest.py).
run() { pytest "$@" || [ $? = 5 ]; }  # 5: nothing of it was chosen
run "${@:2}" tests/lab/test_00_*
alone=$?
run "${@:2}" --ignore-glob='*/test_00_*' --numprocesses 2 --dist loadgroup --no-loadscope-reorder && [ $alone = 0 ]
