# Ports of RDMA devices, and how much memory processes of pods may lock: a line each.
# shellcheck shell=bash
shopt -s nullglob

value() {
  local line=
  if [ -r "$1" ]; then IFS= read -r line <"$1"; fi
  printf '%s' "${line:--}"
}

main() {
  local path device state rate what groups
  for path in /sys/class/infiniband/*/ports/*; do
    device=${path%/ports/*}
    what=port
    if [ -e "$device/device/physfn" ]; then
      what=virtual
    elif [ "$(value "$device/device/device")" = 0x1021 ] && timeout 5 grep -qa SW_MNG "$device/device/vpd"; then
      what=bridge
    fi
    state=$(value "$path/state")
    rate=$(value "$path/rate")
    echo "$what ${device##*/} ${path##*/} ${state#*: } ${rate%% *} $(value "$path/link_layer")"
  done
  groups=$(grep -ls kubepods /proc/[0-9]*/cgroup)
  for path in $groups; do awk '/^Max locked memory/ { print "locked " $4 }' "${path%cgroup}limits"; done | sort | uniq -c |
    awk '{ print $2, $3, $1 }'
  echo end
}
for program in awk grep sort timeout uniq; do
  if ! command -v "$program" >/dev/null; then
    echo "$program: command not found" >&2
    exit 127
  fi
done
main 2>/dev/null
