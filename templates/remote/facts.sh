#!/bin/bash
# What this machine says of itself, one key=value a line; free text is base64. Changes nothing.
set -u
export LC_ALL=C
rancher=/var/lib/rancher/k3s
clustr=/var/lib/clustr
scratch=

cleanup() {
  if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi
}
trap cleanup EXIT

say() {
  printf '%s=%s\n' "$1" "$2"
}

# encode KEY: free text on stdin.
encode() {
  printf '%s=%s\n' "$1" "$(base64 -w0)"
}

# first_line FILE: without starting a program; nothing where it cannot be read.
first_line() {
  local line=
  if [ -r "$1" ]; then IFS= read -r line <"$1"; fi
  printf '%s' "$line"
}

machine() {
  say clock "$(date +%s.%N)"
  uname -n | encode hostname
  say machine_id "$(first_line /etc/machine-id)"
  say boot_id "$(first_line /proc/sys/kernel/random/boot_id)"
  encode os_release </etc/os-release
  say architecture "$(uname -m)"
  say kernel "$(uname -r)"
  say cpus "$(getconf _NPROCESSORS_ONLN)"
  say memory_kb "$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)"
  say disk_free_kb "$(df -Pk /var/lib | awk 'NR == 2 { print $4 }')"
  say cgroup_type "$(stat -fc %T /sys/fs/cgroup)"
  say init "$(first_line /proc/1/comm)"
  awk 'NR > 1 { print "swap=" $1 " " $3 }' /proc/swaps
  say selinux_enforce "$(first_line /sys/fs/selinux/enforce)"
  if [ -e /etc/selinux/config ]; then say selinux_config there; fi
}

boot_loader() {
  local image
  if command -v grubby >/dev/null; then say grubby "$(grubby --default-kernel)"; fi
  for image in /boot/grub/grub.cfg /boot/grub2/grub.cfg; do
    if [ -r "$image" ]; then
      grep -E '^[[:space:]]*(set default=|menuentry |submenu |linux(efi|16)?[[:space:]]|})' "$image" | encode grub
    fi
  done
  for image in /boot/grub/grubenv /boot/grub2/grubenv; do
    if [ -r "$image" ]; then encode grubenv <"$image"; fi
  done
  for image in /vmlinuz /boot/vmlinuz; do
    if [ -L "$image" ]; then say vmlinuz "$(readlink "$image")"; fi
  done
  for image in /boot/vmlinuz-*; do
    if [ -e "$image" ]; then say boot_image "$image"; fi
  done
}

network() {
  local folder name mtu
  for folder in /sys/class/net/*; do
    name=${folder##*/}
    mtu=$(first_line "$folder/mtu")
    if [ -e "$folder/device" ]; then say port "$name $mtu"; else say virtual "$name $mtu"; fi
  done
  ip -o -4 addr | awk '{ sub(/@.*/, "", $2); print "address=" $2 " " $4 }'
  if grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf && command -v ufw >/dev/null; then say firewall ufw; fi
  if systemctl is-active --quiet firewalld.service; then say firewall firewalld; fi
}

pci() {
  local folder vendor device class
  for folder in /sys/bus/pci/devices/*; do
    if read -r vendor <"$folder/vendor" && read -r device <"$folder/device" && read -r class <"$folder/class"; then
      say pci "${folder##*/} $vendor $device $class"
    fi
  done
}

k3s() {
  if [ -x /usr/local/bin/k3s ]; then say k3s_version "$(timeout 10 /usr/local/bin/k3s --version | head -n 1)"; fi
  if [ -d "$rancher/server/db/etcd/member" ]; then
    say datastore etcd
  elif [ -e "$rancher/server/db/state.db" ]; then
    say datastore sqlite
  fi
  local given=/etc/rancher/k3s/token
  if [ -r "$rancher/server/token" ]; then
    encode token <"$rancher/server/token"
  elif [ -r "${given%/*}/agent-token" ] && [ -r "$given" ] && ! grep -q '^K10' "$given"; then
    encode token <"$given" # a founding that was cut: k3s has not told it yet, and has begun to encrypt with it
  fi
  if [ -r "$rancher/server/tls/server-ca.crt" ]; then
    say ca_hash "$(sha256sum <"$rancher/server/tls/server-ca.crt" | cut -d' ' -f1)"
  fi
  if [ -e "$rancher/agent/client-kubelet.crt" ]; then say agent_data yes; fi
  if systemctl is-active --quiet k3s.service && [ -x /usr/local/bin/k3s ]; then kube_nodes; fi
}

# kubectl keeps a cache of the API in the home folder unless it is told another place.
kube_nodes() {
  local listing
  scratch=$(mktemp -d /dev/shm/clustr-facts.XXXXXXXX) || return
  listing=$(timeout 5 /usr/local/bin/k3s kubectl --cache-dir="$scratch" get nodes -o go-template='
{{- range .items}}{{.metadata.name}} {{if .spec.unschedulable}}cordoned{{else}}open{{end}}
{{- range .status.conditions}}{{if eq .type "Ready"}} {{.status}}{{end}}{{end}} {{.status.nodeInfo.kubeletVersion}}{{"\n"}}
{{- end}}') || return
  say api ready
  encode kube_nodes <<<"$listing"
}

left_by_clustr() {
  local record run='' by=''
  for record in "$clustr"/records/*; do
    case $record in *.new | *'*') continue ;; esac
    printf '%s\0' "$(<"$record")"
  done | encode records
  say apply "$(systemctl show --property=ActiveState --value clustr-apply.service)"
  if [ -r "$clustr/run" ]; then
    { IFS= read -r run && IFS= read -r by; } <"$clustr/run"
    say run_id "$run"
    say run_by "$by"
  fi
  if [ -r "$clustr/verdict" ]; then encode verdict <"$clustr/verdict"; fi
}

# As lock.sh counts it: a folder without a beat is a run that was cut at its first word, and counts by its own age.
lock() {
  local beat now
  if [ ! -d "$clustr/lock" ]; then return; fi
  say lock held
  beat=$(stat -c %Y "$clustr/lock/beat" || stat -c %Y "$clustr/lock") || return
  now=$(date +%s)
  say lock_silent_for "$((now - beat))"
  if [ -r "$clustr/lock/holder" ]; then
    encode lock_holder <"$clustr/lock/holder"
    say lock_held_for "$((now - $(stat -c %Y "$clustr/lock/holder")))"
  fi
}

main() {
  machine
  boot_loader
  network
  pci
  k3s
  left_by_clustr
  lock
  say end yes
}
main </dev/null 2>/dev/null
