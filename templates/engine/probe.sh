#!/bin/bash
# clustr: reads what is true here for {{ goals | length }} goals. Changes nothing.
set -u
export LC_ALL=C
mark={{ nonce }}
scratch=$(mktemp -d /dev/shm/clustr-probe.XXXXXXXX) || exit
trap 'rm -rf -- "$scratch"' EXIT

{{ functions }}
{{ prelude }}
# ask N: the goal's answer between marks, its status, and what it said on stderr where it could not look.
ask() {
  printf '\n::%s answer %s\n' "$mark" "$1"
  (set -eu; "goal_$1") 2>"$scratch/error"
  local status=$?
  printf '\n::%s status %s %s\n' "$mark" "$1" "$status"
  if [ "$status" != 0 ]; then head -c 2000 "$scratch/error"; fi
}

{% for goal in goals %}
goal_{{ loop.index0 }}() { # {{ goal.component }}: {{ goal.name | comment }}
  {{ goal.probe }}
}
{% endfor %}

main() {
  local each
{% if files %}
  look_at_files {{ files | map('quote') | join(' ') }}
{% endif %}
{% if units %}
  look_at_units {{ units | map('quote') | join(' ') }}
{% endif %}
  for each in {{ range(goals | length) | join(' ') }}; do ask "$each"; done
  printf '\n::%s end\n' "$mark"
}
main </dev/null >"$scratch/answers" # told in one piece: each line would travel in a packet of its own
cat "$scratch/answers"
