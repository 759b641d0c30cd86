#!/bin/bash
# install.sh: puts the stand-ins of a GPU node into its file system, before its first boot. Runs in there.
set -Eeuo pipefail
export LC_ALL=C
lib=/usr/local/lib/clustr-lab

# stand_in PATH PROGRAM: the package that owns the path keeps its own under another name, whenever it is upgraded.
stand_in() {
  local path=$1
  dpkg-divert --quiet --local --rename --divert "$path.kept" --add "$path"
  ln -s "$lib/$2" "$path"
}

# What nvidia-smi runs with, in pods of whatever image too.
tools() {
  local tool
  cp /bin/busybox "$lib/busybox"
  mkdir "$lib/bin"
  for tool in awk cat date grep mkdir readlink rm sed seq sort tr; do ln -s ../busybox "$lib/bin/$tool"; done
}

main() {
  local path
  for path in $(dpkg -L kmod | grep -E '/s?bin/(modprobe|rmmod|lsmod)$'); do
    stand_in "$path" kmod
  done
  stand_in "$(dpkg -L util-linux | grep -E '/bin/dmesg$')" dmesg
  tools
  mkdir -p /etc/systemd/system/nvidia-cdi-refresh.service.d
  ln -s "$lib/cdi-refresh.conf" /etc/systemd/system/nvidia-cdi-refresh.service.d/90-clustr-lab.conf
  systemctl --quiet enable clustr-lab-gpu.service
  echo 'The GPUs of this node, the modules of their driver and nvidia-smi are stand-ins of a clustr lab.' >>/etc/motd
}
main </dev/null
