#!/bin/bash
# clustr: ends what is left of pods, then boots. Pods outlive k3s (KillMode=process) and shims pass SIGTERM over, so
# that systemd would wait 90 s for them at every boot (https://github.com/k3s-io/k3s/issues/2400).
set -u
export LC_ALL=C

# Processes of pods; their containers' shims are in k3s's cgroup.
in_pods() {
  grep -ls kubepods /proc/[0-9]*/cgroup | cut -d / -f 3
}

shims() {
  local pid
  while read -r pid; do
    if grep -qsaF k8s.io "/proc/$pid/cmdline"; then echo "$pid"; fi # Docker's own live in another namespace
  done < <(grep -ls '^containerd-shim' /proc/[0-9]*/comm | cut -d / -f 3)
}

end_pods() {
  local pids tried
  for tried in {0..20}; do
    mapfile -t pids < <(in_pods)
    if [ ${#pids[@]} = 0 ]; then break; fi
    case $tried in
      0) kill -TERM "${pids[@]}" 2>/dev/null ;;
      20) kill -KILL "${pids[@]}" 2>/dev/null ;;
    esac
    sleep 0.5
  done
  mapfile -t pids < <(shims)
  if [ ${#pids[@]} -gt 0 ]; then kill -KILL "${pids[@]}" 2>/dev/null; fi
}

main() {
  local unit
  for unit in k3s.service k3s-agent.service; do
    if systemctl is-active --quiet "$unit"; then timeout 60 systemctl stop "$unit"; fi
  done
  end_pods
  systemctl reboot --no-block
}
main </dev/null
