#!/bin/bash
# clustr: {{ stage | comment }} on {{ node }}, run {{ run_id }}.
set -Eeuo pipefail
umask 022
export LC_ALL=C PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
run_id={{ run_id }}

{{ functions }}
{{ prelude }}
current=-1
ended=
failed_at=
done_goals=()
goals=(
{% for work in works %}
  {{ (work.component ~ ', ' ~ work.name) | comment | quote }}
{% endfor %}
)

failed() {
  failed_at="$1 ${2//$'\n'/ }"
}

# The verdict is the last act, by rename: nothing else counts as one.
verdict() {
  local status=$?
  trap - ERR EXIT
  if [ -z "$ended" ]; then
    echo "::failed $current ${failed_at:-0 exit $status}"
    ended=failed
  fi
  {
    echo "run $run_id"
    for each in "${done_goals[@]}"; do echo "done $each"; done
    if [ "$ended" = failed ]; then
      echo "failed $current ${failed_at:-0 exit $status}"
      if [ "$current" -ge 0 ]; then echo "goal ${goals[$current]}"; fi
    fi
    echo "status $ended"
  } >"$clustr/verdict.new"
  rm -f -- "$clustr/apply.sh"
  mv -f -- "$clustr/verdict.new" "$clustr/verdict"
}
trap 'failed "$LINENO" "$BASH_COMMAND"' ERR
trap verdict EXIT

goal() {
  current=$1
  echo "::goal $1"
}

goal_done() {
  done_goals+=("$current")
  echo "::done $current"
}

# record FILE, the record on stdin: kept before the goal is applied, so that what a cut run leaves can be taken away.
record() {
  local text
  [ -d "$clustr/records" ] || install -d -m 0700 "$clustr/records"
  IFS= read -r -d '' text || true # as cat, which would be one more program for each goal
  printf %s "$text" >"$clustr/records/$1.new"
  mv -f -- "$clustr/records/$1.new" "$clustr/records/$1"
}

forget() {
  rm -f -- "$clustr/records/$1"
}

main() {
use_proxy
{% for work in works %}
goal {{ loop.index0 }} # {{ work.component }}: {{ work.name | comment }}
{{ work.script }}
goal_done

{% endfor %}
ended='{{ 'reboot' if reboots else 'done' }}'
}
main </dev/null
