record ec94d54b3677c721868c0314e3f3f7a2 <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4vazNz
0
rm -f -- /usr/local/bin/k3s
END_OF_RECORD
apply_binary /usr/local/bin/k3s 5555555555555555555555555555555555555555555555555555555555555555 https://github.com/k3s-io/k3s/releases/download/v1.36.5%2Bk3s1/k3s 0755

record 9ae427ec766cbd80ccb8273462774b3c <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4va3ViZWN0bA==
1
rm -f -- /usr/local/bin/kubectl
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/kubectl)"
ln -sfn -- k3s /usr/local/bin/kubectl

record c3ed0d0db215079c01967259e89e8a0e <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4vY3JpY3Rs
2
rm -f -- /usr/local/bin/crictl
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/crictl)"
ln -sfn -- k3s /usr/local/bin/crictl

record 8e8679dbe3d924ff9d154afffa97e37a <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4vY3Ry
3
rm -f -- /usr/local/bin/ctr
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/ctr)"
ln -sfn -- k3s /usr/local/bin/ctr

record 9b7810ceef7b3d07aab8faed527e804b <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4vazNzLWtpbGxhbGwuc2g=
4
restore_file /usr/local/bin/k3s-killall.sh
END_OF_RECORD
apply_file /usr/local/bin/k3s-killall.sh 0755 root:root <<'END_OF_FILE_BY_CLUSTR'
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
END_OF_FILE_BY_CLUSTR

record d1171beb4cb463c7909e6260620a44b4 <<'END_OF_RECORD'
k3s_agent 
L3Vzci9sb2NhbC9iaW4vazNzLWFnZW50LXVuaW5zdGFsbC5zaA==
5
restore_file /usr/local/bin/k3s-agent-uninstall.sh
END_OF_RECORD
apply_file /usr/local/bin/k3s-agent-uninstall.sh 0755 root:root <<'END_OF_FILE_BY_CLUSTR'
#!/bin/bash
# Written by clustr. Takes k3s off this node, with all data of the cluster that is on it.
set -u

if [ "$(id -u)" != 0 ]; then
  echo "run it as root" >&2
  exit 1
fi

/usr/local/bin/k3s-killall.sh
systemctl disable --quiet k3s-agent.service
rm -rf /etc/systemd/system/k3s-agent.service /etc/systemd/system/k3s-agent.service.d /etc/systemd/system/k3s-agent.service.env
systemctl daemon-reload
systemctl reset-failed k3s-agent.service 2>/dev/null

for name in kubectl crictl ctr; do
  if [ "$(readlink "/usr/local/bin/$name")" = k3s ]; then rm -f "/usr/local/bin/$name"; fi
done
# Folders that are mount points are emptied, and stay.
for folder in /etc/rancher/k3s /etc/rancher/node /run/k3s /run/flannel /var/lib/rancher/k3s /var/lib/kubelet; do
  rm -rf "$folder" 2>/dev/null || find "$folder" -mindepth 1 -delete
done
rmdir /etc/rancher /var/lib/rancher 2>/dev/null
rm -f /var/lib/clustr/started/k3s-agent.service /usr/local/bin/k3s /usr/local/bin/k3s-killall.sh /usr/local/bin/k3s-agent-uninstall.sh
END_OF_FILE_BY_CLUSTR

record 5c7cda16c84cd361288e4315857e222a <<'END_OF_RECORD'
k3s_agent 
am9pbiB0b2tlbg==
6
restore_file /etc/rancher/k3s/token
END_OF_RECORD
apply_file /etc/rancher/k3s/token 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
K10cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc::node:3e3d7c63ad04a9541591cd5f2750a81672a1bcb3efac714ed9121cf2725fe10f
END_OF_FILE_BY_CLUSTR

record 5fd1b8b5a9165d0f89e2f198729ad621 <<'END_OF_RECORD'
k3s_agent 
L2V0Yy9yYW5jaGVyL2szcy9jb25maWcueWFtbA==
7
restore_file /etc/rancher/k3s/config.yaml
END_OF_RECORD
apply_file /etc/rancher/k3s/config.yaml 0600 root:root 'k3s_check_keys agent' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
node-name: gpu1
node-ip: 10.0.0.4
server: https://test.k3s.internal:6443
token-file: /etc/rancher/k3s/token
END_OF_FILE_BY_CLUSTR

record f5f16af812097776396bb1a82c897cd0 <<'END_OF_RECORD'
k3s_agent 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3MtYWdlbnQuc2VydmljZQ==
8
restore_file /etc/systemd/system/k3s-agent.service
END_OF_RECORD
apply_file /etc/systemd/system/k3s-agent.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Its settings are in /etc/rancher/k3s/config.yaml; proxies are artifacts of the inventory.
[Unit]
Description=Lightweight Kubernetes (agent)
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/systemd/system/k3s-agent.service.env
ExecStart=/usr/local/bin/k3s agent
# Pods outlive a restart.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
# Pods inherit it, and RDMA pins memory.
LimitMEMLOCK=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
END_OF_FILE_BY_CLUSTR

record f7d87cc81486baa9022305fe9219c087 <<'END_OF_RECORD'
k3s_agent 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3MtYWdlbnQuc2VydmljZS5kL3p6LWNsdXN0ci11bWFzay5jb25m
9
restore_file /etc/systemd/system/k3s-agent.service.d/zz-clustr-umask.conf
END_OF_RECORD
apply_file /etc/systemd/system/k3s-agent.service.d/zz-clustr-umask.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here.
[Service]
UMask=0022
END_OF_FILE_BY_CLUSTR

record 129b840490f4efd0b5f2a7f43662e6a0 <<'END_OF_RECORD'
k3s_agent 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3MtYWdlbnQuc2VydmljZS5kLzUwLWNsdXN0ci5jb25m
10
restore_file /etc/systemd/system/k3s-agent.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/k3s-agent.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start k3s-agent.service /etc/systemd/system/k3s-agent.service.d/50-clustr.conf /etc/rancher/k3s/config.yaml /etc/systemd/system/k3s-agent.service /etc/systemd/system/k3s-agent.service.d/zz-clustr-umask.conf /usr/local/bin/k3s
END_OF_FILE_BY_CLUSTR

record f59e00717e1022266ae81fbcde831e3f <<'END_OF_RECORD'
k3s_agent 
azNzLWFnZW50LnNlcnZpY2UgYXQgYm9vdA==
11
undo_enabled k3s-agent.service
END_OF_RECORD
apply_enabled k3s-agent.service enabled

record 082d78a22fb8c693320f888425905bf7 <<'END_OF_RECORD'
k3s_agent 
azNzLWFnZW50LnNlcnZpY2UgcnVucw==
12
undo_started k3s-agent.service
END_OF_RECORD
apply_started k3s-agent.service 050cee6d20bd54dfa965ca9420eda271e2d74d9c8c16005d91b67a687cfbf01a
