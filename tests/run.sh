#!/usr/bin/env bash
# run.sh FOLDER: all tests. Lab nodes that a failed or killed run left are taken down too.
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
pytest "${@:2}"
