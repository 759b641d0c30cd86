#!/bin/bash
# The cluster's lock on this server: a folder that one run makes by mkdir, with its holder and its last beat.
# Prints what came of it, then the lock as it now is. Times are this machine's.
set -euo pipefail
clustr=/var/lib/clustr
lock=$clustr/lock
run_id={{ run_id | quote }}
silence={{ silence }}

holder_field() {
  if [ -r "$lock/holder" ]; then sed -n "s/^$1=//p" "$lock/holder" | head -n 1; fi
}

seconds_since() {
  local changed now
  now=$(date +%s)
  changed=$(stat -c %Y "$1" 2>/dev/null || stat -c %Y "$lock")
  echo $((now > changed ? now - changed : 0))
}

# A folder without a holder is a run that was cut between mkdir and its first word: its own age counts as silence.
show() {
  if [ -d "$lock" ]; then
    if [ -r "$lock/holder" ]; then cat "$lock/holder"; fi
    echo "held_for=$(seconds_since "$lock/holder")"
    echo "silent_for=$(seconds_since "$lock/beat")"
  fi
}

answer() {
  echo "answer=$1"
  show
}

make() {
  mkdir "$lock"
  # A disk that is full must not leave a lock of nobody's behind.
  { cat >"$lock/holder" && : >"$lock/beat"; } <<'END_OF_HOLDER' || { rm -rf -- "$lock"; exit 1; }
who={{ who }}
host={{ host }}
run_id={{ run_id }}
command={{ command }}
END_OF_HOLDER
}

take() {
  if [ ! -d "$lock" ]; then
    make
    answer taken
  elif [ "$(holder_field run_id)" = "$run_id" ]; then
    : >"$lock/beat"
    answer taken
  elif [ "$(seconds_since "$lock/beat")" -gt "$silence" ]; then
    answer taken_over
    mv -T "$lock" "$lock.$run_id"
    make
    rm -rf -- "$lock.$run_id"
  else
    answer held
  fi
}

beat() {
  if [ -d "$lock" ] && [ "$(holder_field run_id)" = "$run_id" ]; then
    : >"$lock/beat"
    answer taken
  else
    answer lost
  fi
}

release() {
  if [ -d "$lock" ] && [ "$(holder_field run_id)" = "$run_id" ]; then rm -rf -- "$lock"; fi
  answer released
}

read_only() {
  answer read
}

free() {
  answer freed
  rm -rf -- "$lock"
}

# One act at a time on this server, so that looking and taking over are one step.
alone() {
  exec 9<"$clustr"
  flock -w 20 9
}

main() {
{% if act == "take" %}
  install -d -m 0700 "$clustr"
{% endif %}
{% if act != "read_only" %}
  if [ -d "$clustr" ]; then alone; fi
{% endif %}
  {{ act }}
}
main </dev/null
