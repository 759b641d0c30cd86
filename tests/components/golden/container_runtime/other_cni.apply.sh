record 579d72bc42e7aad228762b8319b990d8 <<'END_OF_RECORD'
container_runtime 
cGFja2FnZXMgb2YgY29udGFpbmVyZA==
0
# stays: apt-get remove containerd runc
END_OF_RECORD
apply_packages --hold containerd runc

record d61840befde9dd02f2e08292ad2c659c <<'END_OF_RECORD'
container_runtime 
L2V0Yy9jb250YWluZXJkL2NvbmZpZy50b21s
1
restore_file /etc/containerd/config.toml
END_OF_RECORD
apply_file /etc/containerd/config.toml 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
version = 2

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd"

[plugins."io.containerd.grpc.v1.cri"]
  # Only counts where containerd may not lower a score itself, as in a container.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
END_OF_FILE_BY_CLUSTR

record 54a5ae92d60a964c420a8164675368b1 <<'END_OF_RECORD'
container_runtime 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9jb250YWluZXJkLnNlcnZpY2UuZC96ei1jbHVzdHItdW1hc2suY29uZg==
2
restore_file /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf
END_OF_RECORD
apply_file /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here.
[Service]
UMask=0022
END_OF_FILE_BY_CLUSTR

record 550bf9bc3498a218d3dca452dd9a6e8d <<'END_OF_RECORD'
container_runtime 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9jb250YWluZXJkLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
3
restore_file /etc/systemd/system/containerd.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/containerd.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start containerd.service /etc/systemd/system/containerd.service.d/50-clustr.conf /etc/containerd/config.toml /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf
END_OF_FILE_BY_CLUSTR

record 17fd65327ccc4dfac01fd1443e71245c <<'END_OF_RECORD'
container_runtime 
Y29udGFpbmVyZC5zZXJ2aWNlIGF0IGJvb3Q=
4
undo_enabled containerd.service
END_OF_RECORD
apply_enabled containerd.service enabled

record ad3318a11f720ab036708ae896a500cb <<'END_OF_RECORD'
container_runtime 
Y29udGFpbmVyZC5zZXJ2aWNlIHJ1bnM=
5
undo_started containerd.service
END_OF_RECORD
apply_started containerd.service 5be05fc030bc8267afb1e0f09e741472665b6bfdb980a914850ff4abeda8c1de
