#!/bin/bash
# Written by clustr. Stops k3s and every container of its own containerd, and takes down what they mounted and linked.
# Where the runtime is docker or the distribution's containerd, its containers run on: they are the runtime's.
# What is on disk stays: k3s starts again from it.
set -u

if [ "$(id -u)" != 0 ]; then
  echo "run it as root" >&2
  exit 1
fi

for unit in k3s.service k3s-agent.service; do
  if systemctl cat "$unit" >/dev/null 2>&1; then systemctl stop "$unit"; fi
done

# A shim and all that descends from it, shims of k3s's own containerd only.
tree() {
  local child
  echo "$1"
  for child in $(ps -o pid= --ppid "$1"); do tree "$child"; done
}

shims() {
  local pid
  for pid in $(pgrep -f '^[^ ]*containerd-shim'); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- '-address /run/k3s/containerd/'; then echo "$pid"; fi
  done
}

for shim in $(shims); do
  mapfile -t pids < <(tree "$shim")
  kill -9 "${pids[@]}" 2>/dev/null
done

# unmount_below FOLDER: everything mounted at or below it, the deepest first.
unmount_below() {
  awk -v top="$1" '$2 == top || index($2, top "/") == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r path; do
    umount -f -- "$(printf %b "$path")" || umount -l -- "$(printf %b "$path")"
  done
}

for folder in /run/k3s /var/lib/kubelet/pods /var/lib/kubelet/plugins; do
  unmount_below "$folder"
done
for space in $(ip netns list 2>/dev/null | awk '$1 ~ /^cni-/ { print $1 }'); do ip netns delete "$space"; done

for link in $(ip -o link show master cni0 2>/dev/null | awk -F '[:@ ]+' '{ print $2 }'); do ip link delete "$link"; done
for link in cni0 flannel.1 flannel-v6.1 flannel-wg flannel-wg-v6 kube-ipvs0; do ip link delete "$link" 2>/dev/null; done
rm -rf /var/lib/cni

for tables in iptables ip6tables; do
  if command -v "$tables-save" >/dev/null; then
    "$tables-save" | grep -vE 'KUBE-|CNI-|flannel' | "$tables-restore"
  fi
done
exit 0
