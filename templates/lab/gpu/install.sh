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

main() {
  local path
  for path in $(dpkg -L kmod | grep -E '/s?bin/(modprobe|rmmod|lsmod)$'); do
    stand_in "$path" kmod
  done
  stand_in "$(dpkg -L util-linux | grep -E '/bin/dmesg$')" dmesg
  systemctl --quiet enable clustr-lab-gpu.service
  echo 'The GPUs of this node, the modules of their driver and nvidia-smi are stand-ins of a clustr lab.' >>/etc/motd
}
main </dev/null
