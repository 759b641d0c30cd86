#!/bin/bash
# Written by clustr. Takes k3s off this node, with all data of the cluster that is on it.
set -u

if [ "$(id -u)" != 0 ]; then
  echo "run it as root" >&2
  exit 1
fi

/usr/local/bin/k3s-killall.sh
systemctl disable --quiet {{ unit }}
rm -rf /etc/systemd/system/{{ unit }} /etc/systemd/system/{{ unit }}.d /etc/systemd/system/{{ unit }}.env
systemctl daemon-reload
systemctl reset-failed {{ unit }} 2>/dev/null

for name in kubectl crictl ctr; do
  if [ "$(readlink "/usr/local/bin/$name")" = k3s ]; then rm -f "/usr/local/bin/$name"; fi
done
# Folders that are mount points are emptied, and stay.
for folder in /etc/rancher/k3s /etc/rancher/node /run/k3s /run/flannel /var/lib/rancher/k3s /var/lib/kubelet; do
  rm -rf "$folder" 2>/dev/null || find "$folder" -mindepth 1 -delete
done
rmdir /etc/rancher /var/lib/rancher 2>/dev/null
rm -f /var/lib/clustr/started/{{ unit }} /usr/local/bin/k3s /usr/local/bin/k3s-killall.sh {{ script }}
