#!/bin/bash
# clustr: runs the commands of {{ questions | length }} questions and prints what they said. Changes nothing.
# shellcheck disable=SC2016 # what is asked is expanded by the shell that runs it
set -uo pipefail
export LC_ALL=C
mark={{ nonce }}
scratch=$(mktemp -d /dev/shm/clustr-checks.XXXXXXXX) || exit
trap 'rm -rf -- "$scratch"' EXIT

# encoded BYTES FILE: the beginning of a file, on one line.
encoded() { head -c "$1" "$2" | base64 -w0 && printf '\n'; }

# ask NUMBER SECONDS COMMAND: its status, then its output and errors, each on a line of its own. The end is marked only
# where all of that could be printed: an answer without it is none.
ask() {
  local status=0
  timeout -k 2 "$2" bash -c "$3" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  printf '\n::%s %s %s\n' "$mark" "$1" "$status"
  encoded 4000000 "$scratch/out" && encoded 20000 "$scratch/err" && printf '::%s end\n' "$mark"
}

main() {
{% for question in questions %}
  ask {{ loop.index0 }} {{ question.seconds }} {{ question.command | quote }}
{% endfor %}
  :
}
main </dev/null
