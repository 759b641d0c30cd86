record a10057e0ea16f178e2491bfa31d92b1b <<'END_OF_RECORD'
k3s_server 
L3Vzci9sb2NhbC9iaW4vazNz
0
rm -f -- /usr/local/bin/k3s
END_OF_RECORD
apply_binary /usr/local/bin/k3s 5555555555555555555555555555555555555555555555555555555555555555 https://github.com/k3s-io/k3s/releases/download/v1.36.5%2Bk3s1/k3s 0755

record e158d9ae6fa9e72fbf470ae99d464283 <<'END_OF_RECORD'
k3s_server 
L3Vzci9sb2NhbC9iaW4va3ViZWN0bA==
1
rm -f -- /usr/local/bin/kubectl
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/kubectl)"
ln -sfn -- k3s /usr/local/bin/kubectl

record 0b2e778128e3e291ea5ad25275d0eadf <<'END_OF_RECORD'
k3s_server 
L3Vzci9sb2NhbC9iaW4vY3JpY3Rs
2
rm -f -- /usr/local/bin/crictl
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/crictl)"
ln -sfn -- k3s /usr/local/bin/crictl

record bd6376a76686c5e73873fff6d894d1ba <<'END_OF_RECORD'
k3s_server 
L3Vzci9sb2NhbC9iaW4vY3Ry
3
rm -f -- /usr/local/bin/ctr
END_OF_RECORD
mkdir -p -- "$(dirname -- /usr/local/bin/ctr)"
ln -sfn -- k3s /usr/local/bin/ctr

record f407a750f9397cdeb5dfc7a19b10a748 <<'END_OF_RECORD'
k3s_server 
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

record a6ccdf2c1678c723ed89f9a71b9f578c <<'END_OF_RECORD'
k3s_server 
L3Vzci9sb2NhbC9iaW4vazNzLXVuaW5zdGFsbC5zaA==
5
restore_file /usr/local/bin/k3s-uninstall.sh
END_OF_RECORD
apply_file /usr/local/bin/k3s-uninstall.sh 0755 root:root <<'END_OF_FILE_BY_CLUSTR'
#!/bin/bash
# Written by clustr. Takes k3s off this node, with all data of the cluster that is on it.
set -u

if [ "$(id -u)" != 0 ]; then
  echo "run it as root" >&2
  exit 1
fi

/usr/local/bin/k3s-killall.sh
systemctl disable --quiet k3s.service
rm -rf /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.d /etc/systemd/system/k3s.service.env
systemctl daemon-reload
systemctl reset-failed k3s.service 2>/dev/null

for name in kubectl crictl ctr; do
  if [ "$(readlink "/usr/local/bin/$name")" = k3s ]; then rm -f "/usr/local/bin/$name"; fi
done
# Folders that are mount points are emptied, and stay.
for folder in /etc/rancher/k3s /etc/rancher/node /run/k3s /run/flannel /var/lib/rancher/k3s /var/lib/kubelet; do
  rm -rf "$folder" 2>/dev/null || find "$folder" -mindepth 1 -delete
done
rmdir /etc/rancher /var/lib/rancher 2>/dev/null
rm -f /var/lib/clustr/started/k3s.service /usr/local/bin/k3s /usr/local/bin/k3s-killall.sh /usr/local/bin/k3s-uninstall.sh
END_OF_FILE_BY_CLUSTR

record 67aafe33d732b4d88f2c806a722bd0d2 <<'END_OF_RECORD'
k3s_server 
am9pbiB0b2tlbg==
6
restore_file /etc/rancher/k3s/token
END_OF_RECORD
apply_file /etc/rancher/k3s/token 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
made-for-this-test
END_OF_FILE_BY_CLUSTR

record de6545263c2dcb5ac4ce6e8b472e8f0e <<'END_OF_RECORD'
k3s_server 
YWdlbnRzJyB0b2tlbg==
7
restore_file /etc/rancher/k3s/agent-token
END_OF_RECORD
apply_file /etc/rancher/k3s/agent-token 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
3e3d7c63ad04a9541591cd5f2750a81672a1bcb3efac714ed9121cf2725fe10f
END_OF_FILE_BY_CLUSTR

record 9d3dda0b9c437b316fff1066093465ee <<'END_OF_RECORD'
k3s_server 
L2V0Yy9yYW5jaGVyL2szcy9jb25maWcueWFtbA==
8
restore_file /etc/rancher/k3s/config.yaml
END_OF_RECORD
apply_file /etc/rancher/k3s/config.yaml 0600 root:root 'k3s_check_keys server' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
node-name: cp1
node-ip: 10.0.0.1
advertise-address: 10.0.0.1
token-file: /etc/rancher/k3s/token
agent-token-file: /etc/rancher/k3s/agent-token
tls-san:
- 10.0.0.1
- 10.0.0.2
- 10.0.0.3
- cp1
- cp2
- cp3
- test.k3s.internal
cluster-cidr: 10.42.0.0/16
service-cidr: 10.43.0.0/16
write-kubeconfig-mode: '0600'
server: https://test.k3s.internal:6443
etcd-snapshot-schedule-cron: 0 */6 * * *
etcd-snapshot-retention: 12
END_OF_FILE_BY_CLUSTR

record ee612caa18e86aea4fec8dba85cc43c6 <<'END_OF_RECORD'
k3s_server 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3Muc2VydmljZQ==
9
restore_file /etc/systemd/system/k3s.service
END_OF_RECORD
apply_file /etc/systemd/system/k3s.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Its settings are in /etc/rancher/k3s/config.yaml; proxies are artifacts of the inventory.
[Unit]
Description=Lightweight Kubernetes (server)
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/systemd/system/k3s.service.env
ExecStart=/usr/local/bin/k3s server
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

record f3dab9bf87153c09b25c08b2201ef13d <<'END_OF_RECORD'
k3s_server 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3Muc2VydmljZS5kL3p6LWNsdXN0ci11bWFzay5jb25m
10
restore_file /etc/systemd/system/k3s.service.d/zz-clustr-umask.conf
END_OF_RECORD
apply_file /etc/systemd/system/k3s.service.d/zz-clustr-umask.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here.
[Service]
UMask=0022
END_OF_FILE_BY_CLUSTR

record a1e782cad694a4586ef77568ba38fd3d <<'END_OF_RECORD'
k3s_server 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9rM3Muc2VydmljZS5kLzUwLWNsdXN0ci5jb25m
11
restore_file /etc/systemd/system/k3s.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/k3s.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start k3s.service /etc/systemd/system/k3s.service.d/50-clustr.conf /etc/rancher/k3s/config.yaml /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.d/zz-clustr-umask.conf /usr/local/bin/k3s
END_OF_FILE_BY_CLUSTR

record 71ba11d4ecd9928415e2765dae6832ff <<'END_OF_RECORD'
k3s_server 
azNzLnNlcnZpY2UgYXQgYm9vdA==
12
undo_enabled k3s.service
END_OF_RECORD
apply_enabled k3s.service enabled

k3s_found /etc/rancher/k3s/config.yaml.d/00-clustr-founding.yaml new

record bcd06e3b860cc3c36154124a5df85387 <<'END_OF_RECORD'
k3s_server 
azNzLnNlcnZpY2UgcnVucw==
14
undo_started k3s.service
END_OF_RECORD
apply_started k3s.service fb83ac5389148067007db962e21ef46776ccd882a9dd110b733e212a29834cca
